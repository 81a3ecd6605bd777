"""From a warning to an order that a resident confirms, in the console alone and without JavaScript.

Every step is then found in the ledger, by the identifier of the order.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.planned import made

from cityward.city import open_city

pytestmark = pytest.mark.browser

WAIT_MS = 120_000
NAME, REASON = "Ana Rojas", "The weeks before were full already."


@pytest.fixture(scope="module")
def folder(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demonstration whose crews have longer shifts, so that a case can be moved."""
    city = shutil.copytree(demo_folder, tmp_path_factory.mktemp("way") / "city")
    crews = city / "crews.csv"
    longer = re.sub(r",[67]$", ",12", crews.read_text(encoding="utf-8"), flags=re.MULTILINE)
    crews.write_text(longer, encoding="utf-8")
    return city


@pytest.fixture
def page(browser: Browser, folder: Path, served: Callable[[Path], AbstractContextManager[str]]) -> Iterator[Page]:
    with served(folder) as url:
        context = browser.new_context(base_url=url, java_script_enabled=False, viewport={"width": 390, "height": 860})
        yield context.new_page()
        context.close()


def way(page: Page, name: str) -> None:
    """Go on by the navigation, as everybody does."""
    page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()


def approves(page: Page, button: str, name: str = "by") -> None:
    page.fill(f"#{name}", NAME)
    page.fill(f"#{name.replace('by', 'because')}", REASON)
    page.get_by_role("button", name=button).first.click()
    page.wait_for_url("**/explain/D-*")
    expect(page.locator("main")).to_contain_text(NAME)


def from_a_warning_to_an_extra_crew(page: Page) -> str:
    page.goto("/")
    page.locator(".tidings").get_by_role("link", name="Ahead").click()
    expect(page.locator("h1")).to_contain_text("will probably send more reports")
    page.get_by_role("link", name="Decide what is done").click()
    expect(page.locator(".options")).to_contain_text("Do nothing")
    approves(page, "Approve 1: An extra crew")
    return page.url.rsplit("/", 1)[1]


def to_an_approved_need(page: Page) -> None:
    way(page, "Proposals")
    page.locator("main .ranked a").first.click()
    approves(page, "Approve 1")
    way(page, "Work")
    expect(page.locator("h1")).to_contain_text("planned and not sent")


def to_an_approved_plan(page: Page, decision: str) -> None:
    way(page, "Plan")
    made(page)
    extra = page.locator(f"[data-crew^='extra-{decision}']")
    expect(extra.locator("summary")).to_contain_text("cases,")
    expect(page.locator("#crews")).to_contain_text("Look into")  # the order of the need that was approved
    moved = moves_a_case(page)
    expect(page.get_by_text(f"by {NAME}: {REASON}")).to_be_visible()
    expect(page.locator(f".crew tr[data-job={moved}]")).to_have_count(1)
    approves(page, "Approve", "decide-by")


def moves_a_case(page: Page) -> str:
    """Give one of the first crew's cases to the first crew that has skill and time for it."""
    crews = page.locator("#move-crew option").evaluate_all("all => all.map(one => one.value).filter(Boolean)")
    jobs = page.locator("#move-job optgroup").first.locator("option").evaluate_all("all => all.map(one => one.value)")
    for job, crew in ((job, crew) for job in jobs[:3] for crew in crews[::-1]):
        page.select_option("#move-job", job)
        page.select_option("#move-crew", crew)
        page.fill("#move-by", NAME)
        page.fill("#move-because", REASON)
        page.get_by_role("button", name="Move the case").click()
        if not page.locator("#move-problem").count():
            return str(job)
    pytest.fail("No crew could take any of these cases.")


def to_an_order_of_the_extra_crew(page: Page) -> str:
    way(page, "Plan")
    expect(page.locator(".kicker")).to_contain_text("approved")
    extra = page.locator("[data-crew^='extra-']")
    extra.locator("summary").click()
    extra.locator("a[href^='/work/W-']").first.click()
    expect(page.locator(".kicker")).to_contain_text("planned")
    expect(page.locator("main .note").first).to_contain_text("goes on 1 July 2014")
    return page.url.rsplit("/", 1)[1]


def to_a_resident_who_has_the_last_word(page: Page, order: str) -> None:
    for answer in ("No, it is not fixed", "Yes, it is fixed"):
        page.goto(f"/work/{order}")
        page.fill("#by", "Ben Okri")
        page.get_by_role("button", name="Done", exact=True).click()
        expect(page.locator(".kicker")).to_contain_text("done")
        page.goto(page.locator("a.link").get_attribute("href") or "")
        page.fill("#words", "The carts are still full." if answer.startswith("No") else "")
        page.get_by_role("button", name=answer).click()
        expect(page.get_by_role("button", name=answer)).to_be_visible()
    page.goto(f"/work/{order}")
    expect(page.locator(".kicker")).to_contain_text("confirmed")
    expect(page.locator(".life")).to_contain_text("still full")


def test_from_a_warning_to_an_order_that_a_resident_confirms(page: Page, folder: Path) -> None:
    decision = from_a_warning_to_an_extra_crew(page)
    to_an_approved_need(page)
    to_an_approved_plan(page, decision)
    order = to_an_order_of_the_extra_crew(page)
    to_a_resident_who_has_the_last_word(page, order)

    page.goto(f"/explain/{order}")
    for said in ("planned by Ana Rojas", "done by Ben Okri", "reopened by a resident", "confirmed by a resident"):
        expect(page.locator(".evidence")).to_contain_text(said)
    page.get_by_role("link", name="Every step to it in the ledger").click()
    rows = page.locator("tbody tr").all_inner_texts()
    steps = [tuple(row.locator("td").all_inner_texts()[:2]) for row in page.locator("tbody tr").all()]
    kinds = [kind for kind, _ in steps]
    assert kinds[0] == "warning"
    assert [kind for kind in kinds if kind in ("proposal", "decision")] == ["proposal", "decision"] * 2
    assert ("decision", decision) in steps
    assert kinds.count("plan-made") == 1
    assert kinds.count("plan-moved") == 1
    assert [kind for kind, about in steps if about == order] == ["order"] * 5
    states = re.findall(r"state (\w+)", "\n".join(rows))
    assert states == ["planned", "done", "reopened", "done", "confirmed"]
    with open_city(folder) as city:
        assert city.verify().ok

"""Decisions of cases in a real Chromium: evidence, then a view of one's own, then the rule, then the decision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import polars as pl
import pytest
from playwright.sync_api import Browser, Page

from cityward.answerable.table import load_tables, write_form
from cityward.city import init, open_city

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)>"
CASES = pl.DataFrame(
    {
        "case": ["pupil-1", HOSTILE, "pupil-3"],
        "income": [100.0, None, 700.0],
        "grade": [6.0, 8.0, 7.0],
        "enrolled": [True, True, True],
    }
)


@pytest.fixture(scope="module")
def deciding_city(
    chicago: Path,
    served: Callable[[Path], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Path]]:
    """A city whose rule has every scholarship wait, served."""
    folder = init(
        tmp_path_factory.mktemp("deciding") / "city",
        name="Chicago",
        territories=chicago / "community_areas.geojson",
        time_zone="America/Chicago",
    )
    (folder / "rules").mkdir(exist_ok=True)
    own = next(table for table in load_tables() if table.id == "scholarship-award")
    text = write_form(own, "toml").split("[[tests]]")[0].replace("valid_from = 2026-01-01\n", "")
    text = text.replace("[[rows]]", '[outputs.waits]\ntype = "yes-no"\n\n[[rows]]', 1).replace(
        "amount =", "waits = true, amount ="
    )
    (folder / "rules" / "own.toml").write_text(text, encoding="utf-8")
    with open_city(folder) as city:
        city.systems.approve_shipped("Ada Lovelace", "it is needed for the tests")
        city.deciding.make("cityward-planner", "scholarship-award", CASES)
    with served(folder) as url:
        yield url, folder


@pytest.fixture
def page(browser: Browser, deciding_city: tuple[str, Path]) -> Iterator[Page]:
    troubles: list[str] = []
    context = browser.new_context(base_url=deciding_city[0], viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.on(
        "console", lambda said: troubles.append(said.text) if said.type == "error" and " 4" not in said.text else None
    )
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    yield page
    context.close()
    assert troubles == []


def test_evidence_comes_first_then_a_view_then_the_rule_then_the_decision(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Decisions", exact=True).click()
    page.wait_for_url("**/decisions")
    assert page.inner_text("h1") == "3 cases wait for a person"
    rows = page.get_by_role("region", name="What waits").locator("tbody tr")
    assert any(HOSTILE in text for text in rows.all_inner_texts())
    rows.filter(has_text="pupil-1").get_by_role("link").first.click()
    page.wait_for_url("**/decisions/D-*")
    before = page.inner_text("main")
    assert "100 EUR/month" in before
    assert "row 1" not in before
    assert "because" not in before
    assert page.locator("text=Who answers for it").count() == 1
    address = page.url
    page.get_by_role("button", name="half").click()
    page.wait_for_url("**/view")
    after = page.inner_text("main")
    assert "row 1" in after
    assert "Your own view was half, not what the rule says" in after
    page.fill("#by", "operator")
    page.fill("#competence", "head of the office of scholarships")
    page.fill("#because", "the papers say so")
    page.select_option("#outcome", "full")
    page.get_by_role("button", name="Decide").click()
    assert "No person is named" in page.get_by_role("alert").inner_text()
    assert page.input_value("#because") == "the papers say so"
    page.fill("#by", "Ada Lovelace")
    page.get_by_role("button", name="Decide").click()
    page.wait_for_url(address)
    told = page.inner_text("main")
    assert "full: as the rule says" in told
    assert "own view before the rule was shown: half" in told
    page.goto("/decisions/watch")
    assert "1 of 1" in page.locator("tbody tr").inner_text()


def test_a_view_that_was_not_said_here_is_none(page: Page, deciding_city: tuple[str, Path]) -> None:
    page.goto("/decisions")
    name = page.get_by_role("region", name="What waits").locator("tbody a.id").first.inner_text()
    form = {"opened": "2020-01-01T00:00:00+00:00", "seal": "0" * 64, "own_view": "half"}
    settle = {**form, "outcome": "half", "by": "Ada Lovelace", "competence": "office", "because": "the papers say so"}
    for path, fields in (("view", form), ("settle", settle)):
        answer = page.request.post(f"/decisions/{name}/{path}", form=fields)
        assert answer.status == 422
        assert "What would you decide?" in answer.text()
        assert "What the rule says" not in answer.text()
    foreign = page.request.post(f"/decisions/{name}/view", form=form, headers={"origin": "https://elsewhere.example"})
    assert foreign.status == 403
    assert page.request.get(f"/explain/{name}", max_redirects=0).status == 303
    assert page.request.get("/decisions/D-0123456789abcdef").status == 404


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_pages_fit_a_phone_in_both_themes(
    browser: Browser, deciding_city: tuple[str, Path], width: int, scheme: str
) -> None:
    context = browser.new_context(
        base_url=deciding_city[0], viewport={"width": width, "height": 860}, color_scheme=scheme
    )
    page = context.new_page()
    page.goto("/decisions")
    one = page.locator("tbody a.id").first.get_attribute("href")
    assert one
    for path in ("/decisions", one, "/decisions/watch"):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200
        assert page.locator("h1").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(one)
    page.get_by_role("button", name="full").click()
    page.wait_for_url("**/view")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()

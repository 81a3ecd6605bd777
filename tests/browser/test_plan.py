"""The page Plan in a real Chromium: slider, moving a case with and without a mouse, and approval."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.planned import made

pytestmark = pytest.mark.browser
WAIT_MS = 120_000


@pytest.fixture(scope="module")
def planned(
    demo_folder: Path,
    served: Callable[[Path], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    city = shutil.copytree(demo_folder, tmp_path_factory.mktemp("planned") / "city")
    crews = city / "crews.csv"
    longer = re.sub(r",[67]$", ",12", crews.read_text(encoding="utf-8"), flags=re.MULTILINE)
    crews.write_text(longer, encoding="utf-8")  # so that there is time left, and a case can be moved
    with served(city) as url:
        yield url


@pytest.fixture
def page(browser: Browser, planned: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    options = {"viewport": {"width": 1280, "height": 860}, **getattr(request, "param", {})}
    context = browser.new_context(base_url=planned, **options)
    troubles: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "console",
        lambda said: troubles.append(said.text) if said.type == "error" and "status of 4" not in said.text else None,
    )
    yield page
    context.close()
    assert troubles == []


def ready(page: Page, path: str = "/plan") -> None:
    """Open the page and wait until the plan is made."""
    made(page, path)
    page.wait_for_load_state()


@pytest.mark.parametrize(
    "page",
    [
        {"viewport": {"width": width, "height": 860}, "color_scheme": how}
        for width in (1280, 390)
        for how in ("light", "dark")
    ],
    indirect=True,
)
def test_the_plan_fits_a_phone_and_draws_its_map(page: Page) -> None:
    ready(page)
    expect(page.locator("h1")).to_contain_text(re.compile(r"\d+ of 30 crews go out to \d+ of 805 cases on Tuesday"))
    expect(page.locator("#plan-map")).to_have_attribute("data-ready", "yes", timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]  # type: ignore[index]
    assert page.locator(".crew").count() == 30


@pytest.mark.parametrize("page", [{"java_script_enabled": False}], indirect=True)
def test_without_javascript_the_slider_and_the_move_are_forms(page: Page) -> None:
    ready(page)
    page.locator("#floor").focus()
    page.keyboard.press("End")
    page.get_by_role("button", name="Plan with this floor", exact=True).click()
    expect(page.locator("#plan")).to_be_visible(timeout=WAIT_MS)
    assert "floor=3" in page.url
    expect(page.locator(".standfirst")).to_contain_text("more than 3.00 times")


def test_a_floor_that_cannot_be_held_says_why_and_what_can_be(page: Page) -> None:
    ready(page, "/plan?floor=1")
    said = page.locator(".problem[role=status]")
    expect(said).to_contain_text("hold a floor of 1")
    expect(said).to_contain_text("The nearest floor that can be held is")
    ready(page, "/plan?floor=purple")
    expect(page.locator(".problem[role=status]")).to_contain_text("A floor is a number from 1 to 3; 1.5 is used.")


def test_the_slider_says_its_value(page: Page) -> None:
    ready(page)
    page.locator("#floor").fill("2")
    expect(page.locator("#floor-value")).to_have_text("2.00")


def test_a_dragged_case_fills_the_form_and_a_move_is_checked(page: Page) -> None:
    ready(page)
    row = page.locator(".crew[open] tr[data-job]").last  # beside the next crew, so that both are in view
    job = row.get_attribute("data-job")
    target = page.locator(".crew").nth(1)
    row.drag_to(target.locator("summary"))
    expect(page.locator("#move-job")).to_have_value(job or "")
    expect(page.locator("#move-crew")).to_have_value(target.get_attribute("data-crew") or "")
    expect(page.locator("#move-by")).to_be_focused()
    # A crew without the skill: said on the page, and what was typed stays.
    page.select_option("#move-crew", "crew-03")
    page.fill("#move-by", "Ana Rojas")
    page.fill("#move-because", "They know the street.")
    page.get_by_role("button", name="Move the case").click()
    expect(page.locator("#move-problem")).to_contain_text("cannot do “sanitation”")
    expect(page.locator("#move-because")).to_have_value("They know the street.")


@pytest.mark.parametrize("page", [{"java_script_enabled": False}], indirect=True)
def test_a_case_is_moved_and_the_plan_approved_without_javascript(page: Page) -> None:
    ready(page)
    crews = page.locator("#move-crew option").evaluate_all("all => all.map(one => one.value).filter(Boolean)")
    jobs = page.locator("#move-job optgroup").first.locator("option").evaluate_all("all => all.map(one => one.value)")
    for job, crew in ((job, crew) for job in jobs[:3] for crew in crews):
        page.select_option("#move-job", job)
        page.select_option("#move-crew", crew)
        page.fill("#move-by", "Ana Rojas")
        page.fill("#move-because", "They know the street.")
        page.get_by_role("button", name="Move the case").click()
        if not page.locator("#move-problem").count():
            break
    expect(page.get_by_text("by Ana Rojas: They know the street.")).to_be_visible()
    page.fill("#decide-by", "boss")
    page.fill("#decide-because", "It is fair and costs little.")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#problem")).to_contain_text("no person is named")
    page.fill("#decide-by", "Ana Rojas")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("h1")).to_contain_text("Ana Rojas approved")
    page.goto("/plan")
    expect(page.locator(".kicker")).to_contain_text("approved")
    assert page.locator("#move").count() == 0

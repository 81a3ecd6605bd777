"""What every page keeps: one way to write shares and days, a visible focus, and the map beside its finding."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from tests.browser.planned import made

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
PAGES = (
    "/",
    "/silence",
    "/compare?a=36&b=7",
    "/ahead",
    "/cases",
    "/proposals",
    "/plan",
    "/work",
    "/outcomes",
    "/intake",
)
CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex='0']"


def ready(page: Page, path: str) -> None:
    """Open a page; a plan is made while one waits."""
    made(page) if path == "/plan" else page.goto(path)
    page.wait_for_load_state("networkidle")


def test_shares_and_days_are_written_in_one_way(opened: Opened, lived) -> None:
    page = opened()
    found = [one["id"] for name in ("needs", "proposals") for one in page.request.get(f"/api/{name}").json()[:2]]
    silence, refusal = lived.turn.silences[0].id, page.request.get("/api/refusals").json()[0]["id"]
    case = ""
    for path in (*PAGES, *(f"/explain/{one}" for one in (*found, silence, refusal, lived.turn.id))):
        ready(page, path)
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        shown = page.inner_text("main")
        assert not re.findall(r"\d%", shown), path
        if path != "/intake":  # quarantine quotes what a row said
            assert not re.findall(r"(?<![\w-])20\d\d-\d\d-\d\d(?![\w-])", shown), path
        case = case or (page.locator("main tbody th a").first.get_attribute("href") if path == "/cases" else "") or ""
    ready(page, case)
    assert re.search(r"with a probability of \d+\s%", page.inner_text("h1"))


@pytest.mark.parametrize("path", ["/cases", "/plan", "/work", "/ledger", "/outcomes"])
def test_every_control_is_reached_by_keyboard_and_shows_it(opened: Opened, path: str) -> None:
    page = opened()
    ready(page, path)
    wanted = page.evaluate(f"[...document.querySelectorAll(`{CONTROLS}`)].filter(one => one.checkVisibility()).length")
    reached = set()
    page.evaluate("document.querySelectorAll('*').forEach((one, at) => { one.dataset.at = at; })")
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        at, style, width = page.evaluate(
            "(one => [one.dataset.at, getComputedStyle(one).outlineStyle, getComputedStyle(one).outlineWidth])"
            "(document.activeElement)"
        )
        if page.evaluate("document.activeElement === document.body"):
            break
        assert style != "none", (path, page.evaluate("document.activeElement.outerHTML")[:200])
        assert float(width.removesuffix("px")) >= 2
        reached.add(at)
    assert len(reached) >= wanted


@pytest.mark.parametrize("path", ["/", "/plan"])
def test_on_a_phone_the_map_follows_the_finding(opened: Opened, path: str) -> None:
    page = opened(viewport={"width": 390, "height": 860})
    ready(page, path)
    top = page.locator(".mapside").bounding_box()
    assert top
    assert top["y"] < 900
    wide = opened()
    ready(wide, path)
    heading, beside = wide.locator("h1").bounding_box(), wide.locator(".mapside").bounding_box()
    assert heading
    assert beside
    assert beside["x"] > heading["x"] + 500
    assert abs(beside["y"] - heading["y"]) < 60


def test_a_filter_brings_its_own_lead_and_keeps_the_map(opened: Opened) -> None:
    page = opened()
    ready(page, "/")
    before = page.locator("#lead h1").inner_text()
    page.wait_for_selector("#map[data-ready=yes]")
    page.select_option("select[name=since]", "7")
    page.wait_for_url("**since=7**")
    expect(page.locator("#lead h1")).not_to_have_text(before)
    assert page.locator("#map[data-ready=yes]").count() == 1


def test_the_floor_says_its_price_as_the_slider_moves(opened: Opened) -> None:
    page = opened()
    ready(page, "/plan")
    told = page.locator("#floor-price")
    expect(told).to_contain_text(re.compile(r"A floor of 1\.50 costs .* in all"))
    strictest = page.locator("tr[data-floor][data-met=yes]").first
    dearest, floor = strictest.get_attribute("data-extra"), float(strictest.get_attribute("data-floor") or 0)
    expect(strictest).to_contain_text(f"{float(dearest or 0):,.1f}")
    page.locator("#floor").focus()
    page.keyboard.press("Home")
    expect(told).to_contain_text(f"the strictest is {floor:.2f}")
    page.keyboard.press("End")
    expect(told).to_contain_text("A floor of 3.00 costs no days of waiting in all.")


@pytest.mark.parametrize("path", PAGES)
def test_without_scripts_nothing_is_wider_than_a_phone_and_no_map_hides_its_table(opened: Opened, path: str) -> None:
    page = opened(java_script_enabled=False, viewport={"width": 390, "height": 860})
    ready(page, path)
    assert page.locator(".map:visible, .chart:visible").count() == 0
    assert page.locator("h1").count() == 1
    for region in page.locator("main table.stack:visible").all():
        box = region.bounding_box()
        assert box
        assert box["width"] <= 390


BUDGETS_KB = {"/": 600, "/silence": 650, "/ahead": 320, "/cases": 150, "/plan": 1_250, "/work": 60, "/proposals": 40}
"""What an old phone fetches for a page, at most: a quarter to a half above what was measured, by page.

The map is drawn by a worker of another 160 kB, which a page does not see."""


@pytest.mark.parametrize(("path", "budget_kb"), BUDGETS_KB.items())
def test_a_page_is_light_enough_for_an_old_phone(opened: Opened, path: str, budget_kb: int) -> None:
    page = opened(viewport={"width": 390, "height": 860})
    ready(page, path)
    sizes = page.evaluate(
        "performance.getEntries().filter(one => one.transferSize !== undefined).map(one => one.transferSize)"
    )
    assert 2 <= sum(sizes) / 1_000 <= budget_kb

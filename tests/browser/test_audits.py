"""The audits of a system, found from its page in a real Chromium: finding, intervals, gate, receipt; phone and dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from tests.browser.test_privacy import CONTRASTS, UNNAMED

pytestmark = pytest.mark.browser
SYSTEM = "/systems/chicago-food-inspection"


def check(page: Page, width: int) -> None:
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(CONTRASTS) >= 4.5


def test_a_visitor_finds_what_the_food_inspections_do_to_areas(opened: Callable[..., Page]) -> None:
    page = opened()
    page.goto("/systems")
    page.get_by_role("link", name="Order of food inspections").click()
    page.locator("#audits ~ p a").first.press("Enter")
    check(page, 1280)
    assert page.locator("h1").inner_text() == "It is not equally often wrong about all groups"
    assert "higher internet are selected all the same" in page.locator(".standfirst").inner_text()
    page.get_by_role("link", name="missed").press("Enter")
    row = page.get_by_role("row", name="higher hardship").first
    assert "54.0\u00a0% to 66.9\u00a0%" in row.inner_text()  # docs/audits.md tells the same
    assert row.locator("svg circle.known").count() == 1
    assert "was given no band" in page.locator("#gate + p").inner_text()
    page.get_by_text("All rates of all groups as a table").press("Enter")
    check(page, 1280)
    page.get_by_role("article").locator("a.id").last.press("Enter")
    assert "ledger" in page.get_by_role("main").inner_text().lower()


def test_the_proxies_on_a_phone_in_the_dark(opened: Callable[..., Page]) -> None:
    page = opened(viewport={"width": 390, "height": 860}, color_scheme="dark")
    page.goto(SYSTEM)
    check(page, 390)
    page.locator("#audits ~ ul a", has_text="Audit of").last.click()
    check(page, 390)
    assert page.locator("h1").inner_text() == "One column gives a group away"
    assert "inspector_assigned" in page.get_by_role("article").inner_text()
    assert "heat_burglary" in page.get_by_role("article").inner_text()
    page.go_back()
    page.locator("#audits ~ p a").first.click()
    check(page, 390)

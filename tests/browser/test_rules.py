"""The workbench of rules in a real Chromium: by keyboard, on a phone, in both themes, with and without scripts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from tests.browser.test_privacy import CONTRASTS, UNNAMED

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
PATH = "/rules/chicago-inspection-order"


def stricter(page: Page) -> None:
    """Ask for half of a chance instead of a third, and replay it."""
    page.goto(f"{PATH}/draft")
    page.get_by_label("Row 2, when probability", exact=True).fill(">= 0.5")
    page.get_by_label("Row 4, when probability", exact=True).fill("[0.2..0.5)")
    page.get_by_text("Tests of the table").click()
    page.get_by_label("What must come of which case, as TOML").fill("")
    page.get_by_role("button", name="Replay", exact=True).click()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_a_replay_is_read_beside_its_map(opened: Opened, width: int, scheme: str) -> None:
    page = opened(viewport={"width": width, "height": 860}, color_scheme=scheme)
    for path in ("/rules", PATH):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(UNNAMED) == []
    page.goto("/rules")
    assert page.evaluate(CONTRASTS) >= 4.5
    stricter(page)
    assert page.inner_text("h1").endswith("and nobody would gain")
    page.wait_for_selector("#map[data-ready]")
    assert page.get_by_role("table").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(UNNAMED) == []
    assert page.locator("#edit ~ .scroll input").first.evaluate("one => one.labels !== null")


def test_it_is_edited_by_keyboard_and_rows_come_in_place(opened: Opened) -> None:
    page = opened()
    page.goto(f"{PATH}/draft")
    cell = page.get_by_label("Row 1, when lot", exact=True)
    cell.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("much")
    page.keyboard.press("Enter")
    page.wait_for_selector("#problem")
    assert "row 1, lot: 'much' is not understood" in page.inner_text("#problem")
    assert page.get_by_label("Row 1, when lot", exact=True).input_value() == "much"
    page.evaluate("window.same = true")
    add = page.get_by_role("button", name="Add a row at the end")
    add.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Row 6, when lot", exact=True).wait_for()
    assert page.evaluate("window.same")


def test_without_scripts_the_same_form_does_the_same(opened: Opened) -> None:
    page = opened(java_script_enabled=False, viewport={"width": 390, "height": 800})
    page.goto(f"{PATH}/draft")
    page.get_by_role("button", name="Remove row 5").click()
    assert page.get_by_label("Row 5, when lot", exact=True).count() == 0
    assert "No row decides when" in page.inner_text("main")

"""The pages of playbooks pass the rules of accessibility in both themes, on a screen and on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_nothing_breaks_a_rule_and_nothing_is_cut(opened: Opened, scheme: str, width: int) -> None:
    page = opened(color_scheme=scheme, viewport={"width": width, "height": 800})
    for path in ("/respond", "/respond/ransomware"):
        page.goto(path)
        found = Axe().run(page).response["violations"]
        assert [one["id"] for one in found] == [], path
        assert not page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")


def test_a_run_is_begun_and_answered_by_keyboard(opened: Opened) -> None:
    page = opened()
    page.goto("/respond/ransomware")
    page.focus("#by")
    page.keyboard.type("Ana Gomez")
    page.keyboard.press("Tab")
    page.keyboard.type("file-shares")
    page.keyboard.press("Enter")
    page.wait_for_selector("h2:has-text('Approve: Take the attacked machine off the network')", timeout=60_000)
    assert "wait for a person" in page.inner_text("h1")
    assert Axe().run(page).response["violations"] == []

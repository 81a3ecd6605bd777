"""The page *Plan* with a plan on it: one that nobody began is begun, and the page looks again by itself."""

from __future__ import annotations

from playwright.sync_api import Page

MADE_MS = 120_000


def made(page: Page, path: str = "/plan") -> None:
    """Open the page and wait until the plan stands there."""
    page.goto(path)
    if page.locator("#plan").count():
        return
    begin = page.locator("main form[action='/plan'] button")
    if begin.count():
        begin.click()
    page.wait_for_selector("#plan", timeout=MADE_MS)

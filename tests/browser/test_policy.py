"""No page asks for anything that the content security policy forbids, in a real browser that reports each violation."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
LISTEN = """
    window.__broken = [];
    document.addEventListener("securitypolicyviolation", (event) => window.__broken.push(
        `${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ""}:${event.lineNumber}`));
"""
SKIPPED = re.compile(r"/plan|/open/|/theme/|/export/|/static/|\.csv$|\.json$|/api/")
PAGES_MAX = 24
"""Pages that are visited; of each kind (its first part) at most two."""


def _links(page: Page) -> list[str]:
    found = page.evaluate("[...document.querySelectorAll('a[href]')].map(one => one.getAttribute('href'))")
    return [one.split("#")[0] for one in found if one.startswith("/") and not SKIPPED.search(one)]


def test_no_page_breaks_the_policy(opened: Opened) -> None:
    page = opened()
    page.add_init_script(LISTEN)
    waiting, seen, kinds, broken = ["/"], set(), {}, []
    while waiting and len(seen) < PAGES_MAX:
        path = waiting.pop(0)
        kind = path.split("?")[0].split("/")[1]
        if path in seen or kinds.get(kind, 0) >= 2:
            continue
        seen.add(path)
        kinds[kind] = kinds.get(kind, 0) + 1
        answer = page.goto(path)
        page.wait_for_load_state("load")
        assert answer is not None
        policy = answer.headers.get("content-security-policy", "")
        assert "script-src 'self'" in policy, path
        assert "unsafe" not in policy, path
        for chart in page.locator("canvas").all()[:2]:
            chart.hover(force=True, position={"x": 60, "y": 60})  # a chart shows its numbers beside the pointer
        page.wait_for_timeout(150)
        broken += [f"{path}: {one}" for one in page.evaluate("window.__broken")]
        waiting += _links(page)
    assert broken == []
    assert {"", "needs", "ahead", "silence", "work", "explain"} <= kinds.keys()
    assert len(seen) > 15

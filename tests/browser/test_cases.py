"""Cases in a real Chromium: what the order gains and for whom, the list and its reasons, the card, the export."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
PATHS = ["/cases", "/systems/chicago-food-inspection"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_both_pages_fit_a_phone_in_both_themes(opened: Opened, width: int, scheme: str) -> None:
    page = opened(viewport={"width": width, "height": 860}, color_scheme=scheme)
    for path in PATHS:
        answer = page.goto(path)
        assert answer.status == 200
        assert len(answer.body()) < 150_000
        assert page.locator("h1").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_says_what_the_order_gains_and_for_whom(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/")
    page.get_by_role("link", name="Cases", exact=True).click()
    page.wait_for_url("**/cases")
    assert "in the first half" in page.inner_text("h1")
    told = page.inner_text("main")
    for words in ("90 % interval", "in the order done", "learned from", "every one of them is visited"):
        assert words in told
    rows = page.get_by_role("region", name="For whom it does well, and for whom not").locator("tbody tr")
    assert rows.evaluate_all("all => all.map(row => row.cells[0].innerText)")[:3] == [
        "lower income",
        "middle income",
        "higher income",
    ]
    assert "areas with" in page.locator("#groups + p").inner_text()


def test_a_case_leads_to_its_reasons_and_to_who_answers(opened: Opened, lived) -> None:
    page = opened(java_script_enabled=False)
    page.goto("/cases")
    first = page.get_by_role("region", name="The list").locator("tbody tr").first
    assert " to " in first.locator(".figure").inner_text()
    first.get_by_role("link").click()
    page.wait_for_url("**/explain/C-*")
    assert "how to contest it" in page.inner_text("main").lower()
    page.goto("/cases")
    page.get_by_role("link", name="The card of this system").click()
    page.wait_for_url("**/systems/chicago-food-inspection")
    assert "who inspects" in page.inner_text("main")
    assert page.goto("/systems/../../secrets").status == 404
    assert page.goto("/systems/%3Cscript%3E").status in (404, 422)
    assert page.locator("main script").count() == 0


def test_the_exported_list_names_nobody_and_starts_no_formula(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/cases")
    names = page.get_by_role("region", name="The list").locator("tbody th").all_inner_texts()
    body = page.request.get(lived.url + page.get_by_role("link", name="The whole list as CSV").get_attribute("href"))
    assert body.headers["content-type"].startswith("text/csv")
    text = body.text()
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    assert len(rows) > 1_000
    assert {"rank", "case", "area", "probability", "low", "high", "reasons"} == set(rows[0])
    assert not [name for name in names if len(name) > 12 and name in text]
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "@", "\t")]

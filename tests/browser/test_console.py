"""The console in a real Chromium against the real server: pages, keyboard, themes, phone, decisions, hostile text."""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PAGES = ("/", "/proposals", "/intake", "/ledger")
"""Those that no other file here opens in both widths."""
HOSTILE = '<script>document.title="owned"</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def url(
    demo_folder: Path, served: Callable[[Path], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with served(shutil.copytree(demo_folder, tmp_path_factory.mktemp("browser") / "city")) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(base_url=url, viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.troubles = []
    page.on("console", lambda message: page.troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith((url, "data:", "blob:")) else page.troubles.append(r.url))
    yield page
    assert page.troubles == []
    context.close()


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_load_without_errors_or_outside_requests_and_fit_a_phone(page: Page, path: str, width: int):
    page.set_viewport_size({"width": width, "height": 860})
    page.goto(path)
    page.wait_for_load_state("networkidle")
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_map_draws_and_has_its_table(page: Page):
    page.goto("/")
    page.wait_for_selector("#map[data-ready=yes]")
    page.get_by_text("The map as a table").click()
    assert page.locator("tr[data-place]").count() == 77


def test_everything_is_reached_by_keyboard(page: Page):
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.tagName"))
    assert {"/ahead", "/proposals", "/intake", "/ledger", "SELECT", "SUMMARY"} <= reached
    assert any(str(target).startswith("/needs/N-") for target in reached)


def test_a_filter_narrows_the_list_and_keeps_the_address(page: Page):
    page.goto("/")
    page.select_option("select[name=since]", "7")
    page.wait_for_url("**since=7**")
    page.reload()
    assert page.input_value("select[name=since]") == "7"


def test_the_theme_is_remembered(page: Page):
    page.goto("/intake")
    page.get_by_role("button", name="Dark").click()
    assert page.url.endswith("/intake")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 26)"
    page.goto("/ledger")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_mistake_loses_nothing_and_a_decision_leaves_a_receipt(page: Page):
    page.goto("/proposals")
    page.locator("main .ranked a").first.click()
    page.fill("#by", "boss")
    page.fill("#because", HOSTILE)
    page.get_by_role("button", name="Approve 1").click()
    assert "no person is named" in page.inner_text("[role=alert]")
    assert page.input_value("#because") == HOSTILE
    page.troubles.clear()  # the browser notes the 422 that the test asked for
    page.fill("#by", "Ana Gómez")
    page.get_by_role("button", name="Approve 1").click()
    page.wait_for_url("**/explain/D-*")
    assert HOSTILE in page.inner_text("main")
    assert page.title() != "owned"
    assert "ledger" in page.inner_text("main") or "entry" in page.inner_text("main")


def test_hostile_text_of_a_source_is_inert(page: Page, url: str):
    row = {"service_request_number": HOSTILE, "creation_date": HOSTILE, "nature": HOSTILE, "status": "Open"}
    request = urllib.request.Request(
        f"{url}/api/sources/sanitation/interactions",
        json.dumps(row).encode(),
        {"content-type": "application/x-ndjson"},
    )
    urllib.request.urlopen(request)
    page.goto("/intake")
    assert page.title() != "owned"
    assert page.locator("img").count() == 0


def test_unknown_pages_keep_the_navigation(page: Page):
    for path in ("/nowhere", "/needs/N-0000000000", "/explain/x"):
        assert page.goto(path).status == 404
        assert page.get_by_role("link", name="Ledger", exact=True).count() == 1
    page.troubles.clear()  # the browser notes each 404


def test_without_scripts_the_findings_are_there(browser: Browser, url: str):
    context = browser.new_context(base_url=url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    assert "where" in page.inner_text("h1")
    assert page.locator("tr[data-place]").count() == 77
    context.close()

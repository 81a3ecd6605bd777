"""The page of a liability file in a real Chromium: the finding first, and no more than the page is wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.city.deciding import small_city

from cityward.city import open_city
from cityward.city.liability_check import check_bytes

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)> is what he wrote"


@pytest.fixture(scope="module")
def answered(
    served: Callable[[Path], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str]]:
    """Address of a served city, and a decision whose evidence is held and after which something happened."""
    folder, trees = small_city(tmp_path_factory.mktemp("answered"))
    with open_city(folder) as city:
        city.liability.hold(trees["tree 1"], "Marta Ruiz", HOSTILE)
        city.liability.incidents.open(trees["tree 1"], "death", HOSTILE, "Marta Ruiz")
    with served(folder) as url:
        yield url, trees["tree 1"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_read_on_a_narrow_screen_and_with_keys_alone(
    browser: Browser, answered: tuple[str, str], theme: str
) -> None:
    url, decision = answered
    troubles: list[str] = []
    context = browser.new_context(base_url=url, viewport={"width": 390, "height": 844}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    page.goto(f"/liability/{decision}")
    assert page.locator("main h1").first.inner_text() == "Every duty had been accepted when this was decided"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.get_by_text(HOSTILE.split(">")[1].strip()).first.is_visible()
    hidden = page.evaluate(
        "[...document.querySelectorAll('main .scroll')].filter(one => one.scrollWidth > one.clientWidth + 1"
        " && one.tabIndex < 0).length"
    )
    assert hidden == 0, "what scrolls sideways is reached with keys"
    with page.expect_download() as given:
        button = page.locator("main form button").last
        button.focus()
        page.keyboard.press("Enter")
    assert check_bytes(given.value.path().read_bytes()).decision == decision
    context.close()
    assert troubles == []

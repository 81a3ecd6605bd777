"""A person contests a decision in a real Chromium, and somebody else changes it; phone, dark, Spanish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from tests.browser.test_privacy import CONTRASTS, UNNAMED
from tests.city.deciding import CLERK, small_city

from cityward.city import open_city

pytestmark = pytest.mark.browser
OTHER = "Ben Okri"
ON_THE_GROUND = CONTRASTS.replace("'main *'", "'main *:not(button):not(option)'")
"""Buttons have a ground of their own."""


@pytest.fixture(scope="module")
def contested(
    served: Callable[[Path], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, str, str]]:
    """Address of a console, and number and secret of a case."""
    home, trees = small_city(tmp_path_factory.mktemp("contested"))
    with open_city(home) as city:
        secret = city.appeals.token_of(trees["tree 1"])
    with served(home) as url:
        yield url, trees["tree 1"], secret


def check(page: Page, width: int) -> None:
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(ON_THE_GROUND) >= 4.5


def test_from_the_letter_to_the_changed_decision(browser: Browser, contested: tuple[str, str, str]) -> None:
    url, number, secret = contested
    phone = browser.new_context(
        base_url=url, viewport={"width": 390, "height": 860}, color_scheme="dark", java_script_enabled=True
    ).new_page()
    desk = browser.new_context(base_url=url, viewport={"width": 1280, "height": 860}).new_page()
    troubles: list[str] = []
    for page in (phone, desk):
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(url) else troubles.append(asked.url))

    phone.goto("/case?lang=es")
    check(phone, 390)
    phone.get_by_label("Número de caso").fill(number)
    phone.get_by_label("Secreto").fill(secret)
    phone.get_by_role("button", name="Mostrar la decisión").press("Enter")
    check(phone, 390)
    assert phone.locator("h1").inner_text() == "Se decidió: refuse"
    phone.get_by_label("ill: no").check()
    phone.get_by_label("Diga con sus palabras").fill("El roble está enfermo.")
    phone.get_by_role("button", name="Reclamar la decisión").click()
    check(phone, 390)
    assert "Espera a que alguien lo mire" in phone.locator("main").inner_text()

    desk.goto("/appeals")
    check(desk, 1280)
    desk.get_by_role("row").filter(has_text="fell-a-tree").get_by_role("link").first.click()
    desk.get_by_label("Who looks at it").fill(OTHER)
    desk.get_by_label("Your first and last name").fill(CLERK)
    desk.get_by_role("button", name="Assign").click()
    assert desk.get_by_label("ill: no").is_checked()  # what the person said is wrong
    decide = desk.locator("form").filter(has_text="Decide it")
    decide.get_by_label("Your first and last name").fill(OTHER)
    decide.get_by_label("Why, in words for the person").fill("The forester found a fungus.")
    decide.get_by_label("what counts instead").select_option("allow")
    check(desk, 1280)
    decide.get_by_role("button", name="Change the decision").click()
    check(desk, 1280)
    assert "Decisions that rest on the same" in desk.locator("main").inner_text()

    phone.reload()
    assert phone.locator("h1").inner_text() == "Se decidió de nuevo: allow"
    phone.get_by_role("link", name="English").click()
    assert "These facts were wrong: ill." in phone.locator("main").inner_text()
    check(phone, 390)
    assert troubles == []
    for page in (phone, desk):
        page.context.close()

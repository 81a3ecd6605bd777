"""A resident on an old phone reports, follows and votes: no script, 360 px, both themes, keyboard, 50 kB a page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response
from tests.browser.test_appeals import ON_THE_GROUND
from tests.browser.test_privacy import UNNAMED
from tests.city.test_rounds import BY, ROUND, World
from tests.console.test_report import MAPPING

from cityward.core.clock import Clock

pytestmark = pytest.mark.browser
WIDTH = 360
PAGE_BYTES = 50_000
WRONG = """
() => {
  const wrong = [];
  document.querySelectorAll('input:not([type=hidden]), select, textarea').forEach(one => {
    if (!one.labels.length || !one.labels[0].innerText.trim()) wrong.push('no label: ' + one.outerHTML.slice(0, 90));
    (one.getAttribute('aria-describedby') || '').split(' ').filter(Boolean).forEach(id => {
      if (!document.getElementById(id)) wrong.push('described by nothing: ' + id);
    });
  });
  document.querySelectorAll('main a, button, input:not([type=hidden]), select').forEach(one => {
    const box = one.getBoundingClientRect(), inline = one.tagName === 'A' && getComputedStyle(one).display === 'inline';
    const small = !inline && (box.height < 24 || box.width < 24), said = one.outerHTML.slice(0, 90);
    if (one.closest('[aria-hidden]') || !box.width) return;
    if (small) wrong.push('too small: ' + said);
    if (box.right > innerWidth + 1) wrong.push('runs out: ' + said);
  });
  document.querySelectorAll('fieldset').forEach(one => {
    if (!one.querySelector('legend')) wrong.push('no legend');
  });
  if (!document.documentElement.lang) wrong.push('no language');
  return wrong;
}
"""
"""Fields without a label, targets under 24 px, what runs out of the page (WCAG 2.2: 1.3.1, 1.4.10, 2.5.8, 3.1.1)."""


@pytest.fixture(scope="module")
def portal(
    served: Callable[[Path], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, list[str]]]:
    """Address of a console, and two voting codes."""
    world = World(tmp_path_factory.mktemp("portal"), Clock())
    today = world.city.today
    text = ROUND.replace("2026-03-02", f"{today - timedelta(days=1)}").replace("2026-03-04", f"{today + timedelta(9)}")
    world.file.write_text(text, "utf-8")
    world.file.with_name("ideas.toml").write_text(_ideas(text, today), "utf-8")
    mapping = world.city.path.with_name("map.toml")
    mapping.write_text(MAPPING, "utf-8")
    world.city.add_mapping(mapping)
    world.rounds.open("parks", BY)
    world.rounds.codes("parks", 2, BY, world.handed.extend)
    world.city.close()
    with served(world.city.path) as url:
        yield url, world.handed


def _ideas(text: str, today: date) -> str:
    begins = f"opens = {today + timedelta(days=5)}\nproposals_until = {today + timedelta(days=3)}\n"
    lines = (line for line in text.split("[[", maxsplit=1)[0].splitlines() if not line.startswith("opens"))
    return "\n".join(lines) + "\n" + begins


def check(page: Page) -> None:
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(WRONG) == []
    assert page.evaluate(ON_THE_GROUND) >= 4.5


def press(page: Page, button: str) -> None:
    """Send a form by keyboard, and wait for the page that follows."""
    with page.expect_navigation():
        page.get_by_role("button", name=button).press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_light_and_stand_on_a_small_screen(
    browser: Browser, portal: tuple[str, list[str]], scheme: str
) -> None:
    url, _ = portal
    answers: list[Response] = []
    context = browser.new_context(
        base_url=url,
        viewport={"width": WIDTH, "height": 640},
        color_scheme=scheme,  # type: ignore[arg-type]
        java_script_enabled=False,
    )
    page = context.new_page()

    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - a list's own method is none to it
    for path in ("/report?lang=es", "/follow?lang=pt", "/vote", "/vote/parks?lang=pt", "/vote/ideas?lang=es"):
        answers.clear()
        answer = page.goto(path)
        assert answer
        assert answer.status == 200, path
        page.wait_for_load_state("networkidle")
        assert answers
        assert sum(len(one.body()) for one in answers) <= PAGE_BYTES, path
        check(page)
    context.close()


def test_from_the_report_to_the_ballot_with_the_keyboard(browser: Browser, portal: tuple[str, list[str]]) -> None:
    url, codes = portal
    context = browser.new_context(
        base_url=url, viewport={"width": WIDTH, "height": 640}, color_scheme="dark", java_script_enabled=False
    )
    page = context.new_page()
    page.goto("/report")
    page.get_by_label("What is it about?").focus()
    page.keyboard.type("Some")
    page.keyboard.press("Tab")
    page.keyboard.type("A hole in the road")
    page.keyboard.press("Tab")
    page.keyboard.type("Cen")  # the area, from the list
    for typed in ("12 Main Street", "", "Deep as a boot"):
        page.keyboard.press("Tab")
        page.keyboard.type(typed)
    page.keyboard.press("Tab")  # past the photo
    page.keyboard.press("Tab")  # past the field that stays empty
    with page.expect_navigation():
        page.keyboard.press("Enter")
    if "press the button once more" in page.locator("main").inner_text():
        check(page)
        page.wait_for_timeout(3100)
        assert page.get_by_label("What is wrong?").input_value() == "Deep as a boot"
        press(page, "Send the report")
    assert page.locator("h1").inner_text() == "Thank you. The city has your report"
    check(page)
    number = page.locator("code").first.inner_text()
    page.reload()  # the browser sends the form again
    assert page.locator("code").first.inner_text() == number
    press(page, "See how it stands")
    assert "Nobody has decided yet" in page.locator("main").inner_text()
    assert "bcdfg" not in page.url
    check(page)

    page.goto("/vote/parks")
    page.get_by_label("A bench").press("Space")
    page.get_by_label("Your voting code").fill(codes[0])
    page.wait_for_timeout(3100)
    press(page, "Put my vote into the box")
    assert page.locator("h1").inner_text() == "Your vote is in the box"
    check(page)
    page.goto("/vote/parks")
    page.wait_for_timeout(3100)
    page.get_by_label("A bench").check()
    page.get_by_label("Your voting code").fill(codes[0])
    press(page, "Put my vote into the box")
    assert "was used already" in page.get_by_role("alert").inner_text()
    check(page)
    context.close()

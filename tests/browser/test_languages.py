"""The console in each of its languages, on a phone and by keyboard; and no barrier on any page (WCAG 2.2 AA)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from tests.browser.planned import made

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

import write_translations  # type: ignore[import-not-found]

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
OPERATORS = (
    "/", "/silence", "/compare?a=36&b=7", "/divide", "/ahead", "/cases", "/sensors", "/proposals", "/decisions",
    "/decisions/watch", "/plan", "/work", "/outcomes", "/intake", "/ledger", "/systems", "/systems/cityward-planner",
    "/rules", "/rules/scholarship-award", "/rules/scholarship-award/draft", "/appeals", "/privacy", "/grants",
    "/security", "/security/incidents", "/respond", "/respond/ransomware", "/risk", "/requests", "/needs/N-0123450000",
)  # fmt: skip
"""The last is a need that there is not, and so the page of an error."""

OTHERS = (
    "/privacy/records/processing", "/sign-in", "/reports/enter", "/report", "/follow", "/vote", "/your-data",
    "/your-data/request", "/case",
)  # fmt: skip
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
READ = """() => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  const copy = document.body.cloneNode(true);
  copy.querySelectorAll("[lang=en], script, style, code, pre").forEach((one) => one.remove());
  const read = [...copy.querySelectorAll("*")].flatMap((one) =>
    ["aria-label", "alt", "title", "placeholder"].map((name) => one.getAttribute(name)).filter(Boolean));
  return [copy.textContent, ...read].join("\\n").replace(/\\s+/g, " ");
}"""
"""What somebody reads or hears on a page, but for what is marked as English."""


@pytest.fixture(scope="module")
def sentences() -> dict[str, list[str]]:
    """For each language the messages of more than three words that stand otherwise in it, cut at placeholders."""
    found = {}
    for language in ("es", "pt"):
        pieces = set()
        for one in write_translations.read(language):
            ids, told = ([one.id], [one.string]) if isinstance(one.id, str) else (one.id, one.string)
            for message in ids:
                bare = re.sub(r"<code[^>]*>.*?</code>", "\n", message)
                pieces |= {part.strip(" .;:,()“”") for part in re.split(r"%\(\w+\)s|\{\w+\}|<[^>]*>|\n", bare)}
            pieces -= {piece for piece in pieces if any(piece in text for text in told)}
        found[language] = sorted(piece.replace("%%", "%") for piece in pieces if len(piece.split()) > 3)
    return found


def _ready(page: Page, path: str) -> None:
    made(page) if path == "/plan" else page.goto(path)


@pytest.mark.parametrize(("language", "locale"), [("es", "es-MX"), ("pt", "pt-BR")])
def test_no_page_says_a_sentence_in_english(
    opened: Opened, lived, sentences: dict[str, list[str]], language: str, locale: str
) -> None:
    page = opened(locale=locale, viewport={"width": 360, "height": 800})
    assert len(sentences[language]) > 500
    found = [one["id"] for one in page.request.get("/api/proposals").json()[:1]]
    paths = [*OPERATORS, f"/needs/{lived.turn.needs[0].id}", *(f"/proposals/{one}" for one in found), "/sign-in"]
    for path in paths:
        _ready(page, path)
        assert page.locator("html").get_attribute("lang") == language, path
        read = page.evaluate(READ)
        assert [one for one in sentences[language] if one in read] == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_the_language_is_chosen_by_keyboard_and_kept(opened: Opened) -> None:
    page = opened(locale="en-GB")
    page.goto("/proposals?lang=en")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.lang") == "pt":
            break
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("lang", "pt")
    assert page.url.endswith("/proposals")
    page.goto("/work")
    expect(page.locator("html")).to_have_attribute("lang", "pt")
    expect(page.locator("nav button[lang=pt]")).to_have_attribute("aria-current", "true")
    page.goto("/silence?lang=es")
    expect(page.locator("html")).to_have_attribute("lang", "es")


def test_the_language_is_chosen_without_scripts(opened: Opened) -> None:
    page = opened(java_script_enabled=False)
    page.goto("/proposals")
    page.click("nav button[lang=es]")
    assert page.locator("html").get_attribute("lang") == "es"
    assert "Propuestas" in page.title()


def _violations(page: Page, rules: dict[str, object]) -> list[str]:
    found = Axe().run(page, options={"resultTypes": ["violations"], **rules}).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"][:3]]


@pytest.mark.parametrize("part", range(4))
def test_no_page_has_a_barrier_in_either_theme(opened: Opened, lived, part: int) -> None:
    page = opened()
    need, silence = lived.turn.needs[0].id, lived.turn.silences[0].id
    proposals = [f"/proposals/{one['id']}" for one in page.request.get("/api/proposals").json()[:1]]
    paths = [*OPERATORS, *OTHERS, f"/needs/{need}", f"/explain/{silence}", *proposals]
    broken = {}
    for path in paths[part::4]:
        page.emulate_media(color_scheme="light")
        _ready(page, path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        light = _violations(page, {"runOnly": {"type": "tag", "values": TAGS}})
        page.emulate_media(color_scheme="dark")
        # Colours alone differ between the themes.
        dark = _violations(page, {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}})
        if light or dark:
            broken[path] = [*light, *(f"dark {one}" for one in dark)]
    assert broken == {}

"""Privacy, its records and what residents read, in a real Chromium: phone, themes, keyboard, names, and old phones."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
PAGES = (
    "/privacy",
    "/privacy/records/processing",
    "/grants",
    "/your-data",
    "/your-data?lang=es",
    "/your-data/request?lang=pt",
)
CONTROLS = "a[href], button, input, select, textarea, summary, [tabindex='0']"

UNNAMED = """
() => {
  const wrong = [], name = one => (one.getAttribute('aria-label') || one.innerText || '').trim();
  const labelled = one => (document.getElementById(one.getAttribute('aria-labelledby')) || {}).innerText;
  document.querySelectorAll('a[href], [role=region]').forEach(one => {
    if (!name(one) && !labelled(one)) wrong.push(one.outerHTML.slice(0, 120));
  });
  document.querySelectorAll('[aria-labelledby]').forEach(one => {
    if (!labelled(one)) wrong.push(one.outerHTML.slice(0, 120));
  });
  document.querySelectorAll('table').forEach(one => {
    const heads = one.querySelectorAll('thead th[scope=col]').length;
    one.querySelectorAll('tbody tr').forEach(row => {
      if (row.cells.length !== heads || !row.querySelector('th[scope=row]')) wrong.push(row.innerText);
    });
  });
  const ids = [...document.querySelectorAll('[id]')].map(one => one.id);
  return [...wrong, ...ids.filter((one, at) => ids.indexOf(one) !== at)];
}
"""
"""What has no name, tables whose cells have no heads, and identifiers that stand twice (WCAG 2.2, 1.3.1 and 4.1.2)."""

CONTRASTS = """
() => {
  const light = colour => {
    const part = at => { const c = colour[at] / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(0) + 0.7152 * part(1) + 0.0722 * part(2);
  };
  const read = text => text.match(/[\\d.]+/g).map(Number);
  const behind = one => {
    const colour = read(getComputedStyle(one).backgroundColor);
    return colour.length < 4 || colour[3] === 1 || !one.parentElement ? light(colour) : behind(one.parentElement);
  };
  return Math.min(...[...document.querySelectorAll('main *')].filter(one => one.innerText).map(one => {
    const ink = light(read(getComputedStyle(one).color)), ground = behind(one);
    return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
  }));
}
"""


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_everything_is_named_stands_out_and_fits(opened: Opened, path: str, width: int, scheme: str) -> None:
    page = opened(viewport={"width": width, "height": 860}, color_scheme=scheme)
    page.goto(path)
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(UNNAMED) == []
    assert page.evaluate(CONTRASTS) >= 4.5


@pytest.mark.parametrize("path", ["/privacy", "/your-data"])
def test_every_control_is_reached_by_keyboard_and_shows_it(opened: Opened, path: str) -> None:
    page = opened()
    page.goto(path)
    wanted = page.locator(CONTROLS).count()
    page.evaluate("document.querySelectorAll('*').forEach((one, at) => { one.dataset.at = at; })")
    reached = set()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        reached.add(page.evaluate("document.activeElement.dataset.at"))
    assert len(reached) == wanted


@pytest.mark.parametrize("path", ["/privacy", "/grants", "/your-data", "/your-data?lang=pt"])
def test_days_and_shares_are_written_in_one_way(opened: Opened, path: str) -> None:
    page = opened()
    page.goto(path)
    shown = page.inner_text("main")
    assert not re.findall(r"\d%", shown)
    assert not re.findall(r"(?<![\w-])20\d\d-\d\d-\d\d(?![\w-])", shown)


def test_the_demonstration_says_what_is_spent_and_what_was_refused(opened: Opened) -> None:
    page = opened()
    page.goto("/")
    page.get_by_role("link", name="Privacy", exact=True).click()
    assert page.inner_text("h1") == "70 % of the privacy budget of residents for 2013 is spent"
    published = page.get_by_role("region", name="What was published")
    assert "± 13 reports" in published.inner_text()
    with page.expect_download() as got:
        published.get_by_role("link", name="data.csv").click()
    assert got.value.suggested_filename == "data.csv"
    refused = page.get_by_role("region", name="What was refused").locator("tbody tr")
    assert sorted(one.split("\t")[0] for one in refused.all_inner_texts()) == ["camera-7", "release"]
    page.get_by_role("link", name="Who may read what").click()
    assert page.locator("nav [aria-current]").first.inner_text() == "Privacy"


def test_residents_read_it_on_an_old_phone_in_their_language(opened: Opened) -> None:
    page = opened(viewport={"width": 320, "height": 480}, java_script_enabled=False, locale="pt-BR")
    sizes: list[int] = []
    page.on("response", lambda found: sizes.append(len(found.body())))
    page.goto("/your-data")
    page.wait_for_load_state("networkidle")
    assert 0 < sum(sizes) < 50_000
    assert page.inner_text("h1") == "O que Chicago guarda sobre você"
    assert "12 registros foram recusados" in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.get_by_role("link", name="Español").click()
    assert page.inner_text("h1") == "Qué guarda Chicago sobre usted"

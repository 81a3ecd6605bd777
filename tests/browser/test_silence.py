"""Who is heard, and two places compared, in a real Chromium: the pages say what the turn knows, and no more."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import msgspec
import pytest
from playwright.sync_api import Page

from cityward.console.silence_pages import compared, compared_readiness, silence_page
from cityward.core.records import Heard

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
PLACE = Heard(
    territory="a", name="A", population=1000.0, heard=10, expected=20.0, ratio=0.5, ratio_low=0.3, ratio_high=0.7,
    verdict="quieter", readiness=0.6, readiness_low=0.5, readiness_high=0.7, readiness_verdict="less readily",
)  # fmt: skip


def other(**changed: object) -> Heard:
    return msgspec.structs.replace(PLACE, territory="b", name="B", **changed)


def rows(page: Page) -> list[list[str]]:
    return page.eval_on_selector_all(
        "table tbody tr[data-place]", "all => all.map(row => [...row.children].map(cell => cell.innerText.trim()))"
    )


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("path", ["/silence", "/compare", "/compare?a=36&b=7"])
def test_pages_load_and_fit_a_phone_in_both_themes(opened: Opened, path: str, width: int, scheme: str) -> None:
    page = opened(viewport={"width": width, "height": 860}, color_scheme=scheme)
    assert page.goto(path).status == 200
    page.wait_for_load_state("networkidle")
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_table_says_what_the_turn_knows(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/silence")
    heard = {place.name: place for place in lived.turn.heard}
    shown = rows(page)
    assert len(shown) == len(heard) == 77
    for name, count, expected, ratio, verdict, readiness, told, _ in shown:
        place = heard[name]
        assert count == f"{place.heard:,}"
        assert verdict == place.verdict
        assert told == place.readiness_verdict
        assert readiness.split()[0] == f"{place.readiness:.2f}"
        if place.ratio is None:
            assert (expected, ratio) == ("not known", "not known")
        else:
            assert expected == f"{place.expected:,.0f}"
            assert " ".join(ratio.split()) == f"{place.ratio:.2f} ({place.ratio_low:.2f} to {place.ratio_high:.2f})"


def test_the_finding_comes_first_and_what_cannot_be_told_is_said(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/silence")
    quiet = [place.name for place in lived.turn.heard if place.verdict == "quieter"]
    assert page.inner_text("h1").startswith(f"{len(quiet)} of 77 places are clearly quieter")
    assert lived.turn.readiness in page.inner_text("main")
    assert {row[0] for row in rows(page)[: len(quiet)]} == set(quiet)
    assert rows(page)[len(quiet)][4] == "cannot tell"


def test_the_map_draws_every_verdict(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/silence")
    page.wait_for_selector("#map[data-ready=yes]")
    areas = page.request.get("/console/areas.json").json()["features"]
    assert {area["properties"]["id"]: area["properties"]["verdict"] for area in areas} == {
        place.territory: place.verdict for place in lived.turn.heard
    }


def test_without_webgl_the_table_stands_for_the_map(opened: Opened) -> None:
    page = opened()
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page.goto("/silence")
    page.wait_for_selector("#map-note:visible")
    assert not page.locator("#map").is_visible()
    assert len(rows(page)) == 77


def test_it_sorts_without_scripts(opened: Opened, lived) -> None:
    page = opened(java_script_enabled=False)
    page.goto("/silence")
    page.get_by_role("link", name="Heard in a year").click()
    counts = [int(row[1].replace(",", "")) for row in rows_without_scripts(page)]
    assert counts == sorted(place.heard for place in lived.turn.heard)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Heard in a year")
    page.get_by_role("link", name="Heard in a year").click()
    assert [int(row[1].replace(",", "")) for row in rows_without_scripts(page)] == counts[::-1]


def rows_without_scripts(page: Page) -> list[list[str]]:
    return [row.split("\t") for row in page.locator("table tbody tr[data-place]").all_inner_texts()]


def test_every_column_sorts_and_the_unknown_comes_last(lived) -> None:
    for name, order in itertools.product(silence_page(None, {})["columns"], ("ascending", "descending")):
        places = silence_page(lived.turn, {"sort": name, "order": order})["places"]
        assert len(places) == len(lived.turn.heard)
        if name in ("expected", "ratio"):
            assert places[-1].ratio is None
            values = [getattr(place, name) for place in places[:-1]]
            assert values == sorted(values, reverse=order == "descending")
    assert silence_page(lived.turn, {"sort": "'; drop", "order": "?"})["sort"] == "verdict"


def test_a_heading_sorts_by_keyboard(opened: Opened) -> None:
    page = opened()
    page.goto("/silence")
    reached: list[str] = []
    while "/silence?sort=name&order=ascending#all" not in reached:
        assert len(reached) < 40
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.getAttribute('href') || document.activeElement.tagName"))
    page.keyboard.press("Enter")
    page.wait_for_url("**sort=name**")
    names = [row[0] for row in rows(page)]
    assert names == sorted(names)


def test_two_places_are_chosen_by_hand_and_stand_side_by_side(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/silence")
    page.get_by_role("link", name="Compare Oakland with another place").click()
    assert page.input_value("select[name=a]") == "36"
    page.select_option("select[name=b]", label="Lincoln Park")
    page.get_by_role("button", name="Compare").press("Enter")
    page.wait_for_url("**b=7**")
    by_id = {place.territory: place for place in lived.turn.heard}
    one, two = by_id["36"], by_id["7"]
    assert one.ratio_high < two.ratio_low
    assert page.inner_text("h1") == "Oakland is heard less than Lincoln Park, each beside places like it."
    rates = page.locator("tr", has_text="Heard per 1,000 people").locator("td").all_inner_texts()
    assert rates == [f"{1000 * place.heard / place.population:.1f}" for place in (one, two)]
    there = [need for need in lived.turn.needs if "7" in need.territories]
    assert page.locator("tr", has_text="Needs there").locator("a").count() == len(there)


def test_every_pair_that_overlaps_is_not_ordered(lived) -> None:
    known = [place for place in lived.turn.heard if place.ratio is not None]
    ordered = refused = 0
    for one, two in itertools.combinations(known, 2):
        overlap = one.ratio_low <= two.ratio_high and two.ratio_low <= one.ratio_high
        told = compared(one, two)
        assert ("may be chance" in told) == overlap
        ordered, refused = ordered + (not overlap), refused + overlap
        if not overlap:
            assert told.startswith(min(one, two, key=lambda place: place.ratio).name)
    assert ordered
    assert refused


def test_nothing_is_ordered_that_cannot_be_told(opened: Opened, lived) -> None:
    unknown = lived.turn.heard[0]
    assert unknown.ratio is None
    page = opened()
    page.goto(f"/compare?a={unknown.territory}&b=7")
    assert page.inner_text("h1").startswith("We cannot tell which is heard less")
    assert unknown.name in page.inner_text("h1")
    assert compared_readiness(PLACE, other(readiness_verdict="cannot tell")).endswith("we cannot tell.")
    assert "may be chance" in compared_readiness(PLACE, other(readiness_low=0.65, readiness_high=0.9))
    clear = other(readiness=1.0, readiness_low=0.9, readiness_high=1.1, readiness_verdict="as the city")
    assert compared_readiness(clear, PLACE) == "Residents of A report less readily than those of B."


def test_wrong_places_are_answered_clearly(opened: Opened) -> None:
    page = opened()
    for path, status, told in (
        ("/compare?a=<img src=x onerror=alert(1)>&b=7", 404, "There is no place with that identifier."),
        ("/compare?a=7&b=nowhere", 404, "There is no place with that identifier."),
        ("/compare?a=7&b=7", 422, "That is the same place twice."),
    ):
        assert page.goto(path).status == status
        assert page.inner_text("h1") == told
        assert "Choose" in page.inner_text("main")
        assert page.get_by_role("link", name="Silence", exact=True).count() == 1

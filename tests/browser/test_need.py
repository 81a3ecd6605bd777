"""A need, its rank and its past, and needs weighed otherwise, in a real Chromium."""

from __future__ import annotations

import math
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Page

from cityward.console.need_pages import life, usual_range, weighed
from cityward.know.ranking import WEIGHTS, ranked, score

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]


def table(page: Page, label: str) -> list[list[str]]:
    region = page.get_by_role("region", name=label, exact=True)
    return region.locator("tbody tr").evaluate_all(
        "all => all.map(row => [...row.children].map(cell => cell.innerText.trim()))"
    )


def listed(page: Page) -> list[str]:
    """Identifiers of needs on the first page, as they are ranked."""
    links = page.locator("#lead h1 a, #findings ol.ranked a").all()
    return [link.get_attribute("href").removeprefix("/needs/") for link in links]


def below(count: int, mean: float) -> float:
    """Exact P(X ≤ count) of a Poisson count, term by term."""
    return math.fsum(math.exp(at * math.log(mean) - mean - math.lgamma(at + 1)) for at in range(count + 1))


@given(st.floats(0.001, 2000))
@settings(deadline=None, max_examples=60)
def test_the_usual_range_is_the_narrowest_with_equal_tails(mean: float) -> None:
    low, high = usual_range(mean)
    assert below(high, mean) >= 0.95 - 1e-9
    assert below(low, mean) >= 0.05 - 1e-9
    assert high == 0 or below(high - 1, mean) < 0.95 + 1e-9
    assert low == 0 or below(low - 1, mean) < 0.05 + 1e-9


@pytest.mark.parametrize(
    ("mean", "wanted"), [(0.0, (0, 0)), (0.05, (0, 0)), (1.0, (0, 3)), (4.0, (1, 8)), (10.0, (5, 15))]
)
def test_the_usual_range_is_that_of_tables(mean: float, wanted: tuple[int, int]) -> None:
    assert usual_range(mean) == wanted


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_loads_and_fits_a_phone_in_both_themes(opened: Opened, lived, width: int, scheme: str) -> None:
    page = opened(viewport={"width": width, "height": 860}, color_scheme=scheme)
    for path in (f"/needs/{lived.turn.needs[0].id}", "/?excess=90", "/intake"):
        assert page.goto(path).status == 200
        page.wait_for_load_state("networkidle")
        assert page.locator("h1").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_corrected_figure_stands_beside_the_raw_one(opened: Opened, lived) -> None:
    need = lived.turn.needs[0]
    page = opened()
    page.goto(f"/needs/{need.id}")
    assert f"{need.observed} reports were counted. {need.correction}" in page.inner_text("main")


def test_the_chart_has_a_band_and_a_table_that_says_the_same(opened: Opened, lived) -> None:
    need = lived.turn.needs[0]
    page = opened()
    page.goto(f"/needs/{need.id}")
    page.wait_for_selector("[data-chart][data-ready=yes]")
    assert "usual range" in page.inner_text("[data-chart]")
    page.get_by_text("The chart as a table").click()
    shown = table(page, "Reports per day")
    assert len(shown) == len(need.series)
    for (_, observed, expected, usual), (_, count, mean) in zip(shown, need.series, strict=True):
        low, high = usual_range(mean)
        assert (observed, expected, usual) == (str(count), f"{mean:.1f}", f"{low} to {high}")


def test_the_map_and_its_table_show_the_areas(opened: Opened, lived) -> None:
    need = lived.turn.needs[0]
    page = opened()
    page.goto(f"/needs/{need.id}")
    page.wait_for_selector("#map[data-ready=yes]")
    assert page.get_attribute("#map", "data-show").split() == list(need.territories)
    page.get_by_text("The map as a table").click()
    assert [row[0] for row in table(page, "Areas")] == list(need.names)


def test_how_it_developed_is_told_and_shown(opened: Opened, lived) -> None:
    need = lived.turn.needs[0]
    page = opened()
    page.goto(f"/needs/{need.id}")
    told = page.inner_text("main")
    life = "Found by 2 turns since 23 June 2014. It grows: 30 reports above the expected, after 21 on 23 June 2014."
    assert life in told
    shown = table(page, "How it developed")
    assert [(int(row[1]), int(row[4])) for row in shown] == [
        (moment.observed, moment.areas) for moment in reversed(need.moments)
    ]
    page.goto(f"/needs/{lived.turn.resting[0].id}")
    assert "It rests: the last turn that found it was that of 25 June 2014." in page.inner_text("main")


def test_every_state_has_its_sentence(lived) -> None:
    need, last = lived.turn.needs[0], lived.turn.resting[0]
    assert "It fades" in life(msgspec.structs.replace(need, state="fading"), lived.turn)
    assert "An action was approved" in life(msgspec.structs.replace(need, state="answered"), lived.turn)
    assert life(msgspec.structs.replace(last, state="closed"), lived.turn).startswith("Closed: no turn has found it")
    assert life(lived.turn.needs[1], lived.turn) == "First found by the turn of 30 June 2014."
    assert life(msgspec.structs.replace(need, moments=()), lived.turn) == "It is growing."


def test_the_rank_is_explained_part_by_part(opened: Opened, lived) -> None:
    need = lived.turn.needs[0]
    page = opened()
    page.goto(f"/needs/{need.id}")
    assert f"Number 1 of {len(lived.turn.needs)} with {100 * score(need):.0f} of 100 points" in page.inner_text("main")
    shown = table(page, "Why it stands where it stands")
    assert [int(row[1]) for row in shown] == [round(100 * part.value) for part in need.rank]
    assert [int(row[2]) for row in shown] == [round(100 * WEIGHTS[part.name]) for part in need.rank]
    assert all(part.because in row[0] for row, part in zip(shown, need.rank, strict=True))


def test_other_weights_give_another_order(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/")
    page.wait_for_selector("#map[data-ready=yes]")
    usual = listed(page)
    assert usual == [need.id for need in ranked(lived.turn.needs)]
    page.get_by_text("Weigh otherwise").press("Enter")
    asked = {"rarity": 0, "excess": 100, "contrast": 0, "people": 0, "growth": 0}
    for name, weight in asked.items():
        page.fill(f"input[name={name}]", str(weight))
        page.keyboard.press("Tab")
        page.wait_for_url(f"**{name}={weight}**")
    page.wait_for_load_state("networkidle")
    assert listed(page) == [need.id for need in ranked(lived.turn.needs, asked)]
    assert listed(page) != usual
    lead = next(need for need in lived.turn.needs if need.id == listed(page)[0])
    assert page.get_attribute("#map", "data-marked").split() == list(lead.territories)
    assert "Ranked by your weights" in page.inner_text("#findings")
    page.reload()
    assert listed(page) != usual
    page.get_by_role("link", name="Back to the usual weights").click()
    page.wait_for_url(lambda url: "excess" not in url)
    assert listed(page) == usual


def test_weights_and_filters_work_together_without_scripts(opened: Opened, lived) -> None:
    page = opened(java_script_enabled=False)
    page.goto("/")
    page.get_by_text("Weigh otherwise").click()
    page.fill("input[name=people]", "100")
    page.fill("input[name=rarity]", "0")
    page.select_option("select[name=since]", "30")
    page.get_by_role("button", name="Show").click()
    weights = {name: 100 * weight for name, weight in WEIGHTS.items()} | {"people": 100, "rarity": 0}
    wanted = [need.id for need in ranked(lived.turn.needs, weights) if (lived.turn.as_of - need.starts).days < 30]
    assert listed(page) == wanted
    assert page.input_value("input[name=people]") == "100"
    assert page.input_value("select[name=since]") == "30"


@pytest.mark.parametrize(
    "bad", ["nan", "inf", "-1", "101", "1e400", "", "many", "<script>window.owned=1</script>", "9" * 5000]
)
def test_a_weight_that_is_none_is_ignored_and_said(opened: Opened, lived, bad: str) -> None:
    page = opened()
    assert page.goto(f"/?{urlencode({'rarity': bad})}").status == 200
    assert "“How rare by chance” must be a number from 0 to 100; 30 is used." in page.inner_text("#findings")
    assert listed(page) == [need.id for need in ranked(lived.turn.needs)]
    assert page.evaluate("window.owned") is None


def test_no_weight_at_all_is_the_usual_one(opened: Opened, lived) -> None:
    page = opened()
    assert page.goto("/?" + urlencode(dict.fromkeys(WEIGHTS, 0))).status == 200
    assert "the usual weights are used" in page.inner_text("#findings")
    assert listed(page) == [need.id for need in ranked(lived.turn.needs)]
    assert weighed(None, {"rarity": "x"})["needs"] == []


def test_needs_of_earlier_days_are_listed_apart(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/")
    rests = page.locator("h2", has_text="Needs of earlier days").locator("+ ul li")
    assert rests.count() == len(lived.turn.resting) == 1
    assert rests.inner_text().endswith("fading; last found 25 June 2014")
    assert lived.turn.resting[0].id not in listed(page)


def test_reports_set_apart_are_shown_with_their_reason(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/intake")
    (batch,) = lived.turn.batches
    (row,) = table(page, "Reports set apart")
    assert row[0] == batch.kind
    assert "30 Jun 2014, 04:00 CDT to 30 Jun 2014, 07:00 CDT" in row[1]
    assert row[2:4] == [f"{batch.rows:,}", str(batch.places)]
    assert row[4] == f"{batch.service} · {batch.source}"
    assert row[5] == batch.why
    assert page.locator("main img").count() == 0

"""What is coming, in a real Chromium: warnings, the fan and its table, levels that agree, and the way to a decision."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Opened = Callable[..., Page]
SERVICE = "Garbage in alley"


def table(page: Page, label: str) -> list[list[str]]:
    region = page.get_by_role("region", name=label, exact=True)
    return region.locator("tbody tr").evaluate_all(
        "all => all.map(row => [...row.children].map(cell => cell.innerText.trim()))"
    )


def open_warnings(lived) -> list:
    return [one for one in lived.turn.warnings if one.state == "open"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_loads_and_fits_a_phone_in_both_themes(opened: Opened, lived, width: int, scheme: str) -> None:
    page = opened(viewport={"width": width, "height": 860}, color_scheme=scheme)
    answer = page.goto("/ahead")
    assert answer.status == 200
    assert len(answer.body()) < 50_000
    page.wait_for_selector("[data-chart][data-ready=yes]")
    assert page.locator("h1").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_most_serious_warning_is_the_headline_and_leads_to_a_decision(opened: Opened, lived) -> None:
    first = open_warnings(lived)[0]
    page = opened()
    page.goto("/")
    page.locator(".tidings").get_by_role("link", name="Ahead").click()
    page.wait_for_url("**/ahead")
    assert page.inner_text("h1") == first.sentence
    assert f"{100 * first.probability:.1f}\u00a0%" in page.inner_text(".standfirst")
    choices = table(page, "What can be done")
    assert len(choices) >= 2
    assert choices[-1][0] == "Do nothing"
    assert "recommended" in choices[0][0]
    page.get_by_role("link", name="Decide what is done").first.click()
    page.wait_for_url("**/proposals/P-*")
    assert page.get_by_role("button", name="Approve 1").count() == 1
    page.get_by_role("link", name="See the warning").click()
    page.wait_for_url("**/ahead*")
    page.goto(f"/explain/{first.id}")
    assert "Brier score" in page.inner_text("main")


def test_the_table_says_the_same_as_the_chart(opened: Opened, lived) -> None:
    page = opened()
    page.goto(f"/ahead?{urlencode({'service': SERVICE})}")
    page.wait_for_selector("[data-chart][data-ready=yes]")
    data = json.loads(page.inner_text("#ahead-data") or page.locator("#ahead-data").text_content())
    page.get_by_text("The forecast as a table").click()
    shown = table(page, "Forecast")
    assert len(shown) == len(data["days"]) == 28
    for row, mean, floor, low, high in zip(shown, data["mean"], data["floor"], data["low"], data["high"], strict=True):
        assert (row[1], row[2], row[4], row[5]) == (f"{mean:,.1f}", str(floor), f"{low:,.0f}", f"{high:,.0f}")
    # Last week again is what the last seven days brought.
    assert data["floor"][:7] == data["past"][-7:]


def test_levels_can_be_switched_and_add_up(opened: Opened, lived) -> None:
    page = opened(java_script_enabled=False)
    page.goto(f"/ahead?{urlencode({'service': SERVICE, 'level': 'city'})}")

    def means() -> list[float]:
        return json.loads(page.locator("#ahead-data").text_content())["mean"]

    city = means()
    page.get_by_role("link", name="side", exact=True).click()
    sides = page.locator("select[name=territory] option").evaluate_all("all => all.map(one => one.value)")
    assert len(sides) == 9
    total = [0.0] * 28
    for side in sides:
        page.goto(f"/ahead?{urlencode({'service': SERVICE, 'territory': side})}")
        total = [one + other for one, other in zip(total, means(), strict=True)]
    assert total == pytest.approx(city, abs=1e-9)
    page.get_by_role("link", name="area", exact=True).click()
    assert page.locator("select[name=territory] option").count() == 77
    page.select_option("select[name=territory]", label="Austin")
    page.get_by_role("button", name="Show").click()
    assert "in Austin" in page.inner_text("#one")


def test_every_service_stands_beside_what_it_can_do(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/ahead?level=city")
    shown = table(page, page.inner_text("h2#asked"))
    assert len(shown) == 10
    likely = [int(row[3].split("\u00a0%")[0]) for row in shown if row[3] != "not known"]
    assert likely == sorted(likely, reverse=True)
    assert any("so no warnings" in row[3] for row in shown)


def test_levels_are_compared_and_growth_is_not_overclaimed(opened: Opened, lived) -> None:
    page = opened()
    page.goto("/ahead")
    rows = table(page, "Do the levels agree?")
    assert [row[:2] for row in rows] == [["city", "1"], ["side", "9"], ["area", "77"]]
    told = page.inner_text("main")
    assert lived.turn.growth_test.used is False
    assert "We cannot tell which." in told
    assert "and none leads to a warning." in told


@pytest.mark.parametrize(
    "query",
    [{"service": "No such"}, {"territory": "nowhere"}, {"level": "moon"}, {"service": "<script>alert(1)</script>"}],
)
def test_what_is_not_forecast_is_said(opened: Opened, lived, query: dict[str, str]) -> None:
    page = opened()
    assert page.goto(f"/ahead?{urlencode(query)}").status == 404
    assert "There is no forecast for that service and place." in page.inner_text("main")

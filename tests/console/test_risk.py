"""The page Risk of a city with an inventory: what was computed, a budget, plans, and names that stay text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import init, open_city
from cityward.console import mount_console
from cityward.console.risk_pages import budget_of, money

INVENTORY = """
[[assets]]
id = "server"
name = "<script>alert(1)</script>"
owner = "IT"
repair_hours = { interval = [10, 100] }
[[assets]]
id = "counter"
name = "Counter"
owner = "Clerk"
serves = { centre = 100 }
needs = [{ of = ["server"] }]
"""
SCENARIOS = """
currency = "€"
[[scenarios]]
id = "fire"
frequency = 0.5
loss = { interval = [1000, 900000] }
hits = [{ assets = ["server"] }]
[[controls]]
id = "spare"
name = "A spare server"
cost_per_year = 10
scenarios = ["fire"]
success = 0.5
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city of one area with an inventory."""
    folder = tmp_path_factory.mktemp("risk")
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": square}
    (folder / "areas.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [one]}))
    made = init(folder / "city", name="Small", territories=folder / "areas.geojson", name_property="name")
    (made / "inventory").mkdir()
    (made / "inventory" / "a.toml").write_text(INVENTORY)
    (made / "inventory" / "scenarios.toml").write_text(SCENARIOS)
    return made


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    """Its pages."""
    with open_city(home) as city:
        app = create_app(city)
        mount_console(app, city)
        yield TestClient(app)


def test_before_it_was_computed_the_page_says_how(client: TestClient) -> None:
    told = client.get("/risk").text
    assert "was not computed yet" in told
    assert "cityward risk --city ." in told


def test_the_page_shows_what_was_computed_and_when_that_holds_no_more(client: TestClient, home: Path) -> None:
    with open_city(home) as held:
        kept = held.risks.compute(years=1_000)
    told = client.get("/risk").text
    assert f"€ {money(kept.standing.report.loss.value)}" in told
    assert "1,000 times" in told
    assert "was changed since" not in told
    assert 'data-url="/console/risk.json"' in told
    assert told.count("data-chart") == 2
    for chart in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', told):
        data = json.loads(chart)
        assert data["low"] <= data["value"] <= data["high"]
    (area,) = client.get("/console/risk.json").json()["features"]
    assert area["properties"]["shade"] == 1
    assert area["properties"]["told"].startswith("Centre: ")
    bought = client.get("/risk?budget=1,000").text
    assert "buy A spare server" in bought
    assert "nothing can be bought" in client.get("/risk?budget=1").text
    assert "That is no amount" in client.get("/risk?budget=%3Cscript%3E").text
    plan = client.get("/risk/plans/counter").text
    assert "100 of 100 people go without" in plan
    for page in (told, bought, plan):
        assert "<script>alert" not in page
        assert "<script>" not in page
    assert client.get("/risk/plans/server").status_code == 404
    (home / "inventory" / "a.toml").write_text(INVENTORY + "# more\n")
    assert "was changed since" in client.get("/risk").text


def test_amounts_are_read_and_told_as_people_write_them() -> None:
    assert budget_of("") == (None, "")
    assert budget_of("500 000") == (500_000, "")
    assert budget_of("nan")[1]
    assert budget_of("-1")[1]
    told = [money(one) for one in (0, 0.5, 12, 12_345, 2_340_000, -1_500_000, 3e9)]
    assert told == ["0", "0.50", "12", "12,300", "2.34 million", "−1.50 million", "3.00 billion"]

"""Small odd cities, from file to replay: each gets an answer in plain words, and none a traceback."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.cli.main import group
from cityward.core.clock import rng
from cityward.core.errors import UserError

MAPPING = """
source = "calls"
kind = "request"
domain = "environment"
time_zone = "UTC"

[columns]
id = "id"
occurred_at = "opened"
closed_at = "closed"
service = "what"
lon = "lon"
lat = "lat"
"""
LAST = date(2024, 3, 31)
DAYS = 60
Rows = list[tuple[date, str, float, float]]


def squares(side: int, **properties: object) -> str:
    """Areas of about a kilometre."""
    features = []
    for at in range(side * side):
        west, south = at % side / 100, at // side / 100
        ring = [[west, south], [west + 0.01, south], [west + 0.01, south + 0.01], [west, south + 0.01], [west, south]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"id": f"A{at}", **properties}, "geometry": geometry})
    return json.dumps({"type": "FeatureCollection", "features": features})


def steady(side: int, *, shift: float = 0.0, days: int = 0) -> Rows:
    """Three reports a day at random, some days of many in the first area, and two reports of one leak."""
    draw = rng(1, "odd")
    days_and_places = [(LAST - timedelta(days=at), side / 100) for at in range(DAYS) for _ in range(3)]
    days_and_places += [(LAST - timedelta(days=at % 3), 0.01) for at in range(18)]
    rows = [
        (day + timedelta(days=days), "Leaks", shift + draw.uniform(0.01, 0.99) * far, draw.uniform(0.01, 0.99) * far)
        for day, far in days_and_places
    ]
    return [*rows, (rows[60][0], *rows[60][1:])]


class Town:
    """A folder, and the commands on it."""

    def __init__(self, folder: Path, areas: str, rows: Rows, population: str = "") -> None:
        (folder / "areas.geojson").write_text(areas)
        (folder / "map.toml").write_text(MAPPING)
        lines = [
            f"{at},{day},{day + timedelta(days=1)},{what},{x:.6f},{y:.6f}" for at, (day, what, x, y) in enumerate(rows)
        ]
        (folder / "calls.csv").write_text("\n".join(["id,opened,closed,what,lon,lat", *lines]))
        self.city = folder / "city"
        assert not self.call(
            "init", str(self.city), "--name", "T", "--territories", str(folder / "areas.geojson")
        ).exit_code
        if population:
            settings = self.city / "city.toml"
            settings.write_text(settings.read_text().replace("[[territories]]\n", f"[[territories]]\n{population}\n"))
        self.sensed = self.on("sense", str(folder / "calls.csv"), "--map", str(folder / "map.toml"))

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(group, arguments)

    def on(self, command: str, *arguments: str) -> Result:
        return self.call(command, *arguments, "--city", str(self.city))

    def replay(self) -> Result:
        return self.on("replay", "--from", str(LAST - timedelta(days=2)), "--to", str(LAST), "--replicates", "99")


def mistake(told: Result) -> str:
    assert isinstance(told.exception, UserError), told.exception
    return f"{told.exception.what} {told.exception.remedy}"


@pytest.mark.parametrize("properties", [{}, {"name": None}, {"name": ""}], ids=["no name", "null", "empty"])
def test_a_territory_without_a_name_is_called_by_its_id(tmp_path: Path, properties: dict[str, object]) -> None:
    town = Town(tmp_path, squares(2, **properties), steady(2))
    assert "in A0 since" in town.on("run").output
    assert "Leaks: A0;" in town.replay().output


@pytest.mark.parametrize("people", [0, -5, "many"])
def test_people_that_cannot_be_are_not_known(tmp_path: Path, people: object) -> None:
    town = Town(tmp_path, squares(2, name="Area", people=people), steady(2), population='population = "people"')
    assert "1 need, 0 silent places" in town.on("run").output
    found = json.loads(town.on("needs", "--json").output)
    assert found[0]["population"] in (None, 0)


def test_one_territory_has_no_neighbours_and_is_told_so(tmp_path: Path) -> None:
    town = Town(tmp_path, squares(1, name="All"), steady(1))
    told = town.on("run").output
    assert "0 needs" in told
    assert "There is one territory" in told
    assert "3 days, 1 service, 3 scans" in town.replay().output


def test_reports_outside_every_territory_are_told(tmp_path: Path) -> None:
    town = Town(tmp_path, squares(2, name="Area"), steady(2, shift=5))
    assert "Only 0 % of the interactions lie in a territory" in town.on("run").output
    assert mistake(town.replay()).startswith("None of 199 reports lies in a territory")


def test_three_cases_in_all_are_too_few(tmp_path: Path) -> None:
    town = Town(
        tmp_path, squares(2, name="Area"), [(LAST - timedelta(days=9 * at), "Trees", 0.005, 0.005) for at in range(3)]
    )
    assert "3 incidents, 0 needs" in town.on("run").output
    assert "'Trees' has 3 reports" in mistake(town.replay())


def test_cases_of_one_day_have_no_past(tmp_path: Path) -> None:
    town = Town(tmp_path, squares(2, name="Area"), [(LAST, *row[1:]) for row in steady(2)])
    assert "0 needs" in town.on("run").output
    assert "Nothing is known of the 365 days before" in mistake(town.replay())


def test_cases_of_the_future_are_set_aside(tmp_path: Path) -> None:
    town = Town(tmp_path, squares(2, name="Area"), steady(2, days=36_525))
    assert "0 admitted + 199 quarantined" in town.sensed.output
    assert mistake(town.on("run")).startswith("Nothing is known as of")
    assert mistake(town.replay()).startswith("Nothing is known yet")

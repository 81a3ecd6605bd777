"""``cityward replay`` as a person types it, and as-of honesty of what it counts."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.city import City, open_city
from cityward.city.folder import make
from cityward.city.replay import Plan
from cityward.cli.main import group
from cityward.core.clock import Clock, rng
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
FIRST, LAST = date(2024, 1, 1), date(2024, 4, 30)
SURGE = date(2024, 4, 11)
SIDE = 4


def squares() -> str:
    """Sixteen areas of about a kilometre."""
    features = []
    for at in range(SIDE * SIDE):
        west, south = at % SIDE / 100, at // SIDE / 100
        ring = [[west, south], [west + 0.01, south], [west + 0.01, south + 0.01], [west, south + 0.01], [west, south]]
        features.append(
            {
                "type": "Feature",
                "properties": {"id": f"A{at}", "name": f"Area {at}"},
                "geometry": {"type": "Polygon", "coordinates": [ring]},
            }
        )
    return json.dumps({"type": "FeatureCollection", "features": features})


def calls() -> str:
    """Two services at random, three days of many leaks in area 5, and three cases of a third service."""
    draw, lines = rng(1, "calls"), ["id,opened,closed,what,lon,lat"]

    def add(day: date, what: str, area: int) -> None:
        lon, lat = (area % SIDE + draw.uniform(0.05, 0.95)) / 100, (area // SIDE + draw.uniform(0.05, 0.95)) / 100
        lines.append(f"{len(lines)},{day},{day + timedelta(days=1)},{what},{lon:.6f},{lat:.6f}")

    for at in range((LAST - FIRST).days + 1):
        day = FIRST + timedelta(days=at)
        for what in ("Leaks", "Lights"):
            for area in draw.integers(0, SIDE * SIDE, size=draw.poisson(4)):
                add(day, what, int(area))
        if SURGE <= day < SURGE + timedelta(days=3):
            for _ in range(8):
                add(day, "Leaks", 5)
    for area in range(3):
        add(date(2024, 2, 1), "Trees", area)
    return "\n".join(lines)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("replay")
    (folder / "areas.geojson").write_text(squares())
    (folder / "map.toml").write_text(MAPPING)
    (folder / "calls.csv").write_text(calls())
    toml = '[city]\nname = "Town"\nseed = 5\n[[territories]]\nlevel = "area"\nfile = "territories/area.geojson"\n'
    make(folder / "city", toml, {"area": folder / "areas.geojson"}, [])
    with open_city(folder / "city", Clock.fixed(datetime(2024, 5, 1, tzinfo=UTC))) as city:
        city.sense(folder / "calls.csv", city.add_mapping(folder / "map.toml"))
    return folder / "city"


@pytest.fixture
def town(made: Path) -> City:
    return open_city(made)


def replay(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(group, ["replay", "--city", str(folder), *arguments])


APRIL = ("--from", "2024-04-09", "--to", "2024-04-16")


def test_an_alarm_begins_and_goes_on(made: Path):
    told = replay(made, *APRIL, "--services", "Leaks", "--min-recurrence", "365")
    assert told.exit_code == 0, told.output
    line, *_, summary = told.output.splitlines()
    assert line.startswith("2024-04-11  Leaks: Area 5")
    assert "observed" in line
    assert "once in" in line
    assert "8 days, 1 service, 8 scans" in told.output
    assert "1.0 a year" in summary


def test_json_has_everything_and_every_service(made: Path):
    found = json.loads(replay(made, *APRIL, "--alarms-per-year", "3", "--json").output)
    assert found["services"] == ["Leaks", "Lights", "all services"]
    assert found["too_quiet"] == ["Trees"]
    assert (found["days"], found["scans"], found["not_scanned"], found["days_without_reports"]) == (8, 24, 0, 0)
    assert found["min_recurrence_days"] == 365
    assert found["false_alarms_per_year"] == pytest.approx(3)
    assert 0 < found["false_alarms_here"] <= 24 / 365
    leaks = [raised for raised in found["alarms"] if raised["alarm"]["service"] == "Leaks"]
    assert leaks[0]["names"][0] == "Area 5"
    assert leaks[0]["alarm"]["begins"] == "2024-04-11"
    assert leaks[0]["alarm"]["first"]["observed"] >= 8
    assert leaks[0]["alarm"]["days"] > 1
    assert not [raised for raised in found["alarms"] if raised["alarm"]["service"] == "Lights"]


def test_what_comes_later_is_not_known_before(town: City, made: Path, tmp_path: Path):
    """Cut the history after a day: that day's alarms are byte for byte the same."""
    cut = date(2024, 4, 12)
    copy = tmp_path / "city"
    lines = (made.parent / "calls.csv").read_text().splitlines()
    known = [lines[0], *(line for line in lines[1:] if line.split(",")[1] <= str(cut))]
    assert len(known) < len(lines)
    (tmp_path / "calls.csv").write_text("\n".join(known))
    make(copy, (made / "city.toml").read_text(), {"area": made.parent / "areas.geojson"}, [])
    plan = Plan(date(2024, 4, 10), cut, min_recurrence_days=100)
    with open_city(copy, Clock.fixed(datetime(2024, 5, 1, tzinfo=UTC))) as city:
        city.sense(tmp_path / "calls.csv", city.add_mapping(made.parent / "map.toml"))
        then = city.replay(plan)
    now = town.replay(plan)
    assert now.alarms == then.alarms != ()
    assert now.scans == then.scans


def test_a_replay_finds_what_a_turn_of_the_loop_found(made: Path, tmp_path: Path):
    copy = shutil.copytree(made, tmp_path / "city")
    with open_city(copy, Clock.fixed(datetime(2024, 5, 1, tzinfo=UTC))) as city:
        turn = city.run(as_of=date(2024, 4, 13))
        found = city.replay(Plan(date(2024, 4, 13), date(2024, 4, 13), services=["Leaks"]))
    need = next(need for need in turn.needs if need.service == "Leaks")
    (raised, *_) = found.alarms
    assert raised.alarm.first.territories == need.territories
    assert raised.alarm.first.observed == need.observed
    assert raised.alarm.first.expected == pytest.approx(need.expected)
    assert found.min_recurrence_days == 100


def test_a_replay_writes_nothing_but_that_it_looked(made: Path, town: City):
    def state() -> dict[Path, int]:
        files = (path for path in made.rglob("*") if path.is_file() and not path.name.startswith("registers.db"))
        return {path: path.stat().st_mtime_ns for path in files}

    _ = town.registers
    before = state()
    town.replay(Plan(date(2024, 4, 12), date(2024, 4, 12), services=["Leaks"]))
    assert state() == before


def test_the_same_seed_gives_the_same_alarms(town: City):
    plan = Plan(date(2024, 4, 10), date(2024, 4, 13), services=["all services"], seed=9)
    assert town.replay(plan).alarms == town.replay(plan).alarms


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--from", "2024-04-16", "--to", "2024-04-09"), "after its end"),
        (("--from", "2024-04-09", "--to", "2024-06-01"), "Nothing is known of days after 2024-04-30"),
        (("--from", "2023-01-01", "--to", "2023-02-01"), "the first report is of 2024-01-01"),
        (("--from", "2024-01-01", "--to", "2024-02-01"), "the first report is of 2024-01-01"),
        ((*APRIL, "--services", "Trees"), "'Trees' has 3 reports"),
        ((*APRIL, "--services", "Leaks; Sewers"), "There is no service 'Sewers'"),
        ((*APRIL, "--min-recurrence", "0"), "no threshold"),
        ((*APRIL, "--min-recurrence", "nan"), "no threshold"),
        ((*APRIL, "--alarms-per-year", "0"), "cannot be held"),
        ((*APRIL, "--alarms-per-year", "5", "--min-recurrence", "100"), "Give --min-recurrence or --alarms-per-year"),
    ],
)
def test_mistakes_are_told(made: Path, arguments: tuple[str, ...], told: str):
    result = replay(made, *arguments)
    assert isinstance(result.exception, UserError), result.output
    assert told in str(result.exception)


def test_an_empty_city_is_told(made: Path, tmp_path: Path):
    make(tmp_path / "city", (made / "city.toml").read_text(), {"area": made.parent / "areas.geojson"}, [])
    result = replay(tmp_path / "city", *APRIL)
    assert "Nothing is known yet" in str(result.exception)

"""Exercises and risk of a city: kept, resumed after a death, receipts without names, drills in the place of guesses."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from tests.typed import typed

from cityward.city import City, init, open_city
from cityward.city.risking import city_of
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import make_id
from cityward.secure.drill.report import DrillReport, at_most

INVENTORY = """
[[assets]]
id = "server"
owner = "IT"
repair_hours = { interval = [10, 100] }
drilled_by = ["ransomware"]
[[assets]]
id = "counter"
name = "Counter"
owner = "Clerk"
serves = { Centre = 100 }
fallback = 0.1
needs = [{ of = ["server"], buffer_hours = 3, kind = "paper" }]
"""
SCENARIOS = """
value_of_citizen_hour = 1
[[scenarios]]
id = "fire"
techniques = ["T1486"]
frequency = 0.2
loss = { interval = [1000, 9000] }
hits = [{ assets = ["server"] }]
[[controls]]
id = "spare"
cost_per_year = 10
scenarios = ["fire"]
restore = 0.5
"""
SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    areas = tmp_path / "areas.geojson"
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    folder = init(tmp_path / "city", name="Small", territories=areas, name_property="name")
    inventory = folder / "inventory"
    inventory.mkdir()
    (inventory / "a.toml").write_text(INVENTORY)
    (inventory / "scenarios.toml").write_text(SCENARIOS)
    return folder


def drilled(city: City, seconds: float, days_ago: float = 1) -> None:
    at = city.clock.now() - timedelta(days=days_ago)
    target = at_most("RTO, alarm to first right answer", seconds, 60, "s")
    report = DrillReport(
        id=make_id("drill", at), kind="ransomware", variant="samsam", seed=1, began_at=at, ended_at=at,
        passed=target.met, headline="x", targets=(target,), timeline=(), figures={},
    )  # fmt: skip
    city.keep("drill", report, {}, state="passed")


def test_an_exercise_is_played_step_by_step_by_commands(home: Path, tmp_path: Path) -> None:
    def say(*words: str, code: int = 0) -> str:
        return typed("exercise", *words, "--city", home, code=code).stdout

    assert "atlanta" in say("list")
    assert "server" in say("start", "fire", "--by", "Ana Gómez")
    assert "not ended" in typed("exercise", "start", "fire", "--by", "Ana Gómez", "--city", home, code=2).stderr
    assert "Noted" in say("decide", "1", "The server comes first", "--by", "Ben Okri", "--order", "server")
    assert "works on without it for 3 hours (paper)" in say("next")
    assert "paused" in typed("exercise", "next", "--city", home, code=2).stderr if say("pause") else True
    say("resume")
    told = json.loads(say("end", "--playbook", "T1110", "--json"))
    assert {gap["kind"] for gap in told["gaps"]} >= {"no owner", "no contact", "no playbook", "no manual mode"}
    page = tmp_path / "report.html"
    assert str(page) in say("report", "--into", str(page))
    text = page.read_text("utf-8")
    assert "There is no playbook for T1486" in text
    assert "Okri" not in text
    assert "Gómez" not in text
    with open_city(home) as city:
        entries = city.ledger_entries()
        assert [one["facts"]["step"] for one in entries if one["kind"] == "exercise"] == ["begun", "ended"]
        assert "Okri" not in json.dumps(entries, default=str)
        assert city.verify().ok


def test_an_exercise_at_the_terminal_is_paused_by_the_end_of_its_input_and_goes_on(home: Path) -> None:
    lines = "hello\n1 Ben: We call the fire service\norder 1 Ben Okri: server\nnext\n"
    told = typed("exercise", "fire", "--by", "Ana Gómez", "--city", home, said=lines).stdout
    assert "That is no decision" in told
    assert "first and last name" in told
    assert "Noted at day 1, 00:00" in told
    assert "Stands at day 1, 00:05" in told
    told = typed("exercise", "resume", "--city", home, said="2 Ben Okri: The clerk works by hand\nend\n").stdout
    assert "2 of 2 questions were decided" in told


def test_after_a_death_the_clock_goes_on_where_it_was_noted(home: Path) -> None:
    with open_city(home) as city:
        begun = city.exercises.start("fire", by="Ana Gómez", attended=True)
        city.exercises.next()
    with open_city(home) as city:
        held = city.exercises.get()
        assert (held.id, held.anchor_minutes) == (begun.id, 5)
        assert city.exercises.resume().anchor_minutes == 5
        city.exercises.end()
        with pytest.raises(UserError, match="has ended"):
            city.exercises.end()


def test_what_cannot_be_played_is_refused_and_keeps_nothing(home: Path, tmp_path: Path) -> None:
    with open_city(home) as city:
        for name, more in (
            ("nothing", {}),
            ("fire", {"speed": 0.0}),
            ("fire", {"severity": 2.0}),
            ("fire", {"by": "Ana"}),
            ("ghost.toml", {}),
        ):
            with pytest.raises(UserError):
                city.exercises.start(name, **{"by": "Ana Gómez", **more})  # type: ignore[arg-type]
        with pytest.raises(UnknownId):
            city.exercises.get()
        played = city.exercises.start("data-centre", by="Ana Gómez", inventory=tmp_path / "none")
        assert "no inventory" in played.notes[0]
        assert all(not one.drawn for one in played.injects)


def test_the_risk_of_a_city_is_kept_with_what_drills_and_exercises_measured(home: Path) -> None:
    with open_city(home) as city:
        first = city.risks.compute(years=400)
        assert first.standing.effect is None
        assert "No drill" in first.stale[0]
        for _ in range(2):
            drilled(city, 30.0)
        city.exercises.start("fire", by="Ana Gómez")
        city.exercises.decide(1, "The server comes first", "Ana Gómez", owner="IT", order=["server"])
        city.exercises.end()
        assert city.risks.deciding_hours() == pytest.approx(0, abs=0.01)
        second = city.risks.compute(years=400)
        assert city.risks.last() == second
        assert second.stale == ()
        assert not city.risks.changed(second)
        effect = second.standing.effect
        assert effect is not None
        assert effect.assets[0].drills == 2
        assert effect.hours_before == first.standing.report.citizen_hours
        assert effect.hours_less.error < effect.hours_before.error
        (area,) = second.standing.territories
        assert area.citizen_hours.value == pytest.approx(second.standing.services[0].citizen_hours.value)
        (home / "inventory" / "a.toml").write_text(INVENTORY + "# changed\n")
        assert city.risks.changed(second)


def test_the_command_risk_finds_the_drills_of_the_city_that_an_inventory_lies_in(home: Path, tmp_path: Path) -> None:
    inventory = home / "inventory"
    assert city_of(inventory) == home.resolve()
    assert city_of(tmp_path) is None
    assert "With what drills" not in typed("risk", inventory, "--years", "400").stdout
    with open_city(home) as city:
        drilled(city, 30.0, days_ago=60)
    told = typed("risk", inventory, "--years", "400").stdout
    assert "With what drills measured a year costs" in told
    assert "is overdue" in told
    assert "do both mean the same repair" in told
    again = json.loads(typed("risk", inventory, "--drills", home, "--years", "400", "--json").stdout)
    assert again["drills"]["assets"][0]["asset"] == "server"
    assert "is kept" in typed("risk", "--city", home, "--years", "400").stdout
    typed("risk", code=2)
    typed("risk", inventory, "--city", home, code=2)

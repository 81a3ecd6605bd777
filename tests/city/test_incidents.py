"""Security incidents of a city: one stays one, silences end, closed stays closed, and nothing is told of people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.cli.incidents import incidents
from cityward.cli.monitor import monitor
from cityward.console import mount_console
from cityward.core.clock import Clock, micros
from cityward.core.errors import UnknownId, UserError
from cityward.secure.incidents.records import RuleSeen
from cityward.secure.monitor.sightings import SCHEMA

BEGIN = datetime(2026, 11, 2, 9, tzinfo=UTC)
INVENTORY = """\
[territories]
north = 1000

[[assets]]
id = "mail"
name = "Mail server"
address = "192.0.2.7"
owner = "IT"
repair_hours = 10
needs = [{ of = ["store"] }]

[[assets]]
id = "store"
name = "Storage"
owner = "IT"
repair_hours = 10

[[assets]]
id = "help"
name = "Help line"
owner = "IT"
serves = { north = 400 }
needs = [{ of = ["mail"] }]

[[assets]]
id = "desk"
name = "Desk"
owner = "IT"
serves = { north = 300 }
needs = [{ of = ["mail"] }]
"""
SCENARIOS = """\
currency = "EUR"
[[scenarios]]
id = "wiped"
name = "Wiped mail"
techniques = ["T1486"]
frequency = 2
success = 0.5
loss = 100
hits = [{ assets = ["mail"] }]
"""
RULES = {
    one.id: one
    for one in (
        RuleSeen(id="guess", title="Guessing", level="medium", techniques=("T1110.001",)),
        RuleSeen(id="wipe", title="Wiped", level="critical", techniques=("T1486",)),
        RuleSeen(id="slight", title="Slight", level="low", techniques=("T1087",)),
    )
}
WHY = "Seen, and done with it all."


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = BEGIN
        self.clock = Clock(lambda: self.now)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def city(tmp_path: Path, chicago: Path, hands: Hands) -> Iterator[City]:
    init(tmp_path / "city", name="Somewhere", territories=chicago / "community_areas.geojson")
    (tmp_path / "city" / "inventory").mkdir()
    (tmp_path / "city" / "inventory" / "all.toml").write_text(INVENTORY)
    (tmp_path / "city" / "inventory" / "scenarios.toml").write_text(SCENARIOS)
    with open_city(tmp_path / "city", hands.clock) as opened:
        yield opened


def seen(*rows: tuple[str, str | None, str | None, float, int]) -> pl.DataFrame:
    """Rule, host, address, hours after `BEGIN`, events."""
    made = [
        (rule, host, source, None, micros(BEGIN + timedelta(hours=at)), micros(BEGIN + timedelta(hours=at)), events)
        for rule, host, source, at, events in rows
    ]
    return pl.DataFrame(made, schema=SCHEMA, orient="row")


def test_it_is_told_what_happened_to_what_and_who_stands_behind_it(city: City) -> None:
    filed = city.incidents.file(
        seen(
            ("guess", "mail.example", "203.0.113.9", 0, 9), ("wipe", "storage", None, 1, 2), ("guess", None, None, 0, 1)
        ),
        RULES,
    )
    assert (filed.received, filed.grouped, len(filed.opened)) == (3, 3, 2)
    one = city.incidents.all()[0]
    assert [(step.rule, step.place) for step in one.steps] == [("guess", "mail"), ("wipe", "store")]
    assert [(place.id, place.how, place.owner) for place in one.places] == [
        ("mail", "id", "IT"),
        ("store", "name", "IT"),
    ]
    assert one.reasons == ("Mail server needs Storage, and both were hit",)
    assert one.actors == ("203.0.113.9",)
    assert (one.level, one.events, one.people) == ("critical", 11, 400)
    assert {service.id for service in one.services} == {"help", "desk"}
    (told,) = one.expected
    assert (told.scenario, told.fits) == ("wiped", "techniques and assets")
    # One success: mail is down for 10 hours, and with it both services; half of the tries succeed.
    assert told.success == pytest.approx(0.5, abs=0.02)
    assert told.money == pytest.approx(100)
    assert told.citizen_hours == pytest.approx(7_000)
    assert one.loss == pytest.approx(told.success * 100)
    why = city.explain(one.id)
    assert ("why it is one, 1", one.reasons[0]) in why.evidence
    assert any(name == "expected" and "Wiped mail" in said for name, said in why.evidence)
    assert city.incidents.all()[1].expected == ()
    assert city.verify().ok


def test_what_is_read_again_changes_nothing_and_what_grows_joins(city: City) -> None:
    rows = seen(("guess", "mail", "203.0.113.9", 0, 9), ("slight", "mail", None, 1, 1))
    first = city.incidents.file(rows, RULES)
    again = city.incidents.file(rows, RULES)
    assert (len(first.opened), again.opened, again.grown) == (1, (), ())
    (one,) = city.incidents.all()
    assert one.events == 10
    more = city.incidents.file(seen(("guess", "mail", "203.0.113.9", 2, 5)), RULES)
    assert more.grown == (one.id,)
    assert city.incidents.get(one.id).events == 15
    later = city.incidents.file(seen(("guess", "mail", "203.0.113.9", 60, 5)), RULES)
    assert len(later.opened) == 1


def test_two_that_turn_out_to_be_one_become_the_older(city: City, hands: Hands) -> None:
    city.incidents.file(seen(("guess", "mail", "203.0.113.9", 0, 9)), RULES)
    hands.now += timedelta(hours=1)
    city.incidents.file(seen(("guess", "far", "198.51.100.1", 0, 3)), RULES)
    older, newer = sorted(city.incidents.all(), key=lambda one: one.opened_at)
    city.incidents.take(newer.id, "Ann Bell")
    filed = city.incidents.file(seen(("wipe", "mail", "198.51.100.1", 2, 1)), RULES)
    assert (filed.grown, filed.joined) == ((older.id,), (newer.id,))
    one, other = city.incidents.get(older.id), city.incidents.get(newer.id)
    assert (one.state, one.level, one.events) == ("taken", "critical", 13)
    assert (other.state, other.joined) == ("joined", older.id)
    with pytest.raises(UserError, match="is joined"):
        city.incidents.close(newer.id, "Ann Bell", WHY)


def test_a_closed_one_stays_closed_when_its_log_is_read_again(city: City) -> None:
    rows = seen(("guess", "mail", "203.0.113.9", 0, 9))
    city.incidents.file(rows, RULES)
    (one,) = city.incidents.all()
    closed = city.incidents.close(one.id, "Ann Bell", WHY)
    assert closed.receipt is not None
    again = city.incidents.file(rows, RULES)
    assert (again.closed, again.opened) == (1, ())
    assert len(city.incidents.file(seen(("guess", "mail", "203.0.113.9", 1, 1)), RULES).opened) == 1
    with pytest.raises(UserError, match="is closed"):
        city.incidents.take(one.id, "Ann Bell")
    with pytest.raises(UnknownId):
        city.incidents.get("SI-0000000000")


def test_a_silence_holds_back_counts_and_ends_by_itself(city: City, hands: Hands) -> None:
    rows = seen(("guess", "mail", "203.0.113.9", 0, 9))
    city.incidents.file(rows, RULES)
    (one,) = city.incidents.all()
    until = BEGIN + timedelta(days=5)
    for wrong in (BEGIN, BEGIN + timedelta(days=31)):
        with pytest.raises(UserError, match="ends in the future"):
            city.incidents.silence(one.id, "Ann Bell", WHY, wrong)
    with pytest.raises(UserError, match="no such rule"):
        city.incidents.silence(one.id, "Ann Bell", WHY, until, rule="none")
    made = city.incidents.silence(one.id, "Ann Bell", WHY, until)
    assert made.receipt is not None
    assert city.incidents.get(one.id).state == "silenced"
    for _ in range(2):
        filed = city.incidents.file(seen(("guess", "mail", "198.51.100.1", 3, 4)), RULES)
        assert (filed.silent, filed.grouped) == (1, 0)
    assert city.incidents.active_silences()[0].counted == 4
    assert city.incidents.file(seen(("wipe", "mail", None, 4, 1)), RULES).grown == (one.id,)
    assert city.incidents.get(one.id).state == "open"
    city.incidents.silence(one.id, "Ann Bell", WHY, until)
    hands.now = until + timedelta(seconds=1)
    assert city.incidents.active_silences() == []
    assert city.incidents.get(one.id).state == "open"
    assert city.incidents.file(seen(("guess", "mail", "198.51.100.1", 3, 4)), RULES).grown == (one.id,)


def test_a_silence_of_one_actor_lets_others_through(city: City) -> None:
    city.incidents.file(seen(("guess", "mail", "203.0.113.9", 0, 9)), RULES)
    (one,) = city.incidents.all()
    city.incidents.silence(one.id, "Ann Bell", WHY, BEGIN + timedelta(days=1), actor="203.0.113.9")
    assert city.incidents.get(one.id).state == "open"
    filed = city.incidents.file(seen(("guess", "mail", "203.0.113.9", 1, 1), ("guess", "mail", "::1", 1, 1)), RULES)
    assert (filed.silent, filed.grouped) == (1, 1)


def test_an_inventory_that_cannot_be_read_stops_nothing(city: City) -> None:
    (city.path / "inventory" / "all.toml").write_text("[[assets]]\nid = ")
    city.incidents.file(seen(("guess", "mail", "203.0.113.9", 0, 9)), RULES)
    (one,) = city.incidents.all()
    assert (one.places[0].how, one.expected) == ("unknown", ())
    assert "cannot be read" in one.remarks[0]


def test_alerts_of_the_city_become_incidents_once(city: City) -> None:
    city.alerts.raise_("brute force", "abc", "Guessed.", {"tries": 20})
    city.alerts.raise_("drill overdue", "ransomware", "Due.", {})
    assert len(city.incidents.file_alerts().opened) == 1
    assert city.incidents.file_alerts().opened == ()
    assert city.incidents.all()[0].places[0].id == "cityward"


def test_the_commands_and_the_pages(city: City, tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    line = "Nov  2 08:00:%02d mail sshd[7]: Failed password for erika.mustermann from 203.0.113.9 port 1 ssh2\n"
    log.write_text("".join(line % second for second in range(9)))
    folder = str(city.path)
    city.close()
    run = CliRunner()

    def ran(*arguments: str) -> str:
        command = monitor if arguments and arguments[0].endswith("log") else incidents
        came = run.invoke(command, [*arguments, "--city", folder])
        assert came.exit_code == 0, came.output
        return came.output

    assert "Opened: SI-" in ran(str(log), "--year", "2026")
    assert "Opened: none. Grown: none." in ran(str(log), "--year", "2026")
    listed = json.loads(ran("--json"))
    (one,) = listed["incidents"]
    told = ran("show", one["id"])
    assert "Mail server (asset mail" in told
    assert "is still" not in told
    assert "400 people at least" in told
    everything = told + json.dumps(listed) + ran("show", one["id"], "--json")
    assert "erika" not in everything
    assert "person-" in everything
    assert "taken" in ran("take", one["id"], "--by", "Ann Bell")
    with open_city(folder) as opened:
        app = create_app(opened)
        mount_console(app, opened)
        client = TestClient(app)
        for path in ("/security/incidents", f"/security/incidents/{one['id']}", "/security"):
            page = client.get(path)
            assert page.status_code == 200
            assert "erika" not in page.text
        assert "Passwords guessed over SSH" in client.get("/security/incidents").text
        assert client.get("/security/incidents/SI-0000000000").status_code == 404
    assert "closed" in ran("close", one["id"], "--by", "Ann Bell", "--because", WHY)
    assert "No security incident stands open" in ran()

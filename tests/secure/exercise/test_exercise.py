"""Scripts, injects of a cascade, the clock of an exercise, and its report of gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from tests.secure.risk.risk_fixtures import asset, city

from cityward.core.errors import SettingsError, UserError
from cityward.secure.exercise import record
from cityward.secure.exercise.draw import draw, together
from cityward.secure.exercise.record import Exercise
from cityward.secure.exercise.report import tell
from cityward.secure.exercise.script import Script, WrittenInject, read_script, shipped
from cityward.secure.risk.attack import techniques
from cityward.secure.risk.cast import City
from cityward.secure.risk.records import Hit, Need, Scenario
from cityward.secure.risk.trace import trace

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)


def town() -> City:
    return city(
        [
            asset("server", hours=10),
            asset("big", hours=40),
            asset("desk", Need(("server",), buffer_hours=2.0, kind="paper"), people=100, manual="By hand."),
            asset("hall", Need(("big",)), people=5, contact="Hall, 555"),
            asset("apart", people=9),
        ],
        [Scenario("s", techniques=("T1486",), frequency=0.1, hits=(Hit(("server", "big")),))],
    )


SCRIPT = Script(
    id="x",
    name="X",
    scenario="s",
    injects=(WrittenInject(at_minutes=1, to="IT", says="Smoke.", asks="Who?", kind="contain", within_minutes=10),),
)


def begun(**more: object) -> Exercise:
    made = town()
    drawn = draw(made, trace(made, 0, severity=0.5, seed=1))
    one = Exercise(
        id="EX-0000000000", script="x", name="X", scenario="s", seed=1, severity=0.5, speed=1.0, crews=1,
        attended=False, began_at=BEGAN, anchor_at=BEGAN, anchor_minutes=0.0, state="running", shown=0,
        injects=together(SCRIPT, drawn), decisions=(), techniques=("T1486", "T1021.001"), assets=drawn.assets,
        broken=drawn.broken, down_minutes=drawn.down_minutes, notes=(), by="Ana Gómez",
    )  # fmt: skip
    return record.ticked(msgspec.structs.replace(one, **more), BEGAN)


def after(minutes: float) -> datetime:
    return BEGAN + timedelta(minutes=minutes)


def test_the_scripts_that_ship_can_be_played_and_name_real_techniques() -> None:
    assert list(shipped()) == ["atlanta", "data-centre", "pipeline"]
    for script in shipped().values():
        named = {*script.techniques, *(one.technique for one in script.injects if one.technique)}
        assert named <= set(techniques())
        assert all(one.within_minutes for one in script.injects if one.asks)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id = 'x'\nname = 'X'\n",
        "id = 'X Y'\nname = 'X'\nscenario = 's'\n",
        "id = 'x'\nname = 'X'\n[[injects]]\nat_minutes = -1\nto = 'a'\nsays = 'b'\n",
        "id = 'x'\nname = 'X'\n[[injects]]\nat_minutes = 1\nto = 'a'\nsays = 'b'\nasks = 'c'\n",
        "id = 'x'\nname = 'X'\n[[injects]]\nat_minutes = 1\nto = 'a'\nsays = \"\\u001b[2J\"\n",
        "id = 'x'\nname = 'X'\nscenarios = 's'\n",
    ],
)
def test_a_script_that_cannot_be_played_says_why(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(SettingsError):
        read_script(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError):
        read_script(path)


def test_an_event_is_followed_as_the_years_have_it() -> None:
    made = town()
    told = {made.graph.assets[one.asset].id: one for one in trace(made, 0, severity=0.5, seed=1)}
    assert {name: one.struck for name, one in told.items()} == {
        "server": True, "big": True, "desk": False, "hall": False,
    }  # fmt: skip
    assert told["desk"].spells == ((2.0, 10.0),)
    assert told["hall"].spells == ((0.0, 40.0),)
    assert trace(made, 0, severity=0.5, seed=1) == trace(made, 0, severity=0.5, seed=1)
    with pytest.raises(UserError, match="Severity"):
        trace(made, 0, severity=2, seed=1)


def test_injects_tell_what_fails_and_ask_before_a_buffer_ends() -> None:
    one = begun()
    assert [each.number for each in one.injects] == list(range(1, len(one.injects) + 1))
    strike = next(each for each in one.injects if each.kind == "restore")
    assert "server" in strike.says
    assert "big" in strike.says
    desk = next(each for each in one.injects if each.asset == "desk")
    assert desk.buffer
    assert desk.by_minutes == 120
    assert "2 hours (paper)" in desk.says
    assert "apart" not in one.down_minutes


def test_the_clock_runs_stands_still_and_jumps() -> None:
    one = begun(speed=2.0)
    assert record.minutes(one, after(3)) == 6
    held = record.paused(one, after(3))
    assert record.minutes(held, after(500)) == 6
    held = record.resumed(held, after(500))
    assert record.minutes(held, after(501)) == 8
    with pytest.raises(UserError, match="paused"):
        record.decided(record.paused(held, after(501)), after(502), inject=1, what="x", by="Ana Gómez")
    while held.shown < len(held.injects):
        before = held.shown
        held = record.next_inject(held, after(501))
        assert held.shown > before
    with pytest.raises(UserError, match="Everything was told"):
        record.next_inject(held, after(501))
    assert record.minutes(begun(), after(-5)) == 0


def test_a_program_that_died_takes_no_time_from_the_table() -> None:
    attended = record.ticked(begun(attended=True), after(4))
    assert record.minutes(record.resumed(attended, after(600)), after(601)) == 5
    stepwise = record.ticked(begun(), after(4))
    assert record.minutes(record.resumed(stepwise, after(600)), after(601)) == 601


def test_what_was_not_asked_cannot_be_decided() -> None:
    one = begun()
    for inject, order in ((99, ()), (2, ("desk",)), (1, ("server", "server")), (1, ("ghost",))):
        with pytest.raises(UserError):
            record.decided(one, after(0), inject=inject, what="x", by="Ana Gómez", order=order)


def played() -> Exercise:
    """The order chosen is the worse one, one thing is late, the buffer of the desk ends before a decision."""
    one = begun()
    restore, smoke, desk = (
        next(each.number for each in one.injects if getattr(each, name) == value)
        for name, value in (("kind", "restore"), ("kind", "contain"), ("asset", "desk"))
    )
    one = record.decided(
        one, after(2), inject=restore, what="Big first", by="Ana Gómez", owner="IT", order=("big", "server")
    )
    one = record.decided(one, after(60), inject=smoke, what="IT does", by="Ben Okri")
    return record.decided(one, after(130), inject=desk, what="By hand", by="Ben Okri", owner="Desk")


def test_the_report_names_each_gap_and_no_person() -> None:
    told = tell(record.ticked(played(), after(200)), ["T1021"])
    kinds = {gap.kind for gap in told.gaps}
    assert kinds == {
        "late", "undecided", "buffer ended", "no owner", "no contact", "no manual mode", "order", "no playbook",
    }  # fmt: skip
    (order,) = (gap for gap in told.gaps if gap.kind == "order")
    # The desk waits 50 hours instead of 10 while the hall is back after 40 instead of 50.
    assert order.citizen_hours == pytest.approx(100 * 40 - 5 * 10)
    assert told.order_computed == ("server", "big")
    assert [gap.what for gap in told.gaps if gap.kind == "no playbook"] == ["There is no playbook for T1486."]
    assert told.decide_minutes == 2
    assert not told.met
    text = msgspec.json.encode(told).decode()
    assert "Ana" not in text
    assert "Okri" not in text


def test_an_exercise_without_gaps_says_so() -> None:
    one = begun(injects=SCRIPT_ONLY, assets=(), broken=())
    one = record.decided(record.next_inject(one, after(0)), after(3), inject=1, what="x", by="Ana Gómez", owner="IT")
    told = tell(one, ["T1486", "T1021"])
    assert (told.gaps, told.met, told.decide_minutes) == ((), True, None)
    assert "no gap was found" in told.headline


SCRIPT_ONLY = together(SCRIPT, draw(town(), []))

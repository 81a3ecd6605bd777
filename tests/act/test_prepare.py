"""What is proposed when a warning is open: alternatives with their effect, and doing nothing."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from cityward.act.options import DO_NOTHING
from cityward.act.prepare import MOST, Effort, prepare
from cityward.answerable.registry import read_systems
from cityward.core.frames import OUTLOOK, conform
from cityward.core.records import EarlyWarning

WARNING = EarlyWarning(
    id="A-0123456789", service="Water", territory="side:West", level="side", name="West", opened=date(2014, 6, 30),
    as_of=date(2014, 6, 30), horizon_days=7, probability=0.7, climatology=0.2, expected=60.0, low=45.0, high=75.0,
    capacity=50.0, capacity_from="estimated", open_cases=20, weeks=80, brier=0.1, brier_climatology=0.16,
    sentence="West will probably send more.", moments=((date(2014, 6, 30), 0.7),),
)  # fmt: skip
EFFORT = {"Water": Effort(30, 90.0, "USD")}
MEMBERS = {"side:West": (("1", "2"), 1000.0)}


def others(*rooms: tuple[str, float, float]) -> pl.DataFrame:
    rows = [
        {"service": "Water", "territory": f"side:{name}", "level": "side", "name": name, "capacity": capacity,
         "high": high, "open_cases": 0}
        for name, capacity, high in rooms
    ]  # fmt: skip
    frame = pl.DataFrame(rows) if rows else pl.DataFrame(schema={"service": pl.String})
    return conform(frame, OUTLOOK)


def test_an_extra_crew_is_counted_in_hours_and_money() -> None:
    (found,) = prepare([WARNING], others(), efforts=EFFORT, members=MEMBERS)
    crew, nothing = found.options
    assert (crew.title, crew.recommended) == ("An extra crew for 1 day", True)
    assert (crew.crew_hours, crew.cost) == (5.0, 450.0)  # ten reports too many, half an hour each
    # 20 wait, 60 come (45 to 75), 50 are done: 30 (15 to 45); ten fewer with the crew.
    assert "About 20 (5 to 35) reports would wait after 7 days instead of 30 (15 to 45)." in crew.effect
    assert (crew.effect_low, crew.effect_high) == (10.0, 10.0)
    assert nothing.title == DO_NOTHING
    assert "About 30 (15 to 45) reports would wait after 7 days; 20 do now." in nothing.effect
    assert (nothing.crew_hours, nothing.cost, nothing.effect_low, nothing.effect_high) == (0.0, 0.0, 0.0, 0.0)
    assert (found.about, found.territories, crew.people) == (WARNING.id, ("1", "2"), 1000.0)


def test_the_side_with_most_room_helps_first_if_it_has_enough() -> None:
    (found,) = prepare([WARNING], others(("North", 50, 30), ("East", 50, 45)), efforts=EFFORT, members=MEMBERS)
    assert [one.title for one in found.options] == ["Move crews from North", "An extra crew for 1 day", DO_NOTHING]
    assert [one.recommended for one in found.options] == [True, False, False]
    assert "North would keep room for 10 reports more than it expects" in found.options[0].effect
    assert found.action == found.options[0].action


def test_a_side_with_too_little_room_is_an_alternative_only() -> None:
    (found,) = prepare([WARNING], others(("East", 50, 45)), efforts=EFFORT, members=MEMBERS)
    assert [one.title for one in found.options] == ["An extra crew for 1 day", "Move crews from East", DO_NOTHING]
    assert (found.options[1].effect_low, found.options[1].effect_high) == (5.0, 5.0)


def test_an_effect_is_bounded_by_what_there_is_to_do() -> None:
    calm = EarlyWarning(**{name: getattr(WARNING, name) for name in WARNING.__struct_fields__} | {"open_cases": 0})
    (found,) = prepare([calm], others(), efforts=EFFORT, members=MEMBERS)
    assert (found.options[0].effect_low, found.options[0].effect_high) == (0.0, 10.0)


def test_what_it_costs_is_unknown_where_no_hour_has_a_price() -> None:
    (found,) = prepare([WARNING], others(), efforts={"Water": Effort(30, None, "")}, members=MEMBERS)
    assert [one.cost for one in found.options] == [None, None]
    assert "nobody stated what can be done" in found.options[0].known_from


def test_many_reports_take_many_crews() -> None:
    flood = EarlyWarning(**{name: getattr(WARNING, name) for name in WARNING.__struct_fields__} | {"expected": 500.0})
    (found,) = prepare([flood], others(), efforts=EFFORT, members=MEMBERS)
    assert found.options[0].title == "5 extra crews for 7 days"
    assert found.options[0].crew_hours == pytest.approx(225.0)


def test_few_are_proposed_with_names_that_last() -> None:
    many = [
        EarlyWarning(**{name: getattr(WARNING, name) for name in WARNING.__struct_fields__} | {"id": f"A-{at:010d}"})
        for at in range(6)
    ]
    found = prepare(many, others(), efforts=EFFORT, members=MEMBERS)
    assert [one.about for one in found] == [one.id for one in many[:MOST]]
    assert found == prepare(many, others(), efforts=EFFORT, members=MEMBERS)


def test_the_system_that_proposes_is_registered(tmp_path) -> None:
    (found,) = prepare([WARNING], others(), efforts=EFFORT, members=MEMBERS)
    assert found.system in read_systems(tmp_path).systems

"""The whole answer: change, alarm, convergence, mobility, and what is said of changed boundaries and missing values."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from cityward.equitable.divide.examine import Question, examine
from cityward.equitable.divide.over_time import years_between
from cityward.equitable.divide.reading import Asked, read_values
from cityward.equitable.divide.report import Divide, OverTime

Floats = NDArray[np.float64]
DRAWS = 200


def told(first: Floats, last: Floats, **more: Any) -> Divide:
    """Two years of the same places."""
    names = [f"p{at:03}" for at in range(len(first))]
    rows = pl.DataFrame(
        {"p": names * 2, "y": ["2010"] * len(first) + ["2020"] * len(last), "v": np.concatenate([first, last])}
    )
    values = read_values(rows, Asked(value="v", place=("p",), time=("y",)))
    return examine(values, "v", Question(draws=DRAWS, **more))


def over(found: Divide) -> OverTime:
    assert found.over_time
    return found.over_time


START = np.linspace(1, 30, 60)


def test_a_roll_out_to_those_ahead_raises_the_alarm() -> None:
    alarm = over(told(START, START * np.linspace(1, 1.8, 60))).alarm
    assert (alarm.raised, alarm.relative, alarm.absolute) == (True, True, True)
    assert "widened while the mean rose" in alarm.says


def test_doubling_all_widens_the_distance_alone() -> None:
    found = over(told(START, 2 * START))
    assert (found.alarm.raised, found.alarm.relative, found.alarm.absolute) == (True, False, True)
    assert found.change.gini.value == pytest.approx(0, abs=1e-12)
    assert found.convergence.verdict == "cannot tell"


def test_catching_up_is_no_alarm_and_is_seen_by_both_tests() -> None:
    found = over(told(START, START + 10 * (1 - START / 40)))
    assert not found.alarm.raised
    assert found.convergence.verdict == "those behind catch up, and the spread shrinks"
    assert found.convergence.beta.high is not None
    assert found.convergence.beta.high < 0
    assert found.convergence.years == 10


def test_beta_and_half_life_of_a_known_law() -> None:
    """Half of the distance of logarithms is gone after ten years."""
    logs = np.linspace(0, 3, 50)
    converged = over(told(np.exp(logs), np.exp(1.5 + 0.5 * (logs - 1.5)))).convergence
    assert converged.beta.value == pytest.approx(-0.05)
    assert converged.half_life_years == pytest.approx(10)


def test_mobility_counts_every_place_and_nobody_moves_when_none_does() -> None:
    still = over(told(START, START + 1)).mobility
    assert still
    assert (still.stayed_share.value, still.shorrocks.value, still.up, still.down) == (1, 0, 0, 0)
    turned = over(told(START, START[::-1].copy())).mobility
    assert turned
    assert sum(map(sum, turned.table)) == 60
    assert turned.shorrocks.value == pytest.approx(1.0)


def test_who_advanced_and_who_fell_back() -> None:
    last = START.copy()
    last[0], last[-1] = 40, 0.5
    found = over(told(START, last))
    assert (found.advanced[0].place, found.advanced[0].rank_before, found.advanced[0].rank_after) == ("p000", 60, 1)
    assert (found.fell_back[0].place, found.fell_back[0].rank_after) == ("p059", 60)
    assert (found.rose, found.fell) == (1, 1)


def test_places_that_are_there_at_one_end_only_are_named() -> None:
    rows = pl.DataFrame(
        {
            "p": ["a", "b", "c", "a", "b", "d"],
            "y": ["2010"] * 3 + ["2020"] * 3,
            "v": [1.0, 2, 3, 2, 3, 4],
            "n": [10, 10, 10, 25, 10, 10],
        }
    )
    values = read_values(rows, Asked(value="v", place=("p",), time=("y",), weight="n"))
    edges = over(examine(values, "v", Question(draws=DRAWS))).boundaries
    assert (edges.both, edges.only_before, edges.only_after, edges.people_changed) == (2, ("c",), ("d",), ("a",))


def test_a_value_that_half_of_the_places_lack_is_told_first_of_all() -> None:
    rows = pl.DataFrame({"p": [f"p{at}" for at in range(30)], "v": [None if at % 3 else 1.0 + at for at in range(30)]})
    found = examine(read_values(rows, Asked(value="v", place=("p",))), "v", Question(draws=DRAWS))
    assert (found.figures[0].places, found.figures[0].without_value) == (10, 20)
    assert any("More than half of the places have no value" in note for note in found.notes)


def test_groups_add_up_and_small_ones_are_flagged() -> None:
    rows = pl.DataFrame(
        {
            "p": [f"p{at}" for at in range(30)],
            "v": np.linspace(1, 9, 30),
            "g": ["north"] * 20 + ["south"] * 8 + [None] * 2,
        }
    )
    found = examine(
        read_values(rows, Asked(value="v", place=("p",), group="g")), "v", Question(draws=DRAWS, floor=3.0)
    ).figures[0]
    assert found.decomposed
    parts = found.decomposed.theil_t_within.value, found.decomposed.theil_t_between.value
    assert sum(part or 0 for part in parts) == pytest.approx(found.theil_t.value)
    assert {one.group: one.small for one in found.decomposed.groups} == {
        "north": False,
        "south": True,
        "(no group)": True,
    }
    assert found.decomposed.ungrouped == 2
    assert found.floor
    assert found.floor.places.value == 8


def test_a_place_at_zero_leaves_theils_l_without_a_value_and_says_why() -> None:
    rows = pl.DataFrame({"p": list("abcdefghijkl"), "v": [0.0, *range(1, 12)]})
    found = examine(read_values(rows, Asked(value="v", place=("p",))), "v", Question(draws=DRAWS)).figures[0]
    assert found.theil_l.value is None
    assert "at zero" in (found.theil_l.why or "")
    assert found.theil_t.value is not None


def test_the_same_question_has_the_same_answer() -> None:
    assert told(START, START * 1.2) == told(START, START * 1.2)


@pytest.mark.parametrize(
    ("before", "after", "years"),
    [("2016-4", "2023-3", 6.75), ("2010", "2020", 10.0), ("1", "2", None), ("2020", "2020", None)],
)
def test_years_between(before: str, after: str, years: float | None) -> None:
    assert years_between(before, after) == years

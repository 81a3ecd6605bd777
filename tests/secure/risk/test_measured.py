"""Times of repair from drills: nothing without them, a little after a few, much after many, wider when missed."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.secure.risk.risk_fixtures import asset

from cityward.secure.risk.measured import Trial, predicted, student_quantiles, with_drills
from cityward.secure.risk.quantities import Estimate, Quantity, drawn, quantiles
from cityward.secure.risk.records import Inventory

GUESS = Estimate(interval=(60, 900))
DAY = datetime(2026, 1, 2, tzinfo=UTC)


def trials(*hours: float | None, met: bool = True) -> list[Trial]:
    return [Trial(kind="ransomware", at=DAY, hours=one, met=met) for one in hours]


def told(quantity: Quantity) -> list[float]:
    return quantiles(drawn(quantity, "x"), np.array([0.1, 0.5, 0.9])).tolist()


def test_quantiles_of_student_are_those_of_the_tables() -> None:
    at = np.array([0.025, 0.5, 0.9, 0.975, 0.995])
    assert student_quantiles(5.0, at) == pytest.approx([-2.5706, 0, 1.4759, 2.5706, 4.0321], abs=2e-4)
    assert student_quantiles(1.0, np.array([0.75])) == pytest.approx([1.0], abs=1e-6)
    assert student_quantiles(30.0, np.array([0.95])) == pytest.approx([1.6973], abs=2e-4)


def test_without_drills_the_estimate_stays_and_a_few_move_it_a_little() -> None:
    assert predicted(GUESS, []) is GUESS
    one, ten, forty = (told(predicted(GUESS, trials(*[50.0] * count))) for count in (1, 10, 40))
    assert 50 < forty[1] < ten[1] < one[1] < told(GUESS)[1]
    assert forty[2] / forty[0] < ten[2] / ten[0] < one[2] / one[0]
    assert forty[1] == pytest.approx(math.exp((2 * math.log(232.379) + 40 * math.log(50)) / 42), rel=0.02)


def test_missed_drills_widen_and_one_that_did_not_come_back_counts_as_the_longest() -> None:
    met, missed = (told(predicted(GUESS, trials(200, 250, 300, met=one))) for one in (True, False))
    assert missed[2] > met[2]
    assert missed[0] < met[0]
    lost = told(predicted(GUESS, trials(200, 250, None, met=False)))
    assert lost[1] > missed[1]


def test_what_contradicts_the_estimate_makes_it_less_sure_until_there_is_much_of_it() -> None:
    second = 1 / 60
    before, few, many = told(GUESS), *(told(predicted(GUESS, trials(*[second] * n))) for n in (2, 40))
    assert few[2] > before[2]
    assert few[0] < before[0]
    assert many[2] < before[0]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=8), st.booleans(), st.floats(0, 1e4))
def test_whatever_is_measured_gives_hours_that_can_be_drawn(hours: list[float], met: bool, fixed: float) -> None:
    made = drawn(predicted(fixed, trials(*hours, met=met)), "x")
    assert math.isfinite(made.mean)
    assert 0 < made.least <= made.mean <= made.most
    assert made.most <= max(2.1 * fixed, *hours, 1e-3) * 1.001


def test_only_assets_that_name_a_drill_that_was_run_change() -> None:
    assets = (
        asset("a", hours=10, drilled_by=("ransomware",)),
        asset("b", hours=10, drilled_by=("lost-disk",)),
        asset("c", hours=10),
        asset("d", drilled_by=("ransomware",)),
    )
    changed, measured = with_drills(Inventory(assets, {}), trials(1000.0, 5.0))
    assert [one.asset for one in measured] == ["a"]
    assert measured[0].contradict
    assert changed.assets[1:] == assets[1:]
    assert changed.assets[0].repair_hours != 10

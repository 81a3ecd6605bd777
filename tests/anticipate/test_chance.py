"""Probabilities: tails by summing, calibration of made worlds, and when a model may be called better."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.anticipate.chance import (
    brier,
    clearly_better,
    exceeds,
    logistic,
    recalibrated,
    recalibration,
    share_interval,
)


def tail(mean: float, wide: float, capacity: float) -> float:
    """P(X > capacity) of a negative binomial, term by term through logarithms of factorials."""
    size = 1 / wide
    terms = [
        math.exp(
            math.lgamma(count + size)
            - math.lgamma(size)
            - math.lgamma(count + 1)
            + size * math.log(size / (size + mean))
            + count * math.log(mean / (size + mean))
        )
        for count in range(int(capacity) + 1)
    ]
    return 1 - math.fsum(terms)


@given(st.floats(0.1, 150), st.floats(0.01, 2.0), st.integers(0, 200))
@settings(deadline=None, max_examples=80)
def test_the_tail_is_that_of_the_negative_binomial(mean: float, wide: float, capacity: int) -> None:
    found = exceeds(np.array(mean), np.array(wide), np.array(float(capacity)))
    assert float(found) == pytest.approx(tail(mean, wide, capacity), abs=1e-9)


@pytest.mark.parametrize(("mean", "wide"), [(400.0, 0.01), (250.0, 0.05), (900.0, 0.02), (300.0, 0.2)])
def test_large_capacities_are_approximated_closely(mean: float, wide: float) -> None:
    for factor in (0.7, 1.0, 1.3, 1.7):
        capacity = math.floor(mean * factor) + 200
        found = float(exceeds(np.array(mean), np.array(wide), np.array(float(capacity))))
        assert found == pytest.approx(tail(mean, wide, capacity), abs=0.004)


def test_unknown_capacity_is_unknown_and_nothing_expected_exceeds_nothing() -> None:
    found = exceeds(np.array([5.0, 0.0, 5.0]), np.zeros(3), np.array([np.nan, 3.0, 0.0]))
    assert math.isnan(found[0])
    assert found[1] == 0
    assert found[2] == pytest.approx(1 - math.exp(-5), abs=1e-4)


def test_recalibration_finds_the_truth_of_a_made_world() -> None:
    chance = np.random.default_rng(1)
    truth = chance.normal(-1.0, 1.5, 40_000)
    happened = chance.random(40_000) < logistic(truth)
    told = logistic(0.8 + 2.0 * truth)  # overconfident, and off
    line = recalibration(told, happened)
    inner = np.abs(truth) < 2
    assert recalibrated(told, line)[inner] == pytest.approx(logistic(truth)[inner], abs=0.02)


def test_what_cannot_happen_stays_impossible() -> None:
    assert recalibrated(np.array([0.0, np.nan]), np.array([3.0, 1.0]))[0] == 0.0


def test_brier_by_hand() -> None:
    assert brier(np.array([0.9, 0.2]), np.array([True, False])) == pytest.approx((0.01 + 0.04) / 2)
    assert math.isnan(brier(np.zeros(0), np.zeros(0, dtype=bool)))


def test_only_what_is_better_in_many_weeks_is_clearly_better() -> None:
    chance = np.random.default_rng(2)
    week = np.repeat(np.arange(60), 5)
    truth = chance.random(60)[week]
    happened = chance.random(300) < truth
    rate = np.full(300, 0.5)
    assert clearly_better(truth, rate, happened, week)
    assert not clearly_better(rate, rate, happened, week)
    assert not clearly_better(chance.random(300), rate, happened, week)
    assert not clearly_better(truth[:100], rate[:100], happened[:100], week[:100])  # twenty weeks only


def test_a_lucky_week_of_many_places_is_one_piece_of_evidence() -> None:
    week = np.concatenate([np.zeros(1000, dtype=int), np.arange(1, 40)])
    happened = np.concatenate([np.ones(1000, dtype=bool), np.zeros(39, dtype=bool)])
    bold = np.full(1039, 0.5)
    assert not clearly_better(bold, np.full(1039, 0.1), happened, week)


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = share_interval(0, 0)
    assert (low, high) == (0.0, 1.0)
    low, high = share_interval(5, 10)
    assert (low, high) == pytest.approx((0.2693, 0.7307), abs=1e-3)
    assert share_interval(0, 20)[0] == 0.0

"""Intervals of readiness hold what they promise: neither 30 % narrower nor 30 % wider ones would."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cityward.equitable.reporting_fit import SPREADS, Evidence, Floats, draw, pool

NINETY = (0.88, 0.92)


ALONE = np.eye(len(SPREADS))[-1]
"""Only the largest spread: places borrow next to nothing from each other."""


def cities(
    spread: float, *, places: int, reports: float, number: int, slope: float = 0.0, alone: bool = False
) -> tuple[Floats, ...]:
    """Planted log readiness, and the ends and the middle of its interval, over ``number`` simulated cities."""
    columns = []
    for seed in range(number):
        rng = np.random.default_rng([seed, places, round(1000 * spread)])
        design = np.column_stack([np.ones(places), rng.standard_normal(places)])
        truth = slope * design[:, 1] + spread * rng.standard_normal(places)
        expected = reports * rng.gamma(1.5, 1 / 1.5, places) + 0.2
        size = np.maximum(expected / 0.8, 0.05)
        events = rng.poisson(expected * np.exp(truth) * rng.gamma(size, 1 / size)).astype(float)
        evidence = Evidence(events, expected, size)
        pooled = pool(evidence, design)
        drawn = draw(evidence, design, replace(pooled, weights=ALONE) if alone else pooled, 400, rng)
        drawn -= np.log(np.exp(drawn).mean(axis=1, keepdims=True))
        low, middle, high = np.quantile(drawn, (0.05, 0.5, 0.95), axis=0)
        columns.append((truth - np.log(np.exp(truth).mean()), low, middle, high))
    return tuple(np.concatenate(column) for column in zip(*columns, strict=True))


def held(found: tuple[Floats, ...], stretch: float = 1.0) -> float:
    truth, low, middle, high = found
    inside = (truth >= middle - stretch * (middle - low)) & (truth <= middle + stretch * (high - middle))
    return float(inside.mean())


@pytest.mark.parametrize(
    ("spread", "places", "reports", "number", "slope"),
    [(0.4, 60, 30.0, 20, 0.0), (0.8, 60, 5.0, 20, 0.3), (0.6, 20, 30.0, 50, 0.0), (0.4, 400, 10.0, 4, 0.2)],
)
def test_ninety_percent_hold_where_places_differ(
    spread: float, places: int, reports: float, number: int, slope: float
) -> None:
    found = cities(spread, places=places, reports=reports, number=number, slope=slope)
    assert NINETY[0] <= held(found) <= NINETY[1]
    assert held(found, 0.7) < NINETY[0]
    assert held(found, 1.3) > NINETY[1]


def test_where_places_are_alike_intervals_are_too_wide_and_never_accuse() -> None:
    found = cities(0.0, places=60, reports=30.0, number=12)
    assert held(found) > 0.97
    assert (found[3] > 0).mean() > 0.98
    assert (found[3] > -np.log(1.1)).mean() > 0.99


def test_only_intervals_that_borrow_nothing_hold_ninety_percent_there_and_they_are_far_wider() -> None:
    alone, together = (cities(0.0, places=60, reports=30.0, number=8, alone=alone) for alone in (True, False))
    assert 0.87 <= held(alone) <= 0.93
    assert np.median(alone[3] - alone[1]) > 2 * np.median(together[3] - together[1])


def test_the_less_places_differ_the_more_intervals_hold() -> None:
    shares = [held(cities(spread, places=60, reports=30.0, number=16)) for spread in (0.05, 0.1, 0.2)]
    assert sorted(shares, reverse=True) == shares
    assert 0.87 <= shares[-1] <= 0.93


def test_where_the_spread_can_hardly_be_seen_intervals_are_not_much_too_narrow() -> None:
    """A prior that favours places being alike would cover less here (79 to 84 % of 90, flat in the log)."""
    assert 0.86 <= held(cities(0.15, places=60, reports=30.0, number=24)) <= 0.95

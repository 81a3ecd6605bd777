"""Simulated cities and Chicago itself: how often an effect is told that is not there, and a planted one found."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cityward.act.counterfactual import Case, Expected, fading, going_on, wander
from cityward.act.course import HORIZON_DAYS, Daily, Surges, daily, neighbour_groups, past_surges
from cityward.act.outcome import FEWER, judge
from cityward.city import open_city
from cityward.core.clock import rng
from cityward.core.frames import CUBE

SEED = 20140630
FIRST_ACTION = 450


@pytest.fixture(scope="module")
def chicago_days(demo_folder: Path) -> tuple[Daily, np.ndarray]:
    """Three and a half years in which nobody acted on what cityward finds."""
    with open_city(demo_folder) as city:
        index, turn = city.level(None)[0], city.turn()
        counts = city.turn_frame("cube", CUBE)
    assert turn
    known = daily(counts, index.ids, until=turn.as_of)
    return known, neighbour_groups(index.centroids[:, 0], index.centroids[:, 1])


def a_case(known: Daily, groups: np.ndarray, service: int, group: int, action: int, length: int) -> Case:
    counts = known.counts[service]
    inside = counts[:, groups[group]].sum(axis=1)
    stray = wander(counts, groups, int(groups[group].sum()), action)
    return Case(
        inside, counts.sum(axis=1) - inside, action - length + 1, action, HORIZON_DAYS, known.first.weekday(), stray
    )


def surge_cases(known: Daily, groups: np.ndarray) -> list[Case]:
    """Placebos as needs are: found for being high. Seen from two days of the week."""
    found = []
    for phase in (0, 3):
        shifted = replace(known, counts=known.counts[:, phase:])
        surges = past_surges(shifted, groups, until=shifted.days - 1)
        for at in np.flatnonzero(surges.day + phase >= FIRST_ACTION):
            where = int(surges.service[at]), int(surges.group[at]), int(surges.day[at]) + phase
            found.append(a_case(known, groups, *where, int(surges.length_days[at])))
    return found


def expectations(cases: list[Case], surges: Surges) -> list[tuple[Case, Expected, Expected]]:
    found = []
    for number, one in enumerate(cases):
        random = rng(SEED, "placebo", number)
        going, faded = going_on(one, random)[0], fading(one, surges.by(one.action), random)
        if faded:
            found.append((one, going, faded[0]))
    return found


def fewer(rows: list[tuple[Case, Expected, Expected]], reduced: float = 0.0) -> np.ndarray:
    random = rng(SEED, "thinned")
    counts = [int(random.binomial(one.inside[one.after].sum(), 1 - reduced)) for one, _, _ in rows]
    return np.array([judge(count, *row[1:]) == FEWER for count, row in zip(counts, rows, strict=True)])


@pytest.fixture(scope="module")
def surges_of_chicago(chicago_days: tuple[Daily, np.ndarray]) -> list[tuple[Case, Expected, Expected]]:
    known, groups = chicago_days
    return expectations(surge_cases(known, groups), past_surges(known, groups, until=known.days - 1))


def test_of_surges_nobody_acted_on_hardly_one_is_called_an_effect(
    surges_of_chicago: list[tuple[Case, Expected, Expected]],
) -> None:
    rows = surges_of_chicago
    assert len(rows) >= 40
    assert fewer(rows).mean() <= 0.05
    # The days before alone would call most of them an effect: needs are found when they are high.
    alone = np.mean([one.inside[one.after].sum() < going.low for one, going, _ in rows])
    assert alone > 0.3


def test_a_planted_reduction_is_found_the_more_often_the_larger(
    surges_of_chicago: list[tuple[Case, Expected, Expected]],
) -> None:
    none, half, most = (fewer(surges_of_chicago, reduced).mean() for reduced in (0.0, 0.5, 0.8))
    assert none < half < most
    assert half > 0.15
    assert most > 0.5


def test_at_drawn_areas_and_days_false_alarms_and_intervals_are_nominal(
    chicago_days: tuple[Daily, np.ndarray],
) -> None:
    known, groups = chicago_days
    random = rng(SEED, "drawn")
    busy = np.flatnonzero(known.counts.sum(axis=(1, 2)) > 1_000)
    last = known.days - HORIZON_DAYS
    cases = [
        a_case(
            known,
            groups,
            int(random.choice(busy)),
            int(random.integers(len(groups))),
            int(random.integers(FIRST_ACTION, last)),
            int(random.integers(3, 29)),
        )
        for _ in range(120)
    ]
    rows = expectations(cases, past_surges(known, groups, until=known.days - 1))
    assert len(rows) > 60
    assert fewer(rows).mean() <= 0.06
    for at in (1, 2):
        held = [row[at].low <= row[0].inside[row[0].after].sum() <= row[at].high for row in rows]
        assert np.mean(held) >= 0.82


@pytest.mark.parametrize("effect", [1.0, 0.5])
def test_in_a_simulated_city_the_going_on_interval_holds_the_truth(effect: float) -> None:
    """Without an effect 90 % of intervals hold the count; with half the reports fewer than half of them do."""
    held = []
    for number in range(80):
        random = rng(number, "simulated")
        season = 1 + 0.5 * np.sin(np.arange(500) / 58)
        inside = random.poisson(2 * season * np.where(np.arange(500) > 460, effect, 1.0))
        outside = random.poisson(20 * season)
        one = Case(inside, outside, 447, 460, HORIZON_DAYS, date(2012, 1, 2).weekday())
        expected, _ = going_on(one, random)
        held.append(expected.low <= inside[one.after].sum() <= expected.high)
    if effect == 1.0:
        assert 0.84 <= np.mean(held) <= 0.98
    else:
        assert np.mean(held) < 0.5


def test_the_cube_of_the_demonstration_is_whole(chicago_days: tuple[Daily, np.ndarray]) -> None:
    known, groups = chicago_days
    assert known.counts.shape[2] == groups.shape[1] == 77
    assert isinstance(known.services, tuple)
    assert pl.Series(known.services).is_sorted()

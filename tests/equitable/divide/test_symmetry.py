"""Symmetry: the same figure by groups of areas, and when it may be said to differ."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.equitable.divide.symmetry import Durations, Grouping, Rate, Symmetry, symmetry

AREAS = 30
GROUPS = Grouping("internet", ("least internet", "middle internet", "most internet"), np.repeat([0, 1, 2], 10))


def told(measure: Rate | Durations) -> Symmetry:
    return symmetry([measure], [GROUPS], np.random.default_rng(1))[0]


def waits(days: list[float]) -> Durations:
    """A hundred reports in each area, which wait so many days by its group."""
    rows = np.tile([25.0, 50.0, 25.0], AREAS)
    around = np.concatenate([[one - 1, one, one + 1] for one in np.repeat(days, 10)])
    return Durations("days", "", "lower", np.repeat(np.arange(AREAS), 3), around, rows)


def test_a_clear_difference_is_told_with_its_ratio() -> None:
    found = told(waits([8.0, 4.0, 2.0]))
    assert [one.figure.value for one in found.groups] == [8, 4, 2]
    assert (found.ratio.value, found.difference.value, found.verdict) == (4, 6, "differs")
    assert found.says.startswith(
        "Days: 8 in areas with the least internet, 2 in areas with the most internet: 4.00 times"
    )


def test_alike_is_told_as_alike() -> None:
    assert told(waits([4.0, 4.0, 4.0])).verdict == "alike"


def test_what_is_still_open_counts_as_longer() -> None:
    measure = waits([4.0, 4.0, 4.0])
    days = measure.days.copy()
    days[:30] = np.inf  # all of the first group
    found = told(Durations("days", "", "lower", measure.area, days, measure.rows))
    assert found.groups[0].figure.value is None
    assert found.groups[0].figure.why == "more than half are not over"
    assert found.verdict == "cannot tell"


def test_few_are_flagged_and_not_compared() -> None:
    events = np.full(AREAS, 0.5)
    found = told(Rate("needs", "", "neither", events, np.full(AREAS, 1000.0), events))
    assert all(one.small for one in found.groups)
    assert found.verdict == "few"
    assert "too little is known" in found.says


def test_a_rate_is_a_ratio_of_sums() -> None:
    random = np.random.default_rng(4)
    people = random.uniform(100, 1000, AREAS)
    found = told(Rate("heard", "", "higher", 2 * people, people, np.full(AREAS, 100.0)))
    assert [one.figure.value for one in found.groups] == pytest.approx([2, 2, 2])
    assert found.verdict == "alike"


def test_chance_seldom_looks_like_a_difference() -> None:
    random = np.random.default_rng(9)
    wrong = 0
    for _ in range(40):
        events = random.poisson(100 * random.gamma(10, 0.1, AREAS)).astype(float)
        wrong += told(Rate("heard", "", "higher", events, np.full(AREAS, 100.0), events)).verdict == "differs"
    assert wrong <= 7  # 5 % are said, and few areas in a group make it somewhat more

"""Limits of rates: what must hold of any counts, and how often they cover when that is tried."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.answerable.audit import comparisons, intervals
from cityward.core.beta import incomplete_beta
from cityward.core.clock import rng

COUNTS = st.integers(0, 3_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def one(pair: tuple[int, int]) -> intervals.Interval:
    return np.array([float(pair[0])]), np.array([float(pair[1])])


@settings(deadline=None)
@given(COUNTS, st.floats(0.5, 0.999))
def test_exact_limits_hold_the_rate_and_leave_each_tail_its_share(pair: tuple[int, int], level: float) -> None:
    count, out_of = one(pair)
    low, high = intervals.clopper_pearson(count, out_of, level)
    tail = (1 - level) / 2
    assert 0 <= low[0] <= high[0] <= 1
    if pair[1]:
        assert low[0] - 1e-12 <= pair[0] / pair[1] <= high[0] + 1e-12
    if pair[0] > 0:  # so many or more have just the chance of a tail at the lower limit
        assert incomplete_beta(count, out_of - count + 1, low)[0] == pytest.approx(tail, rel=1e-5)
    if pair[0] < pair[1]:
        assert 1 - incomplete_beta(count + 1, out_of - count, high)[0] == pytest.approx(tail, rel=1e-5)


@settings(deadline=None)
@given(COUNTS, COUNTS)
def test_differences_and_ratios_turn_round_with_the_groups(first: tuple[int, int], second: tuple[int, int]) -> None:
    low, high = intervals.difference(one(first), one(second))
    other_low, other_high = intervals.difference(one(second), one(first))
    assert low[0] == pytest.approx(-other_high[0], abs=1e-9)
    assert high[0] == pytest.approx(-other_low[0], abs=1e-9)
    assert -1 <= low[0] <= high[0] <= 1
    least, most = intervals.ratio(one(first), one(second))
    assert 0 <= least[0] <= most[0]
    if first[1] and second[0]:
        value = first[0] / first[1] / (second[0] / second[1])
        assert least[0] <= value * (1 + 1e-9) + 1e-12
        assert most[0] >= value * (1 - 1e-9) - 1e-12


@pytest.mark.parametrize(("p", "n"), [(0.02, 40), (0.3, 15), (0.5, 200), (0.97, 60)])
def test_exact_limits_cover_at_least_as_often_as_they_say(p: float, n: int) -> None:
    k = np.arange(n + 1, dtype=float)
    chance = np.exp(comparisons._log_choose(n, k) + k * np.log(p) + (n - k) * np.log(1 - p))
    low, high = intervals.clopper_pearson(k, np.full(n + 1, float(n)))
    assert chance[(low <= p) & (p <= high)].sum() >= 0.95


@pytest.mark.parametrize(("p", "n", "q", "m"), [(0.3, 60, 0.2, 80), (0.05, 150, 0.08, 90)])
def test_limits_of_differences_and_ratios_cover_nearly_as_often_as_they_say(p: float, n: int, q: float, m: int) -> None:
    random = rng(7, "coverage", n)
    first = random.binomial(n, p, 4_000).astype(float), np.full(4_000, float(n))
    second = random.binomial(m, q, 4_000).astype(float), np.full(4_000, float(m))
    low, high = intervals.difference(first, second)
    assert np.mean((low <= p - q) & (p - q <= high)) >= 0.935
    least, most = intervals.ratio(first, second)
    assert np.mean((least <= p / q) & (p / q <= most)) >= 0.935


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_corrections_never_make_a_chance_smaller_and_keep_the_order(values: list[float]) -> None:
    p = np.array(values)
    for adjusted in (comparisons.holm(p), comparisons.benjamini_hochberg(p)):
        assert np.all(adjusted >= p - 1e-15)
        assert np.all(adjusted <= 1)
        assert np.all(np.diff(adjusted[np.argsort(p, kind="stable")]) >= -1e-15)
    assert np.all(comparisons.holm(p) >= comparisons.benjamini_hochberg(p) - 1e-12)


def test_fishers_tea() -> None:
    """Source: Fisher 1935: three of four cups told right, p = 0.4857."""
    found = comparisons.p_values(*(np.array([x]) for x in (3.0, 4.0, 1.0, 4.0)))
    assert found[0] == pytest.approx(0.48571, abs=1e-5)
    assert np.isnan(comparisons.p_values(*(np.array([x]) for x in (0.0, 0.0, 1.0, 4.0)))[0])

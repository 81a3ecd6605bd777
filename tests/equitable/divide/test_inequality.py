"""Inequality: closed forms, what must not change it, and what must lower it."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cityward.equitable.divide import inequality
from cityward.equitable.divide.inequality import only

Floats = NDArray[np.float64]
AMOUNTS = st.lists(st.floats(0.01, 1e6), min_size=2, max_size=30)


def measures(values: Floats, weights: Floats | None = None) -> dict[str, float]:
    """Every measure of one weighting."""
    people = only(values, weights)
    least, most = inequality.fifths(values, people)
    found = {
        "gini": inequality.gini(values, people),
        "theil_t": inequality.theil_t(values, people),
        "theil_l": inequality.theil_l(values, people),
        "atkinson_half": inequality.atkinson(values, people, 0.5),
        "atkinson_1": inequality.atkinson(values, people, 1.0),
        "atkinson_2": inequality.atkinson(values, people, 2.0),
        "fifths": np.divide(most, least, out=np.full(1, np.inf), where=least > 0),
        "variation": inequality.variation(values, people),
    }
    return {name: float(figure[0]) for name, figure in found.items()}


def test_gini_of_one_to_five_is_four_fifteenths() -> None:
    assert measures(np.arange(1.0, 6.0))["gini"] == pytest.approx(4 / 15)


def test_when_one_of_n_has_all() -> None:
    found = measures(np.array([0.0, 0.0, 0.0, 8.0]))
    assert found["gini"] == pytest.approx(3 / 4)
    assert found["theil_t"] == pytest.approx(np.log(4))
    assert np.isnan(found["theil_l"])
    assert found["atkinson_1"] == 1


@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_lognormal_has_its_closed_forms(sigma: float) -> None:
    """Aitchison and Brown 1957: G = 2Φ(σ/√2) − 1, T = L = σ²/2, A(ε) = 1 − exp(−εσ²/2)."""
    normal = NormalDist()
    middles = (np.arange(20_000) + 0.5) / 20_000
    values = np.exp(sigma * np.array([normal.inv_cdf(one) for one in middles]))
    found = measures(values)
    assert found["gini"] == pytest.approx(2 * normal.cdf(sigma / np.sqrt(2)) - 1, abs=1e-3)
    assert found["theil_t"] == pytest.approx(sigma**2 / 2, abs=4e-3)
    assert found["theil_l"] == pytest.approx(sigma**2 / 2, abs=1e-3)
    for name, epsilon in (("half", 0.5), ("1", 1.0), ("2", 2.0)):
        assert found[f"atkinson_{name}"] == pytest.approx(1 - np.exp(-epsilon * sigma**2 / 2), abs=2e-3)


@given(AMOUNTS, st.floats(0.01, 100))
@settings(max_examples=40, deadline=None)
def test_the_unit_does_not_matter(values: list[float], factor: float) -> None:
    one, other = measures(np.array(values)), measures(factor * np.array(values))
    assert one == pytest.approx(other, rel=1e-6, abs=1e-9)


@given(AMOUNTS, st.integers(2, 4))
@settings(max_examples=40, deadline=None)
def test_twice_the_same_places_are_as_unequal(values: list[float], times: int) -> None:
    one, other = measures(np.array(values)), measures(np.tile(values, times))
    assert one == pytest.approx(other, rel=1e-6, abs=1e-9)


@given(AMOUNTS, st.data())
@settings(max_examples=40, deadline=None)
def test_weights_are_repetitions(values: list[float], data: st.DataObject) -> None:
    times = data.draw(st.lists(st.integers(1, 5), min_size=len(values), max_size=len(values)))
    one = measures(np.array(values), np.array(times, dtype=float))
    other = measures(np.repeat(values, times))
    assert one == pytest.approx(other, rel=1e-6, abs=1e-9)


@given(AMOUNTS, st.data())
@settings(max_examples=60, deadline=None)
def test_giving_to_the_poorer_lowers_inequality(values: list[float], data: st.DataObject) -> None:
    """Pigou 1912, Dalton 1920: a transfer that does not turn the order makes no measure larger."""
    before = np.sort(values)
    poorer = data.draw(st.integers(0, len(before) - 2))
    richer = data.draw(st.integers(poorer + 1, len(before) - 1))
    moved = data.draw(st.floats(0, 0.5)) * (before[richer] - before[poorer])
    after = before.copy()
    after[poorer] += moved
    after[richer] -= moved
    first, last = measures(before), measures(after)
    for name in first:
        assert last[name] <= first[name] * (1 + 1e-9) + 1e-9, name


@given(AMOUNTS, st.data())
@settings(max_examples=40, deadline=None)
def test_within_and_between_add_up_to_the_whole(values: list[float], data: st.DataObject) -> None:
    size = len(values)
    groups = np.array(data.draw(st.lists(st.integers(0, 3), min_size=size, max_size=size)))
    people = only(np.array(values), data.draw(st.lists(st.floats(0.1, 9), min_size=size, max_size=size)))
    parts = inequality.decompose(np.array(values), people, groups)
    assert parts.t_within + parts.t_between == pytest.approx(inequality.theil_t(np.array(values), people))
    assert parts.l_within + parts.l_between == pytest.approx(inequality.theil_l(np.array(values), people))
    assert min(parts.t_within[0], parts.t_between[0], parts.l_within[0], parts.l_between[0]) >= -1e-9


def test_within_is_the_weighted_sum_over_groups() -> None:
    values, groups = np.array([1.0, 2.0, 6.0, 10.0]), np.array([0, 0, 1, 1])
    parts = inequality.decompose(values, only(values), groups)
    shares = np.array([3, 16]) / 19
    each = [inequality.theil_t(values[groups == one], only(values[groups == one]))[0] for one in (0, 1)]
    assert parts.t_within[0] == pytest.approx(shares @ each)


def test_who_is_below_a_floor_and_what_it_takes() -> None:
    values, people = np.array([1.0, 2.0, 5.0]), np.array([10.0, 20.0, 70.0])
    under = inequality.below(values, only(values, people), 2.0)
    assert (under.places[0], under.people_share[0], under.missing[0]) == (1, 0.1, 10.0)


def test_fifths_split_the_place_on_the_edge() -> None:
    least, most = inequality.fifths(np.array([1.0, 3.0]), only(np.zeros(2), [0.1, 0.9]))
    assert least[0] == pytest.approx((0.1 * 1 + 0.1 * 3) / 0.2)
    assert most[0] == pytest.approx(3.0)


def test_an_interval_holds_the_gini_of_where_the_places_come_from() -> None:
    """Of 100 draws of 150 places, in about 95 the interval holds the truth; percentiles fall a little short."""
    random = np.random.default_rng(7)
    truth = 2 * NormalDist().cdf(0.6 / np.sqrt(2)) - 1
    held = 0
    for _ in range(100):
        values = np.exp(0.6 * random.standard_normal(150))
        counts = inequality.bootstrap_counts(150, 200, random).astype(float)
        low, high = inequality.quantiles(inequality.gini(values, counts), 0.95)
        held += low is not None and high is not None and low <= truth <= high
    assert held >= 85

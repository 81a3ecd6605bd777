"""Ranks: limits that hold together, and tiers that order no further than errors allow."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.equitable.divide import ranking
from cityward.equitable.divide.ranking import Law, half_width, rank


@pytest.mark.parametrize("law", ["normal", "laplace"])
@pytest.mark.parametrize("paired", [True, False])
def test_all_true_ranks_lie_in_their_limits_as_often_as_is_said(
    law: Law, paired: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not paired:
        monkeypatch.setattr(ranking, "PAIRED_PLACES", 0)
    random = np.random.default_rng(3)
    truth = np.arange(12) / 2.0
    true_rank = 12 - np.arange(12)
    errors = np.linspace(0.1, 1.0, 12)
    held = 0
    for _ in range(80):
        noise = random.laplace(scale=1 / np.sqrt(2), size=12) if law == "laplace" else random.standard_normal(12)
        found = rank(truth + errors * noise, errors, level=0.9, random=random, law=law)
        held += bool(((found.low <= true_rank) & (true_rank <= found.high)).all())
    assert held >= 0.8 * 80  # said: 0.9; three standard errors are 0.1


@pytest.mark.parametrize("paired", [True, False])
def test_tiers_say_what_their_definition_says(paired: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not paired:
        monkeypatch.setattr(ranking, "PAIRED_PLACES", 0)
    random = np.random.default_rng(5)
    values, errors = random.normal(0, 3, 80), random.uniform(0.05, 0.6, 80)
    found = rank(values, errors, level=0.95, random=random)
    assert found.tier.min() == 1
    assert set(found.tier) == set(range(1, found.tier.max() + 1))
    assert (found.low <= found.high).all()
    assert (found.tier <= found.low).all()  # there are at least as many clearly above as tiers before
    assert 0 < found.ordered_share < 1


def test_without_errors_the_order_is_that_of_the_values_and_equal_ones_share_a_tier() -> None:
    found = rank(np.array([3.0, 1.0, 3.0, 2.0]), np.zeros(4), level=0.95, random=np.random.default_rng(1))
    assert found.tier.tolist() == [1, 3, 1, 2]
    assert found.low.tolist() == [1, 4, 1, 3]
    assert found.high.tolist() == [2, 4, 2, 3]


@pytest.mark.parametrize("places", [0, 1])
def test_none_and_one(places: int) -> None:
    found = rank(np.ones(places), np.ones(places), level=0.95, random=np.random.default_rng(1))
    assert len(found.tier) == places
    assert found.ordered_share == 0


def test_places_whose_errors_overlap_are_not_ordered() -> None:
    found = rank(np.array([1.0, 1.1, 9.0]), np.full(3, 0.3), level=0.95, random=np.random.default_rng(1))
    assert found.tier.tolist() == [2, 2, 1]
    assert (found.low.tolist(), found.high.tolist()) == ([2, 2, 1], [3, 3, 1])


def test_the_bound_for_many_pairs_is_never_smaller_than_the_pairs() -> None:
    errors = np.linspace(0.1, 1.0, 40)
    exact = ranking._largest_difference(errors, 0.95, np.random.default_rng(1), "normal")
    bound = ranking._largest_of_many(errors, 0.95, np.random.default_rng(2), "normal")
    assert exact <= bound * 1.02


def test_half_of_an_interval() -> None:
    assert half_width(0.95) == pytest.approx(1.959964)
    assert half_width(0.95, "laplace") == pytest.approx(np.log(20) / np.sqrt(2))

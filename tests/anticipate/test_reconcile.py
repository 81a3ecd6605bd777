"""Reconciliation against the formula written out, values by hand, and conditions of optimality."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.anticipate import reconcile as module
from cityward.anticipate.reconcile import (
    Covariance,
    Level,
    better_reconciled,
    bottom_up,
    nearest_above_zero,
    reconcile,
    shrunk,
    tree,
)


def diagonal(*variances: float) -> Covariance:
    return Covariance(np.array(variances), np.zeros((2, len(variances))), 1.0)


def formula(base: np.ndarray, covariance: np.ndarray, members: np.ndarray) -> np.ndarray:
    """S (S' W^-1 S)^-1 S' W^-1 base."""
    summing = np.vstack([members, np.eye(members.shape[1])])
    inverse = np.linalg.inv(covariance)
    return summing @ np.linalg.inv(summing.T @ inverse @ summing) @ summing.T @ inverse @ base


def test_two_areas_by_hand() -> None:
    # 10 in all, 3 + 4 in the areas: a gap of 3; with equal variances each node moves by a third of it.
    members = tree([None, None], city="X").members
    found = reconcile(np.array([[10.0], [3.0], [4.0]]), diagonal(1, 1, 1), members)
    assert found.ravel() == pytest.approx([9.0, 4.0, 5.0])
    # The city's figure is four times as sure: of the gap of 3 it takes a ninth, each area four ninths.
    found = reconcile(np.array([[10.0], [3.0], [4.0]]), diagonal(0.25, 1, 1), members)
    assert found.ravel() == pytest.approx([10 - 1 / 3, 3 + 4 / 3, 4 + 4 / 3])


def test_non_negative_by_hand() -> None:
    # Unbounded: -1 and 3. At the bound: the nearest x with (0, x): minimise (1-x)^2 + (4-x)^2 → 2.5.
    members = tree([None, None], city="X").members
    found = reconcile(np.array([[1.0], [0.0], [4.0]]), diagonal(1, 1, 1), members)
    assert found.ravel() == pytest.approx([2.5, 0.0, 2.5])


def test_the_tree_of_a_city() -> None:
    found = tree(["West", " North ", None, "West"], city="X", group="side")
    assert found.ids == ("city:X", "side:North", "side:West")
    assert found.levels == ("city", "side", "side")
    assert found.members.tolist() == [[1, 1, 1, 1], [0, 1, 0, 0], [1, 0, 0, 1]]
    assert tree(["All", "All"], city="X").ids == ("city:X",)
    assert tree([None], city="X").members.tolist() == [[1.0]]


def test_shrinkage_is_that_of_its_authors_term_by_term() -> None:
    errors = np.random.default_rng(1).normal(size=(40, 5)) @ np.random.default_rng(2).normal(size=(5, 5))
    days, nodes = errors.shape
    scaled = errors / np.sqrt((errors**2).mean(axis=0))
    correlation = scaled.T @ scaled / days
    noise = alike = 0.0
    for i in range(nodes):
        for j in range(nodes):
            if i != j:
                products = scaled[:, i] * scaled[:, j]
                noise += ((products**2).sum() - days * correlation[i, j] ** 2) / (days * (days - 1))
                alike += correlation[i, j] ** 2
    found = shrunk(errors)
    assert found.shrinkage == pytest.approx(noise / alike)
    written_out = (1 - noise / alike) * errors.T @ errors / days + noise / alike * np.diag((errors**2).mean(axis=0))
    assert found.whole() == pytest.approx(written_out)
    assert found.times(np.eye(nodes)) == pytest.approx(written_out)


def some_city(seed: int, areas: int, groups: int) -> tuple[np.ndarray, Covariance, np.ndarray]:
    chance = np.random.default_rng(seed)
    names = [f"g{chance.integers(groups)}" if groups else None for _ in range(areas)]
    members = tree(names, city="X").members
    nodes = len(members) + areas
    errors = chance.normal(size=(60, nodes)) * chance.gamma(1.0, size=nodes)
    base = chance.gamma(0.7, 3.0, size=(nodes, 4)) * (chance.random((nodes, 4)) < 0.7)
    return base, shrunk(errors), members


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(0, 4))
@settings(deadline=None, max_examples=60)
def test_forecasts_add_up_and_are_never_negative(seed: int, areas: int, groups: int) -> None:
    base, covariance, members = some_city(seed, areas, groups)
    found = reconcile(base, covariance, members)
    assert (found >= 0).all()
    assert found[: len(members)] == pytest.approx(members @ found[len(members) :], abs=1e-12)
    summed = bottom_up(base, members)
    assert summed[len(members) :] == pytest.approx(base[len(members) :])


@given(st.integers(0, 10_000), st.integers(2, 8), st.integers(0, 3))
@settings(deadline=None, max_examples=40)
def test_it_is_the_formula_where_that_is_positive_and_optimal_where_not(seed: int, areas: int, groups: int) -> None:
    base, covariance, members = some_city(seed, areas, groups)
    found = reconcile(base, covariance, members)
    wanted = formula(base, covariance.whole(), members)
    positive = (wanted[len(members) :] >= 0).all(axis=0)
    assert found[:, positive] == pytest.approx(wanted[:, positive], rel=1e-5, abs=1e-6)
    summing = np.vstack([members, np.eye(areas)])
    inverse = np.linalg.inv(covariance.whole())
    away = base - found
    gradient = -summing.T @ inverse @ away
    tolerance = 1e-5 * np.abs(summing.T @ inverse @ base).max() + 1e-9
    kept = found[len(members) :]
    assert (gradient[:, ~positive] >= -tolerance).all()
    assert (np.abs(gradient[:, ~positive]) * (kept[:, ~positive] > 1e-9) <= tolerance).all()


def test_block_pivoting_agrees_with_trying_every_subset() -> None:
    chance = np.random.default_rng(3)
    for _ in range(30):
        root = chance.normal(size=(5, 5))
        curvature, slope = root @ root.T + 0.1 * np.eye(5), chance.normal(size=(5, 1))
        best = min(
            (_subset(curvature, slope[:, 0], subset) for subset in range(32)),
            key=lambda x: x @ curvature @ x / 2 - slope[:, 0] @ x,
        )
        assert nearest_above_zero(curvature, slope)[:, 0] == pytest.approx(best, abs=1e-8)


def _subset(curvature: np.ndarray, slope: np.ndarray, subset: int) -> np.ndarray:
    free = np.array([bool(subset >> at & 1) for at in range(len(slope))])
    value = np.zeros(len(slope))
    if free.any():
        value[free] = np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
    return value if (value >= 0).all() else np.zeros(len(slope))


def test_a_large_city_sets_negatives_to_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT_AREAS", 1)
    members = tree([None, None], city="X").members
    found = reconcile(np.array([[1.0], [0.0], [4.0]]), diagonal(1, 1, 1), members)
    assert found.ravel() == pytest.approx([3.0, 0.0, 3.0])


@pytest.mark.parametrize("areas", [1, 3])
def test_zeros_stay_zeros(areas: int) -> None:
    members = tree([None] * areas, city="X").members
    zeros = np.zeros((1 + areas, 2))
    assert (reconcile(zeros, shrunk(np.zeros((9, 1 + areas))), members) == 0).all()


def test_one_area_is_the_city() -> None:
    members = tree(["alone"], city="X").members
    errors = np.repeat(np.random.default_rng(0).normal(size=(30, 1)), 2, axis=1)
    found = reconcile(np.array([[4.0], [4.0]]), shrunk(errors), members)
    assert found.ravel() == pytest.approx([4.0, 4.0])


def test_a_place_that_never_reports_gets_nothing_of_the_gap() -> None:
    errors = np.random.default_rng(0).normal(size=(60, 3)) * [2.0, 1.0, 0.0]
    found = reconcile(np.array([[10.0], [3.0], [0.0]]), shrunk(errors), tree([None, None], city="X").members)
    assert found[2, 0] == pytest.approx(0.0, abs=1e-4)


def test_reconciled_is_used_only_where_no_level_gets_worse() -> None:
    assert better_reconciled([Level("city", 1, 9.0, 10.0, 9.0), Level("area", 9, 1.0, 1.0, 1.005)])
    assert not better_reconciled([Level("city", 1, 9.0, 10.0, 9.0), Level("area", 9, 1.0, 1.0, 1.05)])
    assert not better_reconciled([Level("city", 1, 9.0, 10.0, 10.1), Level("area", 9, 1.0, 1.0, 1.0)])
    assert not better_reconciled([])

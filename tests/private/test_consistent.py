"""Totals add up, are whole and not negative, and are no worse than what was measured."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.private.consistent import consistent


def levels(leaves: np.ndarray, groups: list[np.ndarray]) -> list[np.ndarray]:
    found = [leaves]
    for group in groups:
        members = int(group.max()) + 1
        found.append(np.stack([found[-1][:, group == one].sum(axis=1) for one in range(members)], axis=1))
    return found


def tree(random: np.random.Generator, leaves: int, sides: int) -> list[np.ndarray]:
    first = np.concatenate([np.arange(sides), random.integers(0, sides, leaves - sides)])
    return [first, np.zeros(sides, dtype=np.int64)]


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 8), st.floats(0.1, 1000))
def test_levels_agree(seed: int, leaves: int, sides: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    groups = tree(random, max(leaves, sides), sides)
    truth = levels(random.poisson(scale / 10, (3, max(leaves, sides))), groups)
    noisy = [np.rint(level + random.laplace(0, scale, level.shape)).astype(np.int64) for level in truth]
    found = consistent(noisy, groups)
    assert all((level >= 0).all() for level in found)
    for told, wanted in zip(found, levels(found[0], groups), strict=True):
        assert np.array_equal(told, wanted)


@pytest.mark.parametrize("mean", [0.05, 0.5, 5.0, 50.0])
def test_no_level_is_worse_than_as_measured(mean: float) -> None:
    random = np.random.default_rng(3)
    groups = tree(random, 77, 9)
    truth = levels(random.poisson(mean * random.gamma(0.5, 2, (1, 77)), (400, 77)), groups)
    noisy = [np.rint(level + random.laplace(0, 3, level.shape)).astype(np.int64) for level in truth]
    found = consistent(noisy, groups)
    before = [np.abs(a - b).mean() for a, b in zip(noisy, truth, strict=True)]
    after = [np.abs(a - b).mean() for a, b in zip(found, truth, strict=True)]
    print(f"mean {mean}: error by level {np.round(before, 2)} as measured, {np.round(after, 2)} made to agree")
    assert all(new <= old for new, old in zip(after, before, strict=True))
    held = [np.mean(np.abs(a - b) <= 9) for a, b in zip(found, truth, strict=True)]  # 95 % quantile of the noise
    assert min(held) >= 0.94


def test_without_levels_only_what_is_below_nought_is_moved() -> None:
    noisy = np.array([[-5], [0], [7]])
    assert consistent([noisy], [])[0].tolist() == [[0], [0], [7]]


def test_what_agrees_already_stays() -> None:
    groups = [np.array([0, 0, 1]), np.array([0, 0])]
    exact = levels(np.array([[3, 0, 4], [0, 0, 0]]), groups)
    assert all(np.array_equal(a, b) for a, b in zip(consistent(exact, groups), exact, strict=True))

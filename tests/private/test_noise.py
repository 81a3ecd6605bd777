"""The noise has the spread that is stated, and wrong parameters are refused."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from cityward.core.errors import UserError
from cityward.private.noise import EPSILON_MAX, Mechanism, gaussian, laplace

DRAWS = 40_000


def sizes(mechanism: Mechanism) -> np.ndarray:
    return np.abs(mechanism.add(np.zeros(DRAWS, dtype=np.int64)))


@pytest.mark.parametrize(
    "mechanism", [laplace(1, 1.0), laplace(12, 0.5), gaussian(1.0, 0.5), gaussian(math.sqrt(10), 0.015)]
)
def test_the_noise_is_as_large_as_is_stated(mechanism: Mechanism) -> None:
    drawn = sizes(mechanism)
    error = 5 * drawn.std() / math.sqrt(DRAWS)  # five standard errors: by chance once in a million runs
    assert drawn.mean() == pytest.approx(mechanism.mean_absolute, abs=error)
    within = (drawn <= mechanism.error()).mean()
    assert within >= 0.95 - 5 * math.sqrt(0.95 * 0.05 / DRAWS)
    assert (drawn <= mechanism.error() - 1).mean() < 0.95 + 5 * math.sqrt(0.95 * 0.05 / DRAWS)


def test_the_theory_of_the_discrete_laplace() -> None:
    assert laplace(1, 1.0).mean_absolute == pytest.approx(0.851, abs=5e-4)


def test_ten_contributions_at_a_small_rho_need_the_sigma_that_the_formula_gives() -> None:
    """Ten cells a person at rho 0.015 need sigma 18.26; a statement of 10 would promise too much."""
    assert gaussian(math.sqrt(10), 0.015).scale == pytest.approx(18.257, abs=1e-3)


def test_the_same_question_twice_draws_anew() -> None:
    mechanism = laplace(1, 0.1)
    first, second = (mechanism.add(np.zeros(50, dtype=np.int64)) for _ in range(2))
    assert not np.array_equal(first, second)


def test_noise_is_not_cut_at_nought() -> None:
    assert laplace(1, 0.5).add(np.zeros(200, dtype=np.int64)).min() < 0


def test_nothing_in_nothing_out() -> None:
    assert laplace(1, 0.5).add(np.zeros(0, dtype=np.int64)).size == 0


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan, math.inf, 1e9, 1e-9, EPSILON_MAX * 1.01])
def test_an_epsilon_that_protects_nobody_or_is_none_is_refused(epsilon: float) -> None:
    with pytest.raises(UserError, match="epsilon is"):
        laplace(1, epsilon)


@pytest.mark.parametrize("rho", [0.0, -1.0, math.nan, math.inf, 1e9])
def test_a_rho_that_protects_nobody_or_is_none_is_refused(rho: float) -> None:
    with pytest.raises(UserError, match="rho is"):
        gaussian(1.0, rho)


@pytest.mark.parametrize("sensitivity", [0, -1, 2**60])
def test_what_no_noise_can_hide_is_refused(sensitivity: int) -> None:
    with pytest.raises(UserError, match="no noise here can hide"):
        laplace(sensitivity, 1.0)


def test_opendp_confirms_the_claim() -> None:
    for sensitivity, epsilon in ((1, 0.1), (7, 0.3), (30, 1 / 3), (1000, 0.7)):
        measurement = laplace(sensitivity, epsilon).draw
        assert measurement.map(sensitivity) <= epsilon  # type: ignore[attr-defined]


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opendp.prelude", None)
    with pytest.raises(UserError, match=r"cityward\[release\]"):
        laplace(1, 1.0)

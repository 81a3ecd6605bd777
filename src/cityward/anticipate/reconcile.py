"""Forecasts that add up: city, sides and areas tell one story. Pure: arrays in, arrays out.

A forecast for the city, one for each side and one for each area are three opinions about the same reports.
`reconcile` moves all of them, as little as their past errors allow, until they add up. Nodes stand in one
order everywhere: upper nodes first (the whole city, then the groups), then the areas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

EXACT_AREAS: Final = 200
"""Up to so many areas the non-negative optimum is found exactly; the work grows with their cube."""

LEAST_SHARE: Final = 1e-6
"""A node whose past errors were less than this share of the mean variance is taken to have erred by that."""

LEAST_SHRINKAGE: Final = 0.01
"""Keeps the covariance invertible when there are fewer days than nodes."""

_PIVOTS: Final = 200
_PATIENCE: Final = 10


class Tree(NamedTuple):
    """Which areas each upper node holds: ``ids`` and ``levels`` (upper), ``members`` (upper, areas) of 0 and 1."""

    ids: tuple[str, ...]
    levels: tuple[str, ...]
    members: Numbers

    def sums(self, areas: Numbers) -> Numbers:
        """Upper nodes' sums over the areas (the axis before the last)."""
        return self.members @ areas


def tree(parents: Sequence[str | None], *, city: str, group: str = "group", whole: str = "city") -> Tree:
    """Return the tree of a city whose areas have ``parents``.

    Parameters
    ----------
    parents : sequence of str or None
        Name of the group of each area; None or blank: directly under the city.
    city, group, whole : str
        Name of the city; names of the levels of groups and of the city.

    Notes
    -----
    Groups are named by text and are no areas, so nobody can be his own ancestor. A group that holds every
    area is the city itself and is left out.
    """
    named = [" ".join((parent or "").split()) for parent in parents]
    groups = sorted({name for name in named if name})
    if groups and all(name == groups[0] for name in named):
        groups = []
    rows = [np.ones(len(named)), *(np.array([float(name == one) for name in named]) for one in groups)]
    ids = (f"{whole}:{city}", *(f"{group}:{one}" for one in groups))
    return Tree(ids, (whole, *(group for _ in groups)), np.vstack(rows))


class Covariance(NamedTuple):
    """Shrunk covariance of past errors: ``variance`` by node, ``errors`` (days, nodes), weight of the diagonal."""

    variance: Numbers
    errors: Numbers
    shrinkage: float

    def times(self, matrix: Numbers) -> Numbers:
        """Return the covariance times ``matrix``, without ever writing the covariance down."""
        common = self.errors.T @ (self.errors @ matrix) / len(self.errors)
        return (1 - self.shrinkage) * common + self._rest()[:, None] * matrix

    def whole(self) -> Numbers:
        """Return the covariance itself, shape (nodes, nodes)."""
        found: Numbers = (1 - self.shrinkage) * self.errors.T @ self.errors / len(self.errors)
        return found + np.diag(self._rest())

    def _rest(self) -> Numbers:
        own = (self.errors**2).mean(axis=0)
        found: Numbers = self.variance - (1 - self.shrinkage) * own
        return found


def shrunk(errors: Numbers) -> Covariance:
    """Estimate the covariance of forecast errors, shrunk towards its diagonal.

    Parameters
    ----------
    errors : ndarray, shape (days, nodes)
        What came less what was forecast, on at least two days that the forecast had not seen. Not centred: a
        forecast that is always too high errs too.

    Source: Schäfer, Strimmer (2005), A shrinkage approach to large-scale covariance matrix estimation,
    Statistical Applications in Genetics and Molecular Biology 4(1), target D. All sums over pairs of nodes go
    through the matrix of days, so the cost grows with the nodes, not with their square.
    """
    days = len(errors)
    own = (errors**2).mean(axis=0)
    least = LEAST_SHARE * own.mean() if own.any() else 1.0
    with np.errstate(invalid="ignore"):
        scaled = np.where(own > 0, errors / np.sqrt(np.where(own > 0, own, 1.0)), 0.0)
    alike = float(((scaled @ scaled.T) ** 2).sum()) / days**2 - float(((scaled**2).mean(axis=0) ** 2).sum())
    squares = scaled**2
    products = float((squares.sum(axis=1) ** 2).sum() - (squares**2).sum())
    noise = (products - days * alike) / (days * (days - 1))
    shrinkage = float(np.clip(noise / alike, LEAST_SHRINKAGE, 1.0)) if alike > 0 else 1.0
    return Covariance(np.maximum(own, least), errors, shrinkage)


def reconcile(base: Numbers, covariance: Covariance, members: Numbers) -> Numbers:
    """Return forecasts that add up and are at least 0, nearest to ``base`` by the errors of the past.

    Parameters
    ----------
    base : ndarray, shape (nodes, steps)
        Forecasts of each node by itself: upper nodes, then areas.
    covariance : Covariance
        Of their errors.
    members : ndarray, shape (upper, areas)
        `Tree.members`.

    Returns
    -------
    ndarray, shape (nodes, steps)
        Upper nodes are the sums of their areas.

    Source: Wickramasuriya, Athanasopoulos, Hyndman (2019), Optimal forecast reconciliation, Journal of the
    American Statistical Association 114, equation 12 in its constrained form; Wickramasuriya, Turlach,
    Hyndman (2020), Optimal non-negative forecast reconciliation, Statistics and Computing 30, section 3. With
    more than `EXACT_AREAS` areas negative ones are set to zero instead of solving for the optimum.
    """
    upper = len(members)
    contrast = np.vstack([np.eye(upper), -members.T])
    spread = covariance.times(contrast)
    gap = contrast.T @ base
    pull = contrast.T @ spread
    pull += np.eye(upper) * 1e-9 * max(float(np.trace(pull)) / upper, 1e-12)
    areas = base[upper:] - spread[upper:] @ np.linalg.solve(pull, gap)
    below = np.flatnonzero((areas < -1e-12).any(axis=0))
    if below.size and areas.shape[0] <= EXACT_AREAS:
        summing = np.vstack([members, np.eye(areas.shape[0])])
        weights = np.linalg.solve(covariance.whole(), summing)
        areas[:, below] = nearest_above_zero(summing.T @ weights, weights.T @ base[:, below])
    areas = np.maximum(areas, 0.0)
    return np.vstack([members @ areas, areas])


def bottom_up(base: Numbers, members: Numbers) -> Numbers:
    """Return the areas' forecasts and their sums: adds up by ignoring what upper nodes say."""
    areas = np.maximum(base[len(members) :], 0.0)
    return np.vstack([members @ areas, areas])


def nearest_above_zero(curvature: Numbers, slope: Numbers) -> Numbers:
    """Minimise ``x' curvature x / 2 - slope' x`` over x ≥ 0, for each column of ``slope``.

    ``curvature`` (n, n) is positive definite. Ends at a point where neither a value nor its gradient is below
    zero, which for a strictly convex problem is the only optimum.

    Source: Portugal, Júdice, Vicente (1994), A comparison of block pivoting and interior-point algorithms for
    linear least squares problems with nonnegative variables, Mathematics of Computation 63, algorithm of
    section 3: whole blocks change sides, and one at a time when that does not help.
    """
    return np.column_stack([_above_zero(curvature, column) for column in slope.T])


def _above_zero(curvature: Numbers, slope: Numbers) -> Numbers:
    scale = max(float(np.abs(slope).max()), 1e-12)
    free = np.ones(len(slope), dtype=bool)
    fewest, patience = len(slope) + 1, _PATIENCE
    for _ in range(_PIVOTS + len(slope)):
        value = np.zeros(len(slope))
        if free.any():
            value[free] = np.linalg.solve(curvature[np.ix_(free, free)], slope[free])
        gradient = curvature @ value - slope
        wrong = np.flatnonzero(np.where(free, value < 0, gradient < -1e-10 * scale))
        if not wrong.size:
            return value
        if wrong.size < fewest:
            fewest, patience = wrong.size, _PATIENCE
        elif patience:
            patience -= 1
        else:
            wrong = wrong[-1:]
        free[wrong] = ~free[wrong]
    return np.maximum(value, 0.0)


class Level(NamedTuple):
    """Mean absolute error a day at one level: of forecasts alone, summed from the areas, and reconciled."""

    level: str
    nodes: int
    alone: float
    summed: float
    reconciled: float


WORSE: Final = 1.01
"""Reconciled figures are used unless they err by more than this much more than sums of areas, over all levels."""


def better_reconciled(levels: Sequence[Level]) -> bool:
    """Say whether reconciling is at least as good as summing the areas, each level counting the same."""
    ratios = [one.reconciled / one.summed for one in levels if one.summed > 0]
    return bool(ratios) and float(np.exp(np.mean(np.log(np.maximum(ratios, 1e-9))))) <= 1.0 and max(ratios) <= WORSE

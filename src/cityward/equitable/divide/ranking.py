"""Ranks with joint limits, and tiers: an order of places that goes no further than their errors allow.

Places are numbered by value, the highest first. A rank's limits hold for all places together: in at least 95 of 100
cases none of the true ranks is outside of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Law = Literal["normal", "laplace"]

PAIRED_PLACES: Final = 1_500
"""Most places of which all pairs are tested; beyond it only the limits of single places are, without pairs."""

_DRAWS: Final = 2_000
_BLOCK: Final = 256
_NORMAL_95: Final = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Ranked:
    """Limits of ranks, shapes (n,).

    ``low`` and ``high`` are the best and worst rank that errors allow, from 1; ``tier`` counts from 1, the best.
    Places of one tier are not ordered; each place of a tier is clearly below at least one of the tier before.
    ``method`` says which test was made.
    """

    low: Ints
    high: Ints
    tier: Ints
    method: str

    @property
    def ordered_share(self) -> float:
        """Share of all pairs of places of which it is clear which one is higher."""
        n = len(self.low)
        return float((self.low - 1).sum() / (n * (n - 1) / 2)) if n > 1 else 0.0


def rank(values: Floats, errors: Floats, *, level: float, random: np.random.Generator, law: Law = "normal") -> Ranked:
    """Joint limits of ranks.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Higher is better. Finite.
    errors : ndarray of shape (n,)
        Standard deviation of each value's error, ≥ 0. Errors of different places are taken as independent.
    level : float
        Joint level of the limits.
    random : numpy.random.Generator
        For the threshold of the pairs.
    law : str
        Shape of the errors: ``normal`` (surveys) or ``laplace`` (noise of private releases).

    Notes
    -----
    **Source**: few places: Mogstad, Romano, Shaikh and Wilhelm 2024, "Inference for ranks with applications to mobility
    across neighbourhoods and academic achievement across countries", Review of Economic Studies 91, section 3.2, with
    the largest studentised difference drawn from the stated errors. Many places: Klein, Wright and Wieczorek 2020, "A
    joint confidence region for an overall ranking of populations", Journal of the Royal Statistical Society C 69,
    theorem 1, with Šidák's level for each place.
    """
    if len(values) == 0:
        none = np.zeros(0, np.int64)
        return Ranked(none, none, none, "")
    if len(values) <= PAIRED_PLACES:
        return _by_pairs(values, errors, level, random, law)
    return _by_limits(values, errors, level, law)


def half_width(level: float, law: Law = "normal") -> float:
    """Half of the interval of ``level`` around a value whose error has standard deviation 1."""
    if law == "laplace":
        return float(-np.log1p(-level) / np.sqrt(2))
    return NormalDist().inv_cdf((1 + level) / 2)


def _by_limits(values: Floats, errors: Floats, level: float, law: Law) -> Ranked:
    """Sorted once; memory and time grow with the places and not with their pairs."""
    uncertain = max(int((errors > 0).sum()), 1)
    width = half_width(level ** (1 / uncertain), law) * errors
    lows, highs = values - width, values + width
    above = len(values) - np.searchsorted(np.sort(lows), highs, side="right")
    under = np.searchsorted(np.sort(highs), lows, side="left")
    return Ranked(
        low=(above + 1).astype(np.int64),
        high=(len(values) - under).astype(np.int64),
        tier=_tiers(lows, highs),
        method="limits of each place that hold together (Klein, Wright and Wieczorek 2020)",
    )


def _tiers(lows: Floats, highs: Floats) -> Ints:
    """Peel off, again and again, those whose upper limit is not below any other's lower limit."""
    order = np.argsort(highs, kind="stable")
    ascending = highs[order]
    best = np.maximum.accumulate(lows[order])
    tiers = np.empty(len(lows), np.int64)
    end, tier = len(lows), 1
    while end:
        begin = int(np.searchsorted(ascending[:end], best[end - 1], side="left"))
        tiers[order[begin:end]] = tier
        end, tier = begin, tier + 1
    return tiers


def _by_pairs(values: Floats, errors: Floats, level: float, random: np.random.Generator, law: Law) -> Ranked:
    """Every pair is compared by its own error, with one threshold for all of them."""
    threshold = _largest_difference(errors, level, random, law)
    squared = errors**2
    gap = values[:, None] - values[None, :]
    clear = gap > threshold * np.sqrt(squared[:, None] + squared[None, :])
    above = clear.sum(axis=0)
    under = clear.sum(axis=1)
    tiers = np.ones(len(values), np.int64)
    for one in np.argsort(-values, kind="stable"):
        better = tiers[clear[:, one]]
        tiers[one] = better.max() + 1 if better.size else 1
    return Ranked(
        low=(above + 1).astype(np.int64),
        high=(len(values) - under).astype(np.int64),
        tier=tiers,
        method="all pairs together (Mogstad, Romano, Shaikh and Wilhelm 2024)",
    )


def _largest_difference(errors: Floats, level: float, random: np.random.Generator, law: Law) -> float:
    """The size that the largest studentised difference of two errors stays within, in ``level`` of all cases.

    Of pairs without any error the sign is clear as it is.
    """
    uncertain = np.sort(errors[errors > 0])
    if uncertain.size == 0:
        return 0.0
    if uncertain.size > _BLOCK:
        return _largest_of_many(uncertain, level, random, law)
    draws = _drawn(random, (_DRAWS, uncertain.size), law) * uncertain
    scale = np.sqrt(uncertain[:, None] ** 2 + uncertain[None, :] ** 2)
    largest = np.empty(_DRAWS)
    certain = 1.0 if uncertain.size < errors.size else 0.0
    for at, draw in enumerate(draws):
        largest[at] = (np.abs(draw[:, None] - draw[None, :]) / scale).max()
    if certain:
        largest = np.maximum(largest, np.abs(draws / uncertain).max(axis=1))
    return float(np.quantile(largest, level))


def _largest_of_many(uncertain: Floats, level: float, random: np.random.Generator, law: Law) -> float:
    """A bound that needs no pairs: no studentised difference exceeds the length of the two largest errors together.

    By Cauchy and Schwarz ``|aσ − bτ| ≤ √(a² + b²) √(σ² + τ²)`` for studentised errors a and b.
    """
    largest = np.empty(_DRAWS)
    for at in range(_DRAWS):
        drawn = np.abs(_drawn(random, uncertain.size, law))
        largest[at] = np.linalg.norm(np.partition(drawn, -2)[-2:])
    return float(np.quantile(largest, level))


def _drawn(random: np.random.Generator, size: int | tuple[int, int], law: Law) -> Floats:
    """Errors of standard deviation 1."""
    if law == "laplace":
        return random.laplace(scale=1 / np.sqrt(2), size=size)
    return random.standard_normal(size)

"""Ranks with joint limits, and tiers: an order of places that goes no further than their errors allow.

Places are numbered by value, the highest first. A rank's limits hold for all places together: in at least 95 of 100
cases none of the true ranks is outside of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Law = Literal["normal", "laplace"]

PAIRED_PLACES: Final = 1_500
"""Most places of which all pairs are tested; beyond it only the limits of single places are, without pairs."""

_DRAWS: Final = 2_000
_BLOCK: Final = 256
_CELLS: Final = 2_000_000


@dataclass(frozen=True)
class Ranked:
    """Limits of ranks, shapes (n,).

    ``low`` and ``high`` are the best and worst rank that errors allow, from 1; ``tier`` counts from 1, the best.
    Places of one tier are not ordered; each place of a tier is clearly below at least one of the tier before.
    ``ordered_share`` of all pairs of places it is clear which one is higher; ``method`` says by which test.
    """

    low: Ints
    high: Ints
    tier: Ints
    ordered_share: float
    method: str


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
    if len(values) <= PAIRED_PLACES:
        return _by_pairs(values, errors, level, random, law)
    uncertain = max(int((errors > 0).sum()), 1)
    width = half_width(level ** (1 / uncertain), law) * errors
    return by_limits(values - width, values + width, "limits that hold together (Klein, Wright and Wieczorek 2020)")


def by_limits(lows: NDArray[Any], highs: NDArray[Any], method: str) -> Ranked:
    """Order places whose limits do not overlap; memory and time grow with the places and not with their pairs."""
    above = len(lows) - np.searchsorted(np.sort(lows), highs, side="right")
    under = np.searchsorted(np.sort(highs), lows, side="left")
    return Ranked(
        low=(above + 1).astype(np.int64),
        high=(len(lows) - under).astype(np.int64),
        tier=_tiers(lows, highs),
        ordered_share=_share_of_pairs(int(above.sum()), len(lows)),
        method=method,
    )


def _share_of_pairs(ordered: int, places: int) -> float:
    return ordered / (places * (places - 1) / 2) if places > 1 else 0.0


def half_width(level: float, law: Law = "normal") -> float:
    """Half of the interval of ``level`` around a value whose error has standard deviation 1."""
    if law == "laplace":
        return float(-np.log1p(-level) / np.sqrt(2))
    return NormalDist().inv_cdf((1 + level) / 2)


def _tiers(lows: NDArray[Any], highs: NDArray[Any]) -> Ints:
    """Peel off, again and again, those whose upper limit is not below any other's lower limit."""
    order = np.argsort(highs, kind="stable")
    ascending = highs[order]
    best = np.maximum.accumulate(lows[order])
    found = np.empty(len(lows), np.int64)
    end, tier = len(lows), 1
    while end:
        begin = int(np.searchsorted(ascending[:end], best[end - 1], side="left"))
        found[order[begin:end]] = tier
        end, tier = begin, tier + 1
    return found


def _by_pairs(values: Floats, errors: Floats, level: float, random: np.random.Generator, law: Law) -> Ranked:
    """Every pair is compared by its own error, with one threshold for all of them."""
    threshold = _largest_difference(errors, level, random, law)
    squared = errors**2
    gap = values[:, None] - values[None, :]
    clear = gap > threshold * np.sqrt(squared[:, None] + squared[None, :])
    above = clear.sum(axis=0)
    under = clear.sum(axis=1)
    tier = np.ones(len(values), np.int64)
    for one in np.argsort(-values, kind="stable"):
        better = tier[clear[:, one]]
        tier[one] = better.max() + 1 if better.size else 1
    return Ranked(
        low=(above + 1).astype(np.int64),
        high=(len(values) - under).astype(np.int64),
        tier=tier,
        ordered_share=_share_of_pairs(int(clear.sum()), len(values)),
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
    scale = np.sqrt(uncertain[:, None] ** 2 + uncertain[None, :] ** 2)
    draws = _drawn(random, (_DRAWS, uncertain.size), law)
    noise = draws * uncertain
    step = max(1, _CELLS // uncertain.size**2)
    largest = np.concatenate(
        [
            (np.abs(some[:, :, None] - some[:, None, :]) / scale).max(axis=(1, 2))
            for some in (noise[begin : begin + step] for begin in range(0, _DRAWS, step))
        ]
    )
    if uncertain.size < errors.size:  # beside a place without error, an error stands alone
        largest = np.maximum(largest, np.abs(draws).max(axis=1))
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

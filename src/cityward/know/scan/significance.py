"""How rare a statistic is among replicates of chance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.know.scan.windows import SIDE_BY_SIDE

PILOT = 2 * SIDE_BY_SIDE
"""Replicates that show how strong chance is, before the others are compared with that."""

ROUND = 8 * SIDE_BY_SIDE
"""Replicates between two looks at whether a sequential Monte Carlo may stop."""

_SAFETY = 0.9  # of the weakest of the pilot: few of the others stay below it
_FALL = 0.6
_TIE = 1e-9
_EULER = 0.5772156649015329

Maxima = Callable[[NDArray[np.uint64], float], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Significance:
    """Replicates, as many as were needed.

    Attributes
    ----------
    maxima : ndarray
        Largest statistic of each replicate.
    stopped : bool
        Whether a sequential Monte Carlo ended early.
    """

    maxima: NDArray[np.float64]
    stopped: bool

    def p_values(self, statistic: float) -> tuple[float, float]:
        """P-value by rank among the replicates, and from a Gumbel distribution fitted to them by moments.

        Source: Dwass (1957); Besag and Clifford (1991), when stopped early; Abrams, Kulldorff, Kleinman
        (2010), Gumbel based p-value approximations, section 2.
        """
        if not self.maxima.size:
            return 1.0, 1.0
        as_strong = int((self.maxima >= statistic - _TIE).sum())
        by_rank = as_strong / self.maxima.size if self.stopped else (1 + as_strong) / (1 + self.maxima.size)
        spread = float(self.maxima.std(ddof=1)) if self.maxima.size > 1 else 0.0
        if spread <= 0:
            return max(by_rank, 1 / (1 + self.maxima.size)), by_rank
        scale = spread * math.sqrt(6) / math.pi
        away = (statistic - float(self.maxima.mean())) / scale + _EULER
        gumbel = -math.expm1(-math.exp(-away)) if away > -50 else 1.0
        return max(by_rank, 1 / (1 + self.maxima.size)), max(gumbel, 1e-300)


def significance(
    maxima: Maxima, start: float, replicates: int, stop_after: int | None, strongest: float, rng: np.random.Generator
) -> Significance:
    """Return the largest statistic of each of ``replicates`` replicates.

    Parameters
    ----------
    maxima : callable
        Takes seeds and a bound; returns the largest statistic of each replicate, or 0 below the bound.
    start : float
        First guess of a bound that most replicates reach.
    replicates : int
        How many.
    stop_after : int, optional
        Stop once so many are as strong as ``strongest``.
    strongest : float
        Strongest statistic observed.
    rng : numpy.random.Generator
        Seeds the replicates, one by one.
    """
    seeds = rng.integers(1, 2**63, size=replicates, dtype=np.uint64)
    found = np.zeros(replicates)
    pilot = min(PILOT, replicates)
    found[:pilot] = _complete(maxima, seeds[:pilot], start)
    bound = _SAFETY * float(found[:pilot].min()) if pilot else start
    step = max(replicates, 1) if stop_after is None else ROUND
    for begin in range(pilot, replicates, step):
        if stop_after is not None and int((found[:begin] >= strongest - _TIE).sum()) >= stop_after:
            break
        end = min(begin + step, replicates)
        found[begin:end] = _complete(maxima, seeds[begin:end], bound)
    if stop_after is not None:
        reached = np.flatnonzero(np.cumsum(found >= strongest - _TIE) >= stop_after)
        if reached.size and reached[0] + 1 < replicates:
            return Significance(found[: reached[0] + 1], stopped=True)
    return Significance(found, stopped=False)


def _complete(maxima: Maxima, seeds: NDArray[np.uint64], bound: float) -> NDArray[np.float64]:
    """Lower the bound for those replicates in which no window reaches it."""
    found = maxima(seeds, bound)
    missing = np.flatnonzero(found == 0)
    while missing.size and bound > _TIE:
        bound = bound * _FALL if bound > 1e-3 else 0.0
        found[missing] = maxima(seeds[missing], max(bound, _TIE))
        missing = missing[found[missing] == 0]
    return found

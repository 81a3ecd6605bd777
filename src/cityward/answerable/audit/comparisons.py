"""Is a difference more than chance, and how much of it is left when many are looked at."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.beta import log_gamma

Floats = NDArray[np.float64]

EXPECTED_MIN: Final = 5.0
"""Below this expected count the test is exact (Source: Cochran 1954)."""


def p_values(count: Floats, out_of: Floats, other: Floats, other_of: Floats) -> Floats:
    """Two-sided probability that two equal rates differ so much; nan when one is out of nobody.

    The score test of two independent rates, and Fisher's exact test where an expected count is below `EXPECTED_MIN`.
    """
    total, yes = out_of + other_of, count + other
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = yes / total
        spread = np.sqrt(pooled * (1 - pooled) * (1 / out_of + 1 / other_of))
        z = np.where(spread > 0, np.abs(count / out_of - other / other_of) / spread, 0)
        least = np.minimum(pooled, 1 - pooled) * np.minimum(out_of, other_of)
    found = np.array([math.erfc(one / math.sqrt(2)) for one in z])
    for at in np.flatnonzero(least < EXPECTED_MIN):
        found[at] = _fisher(count[at], out_of[at], other[at], other_of[at])
    return np.where((out_of > 0) & (other_of > 0), found, np.nan)


def _fisher(count: float, out_of: float, other: float, other_of: float) -> float:
    yes = count + other
    k = np.arange(max(0.0, yes - other_of), min(yes, out_of) + 1)
    log_chance = _log_choose(out_of, k) + _log_choose(other_of, yes - k) - _log_choose(out_of + other_of, yes)
    chance = np.exp(log_chance)
    here = chance[int(count - k[0])]
    return float(min(1.0, chance[chance <= here * (1 + 1e-7)].sum()))


def _log_choose(n: float, k: Floats | float) -> Floats:
    k = np.asarray(k, dtype=float)
    return math.lgamma(n + 1) - log_gamma(k + 1) - log_gamma(n - k + 1)


def holm(p: Floats) -> Floats:
    """P-values such that the chance of one false alarm among all stays at the level (Source: Holm 1979)."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted


def benjamini_hochberg(p: Floats) -> Floats:
    """Values such that the share of false alarms among alarms stays at the level (Source: Benjamini, Hochberg 1995)."""
    order = np.argsort(p, kind="stable")[::-1]
    stepped = np.minimum.accumulate(p[order] * len(p) / np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return adjusted

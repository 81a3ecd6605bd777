"""Intervals from counts, in arrays. A rate out of nobody is nan, and its interval everything.

A single rate has the interval of Clopper and Pearson: it holds at least as often as it says, at every rate and for the
smallest groups, where Wilson's falls below its level. A difference or ratio of two groups is built from the Wilson
limits of both, which come nearest to the level there. Coverage of all is measured by simulation in the tests.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from cityward.core.beta import beta_quantile

Floats = NDArray[np.float64]
Interval = tuple[Floats, Floats]


def clopper_pearson(count: Floats, out_of: Floats, level: float = 0.95) -> Interval:
    """Exact limits of rates (Source: Clopper and Pearson 1934, by beta quantiles)."""
    tail = (1 - level) / 2
    low, high = np.zeros_like(count), np.ones_like(count)
    some, not_all = count > 0, count < out_of
    low[some] = beta_quantile(count[some], out_of[some] - count[some] + 1, tail)
    high[not_all] = beta_quantile(count[not_all] + 1, out_of[not_all] - count[not_all], 1 - tail)
    return low, high


def wilson(count: Floats, out_of: Floats, level: float = 0.95) -> Interval:
    """Score limits of rates (Source: Wilson 1927)."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = rate(count, out_of)
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = (share + z * z / (2 * out_of)) / (1 + z * z / out_of)
        half = z / (1 + z * z / out_of) * np.sqrt(share * (1 - share) / out_of + z * z / (4 * out_of**2))
    known = out_of > 0
    low = np.where(known, np.where(count == 0, 0, middle - half), 0)
    high = np.where(known, np.where(count == out_of, 1, middle + half), 1)
    return low, high


def difference(first: Interval, second: Interval, level: float = 0.95) -> Interval:
    """Limits of the difference of rates, each as count and out of (Source: Newcombe 1998, method 10)."""
    (p, q), (a, b), (c, d) = (rate(*first), rate(*second)), wilson(*first, level), wilson(*second, level)
    low = p - q - np.sqrt((p - a) ** 2 + (d - q) ** 2)
    high = p - q + np.sqrt((b - p) ** 2 + (q - c) ** 2)
    return np.where(np.isnan(low), -1, low), np.where(np.isnan(high), 1, high)


def ratio(first: Interval, second: Interval, level: float = 0.95) -> Interval:
    """Limits of the ratio of rates, each as count and out of (Source: Donner and Zou 2012, MOVER-R, on Wilson's).

    The upper limit is infinite when the second rate may be zero.
    """
    (p, q), (a, b), (c, d) = (rate(*first), rate(*second)), wilson(*first, level), wilson(*second, level)
    with np.errstate(invalid="ignore", divide="ignore"):
        low = (p * q - np.sqrt(np.maximum((p * q) ** 2 - a * d * (2 * p - a) * (2 * q - d), 0))) / (d * (2 * q - d))
        high = (p * q + np.sqrt(np.maximum((p * q) ** 2 - b * c * (2 * p - b) * (2 * q - c), 0))) / (c * (2 * q - c))
        nothing = q == 0  # then the limits above are of 0/0: what is left is a lower limit
        low = np.where(nothing, a / d, low)
    return np.where(np.isnan(low), 0, np.maximum(low, 0)), np.where(np.isnan(high) | nothing, np.inf, high)


def half_sum(first: Interval, second: Interval, level: float = 0.95) -> Interval:
    """Limits of the mean of two rates of different people: of balanced accuracy (Source: Zou and Donner 2008)."""
    (p, q), (a, b), (c, d) = (rate(*first), rate(*second)), wilson(*first, level), wilson(*second, level)
    low = (p + q - np.hypot(p - a, q - c)) / 2
    high = (p + q + np.hypot(b - p, d - q)) / 2
    return np.where(np.isnan(low), 0, low), np.where(np.isnan(high), 1, high)


def rate(count: Floats, out_of: Floats) -> Floats:
    """Share, nan when out of nobody."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(out_of > 0, count / out_of, np.nan)

"""Loops over counts, compiled: quantiles of negative binomials, and smoothing step by step. Pure.

Every interval of every model is of these quantiles, some of them thousands of steps long, so this is where
a forecast's time would go.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit

UNDERFLOW = -690.0
"""Logarithm below which a probability is nothing to a sum; there the terms are kept as logarithms."""

FAR = 40.0
"""Standard deviations beyond the mean at which the sum ends, whatever rounding has left open."""


@njit(cache=True, nogil=True)
def summed_quantiles(
    mean: NDArray[np.float64], size: NDArray[np.float64], levels: NDArray[np.float64], least: float
) -> Any:
    """Return the whole numbers at which each distribution reaches ``levels``, shape (n, levels).

    Parameters
    ----------
    mean, size : ndarray of float, shape (n,)
        The variance is ``mean + mean**2 / size``. A mean of ``least`` or below brings nothing.
    levels : ndarray of float
        Ascending, in (0, 1).
    """
    found = np.zeros((mean.size, levels.size))
    for at in range(mean.size):
        middle, wide = mean[at], size[at]
        if middle <= least:
            continue
        ratio = middle / (middle + wide)
        log_ratio = math.log(ratio)
        log_term = -wide * math.log1p(middle / wide)
        term = math.exp(log_term) if log_term > UNDERFLOW else 0.0
        total, value, level = term, 0, 0
        stop = middle + FAR * math.sqrt(middle + middle * middle / wide) + FAR
        while level < levels.size:
            if total >= levels[level] or value > stop:
                found[at, level] = value
                level += 1
                continue
            value += 1
            if term > 0.0:
                term *= (value - 1 + wide) / value * ratio
            else:
                log_term += math.log((value - 1 + wide) / value) + log_ratio
                term = math.exp(log_term) if log_term > UNDERFLOW else 0.0
            total += term
    return found


@njit(cache=True, nogil=True)
def smooth(
    happened: NDArray[np.bool_],
    counts: NDArray[np.float64],
    probability: NDArray[np.float64],
    size: NDArray[np.float64],
    by_probability: float,
    by_size: float,
) -> None:
    """Move ``probability`` of any and ``size`` when any, shape (series,), through ``counts`` (series, steps), in place.

    Source: Teunter, Syntetos, Babai (2011), equations 3 to 5.
    """
    for series in range(counts.shape[0]):
        chance, much = probability[series], size[series]
        for step in range(counts.shape[1]):
            if happened[series, step]:
                chance += by_probability * (1.0 - chance)
                much += by_size * (counts[series, step] - much)
            else:
                chance -= by_probability * chance
        probability[series], size[series] = chance, much

"""Probabilities that hold what they promise: how to make one, and how to tell that it is worth more than a rate.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

EXACT_COUNTS: Final = 200
"""Up to this capacity the tail is summed count by count; beyond it the cube-root approximation errs by 0.002."""

SURE: Final = 0.002
"""No probability nearer to 0 or 1 is believed: it would take hundreds of weeks to learn of it."""

POSSIBLE: Final = 1e-12
"""What is expected at all can exceed anything, if hardly ever."""

NARROWEST: Final = 1e-6
CLEARLY: Final = 1.645
"""Standard errors, over weeks, by which a model must be better than climatology (one-sided 95 %)."""

FEWEST_WEEKS: Final = 26
_NEWTON_STEPS: Final = 12
PRIOR_WEIGHT: Final = 10.0
"""How firmly a recalibration is held to changing nothing: as if so many outcomes had spoken for it."""

Z_90: Final = 1.6448536269514722


def exceeds(mean: Numbers, wide: Numbers, capacity: Numbers) -> Numbers:
    """Return the probability that a count is larger than ``capacity``, elementwise.

    Parameters
    ----------
    mean : ndarray
        Expected count (≥ 0).
    wide : ndarray
        Variance beyond Poisson, as a share of the squared mean (≥ 0): the count is negative binomial.
    capacity : ndarray
        At least 0; NaN gives NaN.

    Source: Wilson, Hilferty (1931), The distribution of chi-square, PNAS 17, for capacities over
    `EXACT_COUNTS`, applied to the gamma of equal moments.
    """
    mean, wide, capacity = np.broadcast_arrays(mean, np.maximum(wide, NARROWEST), capacity)
    found = np.where(np.isnan(capacity), np.nan, 0.0)
    some = (mean > 0) & (capacity >= 0)
    few = some & (capacity <= EXACT_COUNTS)
    many = some & ~few
    if few.any():
        found[few] = _tail(mean[few], 1 / wide[few], np.floor(capacity[few]))
    if many.any():
        centre, spread = mean[many], 1 / mean[many] + wide[many]
        root = np.cbrt((np.floor(capacity[many]) + 0.5) / centre)
        away = (root - (1 - spread / 9)) / np.sqrt(spread / 9)
        found[many] = np.maximum(0.5 * np.array([math.erfc(one / math.sqrt(2)) for one in away]), POSSIBLE)
    return found


def _tail(mean: Numbers, size: Numbers, most: Numbers) -> Numbers:
    share = mean / (mean + size)
    term = np.exp(-size * np.log1p(mean / size))
    below = term.copy()
    for count in range(1, int(most.max()) + 1):
        term = term * share * (count - 1 + size) / count
        below += np.where(count <= most, term, 0.0)
    found: Numbers = np.clip(1 - below, POSSIBLE, 1.0)
    return found


def log_odds(probability: Numbers) -> Numbers:
    """Logarithm of the odds, of probabilities held within `SURE`."""
    held = np.clip(probability, SURE, 1 - SURE)
    found: Numbers = np.log(held / (1 - held))
    return found


def logistic(value: Numbers) -> Numbers:
    """The probability of log odds."""
    found: Numbers = 1 / (1 + np.exp(-np.clip(value, -30, 30)))
    return found


def regress(columns: Numbers, happened: Flags, prior: Numbers, weight: float = PRIOR_WEIGHT) -> Numbers:
    """Fit a logistic regression that is drawn towards ``prior``; return its coefficients.

    ``columns`` is (outcomes, coefficients). Newton's method on a strictly concave function.
    """
    found = prior.astype(float)
    for _ in range(_NEWTON_STEPS):
        chance = logistic(columns @ found)
        slope = columns.T @ (chance - happened) + weight * (found - prior)
        curvature = (columns * (chance * (1 - chance))[:, None]).T @ columns + weight * np.eye(len(found))
        step = np.linalg.solve(curvature, slope)
        found = found - step
        if np.abs(step).max() < 1e-9:
            break
    return found


def recalibration(chance: Numbers, happened: Flags) -> Numbers:
    """Offset and slope of the log odds that would have made past probabilities right.

    Source: Cox (1958), Two further applications of a model for binary regression, Biometrika 45; Platt (1999).
    """
    return regress(np.column_stack([np.ones(len(chance)), log_odds(chance)]), happened, np.array([0.0, 1.0]))


def recalibrated(chance: Numbers, line: Numbers) -> Numbers:
    """Return probabilities on the line of `recalibration`; nothing that cannot happen becomes possible."""
    return np.where(chance > 0, logistic(line[0] + line[1] * log_odds(chance)), chance)


def brier(chance: Numbers, happened: Flags) -> float:
    """Mean squared error of probabilities. Source: Brier (1950), Monthly Weather Review 78."""
    return float(((chance - happened) ** 2).mean()) if chance.size else math.nan


def clearly_better(chance: Numbers, climatology: Numbers, happened: Flags, week: NDArray[np.int64]) -> bool:
    """Say whether probabilities beat climatology by more than chance.

    Weeks, not outcomes, are counted: what happens to many places in one week is one piece of evidence.

    Source: Diebold, Mariano (1995), Comparing predictive accuracy, Journal of Business and Economic Statistics 13.
    """
    gain = (climatology - happened) ** 2 - (chance - happened) ** 2
    _, of = np.unique(week, return_inverse=True)
    count = np.bincount(of) if of.size else np.zeros(0)
    if len(count) < FEWEST_WEEKS:
        return False
    by_week = np.bincount(of, gain) / count
    error = float(by_week.std(ddof=1)) / math.sqrt(len(by_week))
    return float(by_week.mean()) > CLEARLY * error


def share_interval(happened: float, of: float) -> tuple[float, float]:
    """90 % interval of a share. Source: Wilson (1927), Journal of the American Statistical Association 22."""
    if of <= 0:
        return 0.0, 1.0
    share, extra = happened / of, Z_90**2 / of
    middle = (share + extra / 2) / (1 + extra)
    half = Z_90 * math.sqrt(share * (1 - share) / of + extra / (4 * of)) / (1 + extra)
    return max(middle - half, 0.0), min(middle + half, 1.0)

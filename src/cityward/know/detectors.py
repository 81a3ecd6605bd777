"""Simple alternatives to the scan: a threshold per area, the whole city over time, and CUSUM.

They are what the scan has to beat (`benchmarks/POWER.md`), and each is better than it at something. Counts
of days and areas in, a score of each day and area out; larger is stranger. A score uses the days up to its
own alone.

Source: Hutwagner, Thompson, Seeman, Treadwell (2003), Journal of Urban Health 80(2 Suppl 1) (a short moving
baseline with a guard before the day, as in EARS C2); Lucas (1985), Technometrics 27(2), and Moustakides (1986),
Annals of Statistics 14(4) (CUSUM of Poisson counts by likelihood ratio).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

BASELINE_DAYS = 56
"""Whole weeks that a day is compared with: long enough for an area, short enough to follow the season."""

GUARD_DAYS = 14
"""Days before a day that are not its baseline, so that a slow outbreak does not become its own."""

LEAST = 0.02
"""Reports a day that a silent area is expected to have at least: one in the baseline."""

_WEEK = 7


def expected(counts: Counts, baseline_days: int = BASELINE_DAYS, guard_days: int = GUARD_DAYS) -> Floats:
    """Mean of each day and area: the area's moving baseline, by the weekdays of the whole city.

    Parameters
    ----------
    counts : ndarray of int, shape (days, areas)
        Reports, day after day.
    baseline_days : int
        Whole weeks, 7 or more.
    guard_days : int
        Days between the baseline and the day.

    Returns
    -------
    ndarray, shape (days, areas)
        NaN for the first ``baseline_days + guard_days`` days, which have no baseline.
    """
    days, lag = counts.shape[0], baseline_days + guard_days
    found = np.full(counts.shape, np.nan)
    sums = np.concatenate([np.zeros((1, counts.shape[1])), counts.cumsum(axis=0)])
    city = counts.sum(axis=1).astype(np.float64)
    at = np.arange(lag, days)
    found[lag:] = np.maximum((sums[at - guard_days] - sums[at - lag]) / baseline_days, LEAST)
    # The same weekday in the baseline, over the mean of all its days.
    back = -(-(guard_days + 1) // _WEEK) * _WEEK + _WEEK * np.arange(baseline_days // _WEEK)
    same = city[np.maximum(at[:, None] - back[None, :], 0)].mean(axis=1)
    usual = found[lag:].sum(axis=1)
    found[lag:] *= np.clip(same / usual, 0.2, 5.0)[:, None]
    return found


def threshold_per_area(counts: Counts, span_days: int = 7) -> Floats:
    """How improbable the last ``span_days`` of each area are, as a signed Poisson deviance.

    Parameters
    ----------
    counts : ndarray of int, shape (days, areas)
        Reports.
    span_days : int
        Days that are summed.

    Returns
    -------
    ndarray, shape (days, areas)
        ``sqrt(2 * log likelihood ratio)``, about normal; 0 where there are fewer than expected or no baseline.
    """
    return _deviance(_moving(counts, span_days), _moving(expected(counts), span_days))


def whole_city(counts: Counts, longest_days: int = 14) -> Floats:
    """Purely temporal: the strongest period of 1 to ``longest_days`` days of the whole city.

    Its spread is measured, because totals vary more than Poisson counts do.

    Returns
    -------
    ndarray, shape (days, 1)
        Standard deviations above what is expected; 0 below, and where there is no baseline.
    """
    total, mean = counts.sum(axis=1, keepdims=True), expected(counts).sum(axis=1, keepdims=True)
    found = np.zeros(total.shape)
    for span in range(1, longest_days + 1):
        observed, usual = _moving(total, span), _moving(mean, span)
        residual = (observed - usual) / np.sqrt(usual)
        found = np.fmax(found, residual / _spread(residual))
    return found


def cusum(counts: Counts, ratio: float = 2.0, *, city: bool = False) -> Floats:
    """CUSUM of the log likelihood ratio that an area has ``ratio`` times as many reports as expected.

    Parameters
    ----------
    counts : ndarray of int, shape (days, areas)
        Reports.
    ratio : float
        The increase it is tuned to, above 1.
    city : bool
        One CUSUM of the sum of all areas.

    Returns
    -------
    ndarray, shape (days, areas) or (days, 1)
        ``max(0, yesterday's + x log(ratio) - mean (ratio - 1))``; 0 where there is no baseline.
    """
    mean = np.nan_to_num(expected(counts))
    observed = np.where(mean > 0, counts, 0).astype(np.float64)
    if city:
        observed, mean = observed.sum(axis=1, keepdims=True), mean.sum(axis=1, keepdims=True)
    steps = observed * np.log(ratio) - mean * (ratio - 1)
    # max(0, .) of a running sum is its height above its lowest point so far.
    heights = np.concatenate([np.zeros((1, steps.shape[1])), steps.cumsum(axis=0)])
    return np.asarray((heights - np.minimum.accumulate(heights, axis=0))[1:])


def _moving(values: NDArray[np.generic], span: int) -> Floats:
    """Sum of the last ``span`` days; NaN where one of them is missing."""
    padded = np.concatenate([np.full((span - 1, values.shape[1]), np.nan), values.astype(np.float64)])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, span, axis=0).sum(axis=-1))


def _deviance(observed: Floats, mean: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(observed > 0, observed * np.log(observed / mean), 0.0) - (observed - mean)
    return np.asarray(np.where(observed > mean, np.sqrt(2 * np.maximum(ratio, 0.0)), 0.0))


def _spread(residual: Floats) -> Floats:
    """Root mean square of the residuals of the baseline of each day, at least 1."""
    squares = _moving(residual**2, BASELINE_DAYS) / BASELINE_DAYS
    late = np.full(residual.shape, np.nan)
    late[GUARD_DAYS:] = squares[:-GUARD_DAYS]
    return np.asarray(np.fmax(np.sqrt(late), 1.0))

"""Floors: simple forecasts that every better model must beat. Pure: arrays in, quantiles out.

All take counts of shape (series, days) and return (series, horizon, quantiles) for `LEVELS`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVELS: Final = (0.05, 0.1, 0.5, 0.9, 0.95)
WEEK_DAYS: Final = 7
MEMORY_WEEKS: Final = 26
"""Half a year: long enough for quantiles of a weekday, short enough to follow a change."""

SIZE_SMOOTHING: Final = 0.1
PROBABILITY_SMOOTHING: Final = 0.05
"""Weights of the newest day in TSB, from the range 0.05 to 0.2 that Teunter and others recommend."""

Counts = NDArray[np.float64]


def seasonal_naive(counts: Counts, horizon_days: int) -> Counts:
    """The same weekday of last week, with the spread that this has had."""
    weeks = _last_weeks(counts)
    last = weeks[:, -1, :]
    errors = np.diff(weeks, axis=1).reshape(counts.shape[0], -1)
    spread = np.quantile(errors, LEVELS, axis=1).T if errors.size else np.zeros((counts.shape[0], len(LEVELS)))
    spread[:, LEVELS.index(0.5)] = 0.0
    return _ordered(_cycle(last, horizon_days)[:, :, None] + spread[:, None, :])


def empirical_quantiles(counts: Counts, horizon_days: int) -> Counts:
    """Quantiles of the same weekday in the last `MEMORY_WEEKS` weeks."""
    by_weekday = np.quantile(_last_weeks(counts), LEVELS, axis=1)  # (quantiles, series, weekday)
    return _ordered(_cycle(np.moveaxis(by_weekday, 0, -1), horizon_days))


def tsb(counts: Counts, horizon_days: int) -> Counts:
    """Teunter-Syntetos-Babai smoothing with the weekday profile of all series together.

    Quantiles are those of a negative binomial whose dispersion is estimated from the last half year.
    Source: Teunter, Syntetos, Babai (2011), Intermittent demand, European Journal of Operational Research
    214(3), equations 3 to 5.
    """
    weeks = _last_weeks(counts)
    profile = weeks.mean(axis=(0, 1))
    profile = profile / profile.mean() if profile.mean() > 0 else np.ones(WEEK_DAYS)
    level = _smoothed(counts)
    mean = level[:, None] * _cycle(profile[None, :], horizon_days)
    recent = weeks.reshape(counts.shape[0], -1)
    average = recent.mean(axis=1)
    excess = np.maximum(recent.var(axis=1) - average, 0.0)
    size = np.where(excess > 0, average**2 / np.where(excess > 0, excess, 1.0), np.inf)
    return negative_binomial_quantiles(mean, np.clip(size, 0.05, 1e6)[:, None])


def negative_binomial_quantiles(mean: Counts, size: Counts) -> Counts:
    """Quantiles `LEVELS` of negative binomials with ``mean`` (n, m) and ``size`` (n, 1), shape (n, m, levels)."""
    mean = np.maximum(mean, 1e-9)
    stop = np.log1p(-mean / (mean + size))
    log_ratio = np.log(mean / (mean + size))
    log_term = size * stop
    total = np.exp(log_term)
    levels = np.asarray(LEVELS)
    found = np.where(total[:, :, None] >= levels, 0.0, np.nan)
    value = 0
    largest = float(mean.max() + 12 * np.sqrt((mean + mean**2 / size).max()) + 20)
    while np.isnan(found).any() and value < largest:
        log_term = log_term + np.log((value + size) / (value + 1)) + log_ratio
        value += 1
        total = total + np.exp(log_term)
        found = np.where(np.isnan(found) & (total[:, :, None] >= levels), value, found)
    return np.where(np.isnan(found), largest, found)


def _smoothed(counts: Counts) -> Counts:
    """Expected count per day after the last day: probability of any, times size when any."""
    positive = counts > 0
    any_share = positive.mean(axis=1)
    mean_size = np.divide(
        counts.sum(axis=1), positive.sum(axis=1), out=np.zeros(len(counts)), where=positive.any(axis=1)
    )
    probability: Counts = any_share
    size: Counts = mean_size
    for day in range(counts.shape[1]):
        happened = positive[:, day]
        probability = probability + PROBABILITY_SMOOTHING * (happened - probability)
        size = np.where(happened, size + SIZE_SMOOTHING * (counts[:, day] - size), size)
    expected: Counts = probability * size
    return expected


def _last_weeks(counts: Counts) -> Counts:
    """The last weeks as (series, weeks, 7), the last column being the last day; short histories are padded."""
    days = counts.shape[1]
    weeks = max(2, min(MEMORY_WEEKS, days // WEEK_DAYS))
    missing = weeks * WEEK_DAYS - days
    if missing > 0:
        fill = counts.mean(axis=1, keepdims=True) if days else np.zeros((counts.shape[0], 1))
        counts = np.concatenate([np.repeat(fill, missing, axis=1), counts], axis=1)
    return counts[:, -weeks * WEEK_DAYS :].reshape(counts.shape[0], weeks, WEEK_DAYS)


def _cycle(week: Counts, horizon_days: int) -> Counts:
    """Repeat a week (second axis) over the horizon."""
    return week[:, np.arange(horizon_days) % WEEK_DAYS]


def _ordered(quantiles: Counts) -> Counts:
    return np.sort(np.maximum(quantiles, 0.0), axis=-1)

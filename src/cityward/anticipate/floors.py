"""Floors: simple forecasts that every better model must beat. Pure: arrays in, distributions out.

All take counts of shape (series, steps), oldest step first, a horizon in steps and the `Rhythm` of the
steps (days unless told), and return a `Distribution`. A series of zeros is forecast as zero with no
width. With less than ``rhythm.shortest`` steps nothing can be said about weekdays or spread: every model
then returns a Poisson distribution around the average of what there is.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cityward.anticipate.counting_kernel import smooth, summed_quantiles
from cityward.anticipate.rhythm import DAILY, Rhythm
from cityward.core.compiled import prepare

LEVELS: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Quantile levels of every forecast: the tenths, by which it is scored, and a twentieth at both ends."""

MEDIAN: Final = LEVELS.index(0.5)

_NORMAL: Final = tuple(NormalDist().inv_cdf(level) for level in LEVELS)
"""`LEVELS` of the standard normal distribution."""

SIZE_SMOOTHING: Final = 0.1
PROBABILITY_SMOOTHING: Final = 0.05
"""Weights of the newest day in TSB, from the range 0.05 to 0.2 of its authors."""

PROFILE_PRIOR_COUNTS: Final = 100.0
"""Reports in half a year at which a series' own weekday profile weighs as much as that of all together."""

SIZE_RANGE: Final = (0.05, 1e9)
"""Bounds of the negative binomial's size: wilder than any service seen, and as good as Poisson."""

SMALLEST_MEAN: Final = 1e-9
"""Below it a day is taken for certain to bring nothing."""

LARGE_MEAN: Final = 1000.0
NARROW_SIZE: Final = 16.0
"""From both on the Cornish-Fisher expansion is within a hundredth of a standard deviation, and cheaper."""

Counts = NDArray[np.float64]


class Distribution(NamedTuple):
    """What a model expects: ``mean`` (series, horizon) and ``quantiles`` (series, horizon, `LEVELS`).

    Quantiles never cross and are at least 0.
    """

    mean: Counts
    quantiles: Counts


def seasonal_naive(counts: Counts, horizon: int, rhythm: Rhythm = DAILY) -> Distribution:
    """The same weekday (and hour) of last week, with the spread that this has lately had.

    The median is the count of last week itself; the other quantiles add those of the differences from
    one week to the next.
    """
    if counts.shape[1] < rhythm.shortest:
        return _poisson(counts, horizon)
    weeks = _last_weeks(counts, rhythm)
    differences = np.diff(weeks, axis=1).reshape(counts.shape[0], -1)
    # A trend may put both ends on one side of last week; the interval is stretched to hold it.
    sides = np.sign(_NORMAL)[:, None]
    spread = np.maximum(np.quantile(differences, LEVELS, axis=1) * sides, 0.0) * sides
    last = weeks[:, -1, :]
    return Distribution(_cycle(last, horizon), _cycle(_ordered(last[:, :, None] + spread.T[:, None, :]), horizon))


def yearly_naive(counts: Counts, horizon: int, rhythm: Rhythm = DAILY) -> Distribution:
    """The same weekday (and hour) 52 weeks ago, with the spread that this had in the year that followed.

    Without a year and four weeks of history it is `seasonal_naive`.
    """
    steps = counts.shape[1]
    if steps < rhythm.year + rhythm.shortest:
        return seasonal_naive(counts, horizon, rhythm)
    lately = min(rhythm.memory_weeks * rhythm.week, steps - rhythm.year)
    differences = counts[:, steps - lately :] - counts[:, steps - lately - rhythm.year : steps - rhythm.year]
    sides = np.sign(_NORMAL)[:, None]
    spread = np.maximum(np.quantile(differences, LEVELS, axis=1) * sides, 0.0) * sides
    last = counts[:, steps - rhythm.year + np.arange(horizon) % rhythm.year]
    return Distribution(last, _ordered(last[:, :, None] + spread.T[:, None, :]))


def empirical_quantiles(counts: Counts, horizon: int, rhythm: Rhythm = DAILY) -> Distribution:
    """Mean and quantiles of the same weekday (and hour) in the last weeks of the rhythm's memory.

    Quantiles are interpolated between counts, so they need not be whole numbers.
    """
    if counts.shape[1] < rhythm.shortest:
        return _poisson(counts, horizon)
    weeks = _last_weeks(counts, rhythm)
    by_weekday = np.moveaxis(np.quantile(weeks, LEVELS, axis=1), 0, -1)
    return Distribution(_cycle(weeks.mean(axis=1), horizon), _cycle(_ordered(by_weekday), horizon))


def tsb(counts: Counts, horizon: int, rhythm: Rhythm = DAILY) -> Distribution:
    """Teunter-Syntetos-Babai smoothing times a weekday profile, as a negative binomial.

    The profile of a series is drawn to that of all series together, the more the fewer its reports. The
    dispersion is that of the last half year around its own weekday averages.

    Source: Teunter, Syntetos, Babai (2011), Intermittent demand, European Journal of Operational Research
    214(3), equations 3 to 5.
    """
    if counts.shape[1] < rhythm.shortest:
        return _poisson(counts, horizon)
    weeks = _last_weeks(counts, rhythm)
    profile = _profile(weeks)
    week = _smoothed(counts)[:, None] * profile
    quantiles = negative_binomial_quantiles(week, _size(weeks, profile)[:, None])
    return Distribution(_cycle(week, horizon), _cycle(_ordered(quantiles), horizon))


def negative_binomial_quantiles(mean: Counts, size: Counts) -> Counts:
    """Return the quantiles `LEVELS` of negative binomials, shape (n, m, levels).

    Parameters
    ----------
    mean : ndarray of float, shape (n, m)
        At least 0.
    size : ndarray of float, shape (n, 1)
        The variance is ``mean + mean**2 / size``; clipped to `SIZE_RANGE`.

    Notes
    -----
    Exact by summing probabilities while the mean is below `LARGE_MEAN`. Beyond, narrow distributions are
    expanded, and wide ones scaled down to that mean at equal relative spread, so that a day on which a
    source unloads a million rows costs no more than any other.
    Source: Cornish, Fisher (1938), Moments and cumulants, with the terms of skewness and kurtosis.
    """
    size = np.broadcast_to(np.clip(size, *SIZE_RANGE), mean.shape)
    expand = (mean >= LARGE_MEAN) & (size >= NARROW_SIZE)
    scale = np.maximum(mean / LARGE_MEAN, 1.0)[~expand]
    # Relative variance is 1 / mean + 1 / size; the scaled mean has more of the first, and gets less of the second.
    scaled_size = 1 / (1 / size[~expand] - (scale - 1) / np.maximum(mean[~expand], 1.0))
    found = np.zeros((*mean.shape, len(LEVELS)))
    found[~expand] = np.round(scale[:, None] * _summed(mean[~expand] / scale, scaled_size))
    found[expand] = _expanded_quantiles(mean[expand], size[expand])
    return found


def _expanded_quantiles(mean: Counts, size: Counts) -> Counts:
    """Quantiles of large negative binomials by the expansion of Cornish and Fisher, shape (n, levels)."""
    mean, size, z = mean[:, None], size[:, None], np.asarray(_NORMAL)
    deviation = np.sqrt(mean + mean**2 / size)
    skewness = (1 + 2 * mean / size) / deviation
    excess_kurtosis = 6 / size + 1 / deviation**2
    bent = z + (z**2 - 1) * skewness / 6 + (z**3 - 3 * z) * excess_kurtosis / 24 - (2 * z**3 - 5 * z) * skewness**2 / 36
    whole: Counts = np.round(mean + bent * deviation)
    return whole


def _summed(mean: Counts, size: Counts) -> Counts:
    prepare()
    found: Counts = summed_quantiles(mean, size, np.asarray(LEVELS), SMALLEST_MEAN)
    return found


def _poisson(counts: Counts, horizon: int) -> Distribution:
    """The average of a short history, every day alike."""
    mean = counts.mean(axis=1, keepdims=True)
    quantiles = negative_binomial_quantiles(mean, np.full_like(mean, math.inf))
    return Distribution(np.repeat(mean, horizon, axis=1), np.repeat(quantiles, horizon, axis=1))


def _profile(weeks: Counts) -> Counts:
    """Weekday (and hour) factors of each series, shape (series, steps of a week), averaging 1."""
    everyone = weeks.sum(axis=(0, 1))
    shared = everyone / everyone.mean() if everyone.any() else np.ones(weeks.shape[2])
    own = weeks.sum(axis=1)
    prior = PROFILE_PRIOR_COUNTS / weeks.shape[2]
    factors: Counts = (own + prior * shared) / (own.mean(axis=1, keepdims=True) + prior)
    return factors


def _size(weeks: Counts, profile: Counts) -> Counts:
    """Size of each series' negative binomial by the method of moments; infinite where there is no excess."""
    average = weeks.mean(axis=(1, 2))
    expected = average[:, None, None] * profile[:, None, :]
    excess = ((weeks - expected) ** 2 - expected).mean(axis=(1, 2))
    second = (expected**2).mean(axis=(1, 2))
    size: Counts = np.divide(second, excess, out=np.full(len(weeks), np.inf), where=excess > 0)
    return size


def _smoothed(counts: Counts) -> Counts:
    """Expected count per day after the last day: probability of any, times size when any."""
    positive = counts > 0
    probability: Counts = positive.mean(axis=1)
    size: Counts = np.divide(
        counts.sum(axis=1), positive.sum(axis=1), out=np.zeros(len(counts)), where=positive.any(axis=1)
    )
    prepare()
    smooth(positive, counts, probability, size, PROBABILITY_SMOOTHING, SIZE_SMOOTHING)
    expected: Counts = probability * size
    return expected


def _last_weeks(counts: Counts, rhythm: Rhythm) -> Counts:
    """The last whole weeks that are remembered, as (series, weeks, steps of a week); the last is the last step."""
    weeks = min(rhythm.memory_weeks, counts.shape[1] // rhythm.week)
    return counts[:, -weeks * rhythm.week :].reshape(counts.shape[0], weeks, rhythm.week)


def _cycle(week: Counts, horizon: int) -> Counts:
    """Repeat a week (second axis) over the horizon; the first step ahead is a week after the first of it."""
    return week[:, np.arange(horizon) % week.shape[1]]


def _ordered(quantiles: Counts) -> Counts:
    return np.sort(np.maximum(quantiles, 0.0), axis=-1)

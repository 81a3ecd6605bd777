"""How far what comes may be from what is expected: calibrated on days that the model had not seen. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from cityward.anticipate.features import Counts, History, baseline
from cityward.anticipate.floors import LEVELS, MEDIAN, Distribution, negative_binomial_quantiles

SIZE_FACTORS: Final = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 8.0, 16.0)
"""Tried on unseen days: forecasts err by more, or less, than the past spread around its own averages."""

SIZE_RANGE: Final = (0.2, 500.0)
LEVEL_WEEKS: Final = 4
"""Weeks whose own level the spread is taken around."""

WHOLE: Final = 0.8
"""Share of days that the published interval is to hold."""

BIN_STEPS: Final = 250
BINS_MAX: Final = 12
"""Steps of alike means over which the interval is calibrated: a share of 80 % is then known to 2.5 points."""

SILENT_MEAN: Final = 1e-6
"""Below it nothing is expected: such days would be held for nothing."""

_TENTHS: Final = slice(1, len(LEVELS) - 1)


def sizes(past: History, origin: int) -> Counts:
    """Sizes of negative binomials, shape (series, hours of a day or 1), from the spread around the baseline.

    By moments, half way (geometrically) to that of all series: one series' own is a noisy estimate. The
    baseline is set to the level of each four weeks: the season must not pass for chance.
    """
    week, day = past.rhythm.week, past.rhythm.day
    weeks = max(1, min(past.rhythm.memory_weeks, origin // week))
    weeks -= weeks % LEVEL_WEEKS if weeks > LEVEL_WEEKS else 0
    block = min(weeks, LEVEL_WEEKS)
    series = np.arange(len(past.values))
    usual = baseline(past, origin, series, np.arange(week)).reshape(-1, 1, 1, 7, day)
    seen = past.values[:, origin - weeks * week : origin].reshape(len(series), weeks // block, block, 7, day)
    level = seen.mean(axis=(2, 3, 4), keepdims=True) / usual.mean(axis=(2, 3, 4), keepdims=True)
    expected = usual * level
    excess = ((seen - expected) ** 2 - expected).mean(axis=(1, 2, 3))
    second = (expected**2).mean(axis=(1, 2, 3))
    own = np.clip(second / np.maximum(excess, 1e-9), *SIZE_RANGE)
    heavy = usual.mean(axis=(1, 2, 3))
    shared = np.exp((np.log(own) * heavy).sum(axis=0) / heavy.sum(axis=0))
    found: Counts = np.sqrt(own * shared)
    return found


def around(mean: Counts, size: Counts, factor: Counts) -> Distribution:
    """Negative binomials: ``mean`` (series, steps), ``size`` (series, day) and a ``factor`` (series) on it."""
    steps = np.arange(mean.shape[1]) % size.shape[1]
    wide = (size * factor[:, None])[:, steps]
    found = negative_binomial_quantiles(mean.reshape(-1, 1), wide.reshape(-1, 1))
    return Distribution(mean, found.reshape(*mean.shape, len(LEVELS)))


def loss(future: Counts, quantiles: Counts) -> Counts:
    """Twice the quantile loss at the tenths, averaged over them, shape of ``future``; NaN where it is unknown."""
    levels = np.asarray(LEVELS)[_TENTHS]
    gap = future[..., None] - quantiles[..., _TENTHS]
    found: Counts = 2 * np.maximum(levels * gap, (levels - 1) * gap).mean(axis=-1)
    return found


def reach(ahead: Distribution) -> tuple[Counts, Counts]:
    """Down and up from the median: how far a distribution reaches, without the steps of whole numbers."""
    middle = ahead.quantiles[..., MEDIAN]
    lean = ahead.mean - middle
    up = (ahead.quantiles[..., MEDIAN + 1 :] - middle[..., None]).mean(axis=-1) + np.maximum(lean, 0)
    down = (middle[..., None] - ahead.quantiles[..., :MEDIAN]).mean(axis=-1) + np.maximum(-lean, 0)
    return down, up


class Reach(NamedTuple):
    """By how much `reach` is to be multiplied, at the logarithms of some means."""

    log_means: Counts
    factors: Counts


UNTRIED: Final = Reach(np.zeros(1), np.ones(1))


def interval(ahead: Distribution, scale: Reach) -> tuple[Counts, Counts]:
    """The published interval, low and high, each of the shape of the mean, in whole numbers."""
    factor = np.interp(np.log(np.maximum(ahead.mean, SILENT_MEAN)), scale.log_means, scale.factors)
    down, up = reach(ahead)
    middle = ahead.quantiles[..., MEDIAN]
    low = np.ceil(np.maximum(middle - factor * down, 0) - 1e-9)
    return np.minimum(low, middle), np.maximum(np.floor(middle + factor * up + 1e-9), middle)


def interval_scale(future: Counts, ahead: Distribution, share: float = WHOLE) -> Reach:
    """The scale with which `interval` would have held ``share`` of the known steps, among alike means each.

    Counts are whole, so an interval of whole numbers holds a little more or a little less than that: of the
    two the nearer is taken. Where more than four fifths of the steps bring exactly the median (a place that
    sends a report a month) no interval can hold as few as that, and the share held is larger.

    Source: Vovk, Gammerman, Shafer (2005), Algorithmic Learning in a Random World, Mondrian conformal
    prediction; the score is the distance from the median over the reach on that side.
    """
    down, up = reach(ahead)
    away = future - ahead.quantiles[..., MEDIAN]
    side = np.where(away > 0, up, down)
    scores = np.divide(np.abs(away), side, out=np.where(away == 0, 0.0, np.inf), where=side > 0)
    known = np.isfinite(future) & (ahead.mean > SILENT_MEAN)
    if not known.any():
        return UNTRIED
    scores, log_means = scores[known], np.log(ahead.mean[known])
    bins = np.array_split(np.argsort(log_means, kind="stable"), int(np.clip(len(scores) // BIN_STEPS, 1, BINS_MAX)))
    found = np.array([_threshold(scores[one], share) for one in bins])
    return Reach(np.array([np.median(log_means[one]) for one in bins]), np.where(np.isfinite(found), found, 1.0))


def _threshold(scores: Counts, share: float) -> float:
    """The score up to which the share nearest to ``share`` lies."""
    different, counts = np.unique(scores, return_counts=True)
    held = np.cumsum(counts) / len(scores)
    return float(different[np.argmin(np.abs(held - share))])

"""How well a score tells the outcome, group by group, from counts by score value."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.answerable.audit.intervals import clopper_pearson
from cityward.answerable.audit.report import Pair, ScoreBin, Scored

Floats = NDArray[np.float64]

VALUES_MAX: Final = 12
"""A score with more values than these is told in tenths."""

TENTHS: Final = 10


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale of a score over everybody: whether it is a probability, and the edges of its bins."""

    probability: bool
    edges: tuple[float, ...]
    by_value: bool


def scale_of(score: pl.Series) -> Scale:
    """Look at the scores of everybody (nulls left out)."""
    values = score.drop_nulls().unique().sort()
    inside = bool(len(values) > 2 and values[0] >= 0 and values[-1] <= 1)
    if len(values) <= VALUES_MAX:
        return Scale(inside, tuple(values.to_list()), by_value=True)
    cuts = np.quantile(score.drop_nulls().to_numpy(), np.linspace(0, 1, TENTHS + 1))
    return Scale(inside, tuple(np.unique(cuts).tolist()), by_value=False)


def scored(values: Floats, ones: Floats, zeros: Floats, scale: Scale, *, level: float, min_n: int) -> Scored:
    """Tell of one group.

    Parameters
    ----------
    values : ndarray, shape (k,)
        Distinct scores, rising.
    ones, zeros : ndarray, shape (k,)
        People of each score with and without the outcome.
    scale : Scale
    level : float
    min_n : int
        Fewer people with or without the outcome, and the AUC is flagged as small.
    """
    area, limits = auc(ones, zeros, level)
    people, happened = ones + zeros, float(ones.sum())
    total = float(people.sum())
    large, large_limits, brier, brier_limits, usual = None, (None, None), None, (None, None), None
    if scale.probability and total:
        rate = happened / total
        large, large_limits = _mean(1 - values, -values, ones, zeros, level)
        brier, brier_limits = _mean((1 - values) ** 2, values**2, ones, zeros, level)
        usual = rate * (1 - rate)
    return Scored(
        auc=area,
        auc_interval=limits,
        small=bool(min(happened, total - happened) < min_n),
        in_the_large=large,
        in_the_large_interval=large_limits,
        brier=brier,
        brier_interval=brier_limits,
        brier_of_base_rate=usual,
        bins=_bins(values, ones, people, scale, level),
    )


def auc(ones: Floats, zeros: Floats, level: float = 0.95) -> tuple[float | None, Pair]:
    """Chance that one with the outcome has the higher score, ties half, and its limits; None without both kinds.

    Parameters
    ----------
    ones, zeros : ndarray, shape (k,)
        People with and without the outcome at each score, by rising score.

    Notes
    -----
    Variance of DeLong, DeLong and Clarke-Pearson (1988) from placements, limits on the log odds. Where all are told
    apart the variance is zero, and the limit is that of as many successes as the rarer kind has people.
    """
    found, other = float(ones.sum()), float(zeros.sum())
    if not found or not other:
        return None, (None, None)
    below = (np.cumsum(zeros) - zeros / 2) / other
    above = 1 - (np.cumsum(ones) - ones / 2) / found
    area = float((ones * below).sum() / found)
    fewer = np.array([min(found, other)])
    if area in (0.0, 1.0) or fewer[0] < 2:
        low, high = clopper_pearson(np.round(area * fewer), fewer, level)
        return area, (min(area, float(low[0])), max(area, float(high[0])))
    variance = (ones * (below - area) ** 2).sum() / (found - 1) / found
    variance += (zeros * (above - area) ** 2).sum() / (other - 1) / other
    far = NormalDist().inv_cdf((1 + level) / 2) * np.sqrt(variance) / (area * (1 - area))
    odds = np.log(area / (1 - area))
    return area, (float(1 / (1 + np.exp(far - odds))), float(1 / (1 + np.exp(-far - odds))))


def _mean(of_ones: Floats, of_zeros: Floats, ones: Floats, zeros: Floats, level: float) -> tuple[float, Pair]:
    total = ones.sum() + zeros.sum()
    mean = float((ones * of_ones + zeros * of_zeros).sum() / total)
    if total < 2:
        return mean, (None, None)
    variance = (ones * (of_ones - mean) ** 2 + zeros * (of_zeros - mean) ** 2).sum() / (total - 1)
    half = NormalDist().inv_cdf((1 + level) / 2) * float(np.sqrt(variance / total))
    return mean, (mean - half, mean + half)


def _bins(values: Floats, ones: Floats, people: Floats, scale: Scale, level: float) -> tuple[ScoreBin, ...]:
    edges = np.array(scale.edges)
    if scale.by_value:
        which, names = np.searchsorted(edges, values), [f"{edge:.6g}" for edge in edges]
    else:
        which = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        names = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    count = np.bincount(which, people, len(names))
    happened, told = np.bincount(which, ones, len(names)), np.bincount(which, people * values, len(names))
    low, high = clopper_pearson(happened, count, level)
    return tuple(
        ScoreBin(
            scores=names[at],
            people=int(count[at]),
            told=float(told[at] / count[at]),
            happened=float(happened[at] / count[at]),
            interval=(float(low[at]), float(high[at])),
        )
        for at in np.flatnonzero(count)
    )

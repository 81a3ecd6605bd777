"""How well a score tells the outcome, group by group, from counts by score value."""

from __future__ import annotations

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class Spread:
    """A group's distinct scores, rising, and people of each with and without the outcome; all of shape (k,)."""

    values: Floats
    ones: Floats
    zeros: Floats


def scored(groups: Sequence[Spread], scale: Scale, *, level: float, min_n: int) -> list[Scored]:
    """Tell of each group; with fewer than ``min_n`` people with or without the outcome its AUC is flagged as small."""
    bins = _bins(groups, scale, level)
    return [_one(group, inside, scale, level, min_n) for group, inside in zip(groups, bins, strict=True)]


def _one(group: Spread, bins: tuple[ScoreBin, ...], scale: Scale, level: float, min_n: int) -> Scored:
    values, ones, zeros = group.values, group.ones, group.zeros
    area, limits = auc(ones, zeros, level)
    happened, total = float(ones.sum()), float(ones.sum() + zeros.sum())
    large, brier, usual = None, None, None
    large_limits: Pair = (None, None)
    brier_limits: Pair = (None, None)
    if scale.probability and total:
        large, large_limits = _mean(1 - values, -values, ones, zeros, level)
        brier, brier_limits = _mean((1 - values) ** 2, values**2, ones, zeros, level)
        usual = happened / total * (1 - happened / total)
    return Scored(
        auc=area,
        auc_interval=limits,
        small=bool(min(happened, total - happened) < min_n),
        in_the_large=large,
        in_the_large_interval=large_limits,
        brier=brier,
        brier_interval=brier_limits,
        brier_of_base_rate=usual,
        bins=bins,
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


def _bins(groups: Sequence[Spread], scale: Scale, level: float) -> list[tuple[ScoreBin, ...]]:
    """Bins of every group; the limits of all of them are reckoned at once."""
    edges = np.array(scale.edges)
    names = [f"{edge:.6g}" for edge in edges]
    if not scale.by_value:
        names = [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    counts = np.zeros((3, len(groups), len(names)))
    for at, group in enumerate(groups):
        people = group.ones + group.zeros
        which = np.searchsorted(edges, group.values, side="left" if scale.by_value else "right")
        which = which if scale.by_value else np.clip(which - 1, 0, len(names) - 1)
        for row, part in enumerate((people, group.ones, people * group.values)):
            counts[row, at] = np.bincount(which, part, len(names))
    people, happened, told = counts
    limits = clopper_pearson(happened.ravel(), people.ravel(), level)
    low, high = (part.reshape(people.shape) for part in limits)
    return [
        tuple(
            ScoreBin(
                scores=names[bin_],
                people=int(people[at, bin_]),
                told=float(told[at, bin_] / people[at, bin_]),
                happened=float(happened[at, bin_] / people[at, bin_]),
                interval=(float(low[at, bin_]), float(high[at, bin_])),
            )
            for bin_ in np.flatnonzero(people[at])
        )
        for at in range(len(groups))
    ]

"""Figures of a distribution of yearly losses, each with the error that comes of simulating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RETURN_YEARS: Final = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
_FAR: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its standard error of simulation."""

    value: float
    error: float


@dataclass(frozen=True, slots=True)
class Tail:
    """What is exceeded once in ``years`` years, with its 95 % interval, and the mean of what exceeds it."""

    years: int
    value_at_risk: float
    low: float
    high: float
    mean_beyond: Figure


def mean_of_blocks(blocks: Floats) -> tuple[Floats, Floats]:
    """Mean and standard error over blocks of (nearly) equal length; shape (b, ...) to (...)."""
    count = blocks.shape[0]
    return blocks.mean(axis=0), blocks.std(axis=0, ddof=1) / np.sqrt(count)


def mean(yearly: Floats) -> Figure:
    """Mean of independent years."""
    return Figure(float(yearly.mean()), float(yearly.std(ddof=1) / np.sqrt(yearly.size)))


def tails(yearly: Floats, periods: Sequence[int] = RETURN_YEARS) -> tuple[Tail, ...]:
    """The loss-exceedance curve at round return periods, as far as the years reach (20 years beyond each).

    Notes
    -----
    **Source**: intervals of quantiles from order statistics, binomial in the normal approximation (Conover, Practical
    Nonparametric Statistics, 3rd ed., section 3.2). CVaR as Rockafellar and Uryasev (2000), its error as the spread of
    what exceeds, and of the quantile, over the years (Manistre and Hancock 2005, equation 3.2).
    """
    size = yearly.size
    some = [one for one in periods if size / one >= 20]
    ordered = np.sort(yearly)
    return tuple(_tail(ordered, one) for one in some)


def _tail(ordered: Floats, years: int) -> Tail:
    size = ordered.size
    share = 1 - 1 / years
    rank = min(size - 1, int(np.ceil(size * share)) - 1)
    spread = _FAR * np.sqrt(size * share * (1 - share))
    low, high = int(max(0, np.floor(rank - spread))), int(min(size - 1, np.ceil(rank + spread)))
    beyond = ordered[rank:]
    value = float(beyond.mean())
    variance = float(beyond.var()) + share * (value - float(ordered[rank])) ** 2
    return Tail(
        years,
        float(ordered[rank]),
        float(ordered[low]),
        float(ordered[high]),
        Figure(value, float(np.sqrt(variance / beyond.size))),
    )


def difference(before: Floats, after: Floats) -> tuple[Figure, float]:
    """Mean of the yearly differences, and how many times smaller its error is than that of two separate runs."""
    paired = mean(before - after)
    apart = float(np.hypot(mean(before).error, mean(after).error))
    return paired, apart / paired.error if paired.error > 0 else 1.0

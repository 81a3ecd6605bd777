"""How much ranks owe to the choice of weights: other weights, drawn errors, and each indicator left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.equitable.divide.inequality import Floats

_CELLS: Final = 8_000_000
_DRAWS: Final = 1_000
_DRAWS_MIN: Final = 100
_LEVEL: Final = (0.05, 0.95)


class Influence(msgspec.Struct, frozen=True, kw_only=True):
    """How many ranks a place moves on average when an indicator (by its number) is left out."""

    indicator: int
    mean_ranks: float


@dataclass(frozen=True)
class Sensitivity:
    """Ranks, 1 the highest, that hold 90 of 100 draws: shapes (n,); and the influence of each indicator."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]
    influences: tuple[Influence, ...]


def sensitivity(
    parts: Floats, errors: Floats, weights: Floats, surveys: NDArray[np.int64], random: np.random.Generator
) -> Sensitivity:
    """Rank places anew with weights and errors drawn.

    Parameters
    ----------
    parts : ndarray of shape (n, k)
        Indicators made alike; NaN where one is not known.
    errors : ndarray of shape (n, k)
        Standard deviations; NaN counts as none.
    weights : ndarray of shape (k,)
        Zero for those that are nowhere.
    surveys : ndarray of shape (k,)
        Numbers from 0, below k: indicators with one number have their errors drawn together.
    random : numpy.random.Generator

    Notes
    -----
    Weights are Dirichlet with the given ones as their mean and as many as there are indicators as their sum: with equal
    weights every set of weights is equally likely.

    **Source**: Saisana, Saltelli and Tarantola 2005, "Uncertainty and sensitivity analysis techniques as tools for the
    quality assessment of composite indicators", Journal of the Royal Statistical Society A 168, section 4.
    """
    used = np.flatnonzero(weights > 0)
    many, surveys = len(surveys), surveys[used]
    parts, errors, weights = parts[:, used], np.nan_to_num(errors[:, used]), weights[used]
    known = np.isfinite(parts)
    filled = np.nan_to_num(parts)
    draws = int(np.clip(_CELLS // max(len(parts), 1), _DRAWS_MIN, _DRAWS))
    drawn = random.dirichlet(len(used) * weights / weights.sum(), draws) if len(used) > 1 else np.ones((draws, 1))
    ranks = np.empty((draws, len(parts)), np.int32)
    noisy = bool((errors > 0).any())
    for at, one in enumerate(drawn):
        values = filled + errors * random.standard_normal((len(errors), many))[:, surveys] if noisy else filled
        ranks[at] = _ranks(_mean(values, known, one))
    low, high = np.quantile(ranks, _LEVEL, axis=0)
    base = _ranks(_mean(filled, known, weights))
    return Sensitivity(
        low=np.floor(low).astype(np.int64),
        high=np.ceil(high).astype(np.int64),
        influences=tuple(_influence(filled, known, weights, base, used)) if len(used) > 1 else (),
    )


def _influence(
    filled: Floats, known: NDArray[np.bool_], weights: Floats, base: NDArray[np.int64], used: NDArray[np.int64]
) -> list[Influence]:
    found = []
    for at, number in enumerate(used):
        others = weights * (np.arange(len(used)) != at)
        shift = np.abs(_ranks(_mean(filled, known, others)) - base)
        found.append(Influence(indicator=int(number), mean_ranks=float(shift.mean())))
    return found


def _mean(filled: Floats, known: NDArray[np.bool_], weights: Floats) -> Floats:
    """Weighted mean of what is known; a place of which nothing with weight is known stands at zero, the middle."""
    whole = known @ weights
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(whole > 0, (filled * known) @ weights / whole, 0.0)
    return found


def _ranks(values: Floats) -> NDArray[np.int64]:
    found: NDArray[np.int64] = pl.Series(-values).rank("min").to_numpy().astype(np.int64)
    return found

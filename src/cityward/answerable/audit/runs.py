"""Stretches of an ordered axis in which the outcome is not what it is elsewhere: by time, or along a number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNITS_MAX: Final = 1_000
"""Most units of an axis: every stretch between two of them is looked at."""

ROWS_MIN: Final = 30
"""Fewest rows of a stretch, and outside it."""

EXPECTED_MIN: Final = 5.0
"""Fewest rows of either outcome that a stretch and the rest would have if all had one rate."""

PURE_EXPECTED: Final = 30.0
"""A stretch without one of the outcomes is told when so many rows of it would be expected there."""

PURE_SHARE: Final = 0.02
"""Up to this share of those expected may be there all the same: slips of whoever wrote them down."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Units ``first`` to ``last`` (both in it), its rows, its rate and that of the rest.

    ``p`` is at most so likely anywhere on the axis when all have one rate; ``pure`` when one outcome is missing in it.
    """

    first: int
    last: int
    rows: int
    rate: float
    elsewhere: float
    p: float
    pure: bool


def merged(rows: Floats, ones: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Units put together until there are at most `UNITS_MAX` of like size; and the first old unit of each."""
    if len(rows) <= UNITS_MAX:
        return rows, ones, np.arange(len(rows))
    which = np.minimum((np.cumsum(rows) - rows) / rows.sum() * UNITS_MAX, UNITS_MAX - 1).astype(np.int64)
    starts = np.flatnonzero(np.diff(which, prepend=-1))
    return np.add.reduceat(rows, starts), np.add.reduceat(ones, starts), starts


def strangest(rows: Floats, ones: Floats) -> Stretch | None:
    """Return the stretch that differs most from the rest, or None when none can be judged.

    Parameters
    ----------
    rows, ones : ndarray, shape (units,)
        Rows of each unit, and those with the outcome; at most `UNITS_MAX` units.

    Notes
    -----
    Likelihood ratio of a Bernoulli scan over all stretches (Source: Kulldorff 1997, equation 4). The p-value is the
    chi-squared tail of the strongest times the number of stretches: a union bound, so the rate of false alarms is at
    most the level.
    """
    total, found = float(rows.sum()), float(ones.sum())
    if len(rows) < 2 or not 0 < found < total:
        return None
    n = np.concatenate([[0.0], np.cumsum(rows)])
    k = np.concatenate([[0.0], np.cumsum(ones)])
    start, end = np.triu_indices(len(n), 1)
    inside, yes = n[end] - n[start], k[end] - k[start]
    overall = found / total
    rarer = min(overall, 1 - overall)
    fits = (inside >= ROWS_MIN) & (total - inside >= ROWS_MIN)
    fits &= np.minimum(inside, total - inside) * rarer >= EXPECTED_MIN
    if not fits.any():
        return None
    start, end, inside, yes = start[fits], end[fits], inside[fits], yes[fits]
    ratio = _likelihood(yes, inside) + _likelihood(found - yes, total - inside) - _likelihood(found, total)
    # A stretch that reaches an end is as strange as what it leaves over: the smaller of the two is told.
    equal = np.flatnonzero(ratio >= ratio.max() - 1e-9 * total)
    at = int(equal[np.argmin(inside[equal])])
    rate, elsewhere = float(yes[at] / inside[at]), float((found - yes[at]) / (total - inside[at]))
    return Stretch(
        first=int(start[at]),
        last=int(end[at]) - 1,
        rows=int(inside[at]),
        rate=rate,
        elsewhere=elsewhere,
        p=min(1.0, len(ratio) * math.erfc(math.sqrt(max(float(ratio[at]), 0.0)))),
        pure=is_pure(float(yes[at]), float(inside[at]), elsewhere),
    )


def is_pure(ones: float, rows: float, elsewhere: float) -> bool:
    """Whether one of the outcomes is missing among ``rows``, though many would be expected at the rate elsewhere."""
    never = rows * elsewhere >= PURE_EXPECTED and ones <= PURE_SHARE * rows * elsewhere
    always = rows * (1 - elsewhere) >= PURE_EXPECTED and rows - ones <= PURE_SHARE * rows * (1 - elsewhere)
    return never or always


def _likelihood(ones: Floats | float, rows: Floats | float) -> Floats:
    ones, rows = np.asarray(ones, dtype=float), np.asarray(rows, dtype=float)
    zeros = rows - ones
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(ones > 0, ones * np.log(ones / rows), 0) + np.where(zeros > 0, zeros * np.log(zeros / rows), 0)

"""What was known of a case on the day on which the list was made: its own past, its neighbours', and events near it.

Every function takes ``known``, a day for each row, and looks only at what happened before it. Days are whole
numbers (days since 1970-01-01); positions are kilometres on a plane.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIOR_VISITS: Final = 2.0
"""So many visits with the usual result are added to every neighbourhood: an empty one is usual, not perfect."""

REACH_MAX: Final = 3.0
"""Beyond so many reaches the weight of an event is under one per cent and is left out."""

KM_PER_DEGREE: Final = 111.2


def plane(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    """Return kilometres east and north; good to a per mille over a city. Unknown positions are NaN."""
    middle = np.nanmean(lat) if np.isfinite(lat).any() else 0.0
    return lon * KM_PER_DEGREE * np.cos(np.radians(middle)), lat * KM_PER_DEGREE


def own_past(keys: NDArray[np.str_], days: Ints, known: Ints, results: Mapping[str, Floats]) -> dict[str, Floats]:
    """Summarise earlier visits with the same key, of each row.

    Returns
    -------
    dict of ndarray
        ``visits`` (their number), ``since`` (days from the last to ``known``), and for each result its ``last``
        value and ``mean``; NaN where there was none. An empty key has no past.
    """
    code = np.unique(keys, return_inverse=True)[1].astype(np.int64)
    order = np.lexsort((days, code))
    since = days.min(initial=0)
    span = days.max(initial=0) - since + 2  # more than any day, so that keys never run into each other
    joint = code[order] * span + days[order] - since
    first = np.searchsorted(joint, code * span)
    end = np.searchsorted(joint, code * span + np.clip(known - since, 0, span - 1))
    count = np.where(keys == "", 0, end - first)
    last = order[np.maximum(end - 1, 0)]
    seen = count > 0
    found = {"visits": count.astype(float), "since": np.where(seen, known - days[last], np.nan).astype(float)}
    for name, values in results.items():
        total = np.concatenate([[0.0], np.cumsum(values[order])])
        found[f"last {name}"] = np.where(seen, values[last], np.nan)
        # Rounded, so that what others did later does not reach a case through the last digit of a running sum.
        mean = np.round((total[end] - total[first]) / np.maximum(count, 1), 9)
        found[f"mean {name}"] = np.where(seen, mean, np.nan)
    return found


def near(
    at: tuple[Floats, Floats], known: Ints, events: tuple[Floats, Floats, Ints], values: Floats, days: int, reach: float
) -> tuple[Floats, Floats]:
    """Sum ``values`` of events near each place in the ``days`` before ``known``, weighted by distance.

    Parameters
    ----------
    at : tuple of ndarray, each shape (rows,)
        Kilometres east and north.
    known : ndarray, shape (rows,)
    events : tuple of ndarray, each shape (events,)
        Kilometres east and north, and day.
    values : ndarray, shape (events, kinds)
    days : int
    reach : float
        Standard deviation of the Gaussian weight (km).

    Returns
    -------
    sums : ndarray, shape (rows, kinds)
    weights : ndarray, shape (rows,)
    """
    usable = np.flatnonzero(np.isfinite(events[0]) & np.isfinite(events[1]))
    order = usable[np.argsort(events[2][usable], kind="stable")]
    day = events[2][order]
    sums, weights = np.zeros((len(known), values.shape[1])), np.zeros(len(known))
    for when, rows in _by_value(known):
        some = order[np.searchsorted(day, when - days) : np.searchsorted(day, when)]
        some = some[np.argsort(events[1][some], kind="stable")]  # by north: what is out of reach is never looked at
        found = _near(at[0][rows], at[1][rows], events[0][some], events[1][some], values[some], reach)
        sums[rows], weights[rows] = found
    return sums, weights


def _by_value(known: Ints) -> Iterator[tuple[int, Ints]]:
    order = np.argsort(known, kind="stable")
    values, first = np.unique(known[order], return_index=True)
    return zip(values.tolist(), np.split(order, first[1:]), strict=True)


@njit(cache=True)
def _near(x: Floats, y: Floats, east: Floats, north: Floats, values: Floats, reach: float) -> tuple[Floats, Floats]:
    sums = np.zeros((len(x), values.shape[1]))
    weights = np.zeros(len(x))
    scale = 1.0 / (reach * reach)
    low = np.searchsorted(north, y - REACH_MAX * reach)
    high = np.searchsorted(north, y + REACH_MAX * reach)
    for row in range(len(x)):
        for event in range(low[row], high[row]):
            apart = ((x[row] - east[event]) ** 2 + (y[row] - north[event]) ** 2) * scale
            if apart < REACH_MAX * REACH_MAX:
                weight = np.exp(-apart / 2)
                weights[row] += weight
                for kind in range(values.shape[1]):
                    sums[row, kind] += weight * values[event, kind]
    return sums, weights


def neighbours(
    at: tuple[Floats, Floats], days: Ints, known: Ints, results: Mapping[str, Floats], window: int, reach: float
) -> dict[str, Floats]:
    """Return the mean of each result at visits near each row, in the ``window`` days before ``known``."""
    values = np.column_stack(list(results.values()))
    order = np.argsort(days, kind="stable")
    total = np.vstack([np.zeros(values.shape[1]), np.cumsum(values[order], axis=0)])
    before = np.searchsorted(days[order], known)
    usual = total[before] / np.maximum(before, 1)[:, None]  # of what had happened by then, not of all
    sums, weights = near(at, known, (*at, days), values, window, reach)
    means = (sums + PRIOR_VISITS * usual) / (weights[:, None] + PRIOR_VISITS)
    return {f"near {name}": means[:, kind] for kind, name in enumerate(results)} | {"near visits": weights}

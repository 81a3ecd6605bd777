"""The course of past surges: what became of windows like a need's when nobody acted on them here.

A need is found because it is high just now. Part of that is chance, and chance does not come twice: needs fade by
themselves. How much is read off this city's own past: windows that were as unlikely as needs are, and what was left
of their excess in the days that followed.

Source: Barnett, van der Pols, Dobson (2005), International Journal of Epidemiology 34(1) (regression to the mean);
Kulldorff and others (2005), PLoS Medicine 2(3), equation 3 (statistic and expected counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.records import ALL_SERVICES

Floats = NDArray[np.float64]

BACKGROUND_DAYS: Final = 365
"""What is usual is read off the year before, as for needs."""

SHORTEST_DAYS: Final = 180
"""With less background than this nothing is said of a day."""

STRONG: Final = 10.0
"""Log-likelihood ratio from which on a past window counts as a surge: about what the scan reports as a need."""

SIZES: Final = (1, 2, 3, 5, 8, 13)
"""Numbers of neighbouring areas that are tried around each area."""

LENGTHS: Final = (1, 3, 7, 14, 28)
"""Lengths of windows that are tried, in days."""

EVERY_DAYS: Final = 7
"""Past days are looked at once a week: surges that are one need are counted once anyhow."""

MOST_A_DAY: Final = 5
HORIZON_DAYS: Final = 28
"""How long after its window a surge is followed."""

MOST_CENTRES: Final = 1_000
"""Areas around which windows are tried; of more, as many at equal steps, which is enough to learn how surges fade."""

MOST_CELLS: Final = 50_000_000
LEAST_DAYS: Final = 800
"""Services times days times areas that are held (400 MB); of a longer history the last days, at least so many."""

FEW: Final = 10
"""With fewer past surges than this the page says that the number is small."""


@dataclass(frozen=True, slots=True)
class Daily:
    """Incidents as (services, days, territories); day 0 is ``first``."""

    services: tuple[str, ...]
    territories: tuple[str, ...]
    first: date
    counts: NDArray[np.int64]

    @property
    def days(self) -> int:
        """Number of days."""
        return int(self.counts.shape[1])

    def of(self, service: str) -> NDArray[np.int64]:
        """Counts of one service, or of all together, as (days, territories)."""
        if service == ALL_SERVICES:
            return np.asarray(self.counts.sum(axis=0), dtype=np.int64)
        if service not in self.services:
            return np.zeros(self.counts.shape[1:], dtype=np.int64)
        return np.asarray(self.counts[self.services.index(service)], dtype=np.int64)

    def at(self, day: date) -> int:
        """Position of a day; below 0 or beyond the last when it is outside."""
        return (day - self.first).days

    def members(self, territories: Sequence[str]) -> list[int]:
        """Positions of territories; those that are unknown are left out."""
        places = {name: at for at, name in enumerate(self.territories)}
        return [places[name] for name in territories if name in places]


def daily(cube: pl.DataFrame, territories: Sequence[str], *, until: date) -> Daily:
    """Return the cube as an array from its first day to ``until``, which is included even when nothing came.

    Of a very long history the last days, so that no more than `MOST_CELLS` are held.

    Parameters
    ----------
    cube : polars.DataFrame
        `cityward.core.frames.CUBE` columns.
    territories : sequence of str
        All territories, those without any incident too.
    """
    rows = cube.filter(pl.col("day") <= until)
    services = tuple(rows["service"].unique().sort())
    first = rows["day"].min() if rows.height else until
    if not isinstance(first, date):
        first = until
    most = max(LEAST_DAYS, MOST_CELLS // max(1, len(services) * len(territories)))
    if (until - first).days >= most:
        first = until - timedelta(days=most - 1)
    rows = rows.filter(pl.col("day") >= first)
    kinds = pl.DataFrame({"service": services}, schema={"service": pl.String}).with_row_index("_service")
    places = pl.DataFrame({"territory": list(territories)}, schema={"territory": pl.String}).with_row_index("_place")
    found = rows.join(kinds, on="service").join(places, on="territory")
    counts = np.zeros((len(services), (until - first).days + 1, len(territories)), dtype=np.int64)
    where = (found["_service"], (found["day"] - first).dt.total_days(), found["_place"])
    np.add.at(counts, tuple(column.to_numpy() for column in where), found["incidents"].to_numpy())
    return Daily(services, tuple(territories), first, counts)


@dataclass(frozen=True, slots=True)
class Surges:
    """Past windows that were as unlikely as needs are, one entry each, in order of service and day.

    ``day`` is the last of the window (position in `Daily`), ``length_days`` its length; ``observed`` and ``expected``
    count in the window. ``after`` and ``after_expected``, of shape (n, `HORIZON_DAYS`), accumulate over the days
    that followed; they are complete: each surge ended at least so long before what was known.
    """

    service: NDArray[np.int64]
    day: NDArray[np.int64]
    group: NDArray[np.int64]
    length_days: NDArray[np.int64]
    observed: Floats
    expected: Floats
    strength: Floats
    after: Floats
    after_expected: Floats

    @property
    def size(self) -> int:
        """How many."""
        return int(self.day.size)

    def by(self, day: int) -> Surges:
        """Those whose following days had passed by the end of ``day``."""
        return self.only(self.day + HORIZON_DAYS <= day)

    def only(self, keep: NDArray[np.bool_]) -> Surges:
        """Those that ``keep`` marks."""
        return Surges(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))


def neighbour_groups(lon: Floats, lat: Floats) -> NDArray[np.bool_]:
    """Return each area with its nearest neighbours, in `SIZES`, without repetition: shape (groups, areas)."""
    scale = np.cos(np.radians(np.nanmean(lat))) if lat.size else 1.0
    centres = np.linspace(0, lon.size - 1, min(lon.size, MOST_CENTRES)).astype(np.int64)
    distance = np.hypot((lon[centres, None] - lon) * scale, lat[centres, None] - lat)
    order = np.argsort(distance, axis=1, kind="stable")[:, : SIZES[-1]]
    groups = []
    # At most half of the areas: beyond that the rest of the city is the smaller part.
    for size in [size for size in SIZES if size == 1 or size <= lon.size // 2]:
        group = np.zeros((centres.size, lon.size), dtype=np.bool_)
        np.put_along_axis(group, order[:, :size], np.True_, axis=1)
        groups.append(group)
    return np.unique(np.concatenate(groups), axis=0)


def log_likelihood_ratio(observed: Floats, expected: Floats, total: Floats) -> Floats:
    """Return the scan's statistic where more was observed than expected, else 0; shapes broadcast."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rest = total - observed
        outside = np.where(rest > 0, rest * np.log(rest / (total - expected)), 0.0)
        value = observed * np.log(observed / expected) + outside
    return np.where((observed > expected) & (expected > 0), value, 0.0)


def past_surges(known: Daily, groups: NDArray[np.bool_], *, until: int) -> Surges:
    """Find surges whose following `HORIZON_DAYS` had passed by day ``until`` (position, inclusive).

    Parameters
    ----------
    known : Daily
        Days after ``until`` are not looked at.
    groups : ndarray of bool, shape (groups, areas)
        `neighbour_groups`.

    Notes
    -----
    On each day looked at, up to `MOST_A_DAY` of the strongest windows that share no area; a surge that shares half
    of its areas with one of the four weeks before goes on with that one and is not counted again.
    """
    found = [
        part
        for number in range(len(known.services))
        if (part := _of_service(known.counts[number], groups, until, number)) is not None
    ]
    if not found:
        empty, none = np.empty(0, dtype=np.int64), np.empty(0)
        return Surges(empty, empty, empty, empty, none, none, none, *(np.empty((0, HORIZON_DAYS)) for _ in range(2)))
    return Surges(*(np.concatenate([getattr(one, name) for one in found]) for name in Surges.__dataclass_fields__))


def _of_service(counts: NDArray[np.int64], groups: NDArray[np.bool_], until: int, number: int) -> Surges | None:
    last = min(until, counts.shape[0] - 1) - HORIZON_DAYS
    # From the first day on, so that a longer history finds the same surges and more.
    ends = np.arange(SHORTEST_DAYS, last + 1, EVERY_DAYS)
    if not ends.size or not counts.any():
        return None
    inside = np.concatenate([np.zeros((1, len(groups))), np.cumsum(counts @ groups.T.astype(np.float64), axis=0)])
    city = np.concatenate([[0.0], np.cumsum(counts.sum(axis=1, dtype=np.float64))])
    begin = np.maximum(ends + 1 - BACKGROUND_DAYS, 0)
    total = city[ends + 1] - city[begin]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num((inside[ends + 1] - inside[begin]) / total[:, None])
    observed = np.stack([inside[ends + 1] - inside[ends + 1 - length] for length in LENGTHS])
    window = np.stack([city[ends + 1] - city[ends + 1 - length] for length in LENGTHS])
    expected = share * window[:, :, None]
    strength = log_likelihood_ratio(observed, expected, total[:, None])
    picked = _picked(strength, groups, ends)
    if not picked:
        return None
    length, day, group = (np.array(part) for part in zip(*picked, strict=True))
    step = ends[day][:, None] + 2 + np.arange(HORIZON_DAYS)
    start = ends[day][:, None] + 1
    return Surges(
        service=np.full(day.size, number),
        day=ends[day],
        group=group,
        length_days=np.array(LENGTHS)[length],
        observed=observed[length, day, group],
        expected=expected[length, day, group],
        strength=strength[length, day, group],
        after=inside[step, group[:, None]] - inside[start, group[:, None]],
        after_expected=(city[step] - city[start]) * share[day, group][:, None],
    )


def _picked(strength: Floats, groups: NDArray[np.bool_], ends: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Window length, day and group of each surge, those of an earlier day first."""
    best = strength.argmax(axis=0)
    peak = strength.max(axis=0)
    found: list[tuple[int, int, int]] = []
    for day in np.flatnonzero((peak >= STRONG).any(axis=1)):
        taken = np.zeros(groups.shape[1], dtype=np.bool_)
        for group in np.argsort(-peak[day], kind="stable")[: 20 * MOST_A_DAY]:
            if peak[day, group] < STRONG or len([one for one in found if one[1] == day]) == MOST_A_DAY:
                break
            if (groups[group] & taken).any():
                continue
            taken |= groups[group]
            if not any(
                ends[day] - ends[at] <= HORIZON_DAYS
                and 2 * (groups[group] & groups[old]).sum() >= min(groups[group].sum(), groups[old].sum())
                for _, at, old in found
            ):
                found.append((int(best[day, group]), int(day), int(group)))
    return found

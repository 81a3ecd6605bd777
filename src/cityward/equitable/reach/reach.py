"""How long people need to the nearest service, place by place, and who needs longest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.equitable.reach.profiles import journey_seconds
from cityward.equitable.reach.timetable import NO, UNKNOWN, Timetable
from cityward.equitable.reach.walking import NOT_REACHED, Floats, Ints, Walk, near, nearest_metres, plane

STEP_SECONDS: Final = 60
"""A journey is begun in each minute of the window."""

LONGEST_SECONDS: Final = 7_200
"""A journey that takes longer is told as not reached."""

SLOW_METRES_PER_SECOND: Final = 0.8
"""Speed of walking with reduced mobility, at most."""


@dataclass(frozen=True, slots=True)
class Minutes:
    """Minutes from each place to the nearest of one service; not a number where it is not reached.

    Attributes
    ----------
    least, median : ndarray, shape (places,)
        Over the moments of leaving; the median counts those without a journey as longer than all others.
    walking : ndarray, shape (places,)
        On foot all the way, however long.
    """

    least: Floats
    median: Floats
    walking: Floats


@dataclass(slots=True)
class Network:
    """Places, stops and rides on one plane; serves every service and way of walking.

    Parameters
    ----------
    timetable : Timetable
    lon, lat : ndarray, shape (places,)
    leave : ndarray of int
        Seconds after midnight at which people leave.
    """

    timetable: Timetable
    lon: Floats
    lat: Floats
    leave: Ints
    _at: float = field(init=False)
    _places: tuple[Floats, Floats] = field(init=False)
    _stops: tuple[Floats, Floats] = field(init=False)

    def __post_init__(self) -> None:
        self._at = float(self.lat.mean())
        self._places = plane(self.lon, self.lat, self._at)
        self._stops = plane(self.timetable.lon, self.timetable.lat, self._at)

    def minutes(self, lon: Floats, lat: Floats, walk: Walk, *, wheelchair: str = "") -> Minutes:
        """Return minutes to the nearest of some locations.

        Parameters
        ----------
        lon, lat : ndarray, shape (locations,)
        walk : Walk
        wheelchair : {"", "best", "worst"}
            Only accessible stops and trips; what is unknown counts as accessible (best) or not (worst).
        """
        goals = plane(lon, lat, self._at)
        far = nearest_metres(*self._stops, *goals)
        goal = np.where(
            far <= walk.metres(walk.most_seconds), walk.seconds(np.where(np.isfinite(far), far, 0)), NOT_REACHED
        )
        walking = nearest_metres(*self._places, *goals)
        direct = np.where(np.isfinite(walking), walk.seconds(np.where(np.isfinite(walking), walking, 0)), NOT_REACHED)
        starts, stop, metres = near(*self._places, *self._stops, walk.metres(walk.most_seconds))
        change = near(*self._stops, *self._stops, walk.metres(walk.change_seconds))
        found = journey_seconds(
            self._rides(wheelchair),
            goal,
            (change[0], change[1], walk.seconds(change[2])),
            (starts, stop, walk.seconds(metres)),
            direct,
            self.leave,
        )
        longest = np.where(found <= LONGEST_SECONDS, found / 60, np.inf)
        least, median = longest.min(axis=1), _median(longest)
        return Minutes(_known(least), _known(median), direct / 60)

    def _rides(self, wheelchair: str) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints]:
        table = self.timetable
        boards, alights = table.boards.astype(bool), table.alights.astype(bool)
        if wheelchair:
            barred = (NO, UNKNOWN) if wheelchair == "worst" else (NO,)
            rides = ~np.isin(table.wheelchair, barred)
            stops = ~np.isin(table.wheelchair_stop, barred)
            boards = boards & rides & stops[table.from_stop]
            alights = alights & rides & stops[table.to_stop]
        return (
            table.departs,
            table.arrives,
            table.from_stop,
            table.to_stop,
            table.trip,
            boards.astype(np.int64),
            alights.astype(np.int64),
        )


def _median(minutes: Floats) -> Floats:
    """The middle moment's minutes; of an even number the later of the two in the middle, which was really needed."""
    order = np.sort(minutes, axis=1)
    middle: Floats = order[:, minutes.shape[1] // 2]
    return middle


def _known(minutes: Floats) -> Floats:
    known: Floats = np.where(np.isfinite(minutes), minutes, np.nan)
    return known


def share_within(minutes: Floats, people: Floats, limit: float) -> float:
    """Share of the people whose place is within some minutes."""
    within: NDArray[np.bool_] = np.nan_to_num(minutes, nan=np.inf) <= limit
    return float(people[within].sum() / people.sum())

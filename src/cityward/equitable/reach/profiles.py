"""Fastest journeys to the nearest of some goals, for every departure at once: one pass over the rides, backwards.

**Source**: Dibbelt, Pajor, Strasser and Wagner (2018), "Connection scan algorithm", Journal of Experimental
Algorithmics 23, section 4 (profiles), with many goals, each reached on foot from the last stop.
"""

from __future__ import annotations

import numpy as np

from cityward.core.compiled import njit
from cityward.equitable.reach.walking import NOT_REACHED, Ints

CHANGE_SECONDS = 60
"""Least time between getting off and getting on, beside walking; above 0, so that the order of rides suffices."""


@njit(cache=True, nogil=True)
def _insert(
    head: Ints, following: Ints, leaves: Ints, reaches: Ints, used: int, stop: int, leave: int, reach: int
) -> int:
    """Put a pair into the list of a stop, which runs from the earliest departure on and holds no worse pair."""
    before, now = -1, head[stop]
    while now >= 0 and leaves[now] < leave:
        if reaches[now] >= reach:  # leaves earlier and is there no sooner
            if before < 0:
                head[stop] = following[now]
            else:
                following[before] = following[now]
        else:
            before = now
        now = following[now]
    if now >= 0 and reaches[now] <= reach:
        return used
    leaves[used], reaches[used], following[used] = leave, reach, now
    if before < 0:
        head[stop] = used
    else:
        following[before] = used
    return used + 1


@njit(cache=True, nogil=True)
def _scan(
    departs: Ints,
    arrives: Ints,
    from_stop: Ints,
    to_stop: Ints,
    trip: Ints,
    boards: Ints,
    alights: Ints,
    goal: Ints,
    near_starts: Ints,
    near: Ints,
    near_seconds: Ints,
    trips: int,
    nowhere: int,
    change: int,
) -> tuple[Ints, Ints, Ints]:
    """Pairs (stop, departure, arrival at a goal), for each stop the latest departure first."""
    stops = goal.size
    best_on_trip = np.full(trips, nowhere, np.int64)
    best_board = np.full(stops, nowhere, np.int64)
    head = np.full(stops, -1, np.int64)
    size = 1024
    leaves, reaches, following = np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64)
    used = 0
    out = np.empty((departs.size, 3), np.int64)
    count = 0
    for c in range(departs.size):
        reach = best_on_trip[trip[c]]
        if alights[c]:
            stop = to_stop[c]
            reach = min(reach, arrives[c] + goal[stop])
            now = head[stop]
            while now >= 0 and leaves[now] < arrives[c] + change:
                now = following[now]
            if now >= 0:
                reach = min(reach, reaches[now])
        best_on_trip[trip[c]] = reach
        start = from_stop[c]
        if not boards[c] or reach >= best_board[start]:
            continue
        best_board[start] = reach
        out[count, 0], out[count, 1], out[count, 2] = start, departs[c], reach
        count += 1
        need = used + near_starts[start + 1] - near_starts[start]
        if need > size:
            more = max(need, 2 * size)
            wider = np.empty((3, more), np.int64)
            wider[0, :used], wider[1, :used], wider[2, :used] = leaves[:used], reaches[:used], following[:used]
            leaves, reaches, following, size = wider[0].copy(), wider[1].copy(), wider[2].copy(), more
        for k in range(near_starts[start], near_starts[start + 1]):
            used = _insert(head, following, leaves, reaches, used, near[k], departs[c] - near_seconds[k], reach)
    return out[:count, 0].copy(), out[:count, 1].copy(), out[:count, 2].copy()


@njit(cache=True, nogil=True)
def _journeys(
    leave: Ints, direct: Ints, starts: Ints, stop: Ints, seconds: Ints, list_starts: Ints, departs: Ints, reaches: Ints
) -> Ints:
    """Seconds from each place for each moment of leaving, shape (places, moments)."""
    places = direct.size
    found = np.empty((places, leave.size), np.int64)
    for p in range(places):
        for m in range(leave.size):
            best = direct[p]
            for k in range(starts[p], starts[p + 1]):
                first, last = list_starts[stop[k]], list_starts[stop[k] + 1]
                at = first + np.searchsorted(departs[first:last], leave[m] + seconds[k])
                if at < last:
                    best = min(best, reaches[at] - leave[m])
            found[p, m] = best
    return found


def journey_seconds(
    rides: tuple[Ints, Ints, Ints, Ints, Ints, Ints, Ints],
    goal: Ints,
    changes: tuple[Ints, Ints, Ints],
    access: tuple[Ints, Ints, Ints],
    direct: Ints,
    leave: Ints,
    change_seconds: int = CHANGE_SECONDS,
) -> Ints:
    """Return the least seconds from each place to the nearest goal, for each moment of leaving.

    Parameters
    ----------
    rides : tuple of ndarray of int, each shape (rides,)
        Departs, arrives, from stop, to stop, trip, whether one may get on, and off (0 or 1); the latest departure
        first, and within a trip the last ride first.
    goal : ndarray of int, shape (stops,)
        Seconds on foot from a stop to the nearest goal, or `NOT_REACHED`.
    changes : tuple of ndarray
        For each stop the stops from which one walks to it, itself with 0: starts (stops + 1,), positions, seconds.
    access : tuple of ndarray
        For each place the stops that one walks to: starts (places + 1,), positions, seconds.
    direct : ndarray of int, shape (places,)
        Seconds on foot all the way.
    leave : ndarray of int, shape (moments,)
    change_seconds : int
        More than 0.

    Returns
    -------
    ndarray of int, shape (places, moments)
        `NOT_REACHED` or more where there is no journey. A journey walks to a stop, between two stops at each change,
        and from the last stop; it never walks twice in a row.
    """
    trips = int(rides[4].max()) + 1 if rides[4].size else 0
    stop, departs, reaches = _scan(*rides, goal, *changes, trips, NOT_REACHED, change_seconds)
    order = np.lexsort((reaches, departs, stop))
    stop, departs, reaches = stop[order], departs[order], reaches[order]
    starts = np.searchsorted(stop, np.arange(goal.size + 1))
    return _journeys(leave, direct, *access, starts, departs, reaches)

"""Good sites fast: greedy opening, then swaps of one open site for one closed until none helps.

**Source**: Teitz and Bart (1968), "Heuristic methods for estimating the generalized vertex median", Operations
Research 16, with the gains and losses of Resende and Werneck (2007), "A fast swap-based local search procedure for
location problems", Annals of Operations Research 150, equations 1 to 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit


@njit(cache=True, nogil=True)
def nearest(cost: NDArray[np.float64], sites: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return, of each place, the position in ``sites`` of the nearest and of the second nearest (-1: there is none).

    Parameters
    ----------
    cost : array, sites × places
    sites : array of the rows that are open
    """
    places = cost.shape[1]
    first = np.full(places, -1, dtype=np.int64)
    second = np.full(places, -1, dtype=np.int64)
    for place in range(places):
        best, next_best = np.inf, np.inf
        for at in range(sites.size):
            value = cost[sites[at], place]
            if value < best or first[place] < 0:
                second[place], next_best = first[place], best
                first[place], best = at, value
            elif value < next_best or second[place] < 0:
                second[place], next_best = at, value
    return first, second


@njit(cache=True, nogil=True)
def greedy(
    cost: NDArray[np.float64], count: int, begin: NDArray[np.int64], allowed: NDArray[np.bool_], most: float
) -> NDArray[np.int64]:
    """Return ``count`` sites: those of ``begin``, then each time the allowed one that shortens the ways most."""
    candidates, places = cost.shape
    sites = np.empty(count, dtype=np.int64)
    taken = ~allowed
    way = np.full(places, most)
    for at in range(count):
        chosen, best = -1, -1.0
        if at < begin.size:
            chosen = begin[at]
        else:
            for site in range(candidates):
                if taken[site]:
                    continue
                gain = 0.0
                for place in range(places):
                    gain += max(0.0, way[place] - cost[site, place])
                if gain > best:
                    chosen, best = site, gain
        sites[at] = chosen
        taken[chosen] = True
        for place in range(places):
            way[place] = min(way[place], cost[chosen, place])
    return sites


@njit(cache=True, nogil=True)
def swap(
    cost: NDArray[np.float64],
    sites: NDArray[np.int64],
    kept: int,
    allowed: NDArray[np.bool_],
    most: float,
    begin: int,
    least_gain: float,
) -> float:
    """Swap until nothing helps; ``sites`` is changed in place, its first ``kept`` stay.

    Parameters
    ----------
    cost : array, sites × places
        Finite: what cannot be reached has a cost that no sum of others comes to.
    most : float
        Above every cost: the way of a place without a second site.
    begin : int
        The candidate that is looked at first.
    least_gain : float
        Smaller gains are errors of rounding.

    Returns
    -------
    float
        The sum of costs over places.
    """
    candidates, places = cost.shape
    count = sites.size
    is_open = np.zeros(candidates, dtype=np.bool_)
    for at in range(count):
        is_open[sites[at]] = True
    first, second = nearest(cost, sites)
    near, far = np.empty(places), np.empty(places)
    loss = np.zeros(count)
    _ways(cost, sites, first, second, near, far, loss, most)
    extra = np.empty(count)
    idle, site = 0, begin % candidates
    while idle < candidates:
        idle += 1
        site = site + 1 if site + 1 < candidates else 0
        if is_open[site] or not allowed[site]:
            continue
        extra[:] = 0.0
        gain = 0.0
        row = cost[site]
        for place in range(places):
            if row[place] < far[place]:
                if row[place] < near[place]:
                    gain += near[place] - row[place]
                    extra[first[place]] += far[place] - near[place]
                else:
                    extra[first[place]] += far[place] - row[place]
        leaving, best = -1, least_gain
        for at in range(kept, count):
            if gain - loss[at] + extra[at] > best:
                leaving, best = at, gain - loss[at] + extra[at]
        if leaving >= 0:
            is_open[sites[leaving]], is_open[site] = False, True
            sites[leaving] = site
            _moved(cost, sites, leaving, first, second)
            _ways(cost, sites, first, second, near, far, loss, most)
            idle = 0
    return float(near.sum())


@njit(cache=True, nogil=True)
def _ways(
    cost: NDArray[np.float64],
    sites: NDArray[np.int64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    near: NDArray[np.float64],
    far: NDArray[np.float64],
    loss: NDArray[np.float64],
    most: float,
) -> None:
    """Fill the ways to the nearest and second nearest site, and what closing each open site would cost."""
    loss[:] = 0.0
    for place in range(first.size):
        near[place] = cost[sites[first[place]], place]
        far[place] = most if second[place] < 0 else cost[sites[second[place]], place]
        loss[first[place]] += far[place] - near[place]


@njit(cache=True, nogil=True)
def _moved(
    cost: NDArray[np.float64],
    sites: NDArray[np.int64],
    changed: int,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> None:
    """Mend the nearest and second nearest after the site at position ``changed`` was replaced."""
    row = cost[sites[changed]]
    for place in range(first.size):
        if first[place] == changed or second[place] == changed:
            best, next_best, at_best, at_next = np.inf, np.inf, -1, -1
            for at in range(sites.size):
                value = cost[sites[at], place]
                if value < best or at_best < 0:
                    next_best, at_next, best, at_best = best, at_best, value, at
                elif value < next_best or at_next < 0:
                    next_best, at_next = value, at
            first[place], second[place] = at_best, at_next
        elif row[place] < cost[sites[first[place]], place]:
            second[place] = first[place]
            first[place] = changed
        elif second[place] < 0 or row[place] < cost[sites[second[place]], place]:
            second[place] = changed

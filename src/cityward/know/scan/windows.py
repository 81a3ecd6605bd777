"""Compiled search over windows: a centre, its nearest places, and an interval of time (a lane).

Under the null hypothesis the margins are fixed, so every window's size is, and so is the smallest count
that reaches a given statistic. These counts, the limits, are computed once; a replicate then only adds and
compares, several replicates side by side and all lanes at once, and the logarithm is taken for the rare
window that passes. As places are added counts and limits only grow, so that one comparison, of the count
after a few places with the limit of the first, mostly speaks for all of these. Results do not depend on the
number of threads.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit, prange
from cityward.know.scan.draws import deal
from cityward.know.scan.statistic import HIGH, POISSON, expectation, likelihood_ratio

VECTOR = 32
"""Lanes that are looked at together: a vector register of 16-bit counts."""

SIDE_BY_SIDE = 12
"""Replicates that share a look at the limits; their counts together fit into the second-level cache."""

GROUP = 4
"""Places that are added between two comparisons. The code of `_scan_lanes` adds so many."""

# The functions below are plain loops because they are compiled: vector operations would allocate. Bounds
# of the inner loops are constants, or the compiler would not use vector registers.


@njit(cache=True, parallel=True)
def all_limits(
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    sizes: NDArray[np.float64],
    critical: NDArray[np.float64],
    direction: int,
    fewest: int,
    limits: NDArray[np.int32],
) -> None:
    """Fill ``limits``: what a signed count must reach, by places taken and lane.

    Shapes are (parts, places, `VECTOR`) of ``sizes`` and (parts, centres, k, `VECTOR`) of ``limits``. Counts
    of a search for low rates are negative, so that both directions compare alike. As places are added a
    window only grows, and so does its limit: one walk along ``critical`` finds them all.
    """
    unreachable = np.iinfo(limits.dtype).max // 2
    for centre in prange(reach.size):
        for part in range(sizes.shape[0]):
            size = np.zeros(VECTOR)
            count = np.full(VECTOR, fewest if direction == HIGH else -1)
            limits[part, centre] = unreachable
            for taken in range(reach[centre]):
                place, limit = neighbours[centre, taken], limits[part, centre, taken]
                for lane in range(VECTOR):
                    size[lane] += sizes[part, place, lane]
                    at = count[lane]
                    if direction == HIGH:
                        while at < critical.size and critical[at] < size[lane]:
                            at += 1
                        if at < critical.size:
                            limit[lane] = at
                    else:
                        while at + 1 < critical.size and critical[at + 1] <= size[lane]:
                            at += 1
                        if at >= fewest:
                            limit[lane] = -at
                    count[lane] = at


@njit(cache=True)
def _lay_out(
    sums: NDArray[np.int32], first: NDArray[np.int64], last: NDArray[np.int64], sign: int, rows: NDArray[np.int32]
) -> None:
    """Sum the intervals of each lane: ``rows[place, lane]`` from sums up to each interval."""
    for place in range(sums.shape[0]):
        for lane in range(first.size):
            rows[place, lane] = sign * (sums[place, last[lane]] - sums[place, first[lane]])


@njit(cache=True)
def _may_be_stronger(
    cases: float, size: float, model: int, direction: int, total: float, people: float, best: float
) -> bool:
    """Whether a window deviates in the direction asked for, and perhaps by more than ``best``."""
    gain = direction * (cases - expectation(model, size, total, people))
    # ln x is at most x - 1: most windows are told to be weaker without a logarithm.
    return gain > 0 and not (model == POISSON and direction == HIGH and cases * gain <= size * best)


@njit(cache=True)
def _raise(
    running: NDArray[np.int32],
    limit: NDArray[np.int32],
    size: NDArray[np.float64],
    model: int,
    direction: int,
    total: float,
    people: float,
    best: NDArray[np.float64],
) -> None:
    """Raise ``best`` (one per replicate) by the windows that reach their limit."""
    for replicate in range(SIDE_BY_SIDE):
        for lane in range(VECTOR):
            if running[replicate * VECTOR + lane] < limit[lane]:
                continue
            cases = direction * running[replicate * VECTOR + lane]
            if _may_be_stronger(cases, size[lane], model, direction, total, people, best[replicate]):
                statistic = likelihood_ratio(model, cases, size[lane], total, people)
                best[replicate] = max(best[replicate], statistic)


@njit(cache=True)
def _look_closer(
    running: NDArray[np.int32],
    rows: NDArray[np.int32],
    nearest: NDArray[np.int32],
    begin: int,
    limits: NDArray[np.int32],
    size: NDArray[np.float64],
    sized: int,
    sizes: NDArray[np.float64],
    model: int,
    direction: int,
    total: float,
    people: float,
    best: NDArray[np.float64],
) -> int:
    """Raise ``best`` by the windows of a group of places, added one by one to ``running``.

    ``size`` has the sizes of the first ``sized`` places; they are summed only as far as a window passes.
    Returns how far.
    """
    for taken in range(begin, begin + GROUP):
        row, limit = rows[nearest[taken]], limits[taken]
        slack = rows.dtype.type(np.iinfo(rows.dtype).min)
        for replicate in range(SIDE_BY_SIDE):
            for lane in range(VECTOR):
                count = rows.dtype.type(running[replicate * VECTOR + lane] + row[replicate * VECTOR + lane])
                running[replicate * VECTOR + lane] = count
                slack = max(slack, rows.dtype.type(count - limit[lane]))
        if slack >= 0:
            for place in nearest[sized : taken + 1]:
                for lane in range(VECTOR):
                    size[lane] += sizes[place, lane]
            sized = taken + 1
            _raise(running, limit, size, model, direction, total, people, best)
    return sized


@njit(cache=True)
def _scan_lanes(
    rows: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    sizes: NDArray[np.float64],
    limits: NDArray[np.int32],
    model: int,
    direction: int,
    total: float,
    people: float,
    best: NDArray[np.float64],
) -> None:
    """Raise ``best``, the strongest window of each replicate, by those of `VECTOR` lanes.

    ``rows`` has shape (places + 1, replicates * lanes), the last place empty: neighbours are filled up with
    it to whole groups.
    """
    before = np.zeros(SIDE_BY_SIDE * VECTOR, dtype=rows.dtype)
    after = np.zeros(SIDE_BY_SIDE * VECTOR, dtype=rows.dtype)
    size = np.zeros(VECTOR)
    for centre in range(reach.size):
        before[:] = 0
        size[:] = 0.0
        sized = 0
        nearest, limit = neighbours[centre], limits[centre]
        for begin in range(0, reach[centre], GROUP):
            # Counts with high rates only grow and so do limits; with low rates both only fall.
            least = limit[begin] if direction == HIGH else limit[min(begin + GROUP, reach[centre]) - 1]
            one, two = rows[nearest[begin]], rows[nearest[begin + 1]]
            three, four = rows[nearest[begin + 2]], rows[nearest[begin + 3]]
            slack = rows.dtype.type(np.iinfo(rows.dtype).min)
            for replicate in range(SIDE_BY_SIDE):
                for lane in range(VECTOR):
                    at = replicate * VECTOR + lane
                    first = before[at]
                    last = rows.dtype.type(first + one[at] + two[at] + three[at] + four[at])
                    after[at] = last
                    slack = max(slack, rows.dtype.type(max(first, last) - least[lane]))
            if slack >= 0:
                sized = _look_closer(
                    before, rows, nearest, begin, limit, size, sized, sizes, model, direction, total, people, best
                )
            before, after = after, before


@njit(cache=True, parallel=True)
def replicate_maxima(
    seeds: NDArray[np.uint64],
    kind: int,
    deck: NDArray[np.int32],
    starts: NDArray[np.int64],
    tickets: NDArray[np.int64],
    odds: NDArray[np.float64],
    whole: NDArray[np.int64],
    intervals: int,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    sizes: NDArray[np.float64],
    limits: NDArray[np.int32],
    model: int,
    direction: int,
    total: float,
    people: float,
) -> NDArray[np.float64]:
    """Largest statistic of each replicate, 0 where no window reaches its limit.

    Parameters
    ----------
    seeds : ndarray of uint64
        One for each replicate, which depends on it alone.
    kind, deck, starts, tickets, odds, whole
        See `Deal`.
    intervals : int
        Intervals of time that windows can reach.
    first, last : ndarray of int
        First and past-the-last interval of each lane, shape (parts, `VECTOR`).
    neighbours : ndarray, shape (centres, k)
        Places in order of distance; ``k`` is a multiple of `GROUP`, and the number of places, which stands
        for none, fills it up.
    reach : ndarray, shape (centres,)
        Places that a window may take.
    sizes : ndarray, shape (parts, places, `VECTOR`)
        See `Study.sizes`.
    limits : ndarray, shape (parts, centres, k, `VECTOR`)
        Of `all_limits`.
    """
    places = sizes.shape[1]
    maxima = np.zeros(seeds.size)
    blocks = (seeds.size + SIDE_BY_SIDE - 1) // SIDE_BY_SIDE
    for block in prange(blocks):
        begin, end = block * SIDE_BY_SIDE, min((block + 1) * SIDE_BY_SIDE, seeds.size)
        counts = np.zeros((places, intervals), dtype=np.int32)
        sums = np.zeros((SIDE_BY_SIDE, places, intervals + 1), dtype=np.int32)
        own, drawn = deck.copy(), np.empty(0 if odds.size else tickets.sum(), dtype=np.int64)
        for replicate in range(end - begin):
            deal(seeds[begin + replicate], kind, own, starts, tickets, odds, whole, drawn, counts)
            for place in range(places):
                for interval in range(intervals):
                    sums[replicate, place, interval + 1] = sums[replicate, place, interval] + counts[place, interval]
        rows = np.zeros((places + 1, SIDE_BY_SIDE * VECTOR), dtype=limits.dtype)
        best = np.zeros(SIDE_BY_SIDE)
        for part in range(sizes.shape[0]):
            for replicate in range(end - begin):
                columns = rows[:places, replicate * VECTOR : (replicate + 1) * VECTOR]
                _lay_out(sums[replicate], first[part], last[part], direction, columns)
            _scan_lanes(rows, neighbours, reach, sizes[part], limits[part], model, direction, total, people, best)
        maxima[begin:end] = best[: end - begin]
    return maxima


@njit(cache=True, parallel=True)
def best_windows(
    rows: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    sizes: NDArray[np.float64],
    model: int,
    direction: int,
    fewest: int,
    total: float,
    people: float,
) -> NDArray[np.float64]:
    """Strongest window around each centre: (statistic, places taken, lane, cases, size), shape (centres, 5).

    Of equal ones the first stays: the fewest places, then the first lane.
    """
    places, lanes = rows.shape
    best = np.zeros((places, 5))
    for centre in prange(places):
        running, size = np.zeros(lanes, dtype=np.int64), np.zeros(lanes)
        for taken in range(reach[centre]):
            place = neighbours[centre, taken]
            for lane in range(lanes):
                running[lane] += rows[place, lane]
                size[lane] += sizes[place, lane]
                cases, strongest = running[lane], best[centre, 0]
                if cases < fewest or not _may_be_stronger(
                    cases, size[lane], model, direction, total, people, strongest
                ):
                    continue
                statistic = likelihood_ratio(model, cases, size[lane], total, people)
                if statistic > best[centre, 0] + 1e-10:
                    best[centre, 0], best[centre, 1], best[centre, 2] = statistic, taken + 1, lane
                    best[centre, 3], best[centre, 4] = cases, size[lane]
    return best

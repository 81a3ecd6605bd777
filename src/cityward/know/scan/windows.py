"""Compiled search over windows: a centre, its nearest places, and an interval of time (a lane).

Under the null hypothesis the margins are fixed, so every window's size is, and so is the smallest count
that reaches a given statistic. These counts, the limits, are computed once; a replicate then only adds and
compares, several replicates side by side and all lanes at once, and the logarithm is taken for the rare
window that passes. Results do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from cityward.know.scan.draws import deal
from cityward.know.scan.statistic import HIGH, POISSON, expectation, likelihood_ratio

VECTOR = 32
"""Lanes are filled up to a multiple of this, so that the compiler uses whole vector registers."""

SIDE_BY_SIDE = 8
"""Replicates that share a look at the limits; their counts together fit into the second-level cache."""

# The functions below are plain loops because they are compiled: vector operations would allocate.


@njit(cache=True)
def limits_around(
    nearest: NDArray[np.int32],
    sizes: NDArray[np.float64],
    critical: NDArray[np.float64],
    direction: int,
    fewest: int,
    limits: NDArray[np.int32],
) -> None:
    """Fill ``limits`` (shape (places, lanes)): what a signed count must reach, by places taken and lane.

    Counts of a search for low rates are negative, so that both directions compare alike. As places are
    added a window only grows, and so does its limit: one walk along ``critical`` finds them all.
    """
    lanes, unreachable = sizes.shape[1], np.iinfo(limits.dtype).max // 2
    size = np.zeros(lanes)
    count = np.full(lanes, fewest if direction == HIGH else -1)
    limits[:] = unreachable
    for taken in range(nearest.size):
        for lane in range(lanes):
            size[lane] += sizes[nearest[taken], lane]
            at = count[lane]
            if direction == HIGH:
                while at < critical.size and critical[at] < size[lane]:
                    at += 1
                if at < critical.size:
                    limits[taken, lane] = at
            else:
                while at + 1 < critical.size and critical[at + 1] <= size[lane]:
                    at += 1
                if at >= fewest:
                    limits[taken, lane] = -at
            count[lane] = at


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
    """Fill ``limits`` (shape (centres, places, lanes)) for every centre."""
    for centre in prange(reach.size):
        limits_around(
            neighbours[centre, : reach[centre]], sizes, critical, direction, fewest, limits[centre, : reach[centre]]
        )


@njit(cache=True)
def _lay_out(
    counts: NDArray[np.int32], first: NDArray[np.int64], last: NDArray[np.int64], sign: int, rows: NDArray[np.int32]
) -> None:
    """Sum the intervals of each lane: ``rows[place, lane]`` from ``counts[place, interval]``."""
    sums = np.zeros(counts.shape[1] + 1, dtype=np.int64)
    for place in range(counts.shape[0]):
        for interval in range(counts.shape[1]):
            sums[interval + 1] = sums[interval] + counts[place, interval]
        for lane in range(first.size):
            rows[place, lane] = sign * (sums[last[lane]] - sums[first[lane]])


@njit(cache=True)
def _strongest(
    running: NDArray[np.int32],
    limits: NDArray[np.int32],
    size: NDArray[np.float64],
    model: int,
    direction: int,
    total: float,
    people: float,
    best: NDArray[np.float64],
) -> None:
    """Raise ``best`` (one per replicate) by the windows that reach their limit."""
    for replicate in range(running.shape[0]):
        for lane in range(running.shape[1]):
            if running[replicate, lane] >= limits[lane]:
                cases = direction * running[replicate, lane]
                statistic = likelihood_ratio(model, cases, size[lane], total, people)
                best[replicate] = max(best[replicate], statistic)


@njit(cache=True)
def _scan_block(
    rows: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    sizes: NDArray[np.float64],
    stored: NDArray[np.int32],
    scratch: NDArray[np.int32],
    critical: NDArray[np.float64],
    model: int,
    direction: int,
    fewest: int,
    total: float,
    people: float,
    best: NDArray[np.float64],
) -> None:
    """Largest statistic of each of a block of replicates; ``rows`` has shape (places, replicates, lanes)."""
    side, lanes = rows.shape[1], rows.shape[2]
    running = np.zeros((side, lanes), dtype=rows.dtype)
    size = np.zeros(sizes.shape[1])
    for centre in range(reach.size):
        limits = stored[centre] if stored.size else scratch
        if not stored.size:
            near = neighbours[centre, : reach[centre]]
            limits_around(near, sizes, critical, direction, fewest, limits[: near.size])
        running[:] = 0
        size[:] = 0.0
        sized = 0
        for taken in range(reach[centre]):
            row, limit = rows[neighbours[centre, taken]], limits[taken]
            slack = rows.dtype.type(np.iinfo(rows.dtype).min)
            for replicate in range(side):
                for start in range(0, lanes, VECTOR):
                    for lane in range(start, start + VECTOR):
                        count = rows.dtype.type(running[replicate, lane] + row[replicate, lane])
                        running[replicate, lane] = count
                        slack = max(slack, rows.dtype.type(count - limit[lane]))
            if slack >= 0:
                while sized <= taken:  # sizes are summed only where a window passes
                    for lane in range(size.size):
                        size[lane] += sizes[neighbours[centre, sized], lane]
                    sized += 1
                _strongest(running, limit, size, model, direction, total, people, best)


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
    stored: NDArray[np.int32],
    critical: NDArray[np.float64],
    model: int,
    direction: int,
    fewest: int,
    total: float,
    people: float,
) -> NDArray[np.float64]:
    """Largest statistic of each replicate, 0 where no window reaches its limit.

    `SIDE_BY_SIDE` replicates form a block; each depends on its own seed alone.
    """
    places = sizes.shape[0]
    maxima = np.zeros(seeds.size)
    blocks = (seeds.size + SIDE_BY_SIDE - 1) // SIDE_BY_SIDE
    for block in prange(blocks):
        begin = block * SIDE_BY_SIDE
        end = min(begin + SIDE_BY_SIDE, seeds.size)
        rows = np.zeros((places, SIDE_BY_SIDE, stored.shape[2]), dtype=stored.dtype)
        counts = np.zeros((places, intervals), dtype=np.int32)
        own, drawn = deck.copy(), np.empty(0 if odds.size else tickets.sum(), dtype=np.int64)
        for replicate in range(begin, end):
            deal(seeds[replicate], kind, own, starts, tickets, odds, whole, drawn, counts)
            _lay_out(counts, first, last, direction, rows[:, replicate - begin, :])
        scratch = np.empty((0 if stored.size else neighbours.shape[1], stored.shape[2]), dtype=stored.dtype)
        best = np.zeros(SIDE_BY_SIDE)
        _scan_block(
            rows, neighbours, reach, sizes, stored, scratch, critical, model, direction, fewest, total, people, best
        )
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
                cases = running[lane]
                gain = direction * (cases - expectation(model, size[lane], total, people))
                if cases < fewest or gain <= 0:
                    continue
                # ln x is at most x - 1: most windows are told to be weaker without a logarithm.
                if model == POISSON and direction == HIGH and cases * gain <= size[lane] * best[centre, 0]:
                    continue
                statistic = likelihood_ratio(model, cases, size[lane], total, people)
                if statistic > best[centre, 0] + 1e-10:
                    best[centre, 0], best[centre, 1], best[centre, 2] = statistic, taken + 1, lane
                    best[centre, 3], best[centre, 4] = cases, size[lane]
    return best

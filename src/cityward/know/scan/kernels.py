"""Compiled loops of the scan. Arrays in, arrays out; results do not depend on the number of threads."""

# The functions below are plain loops because they are compiled: vector operations would allocate.

from __future__ import annotations

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray


@njit(cache=True)
def likelihood_ratio(observed: float, expected: float, total: float) -> float:
    """Logarithm of the likelihood ratio of more cases than expected (Kulldorff 2005, equation 4)."""
    if observed <= expected or expected <= 0.0:
        return 0.0
    inside = observed * np.log(observed / expected)
    rest = total - observed
    if rest <= 0:
        return float(inside)
    return float(inside + rest * np.log(rest / (total - expected)))


@njit(cache=True)
def reaches(neighbours: NDArray[np.int32], by_place: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """How many neighbours of each place a window may hold without exceeding ``most`` cases."""
    reach = np.zeros(neighbours.shape[0], dtype=np.int64)
    for centre in range(neighbours.shape[0]):
        cases = 0
        for at in range(neighbours.shape[1]):
            place = neighbours[centre, at]
            if place < 0:
                break
            cases += by_place[place]
            if cases > most:
                break
            reach[centre] = at + 1
    return reach


@njit(cache=True)
def best_per_place(
    recent: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    by_place: NDArray[np.int64],
    share: NDArray[np.float64],
    total: int,
    min_cases: int,
) -> NDArray[np.float64]:
    """Strongest cylinder around each place: (statistic, places, days, observed).

    ``recent`` has shape (places, days), the last day first; ``share`` the share of all cases in the last
    1, 2, … days.
    """
    places, days = recent.shape
    best = np.zeros((places, 4))
    for centre in range(places):
        running = np.zeros(days, dtype=np.int64)
        cases = 0
        for at in range(reach[centre]):
            place = neighbours[centre, at]
            cases += by_place[place]
            observed = 0
            for day in range(days):
                running[day] += recent[place, day]
                observed += running[day]
                if observed < min_cases:
                    continue
                statistic = likelihood_ratio(observed, cases * share[day], total)
                if statistic > best[centre, 0] + 1e-12:
                    best[centre, 0] = statistic
                    best[centre, 1] = at + 1
                    best[centre, 2] = day + 1
                    best[centre, 3] = observed
    return best


@njit(cache=True, parallel=True)
def smallest_counts(
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    by_place: NDArray[np.int64],
    share: NDArray[np.float64],
    total: int,
    min_cases: int,
    bound: float,
) -> NDArray[np.int32]:
    """Smallest count with a statistic of ``bound`` or more, for each (place, neighbours, days)."""
    limits = np.empty((reach.size, reach.max(), share.size), dtype=np.int32)
    for centre in prange(reach.size):
        cases = 0
        for at in range(reach[centre]):
            cases += by_place[neighbours[centre, at]]
            for day in range(share.size):
                low, high = min_cases, total + 1
                while low < high:
                    middle = (low + high) // 2
                    if likelihood_ratio(middle, cases * share[day], total) >= bound:
                        high = middle
                    else:
                        low = middle + 1
                limits[centre, at, day] = low
    return limits


@njit(cache=True)
def _next(state: np.uint64) -> np.uint64:
    """A step of splitmix64 (Source: Steele, Lea, Flood 2014, figure 16)."""
    mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


@njit(cache=True)
def _shuffled(
    seed: int, cases: NDArray[np.int32], in_window: NDArray[np.int64], places: int, cumulative: NDArray[np.int32]
) -> None:
    """Fill ``cumulative`` (places, days) with the counts of the last 1, 2, … days after a shuffle of days.

    Only the cases that land in the longest window are drawn: the first of a Fisher-Yates shuffle.
    """
    deck = cases.copy()
    state = np.uint64(seed)
    cumulative[:] = 0
    at = 0
    for day in range(in_window.size):
        for _ in range(in_window[day]):
            state += np.uint64(0x9E3779B97F4A7C15)
            left = np.uint64(deck.size - at)
            drawn = at + np.int64(_next(state) % left)
            place = deck[drawn]
            deck[drawn] = deck[at]
            at += 1
            cumulative[place, day] += 1
    for place in range(places):
        for day in range(1, in_window.size):
            cumulative[place, day] += cumulative[place, day - 1]


@njit(cache=True)
def _full_maximum(
    cumulative: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    by_place: NDArray[np.int64],
    share: NDArray[np.float64],
    total: int,
    min_cases: int,
) -> float:
    days = share.size
    best = 0.0
    running = np.zeros(days, dtype=np.int32)
    for centre in range(reach.size):
        running[:] = 0
        cases = 0
        for at in range(reach[centre]):
            place = neighbours[centre, at]
            cases += by_place[place]
            for day in range(days):
                running[day] += cumulative[place, day]
                if running[day] >= min_cases and running[day] > cases * share[day]:
                    best = max(best, likelihood_ratio(running[day], cases * share[day], total))
    return best


@njit(cache=True)
def _bounded_maximum(
    cumulative: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    by_place: NDArray[np.int64],
    share: NDArray[np.float64],
    total: int,
    limits: NDArray[np.int32],
) -> float:
    """Largest statistic among windows that reach their limit; 0 when none does."""
    days = share.size
    best = 0.0
    running = np.zeros(days, dtype=np.int32)
    for centre in range(reach.size):
        running[:] = 0
        cases = 0
        for at in range(reach[centre]):
            place = neighbours[centre, at]
            cases += by_place[place]
            passed = 0
            for day in range(days):
                running[day] += cumulative[place, day]
                passed += running[day] >= limits[centre, at, day]
            if passed:
                for day in range(days):
                    if running[day] >= limits[centre, at, day]:
                        best = max(best, likelihood_ratio(running[day], cases * share[day], total))
    return best


@njit(cache=True, parallel=True)
def replicate_maxima(
    seeds: NDArray[np.uint64],
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    by_place: NDArray[np.int64],
    in_window: NDArray[np.int64],
    share: NDArray[np.float64],
    total: int,
    min_cases: int,
    cases: NDArray[np.int32],
    limits: NDArray[np.int32],
) -> NDArray[np.float64]:
    """Largest statistic of each replicate; each has its own seed, so threads do not matter."""
    maxima = np.zeros(seeds.size)
    for replicate in prange(seeds.size):
        cumulative = np.zeros((by_place.size, share.size), dtype=np.int32)
        _shuffled(seeds[replicate], cases, in_window, by_place.size, cumulative)
        best = 0.0
        if limits.size:
            best = _bounded_maximum(cumulative, neighbours, reach, by_place, share, total, limits)
        if best == 0.0:
            best = _full_maximum(cumulative, neighbours, reach, by_place, share, total, min_cases)
        maxima[replicate] = best
    return maxima

"""Tours: the shortest order of given stops, in whole minutes.

Compiled loops; each is a function of its arrays and releases the interpreter's lock, so that a page that plans does
not hold up the others.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit

EXACT_STOPS: Final = 12
"""Up to so many stops the shortest order is found exactly (2^12 × 12 states); no crew's day has many more."""


@njit(cache=True, nogil=True)
def shortest_order(  # noqa: C901
    between: NDArray[np.int32], base: NDArray[np.int32]
) -> tuple[int, NDArray[np.int32]]:
    """Return the least travel minutes from the base over all stops and back, and the order; at most `EXACT_STOPS`.

    Parameters
    ----------
    between : ndarray of int32, shape (k, k)
    base : ndarray of int32, shape (k,)

    Notes
    -----
    **Source**: Held and Karp (1962), "A dynamic programming approach to sequencing problems", section 2.
    """
    k = base.shape[0]
    size = 1 << k
    far = 1 << 30
    cost = np.full((size, k), far, dtype=np.int64)
    came = np.full((size, k), -1, dtype=np.int32)
    for j in range(k):
        cost[1 << j, j] = base[j]
    for seen in range(1, size):
        for j in range(k):
            here = cost[seen, j]
            if here >= far or not (seen >> j) & 1:
                continue
            for to in range(k):
                if (seen >> to) & 1:
                    continue
                now = seen | (1 << to)
                total = here + between[j, to]
                if total < cost[now, to]:
                    cost[now, to] = total
                    came[now, to] = j
    seen, last, least = size - 1, 0, far
    for j in range(k):
        if cost[seen, j] + base[j] < least:
            least, last = cost[seen, j] + base[j], j
    order = np.empty(k, dtype=np.int32)
    for place in range(k - 1, -1, -1):
        order[place] = last
        seen, last = seen ^ (1 << last), came[seen, last]
    return least, order


@njit(cache=True, nogil=True)
def tour_minutes(between: NDArray[np.int32], base: NDArray[np.int32], order: NDArray[np.int32]) -> int:
    """Travel minutes of a tour from the base over ``order`` and back."""
    if order.shape[0] == 0:
        return 0
    total = base[order[0]] + base[order[-1]]
    for place in range(order.shape[0] - 1):
        total += between[order[place], order[place + 1]]
    return int(total)


@njit(cache=True, nogil=True)
def better_order(between: NDArray[np.int32], base: NDArray[np.int32], order: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return ``order`` after every reversal and every move of a stop that makes the tour shorter (2-opt, or-opt)."""
    k = order.shape[0]
    order = order.copy()
    least = tour_minutes(between, base, order)
    improved = True
    while improved:
        improved = False
        for i in range(k):
            for j in range(k):
                if i == j:
                    continue
                trial = order.copy()
                if i < j:
                    trial[i : j + 1] = order[i : j + 1][::-1]
                    total = tour_minutes(between, base, trial)
                    if total < least:
                        least, order, improved = total, trial, True
                        continue
                trial = order.copy()
                moved = order[i]
                if i < j:
                    trial[i:j] = order[i + 1 : j + 1]
                else:
                    trial[j + 1 : i + 1] = order[j:i]
                trial[j] = moved
                total = tour_minutes(between, base, trial)
                if total < least:
                    least, order, improved = total, trial, True
    return order

"""The Lagrangian bound of the p-median: each place has a price that it pays for being served.

Given prices λ, a site is worth ρ_j = Σ_i min(0, c_ij − λ_i), and the p sites that are worth most give the true bound
Σ_i λ_i + Σ ρ_j over them. Prices climb along a deflected subgradient.

**Source**: Cornuejols, Fisher and Nemhauser (1977), "Location of bank accounts to optimize float", Management Science
23; the direction of Camerini, Fratta and Maffioli (1975), "On improving relaxation methods by modified gradient
techniques", Mathematical Programming Study 3.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit

FREE, OPEN, SHUT = 0, 1, 2

SHARE_RATE: Final = 0.03
"""How much the last round weighs in the share of rounds in which a site was chosen."""

PACE_LEAST: Final = 1e-4
"""Steps shorter than this share of the distance raise nothing that matters."""


@njit(cache=True, nogil=True)
def worth(
    price: NDArray[np.float64],
    begin: NDArray[np.int64],
    site: NDArray[np.int32],
    cost: NDArray[np.float64],
    rho: NDArray[np.float64],
) -> None:
    """Fill ``rho`` with what each site is worth at these prices."""
    rho[:] = 0.0
    for place in range(price.size):
        paid = price[place]
        for at in range(begin[place], begin[place + 1]):
            if cost[at] >= paid:
                break
            rho[site[at]] += cost[at] - paid


@njit(cache=True, nogil=True)
def thinned(
    begin: NDArray[np.int64], site: NDArray[np.int32], cost: NDArray[np.float64], state: NDArray[np.int8]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Return the lists of sites by place without those that are shut, each up to the first that is open."""
    places = begin.size - 1
    new_begin = np.zeros(places + 1, dtype=np.int64)
    new_site, new_cost = np.empty_like(site), np.empty_like(cost)
    count = 0
    for place in range(places):
        for at in range(begin[place], begin[place + 1]):
            if state[site[at]] != SHUT:
                new_site[count], new_cost[count] = site[at], cost[at]
                count += 1
                if state[site[at]] == OPEN:
                    break
        new_begin[place + 1] = count
    return new_begin, new_site[:count], new_cost[:count]


@njit(cache=True, nogil=True)
def pick(
    rho: NDArray[np.float64], state: NDArray[np.int8], need: int, chosen: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Mark the sites that are open and the ``need`` free ones worth most.

    Returns
    -------
    total, last, next : float
        Sum of ρ over them, the ρ of the last free one that is chosen, and of the first that is not.
    """
    free = np.flatnonzero(state == FREE)
    chosen[:] = state == OPEN
    total = rho[chosen].sum()
    if need == 0:
        return total, -np.inf, np.min(rho[free]) if free.size else np.inf
    values = rho[free]
    if need >= free.size:
        for at in free:
            chosen[at] = True
            total += rho[at]
        return total, np.max(values) if free.size else -np.inf, np.inf
    parted = np.partition(values, need)
    last, after = np.max(parted[:need]), parted[need]
    left = need
    for at in free:
        if rho[at] < last:
            chosen[at] = True
            total += rho[at]
            left -= 1
    for at in free:
        if left and rho[at] == last:
            chosen[at] = True
            total += rho[at]
            left -= 1
    return total, last, after


@njit(cache=True, nogil=True)
def climb(
    price: NDArray[np.float64],
    begin: NDArray[np.int64],
    site: NDArray[np.int32],
    cost: NDArray[np.float64],
    state: NDArray[np.int8],
    need: int,
    upper: float,
    target: float,
    pace: float,
    rounds: int,
    patience: int,
    share: NDArray[np.float64],
    best_rho: NDArray[np.float64],
    best_chosen: NDArray[np.bool_],
) -> tuple[float, float, float]:
    """Raise the bound from ``price``, which becomes the best prices found.

    Parameters
    ----------
    begin, site, cost : arrays
        The sites of each place in order of their cost, one place after the other; those that are shut are left out.
    state : array of sites
        `FREE`, `OPEN` or `SHUT`.
    need : int
        Free sites to choose.
    upper : float
        The value of the best sites known: it sets the length of steps.
    target : float
        Stop as soon as the bound is above this.
    pace : float
        First step as a share of the distance to ``upper``; halved after ``patience`` rounds without a gain.
    share : array of sites, filled
        How often each site was chosen, later rounds weighing more.
    best_rho, best_chosen : arrays of sites, filled
        At the best prices.

    Returns
    -------
    bound, last, next : float
        With the ρ of the last chosen and first unchosen free site, at the best prices.
    """
    low, high = _limits(begin, site, cost, state)
    now = np.minimum(np.maximum(price, low), high)
    rho, chosen = np.empty(state.size), np.empty(state.size, dtype=np.bool_)
    slope, way = np.empty(price.size), np.zeros(price.size)
    bound, last, after, idle = -np.inf, 0.0, 0.0, 0
    for _ in range(rounds):
        worth(now, begin, site, cost, rho)
        total, last_now, after_now = pick(rho, state, need, chosen)
        value = now.sum() + total
        for at in range(state.size):
            share[at] += SHARE_RATE * ((1.0 if chosen[at] else 0.0) - share[at])
        idle = 0 if value > bound + 1e-4 * abs(upper - value) else idle + 1
        if value > bound:
            bound, last, after = value, last_now, after_now
            price[:], best_rho[:], best_chosen[:] = now, rho, chosen
            if bound > target:
                break
        if idle >= patience:
            idle, pace = 0, pace / 2
            now[:], way[:] = price, 0.0
            if pace < PACE_LEAST:
                break
        length = _turn(slope, way, now, begin, site, cost, chosen)
        if length == 0.0:
            break
        stride = pace * max(upper - value, 1e-9) / length
        now[:] = np.minimum(np.maximum(now + stride * way, low), high)
    return bound, last, after


@njit(cache=True, nogil=True)
def _limits(
    begin: NDArray[np.int64], site: NDArray[np.int32], cost: NDArray[np.float64], state: NDArray[np.int8]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Between which prices the best ones lie: the cost of the nearest site, and of the nearest that is open."""
    places = begin.size - 1
    low, high = np.zeros(places), np.full(places, np.inf)
    for place in range(places):
        if begin[place] < begin[place + 1] and cost[begin[place]] < np.inf:
            low[place] = cost[begin[place]]
        for at in range(begin[place], begin[place + 1]):
            if state[site[at]] == OPEN:
                high[place] = cost[at]
                break
    return low, high


@njit(cache=True, nogil=True)
def _turn(
    slope: NDArray[np.float64],
    way: NDArray[np.float64],
    now: NDArray[np.float64],
    begin: NDArray[np.int64],
    site: NDArray[np.int32],
    cost: NDArray[np.float64],
    chosen: NDArray[np.bool_],
) -> float:
    """Turn the direction ``way`` to the new slope, less where both are at odds; return its squared length."""
    length, along = 0.0, 0.0
    for place in range(now.size):
        served = 0.0
        for at in range(begin[place], begin[place + 1]):
            if cost[at] >= now[place]:
                break
            if chosen[site[at]]:
                served += 1.0
        slope[place] = 1.0 - served
        along += slope[place] * way[place]
        length += way[place] * way[place]
    turned = -1.5 * along / length if along < 0.0 and length > 0.0 else 0.0
    length = 0.0
    for place in range(now.size):
        way[place] = slope[place] + turned * way[place]
        length += way[place] * way[place]
    return length

"""The inner loops of equal shares, in doubles that are bounds: what is true lies between ``low`` and ``high``.

A decision that the bounds do not make is handed back, and made with fractions (`shares_exact`).

Sums of n numbers of at least 0 in doubles are off by at most n · 2^-53 of the sum; `_SLACK` is twice that for each.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit

_SLACK: Final = 2.0**-51

DONE: Final = 0
UNDECIDED: Final = 1


@njit(cache=True, nogil=True)
def _price(ballots, weights, copies, money, cost, begin, sign):  # type: ignore[no-untyped-def]
    """What a point pays so that supporters who pay that much, or all they have, pay ``cost``.

    Newton's method on a concave function from below, so it ends. ``sign`` -1 gives a bound from below, +1 one from
    above; infinite where they have too little together (surely, or perhaps). Also whether all can pay in full.
    """
    slack = _SLACK * (len(ballots) + 8)
    down, up = 1.0 - sign * slack, 1.0 + sign * slack
    price = begin
    while True:
        poor, rich, all_rich = 0.0, 0.0, True
        for at in range(len(ballots)):
            own = money[ballots[at]]
            if own < price * weights[at]:
                poor += own * copies[at]
                all_rich = False
            else:
                rich += float(weights[at] * copies[at])
        if rich == 0.0:
            short = poor * down < cost
            return (np.inf if short else price) if sign < 0 else np.inf, False
        following = (cost - poor * down) / rich * up
        if following <= price:
            return price, all_rich
        price = following


@njit(cache=True, nogil=True)
def buy(ballots, weights, low, high, price_low, price_high):  # type: ignore[no-untyped-def]
    """Let supporters pay."""
    for at in range(len(ballots)):
        one = ballots[at]
        paid = price_high * weights[at]
        low[one] = max(0.0, low[one] - paid - _SLACK * (low[one] + paid))
        paid = price_low * weights[at]
        high[one] = max(0.0, high[one] - paid + _SLACK * (high[one] + paid))


@njit(cache=True, nogil=True)
def _consider(begins, ballot, weight, copies, costs, worth, low, high, standing, floor, bounds, rich):  # type: ignore[no-untyped-def]
    """Bound the prices of projects, the lowest first, until none that is left can be lower; return the least bound."""
    rich[:] = -1
    best = np.inf
    while True:
        one, least = -1, np.inf
        for each in range(len(costs)):
            if standing[each] and rich[each] == -1 and (one < 0 or floor[each] < least):
                one, least = each, floor[each]
        if one < 0 or least > best:
            return best
        own = slice(begins[one], begins[one + 1])
        start = least * worth[one] * (1.0 - 4 * _SLACK)
        under, _ = _price(ballot[own], weight[own], copies[own], high, costs[one], start, -1.0)
        if under == np.inf:
            standing[one] = False
            continue
        over, all_rich = _price(ballot[own], weight[own], copies[own], low, costs[one], under, 1.0)
        bounds[one, 0], bounds[one, 1] = under, over
        rich[one] = 1 if all_rich else 0
        floor[one] = under / worth[one] * (1.0 - 4 * _SLACK)
        best = min(best, over / worth[one] * (1.0 + 4 * _SLACK))


@njit(cache=True, nogil=True)
def advance(begins, ballot, weight, copies, costs, worth, low, high, standing, floor, bounds, rich, bought):  # type: ignore[no-untyped-def]
    """Buy projects for as long as the bounds say which is next.

    Parameters
    ----------
    begins, ballot, weight, copies
        Supporters by project.
    costs, worth : (projects,)
        ``worth`` is what a point for the project is worth to who gives it.
    low, high : (ballots,)
        Bounds of what each voter has; written.
    standing : (projects,) bool
        Not bought, and not given up; written.
    floor : (projects,)
        A bound from below of the price of each by its worth, which only ever rises; written.
    bounds : (projects, 2)
        Bounds of the price of a point; written for those that come into question.
    rich : (projects,) int8
        1 where all supporters surely pay in full; -1 where the project does not come into question; written.
    bought : (projects + 1,)
        Projects in order; the last is how many. Written.

    Returns
    -------
    int
        `DONE` when nothing can be bought, or `UNDECIDED` between those with ``rich`` of at least 0.
    """
    projects = len(costs)
    while True:
        best = _consider(begins, ballot, weight, copies, costs, worth, low, high, standing, floor, bounds, rich)
        chosen, count = -1, 0
        for each in range(projects):
            if rich[each] >= 0 and floor[each] > best:
                rich[each] = -1
            elif rich[each] >= 0:
                chosen = each
                count += 1
        if count == 0:
            return DONE
        if count > 1 or bounds[chosen, 1] == np.inf:
            return UNDECIDED
        own = slice(begins[chosen], begins[chosen + 1])
        buy(ballot[own], weight[own], low, high, bounds[chosen, 0], bounds[chosen, 1])
        standing[chosen] = False
        bought[bought[projects]] = chosen
        bought[projects] += 1


@njit(cache=True, nogil=True)
def fresh(begins, weight, copies, costs, worth, standing, floor):  # type: ignore[no-untyped-def]
    """Projects that stand at the beginning, and their lowest price: when all supporters pay in full."""
    for one in range(len(costs)):
        total = 0.0
        for at in range(begins[one], begins[one + 1]):
            total += float(weight[at] * copies[at])
        standing[one] = total > 0.0 and costs[one] > 0.0
        if standing[one]:
            floor[one] = costs[one] / total / worth[one] * (1.0 - _SLACK * (begins[one + 1] - begins[one] + 8))


def arrays(projects: int) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
    """What `advance` writes: standing, floor, bounds and rich."""
    return (
        np.zeros(projects, dtype=np.bool_),
        np.zeros(projects),
        np.zeros((projects, 2)),
        np.zeros(projects, dtype=np.int8),
    )

"""Which controls to buy for a budget: the least cost of a year, price included, by branch and bound."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.secure.risk.residual import Floats, Residual

Chosen = NDArray[np.bool_]
NODES: Final = 4_000
"""Most sets that are bounded; beyond it the best one found is told with the gap that is left."""

_SLACK: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Choice:
    """Controls for a budget.

    Attributes
    ----------
    chosen : ndarray
        Shape (c).
    spent, remaining : float
        Price a year; mean cost of a year that is left, without it.
    gap : float
        How much less, of the whole, any other choice could cost at most; 0 when none can cost less.
    """

    chosen: Chosen
    spent: float
    remaining: float
    gap: float

    @property
    def total(self) -> float:
        """What a year costs on average, price included."""
        return self.spent + self.remaining


def choose(residual: Residual, budget: float, nodes: int = NODES) -> Choice:
    """Choose the controls that make a year cost least, their price included, within a budget a year.

    Notes
    -----
    **Source**: best-first branch and bound (Land and Doig 1960). For the bound cascades are taken as mild as all that
    can still be bought makes them; what is left is a sum of products of factors, whose gains only shrink as sets grow
    (supermodular), so that the sum of the gains of single controls, filled into the budget as a fractional knapsack
    (Dantzig 1957), is never exceeded (Nemhauser, Wolsey and Fisher 1978, proposition 2.1).
    """
    count = residual.cost.size
    none = np.zeros(count, np.bool_)
    best = _greedy(residual, budget)
    order = _order(residual, budget)
    start = _bound(residual, none, order, budget)
    waiting: list[tuple[float, int, int, bytes]] = [(start, 0, 0, none.tobytes())]
    looked, ticket = 0, 0
    while waiting:
        bound, _, depth, packed = heapq.heappop(waiting)
        if bound >= best.total * (1 - _SLACK):
            waiting = []
            break
        if looked >= nodes:
            heapq.heappush(waiting, (bound, 0, depth, packed))
            break
        without = np.frombuffer(packed, np.bool_)
        if depth == order.size:
            continue
        with_ = without.copy()
        with_[order[depth]] = True
        for chosen in (with_, without):
            spent = float(residual.cost[chosen].sum())
            if spent > budget * (1 + _SLACK):
                continue
            if chosen is with_:
                best = min(best, _told(residual, chosen), key=lambda one: one.total)
            looked += 1
            low = _bound(residual, chosen, order[depth + 1 :], budget - spent)
            if low < best.total * (1 - _SLACK):
                ticket += 1
                heapq.heappush(waiting, (low, ticket, depth + 1, chosen.tobytes()))
    least = min([one[0] for one in waiting], default=best.total)
    gap = max(0.0, (best.total - least) / best.total) if best.total > 0 else 0.0
    return Choice(best.chosen, best.spent, best.remaining, gap)


def _told(residual: Residual, chosen: Chosen) -> Choice:
    return Choice(chosen, float(residual.cost[chosen].sum()), residual.of(chosen), 0.0)


def _greedy(residual: Residual, budget: float) -> Choice:
    """Buy what gains most for its price until nothing gains, then try to exchange one for another."""
    best = _told(residual, np.zeros(residual.cost.size, np.bool_))
    while True:
        moves = [_flipped(best.chosen, (at,)) for at in np.flatnonzero(~best.chosen).tolist()]
        tried = [_told(residual, one) for one in moves if residual.cost[one].sum() <= budget]
        better = [one for one in tried if one.total < best.total]
        if not better:
            break
        held = best
        best = max(better, key=lambda one: (held.total - one.total) / max(one.spent - held.spent, _SLACK))
    for inside in np.flatnonzero(best.chosen).tolist():
        for outside in np.flatnonzero(~best.chosen).tolist():
            one = _flipped(best.chosen, (inside, outside))
            if residual.cost[one].sum() <= budget:
                best = min(best, _told(residual, one), key=lambda each: each.total)
        if not best.chosen[inside]:
            break
    return best


def _flipped(chosen: Chosen, places: tuple[int, ...]) -> Chosen:
    changed = chosen.copy()
    changed[list(places)] = ~changed[list(places)]
    return changed


def _order(residual: Residual, budget: float) -> NDArray[np.int64]:
    """Controls that can be paid, the one that gains most for its price first."""
    none = np.zeros(residual.cost.size, np.bool_)
    before = residual.of(none)
    payable = np.flatnonzero(residual.cost <= budget)
    gains = np.array([before - residual.of(_flipped(none, (at,))) for at in payable.tolist()])
    return payable[np.argsort(-gains / np.maximum(residual.cost[payable], _SLACK), kind="stable")]


def _bound(residual: Residual, chosen: Chosen, open_: NDArray[np.int64], left: float) -> float:
    """No choice that holds ``chosen`` and some of ``open_`` for the money that is left costs less than this."""
    spent = float(residual.cost[chosen].sum())
    open_ = open_[residual.cost[open_] <= left]
    all_ = chosen.copy()
    all_[open_] = True
    mild = residual.cascades(all_)
    events, direct = residual.parts(chosen)
    now = float(events @ (direct + mild))
    events_all, direct_all = residual.parts(all_)
    least = float(events_all @ (direct_all + mild))
    each = residual.tried[open_] * (residual.loss[open_] * direct + mild)
    gains = now - each @ events - residual.cost[open_]
    return spent + max(least, now - _knapsack(gains, residual.cost[open_], left))


def _knapsack(gains: Floats, cost: Floats, left: float) -> float:
    """Most that can be gained when parts of things can be bought."""
    worth = gains > 0
    gains, cost = gains[worth], cost[worth]
    order = np.argsort(-gains / np.maximum(cost, _SLACK), kind="stable")
    total: float = 0.0
    for gain, price in zip(gains[order].tolist(), cost[order].tolist(), strict=True):
        if price > left:
            return float(total + gain * left / price)
        total, left = total + gain, left - price
    return total


def frontier(residual: Residual, budgets: Floats) -> list[Choice]:
    """The best choice for each of several budgets, without those that buy the same as a smaller one."""
    told: list[Choice] = []
    for budget in budgets.tolist():
        choice = choose(residual, budget, NODES // 4)
        if not told or (told[-1].chosen != choice.chosen).any():
            told.append(choice)
    return told

"""The p-median, proven: good sites, a Lagrangian bound that shuts most others, and a search tree over the rest.

**Source**: the tree is that of Beasley (1993), "Lagrangean heuristics for location problems", European Journal of
Operational Research 65, with the bound of `lagrange` and the swaps of `interchange` in every node.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import prepare
from cityward.equitable.siting.interchange import greedy, swap
from cityward.equitable.siting.lagrange import FREE, OPEN, SHUT, climb, thinned
from cityward.equitable.siting.precision import Precision
from cityward.equitable.siting.residual import rest


@dataclass(frozen=True, slots=True)
class _Effort:
    """How long a bound is raised: the first step, rounds at most, and rounds without a gain before steps halve."""

    pace: float
    rounds: int
    patience: int


ROOT_CLIMBS: Final = 12
"""How often the bound of all choices is raised and better sites are looked for, before the tree."""

ROOT: Final = _Effort(1.0, 200, 20)
NODE: Final = _Effort(0.5, 120, 15)
TRIAL: Final = _Effort(0.3, 25, 5)

THIN_ROUNDS: Final = 50
"""For so many rounds it pays to leave out first what is shut."""

TRIALS: Final = 8
TRIAL_NEED: Final = 20
TRIAL_DOUBT: Final = 0.02
"""So many doubtful sites are tried before the choices are parted, where many are to be opened: with few, a step of
the bound is long and the trials cost more than they save (measured with 5 to 300 of 900)."""

SWAPPED_NODES: Final = 200
SWAPPED_EVERY: Final = 20
"""In so many nodes better sites are looked for in each, later in each so many."""

REST_NODES: Final = 200
REST_NODES_FEW: Final = 3_000
REST_SHARE: Final = 0.5
"""After so many nodes what is left is asked as one program where it is small, for this share of the time left: later
with fewer than `TRIAL_NEED` sites to open, where the tree is quicker on most graphs (measured)."""

REST_ERROR: Final = 1e-7
"""Share of a value by which the bound of a program may be off: its rows hold to about a millionth of a site."""

DEEP_NODES: Final = 20_000
"""With more nodes waiting than this the newest goes first, so that the tree does not fill the memory."""


@dataclass(frozen=True, slots=True)
class Median:
    """The rows that are open, the sum of costs, a value that no choice is below, and the nodes of the tree."""

    sites: NDArray[np.int64]
    value: float
    bound: float
    nodes: int


@dataclass(frozen=True, slots=True)
class _Table:
    """The costs of the sites that may be open still, and of each place the sites in order of cost."""

    rows: NDArray[np.int64]
    cost: NDArray[np.float64]
    begin: NDArray[np.int64]
    site: NDArray[np.int32]
    ordered: NDArray[np.float64]

    @classmethod
    def of(cls, cost: NDArray[np.float64], rows: NDArray[np.int64]) -> _Table:
        kept = np.ascontiguousarray(cost[rows])
        order = np.argsort(kept.T, axis=1, kind="stable")
        return cls(
            rows,
            kept,
            np.arange(cost.shape[1] + 1, dtype=np.int64) * rows.size,
            order.astype(np.int32).ravel(),
            np.take_along_axis(kept.T, order, axis=1).ravel(),
        )


@dataclass(slots=True)
class _Node:
    """A part of the choices: which sites are open or shut in it, the bound, and how often each site was chosen."""

    bound: float
    state: NDArray[np.int8]
    price: NDArray[np.float64]
    share: NDArray[np.float64]
    chosen: NDArray[np.bool_]


def median(
    cost: NDArray[np.float64],
    sites: int,
    *,
    kept: NDArray[np.int64],
    begin: NDArray[np.int64],
    precision: Precision,
    left: Callable[[], float],
) -> Median:
    """Return the best ``sites`` sites with the least sum, over places, of the cost to the nearest.

    Parameters
    ----------
    cost : array, sites × places
        At least 0; infinite where a place cannot be reached.
    sites : int
        1 to the number of rows.
    kept : array
        Rows that stay open, at most ``sites``.
    begin : array
        Rows that reach every place together with ``kept``; empty where any choice does.
    precision : Precision
        What a bound may be rounded up to.
    left : callable
        Seconds that are left. When there are none the best sites so far are returned with the bound so far.
    """
    prepare()
    return _Search(cost, sites, kept, precision, left).run(begin)


class _Search:
    """The best sites so far, and what is left of the choices."""

    def __init__(
        self,
        cost: NDArray[np.float64],
        sites: int,
        kept: NDArray[np.int64],
        precision: Precision,
        left: Callable[[], float],
    ) -> None:
        self.count, self.precision, self.left = sites, precision, left
        reached = np.isfinite(cost)
        self.most = float(np.where(reached, cost, 0.0).max(axis=0).sum()) + 1.0
        self.cost = cost
        self.finite = np.ascontiguousarray(np.where(reached, cost, self.most))
        self.table = _Table.of(cost, np.arange(cost.shape[0]))
        self.state = np.full(cost.shape[0], FREE, dtype=np.int8)
        self.state[kept] = OPEN
        self.kept = kept
        self.value = np.inf
        self.sites = kept
        self.nodes = 0

    def run(self, begin: NDArray[np.int64]) -> Median:
        """Search until the bound meets the value, or no time is left."""
        first = np.concatenate([self.kept, np.setdiff1d(begin, self.kept)])
        allowed = np.ones(self.cost.shape[0], dtype=np.bool_)
        sites = greedy(self.finite, self.count, self.kept, allowed, self.most)
        self._improve(sites)
        if not np.isfinite(self.value):
            self._improve(greedy(self.finite, self.count, first, allowed, self.most))
        root = self._root()
        bound = self.value if root is None else self._tree(root)
        return Median(np.sort(self.sites), self.value, self.precision.bound(bound, self.value), self.nodes)

    # Better sites.

    def _improve(self, sites: NDArray[np.int64]) -> None:
        """Swap from these rows; keep them when they are the best."""
        stay = np.isin(sites, self.kept)
        sites = np.concatenate([sites[stay], sites[~stay]])
        allowed = np.zeros(self.cost.shape[0], dtype=np.bool_)
        allowed[self.table.rows] = True
        swap(self.finite, sites, self.kept.size, allowed, self.most, self.nodes, 1e-12 * self.most)
        self._keep(sites)

    def _keep(self, sites: NDArray[np.int64]) -> None:
        value = float(self.cost[sites].min(axis=0).sum())
        if value < self.value:
            self.value, self.sites = value, sites.copy()

    # The bound.

    def _closed(self, bound: float) -> bool:
        return self.precision.closed(bound, self.value)

    def _bound(
        self, state: NDArray[np.int8], price: NDArray[np.float64], effort: _Effort
    ) -> tuple[float, float, float, NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """`climb` within a part of the choices: the bound, ρ of the last in and the first out, shares, ρ, chosen."""
        table, sites = self.table, self.table.rows.size
        lists = table.begin, table.site, table.ordered
        if effort.rounds > THIN_ROUNDS:
            lists = thinned(*lists, state)
        share, rho = np.zeros(sites), np.empty(sites)
        chosen = np.empty(sites, dtype=np.bool_)
        need = self.count - int((state == OPEN).sum())
        upper = min(self.value, self.most)
        bound, last, after = climb(
            price,
            *lists,
            state,
            need,
            upper,
            self.precision.target(upper),
            effort.pace,
            effort.rounds,
            effort.patience,
            share,
            rho,
            chosen,
        )
        return bound, last, after, share, rho, chosen

    def _climb(self, state: NDArray[np.int8], price: NDArray[np.float64], effort: _Effort) -> _Node | None:
        """Bound a part of the choices, and fix sites in it; None when nothing better is in it."""
        bound, last, after, share, rho, chosen = self._bound(state, price, effort)
        if self._closed(bound):
            return None
        free = state == FREE
        state[free & ~chosen & self.precision.all_closed(bound + rho - last, self.value)] = SHUT
        state[free & chosen & self.precision.all_closed(bound - rho + after, self.value)] = OPEN
        return _Node(bound, state, price, share, chosen)

    def _branch(
        self, bound: float, state: NDArray[np.int8], price: NDArray[np.float64], share: NDArray[np.float64]
    ) -> int:
        """The site that parts the choices best: of the most doubtful ones, the one whose trial raises both bounds."""
        doubt = np.where(state == FREE, np.minimum(share, 1 - share), -1.0)
        need = self.count - int((state == OPEN).sum())
        first = int(np.argmax(doubt))
        top = np.argsort(-doubt, kind="stable")[:TRIALS]
        top = top[doubt[top] > TRIAL_DOUBT]
        if need < TRIAL_NEED or top.size < 2:
            return first
        room = max(self.precision.target(self.value) - bound, self.precision.step * 1e-6)
        best = -1.0
        for site in top.tolist():
            raised = 1.0
            for what in (SHUT, OPEN):
                state[site] = what
                found = self._bound(state, price.copy(), TRIAL)[0]
                raised *= min(max(found - bound, 1e-3 * room), room)
            state[site] = FREE
            if raised > best:
                best, first = raised, site
        return first

    def _leaf(self, state: NDArray[np.int8]) -> bool:
        """Whether no choice is left; the one that is left is looked at."""
        need, free = self.count - int((state == OPEN).sum()), np.flatnonzero(state == FREE)
        if need < 0 or free.size < need:
            return True
        if need == 0:
            self._keep(self.table.rows[state == OPEN])
            return True
        if free.size == need:
            self._keep(self.table.rows[state != SHUT])
            return True
        return False

    def _root(self) -> _Node | None:
        """The bound of all choices, raised and looked at for better sites in turns; None when it is proven."""
        ways = np.sort(self.cost[self.sites], axis=0)[:2]
        price = ways[0] + 0.5 * np.minimum(ways[-1] - ways[0], ways[0] + 1.0)
        effort, before = ROOT, -np.inf
        node: _Node | None = None
        for _ in range(ROOT_CLIMBS):
            node = self._climb(self.state, price, effort)
            if node is None or self._leaf(node.state):
                return None
            self._improve(self.table.rows[node.chosen])
            if self._closed(node.bound):
                return None
            self._shrink(node)
            if self.left() <= 0 or node.bound - before < 0.02 * (self.value - node.bound):
                break
            before, effort = node.bound, replace(effort, pace=0.5 * effort.pace)
        return node

    def _shrink(self, node: _Node) -> None:
        """Leave out the sites that are shut."""
        stay = node.state != SHUT
        if stay.all():
            return
        node.chosen, node.share = node.chosen[stay], node.share[stay]
        self.state = node.state = node.state[stay]
        self.table = _Table.of(self.cost, self.table.rows[stay])

    # The tree.

    def _tree(self, root: _Node) -> float:
        """Part the choices until none better are left; return the bound."""
        waiting: list[tuple[float, int, _Node]] = [(root.bound, 0, root)]
        number = count(1)
        deep: list[_Node] = []
        asked, proven = False, root.bound
        need = self.count - int((root.state == OPEN).sum())
        after = REST_NODES if need >= TRIAL_NEED else REST_NODES_FEW
        while waiting or deep:
            if self.left() <= 0:
                return max(proven, min(self.value, *(one[0] for one in waiting[:1]), *(one.bound for one in deep)))
            if self.nodes >= after and not asked:
                asked, proven = True, self._rest(root)
                if self._closed(proven):
                    return self.value
            node = deep.pop() if deep else heapq.heappop(waiting)[2]
            if self._closed(node.bound):
                continue
            for child in self._parts(node):
                if len(waiting) >= DEEP_NODES:
                    deep.append(child)
                else:
                    heapq.heappush(waiting, (child.bound, next(number), child))
        return self.value

    def _rest(self, root: _Node) -> float:
        """Ask for all that the root leaves in one program; return the bound, which may not have been raised."""
        whole = self.left()
        need = self.count - int((root.state == OPEN).sum())
        farthest = root.price + (self.precision.target(self.value) - root.bound)
        found = rest(
            self.table.cost, root.state, need, self.value, farthest, lambda: self.left() - (1 - REST_SHARE) * whole
        )
        if found is None:
            return root.bound
        if found.chosen is not None:
            self._keep(self.table.rows[found.chosen])
        return max(root.bound, min(self.value, found.bound) - REST_ERROR * abs(self.value))

    def _parts(self, node: _Node) -> list[_Node]:
        """The two parts of a node, without and with its site, where something better can be in them."""
        found = []
        site = self._branch(node.bound, node.state, node.price, node.share)
        for what in (SHUT, OPEN):
            self.nodes += 1
            state = node.state.copy()
            state[site] = what
            if self._leaf(state):
                continue
            child = self._climb(state, node.price.copy(), NODE)
            if child is None:
                continue
            child.bound = max(child.bound, node.bound)
            if self.nodes <= SWAPPED_NODES or self.nodes % SWAPPED_EVERY == 0:
                self._improve(self.table.rows[child.chosen])
            if not self._leaf(child.state):
                found.append(child)
        return found

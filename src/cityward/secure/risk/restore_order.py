"""The order in which to mend things so that residents get most hours of service back soonest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cityward.secure.risk.graph import Floats, Graph, Ints
from cityward.secure.risk.quantities import drawn

SERVICES: Final = 400
"""Services that the order is made for, those of most people; the rest are mended after them."""

_ROUNDS: Final = 20


@dataclass(frozen=True, slots=True)
class RestoreOrder:
    """An order of restore after everything failed.

    Attributes
    ----------
    assets : ndarray
        What is to be mended, in order.
    done_hours : ndarray
        Hours after which each of them is mended.
    services : ndarray, back_hours : ndarray
        Services to residents in the order in which they come back, and when.
    lost : float
        Citizen-hours lost until all is back, but for what works again whatever the order.
    lost_as_needed, lost_largest_first : float
        The same when things are mended in the order of need alone, and for the service of most people first.
    """

    assets: Ints
    done_hours: Floats
    services: Ints
    back_hours: Floats
    lost: float
    lost_as_needed: float
    lost_largest_first: float


@dataclass(slots=True)
class _Work:
    """Hours of mending and weight of each asset, and its needs."""

    graph: Graph
    hours: Floats
    weight: Floats
    crews: int

    def needed(self, asset: int, done: set[int]) -> list[int]:
        """What must still be mended for an asset, in order; of alternatives those that take least."""
        wanted: list[int] = []
        self._gather(asset, done, set(), wanted)
        return sorted(wanted)

    def _gather(self, asset: int, done: set[int], taken: set[int], wanted: list[int]) -> None:
        waiting = [asset]
        while waiting:
            at = waiting.pop()
            if at in taken or at in done:
                continue
            taken.add(at)
            wanted.append(at)
            for need in range(self.graph.need_begin[at], self.graph.need_begin[at + 1]):
                first, last = self.graph.member_begin[need], self.graph.member_begin[need + 1]
                members = self.graph.member[first:last].tolist()
                least = len(members) - int(self.graph.down_from[need]) + 1
                ready = [one in done or one in taken for one in members]
                missing = [one for one, there in zip(members, ready, strict=True) if not there]
                missing.sort(key=lambda one: (self.hours[one], one))
                waiting += missing[: max(0, least - sum(ready))]

    def lost(self, order: list[int]) -> tuple[float, Floats, Floats]:
        """Citizen-hours lost by an order; when each asset is mended and when it works."""
        mended, works = np.zeros(self.hours.size), np.zeros(self.hours.size)
        free = [0.0] * self.crews
        for asset in order:
            if self.hours[asset] == 0:
                continue  # what needs no mending waits for no crew
            crew = min(range(self.crews), key=free.__getitem__)
            free[crew] += self.hours[asset]
            mended[asset] = free[crew]
        graph = self.graph
        for asset in range(self.hours.size):
            when = mended[asset]
            for need in range(graph.need_begin[asset], graph.need_begin[asset + 1]):
                back = np.sort(works[graph.member[graph.member_begin[need] : graph.member_begin[need + 1]]])
                when = max(when, back[back.size - int(graph.down_from[need])])
            works[asset] = when
        return float(works @ self.weight), mended, works


def restore_order(graph: Graph, crews: int = 1, broken: Sequence[int] | None = None) -> RestoreOrder:
    """Order the restore of all assets, each of which takes its mean time of repair and one crew.

    Parameters
    ----------
    graph : Graph
    crews : int
        That mend, each one thing at a time.
    broken : sequence of int, optional
        What is to be mended; left out, everything.

    Notes
    -----
    **Source**: the rule of Smith (1956), weight by time, over sets closed under need as in Sidney (1975), greedily,
    then by exchanging neighbours as long as that helps. One machine with precedence and weights is NP-hard (Lawler
    1978): what is returned is compared with two plain orders and never worse than these.
    """
    work = _work(graph, crews, broken)
    hours = work.hours
    services = np.flatnonzero(graph.people > 0)
    largest = services[np.argsort(-graph.people[services], kind="stable")].tolist()[:SERVICES]
    rest = list(range(hours.size))
    blocks = _improved(work, _greedy(work, largest))
    candidates = [_filled(blocks, rest), _filled(_by(work, largest), rest), rest]
    lost = [work.lost(order)[0] for order in candidates]
    best = candidates[int(np.argmin(lost))]
    _, mended, works = work.lost(best)
    jobs = np.array([at for at in best if hours[at] > 0], np.int64)
    back = services[np.argsort(works[services], kind="stable")]
    return RestoreOrder(jobs, mended[jobs], back, works[back], min(lost), lost[2], lost[1])


def lost_by(graph: Graph, chosen: Sequence[int], crews: int = 1, broken: Sequence[int] | None = None) -> float:
    """Citizen-hours lost when ``chosen`` are mended in that order, and what is left of ``broken`` after them."""
    first = list(dict.fromkeys(chosen))
    return _work(graph, crews, broken).lost(_filled([first], list(range(len(graph.assets)))))[0]


def _work(graph: Graph, crews: int, broken: Sequence[int] | None) -> _Work:
    hours = np.array([drawn(asset.repair_hours, asset.id).mean for asset in graph.assets])
    if broken is not None:
        whole = np.ones(hours.size, np.bool_)
        whole[list(broken)] = False
        hours[whole] = 0.0
    return _Work(graph, hours, graph.people, crews)


def _filled(blocks: list[list[int]], rest: list[int]) -> list[int]:
    order = [asset for block in blocks for asset in block]
    there = set(order)
    return order + [asset for asset in rest if asset not in there]


def _by(work: _Work, services: list[int]) -> list[list[int]]:
    done: set[int] = set()
    blocks = []
    for service in services:
        block = work.needed(service, done)
        done.update(block)
        blocks.append(block)
    return blocks


def _greedy(work: _Work, services: list[int]) -> list[list[int]]:
    """Always next the service with most people for the hours that it still takes."""
    done: set[int] = set()
    left, blocks = list(services), []
    while left:
        sets = [work.needed(service, done) for service in left]
        hours = [sum(work.hours[one] for one in needed) for needed in sets]
        gains = [sum(work.weight[one] for one in needed) for needed in sets]
        best = max(range(len(left)), key=lambda at: (gains[at] / max(hours[at], 1e-9), -at))
        done.update(sets[best])
        blocks.append(sets[best])
        left = [service for service in left if service not in done]
    return blocks


def _improved(work: _Work, blocks: list[list[int]]) -> list[list[int]]:
    """Exchange neighbouring blocks as long as fewer citizen-hours are lost."""
    if sum(map(len, blocks)) * len(blocks) > 50_000:
        return blocks
    rest = list(range(work.hours.size))
    services = [max(block) for block in blocks]
    best = work.lost(_filled(blocks, rest))[0]
    for _ in range(_ROUNDS):
        moved = False
        for at in range(len(services) - 1):
            changed = services.copy()
            changed[at], changed[at + 1] = changed[at + 1], changed[at]
            other = _by(work, changed)
            lost = work.lost(_filled(other, rest))[0]
            if lost < best:
                best, services, blocks, moved = lost, changed, other, True
        if not moved:
            break
    return blocks

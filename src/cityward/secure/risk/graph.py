"""The inventory as arrays, in an order in which what is needed comes before what needs it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit
from cityward.secure.risk.quantities import Columns, columns, drawn
from cityward.secure.risk.records import Asset, Inventory

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Graph:
    """Assets in order of need; ``a`` assets, ``g`` needs, ``m`` members of needs.

    Attributes
    ----------
    assets : tuple of Asset
        Length ``a``.
    place : dict
        Asset by its id.
    stream : ndarray of uint64
        Shape ``a``. What an asset's chance is drawn from: a hash of its id, so that adding one moves no other.
    need_begin, member_begin : ndarray
        Shapes ``a + 1`` and ``g + 1``.
    member : ndarray
        Shape ``m``.
    down_from : ndarray
        Shape ``g``. How many members must be down for the need to be unmet.
    buffer, repair : Columns
        Hours, of each need and of each asset.
    restart_hours, people, cost_per_hour, repair_cost : ndarray
        Shape ``a``; ``people`` is of all territories together, less those whom the fallback serves.
    """

    assets: tuple[Asset, ...]
    place: dict[str, int]
    stream: NDArray[np.uint64]
    need_begin: Ints
    member_begin: Ints
    member: Ints
    down_from: Ints
    buffer: Columns
    repair: Columns
    restart_hours: Floats
    people: Floats
    cost_per_hour: Floats
    repair_cost: Floats


def stream_of(name: str) -> int:
    """64 bits that belong to a name."""
    return int.from_bytes(blake2b(name.encode(errors="replace"), digest_size=8).digest(), "little")


def make_graph(inventory: Inventory) -> Graph:
    """Arrange a sound inventory (`require_sound`) as arrays."""
    assets = _in_order(inventory.assets)
    place = {asset.id: at for at, asset in enumerate(assets)}
    needs = [need for asset in assets for need in asset.needs]
    sizes = np.array([len(need.of) for need in needs], np.int64)
    least = np.array([need.at_least or len(need.of) for need in needs], np.int64)
    repairs = [drawn(asset.repair_hours, asset.id) for asset in assets]
    return Graph(
        assets=assets,
        place=place,
        stream=np.array([stream_of(asset.id) for asset in assets], np.uint64),
        need_begin=_begins([len(asset.needs) for asset in assets]),
        member_begin=_begins(sizes),
        member=np.array([place[other] for need in needs for other in need.of], np.int64),
        down_from=sizes - least + 1,
        buffer=columns([drawn(need.buffer_hours, "buffer_hours") for need in needs]),
        repair=columns(repairs),
        restart_hours=np.array([asset.restart_hours for asset in assets], np.float64),
        people=np.array([sum(asset.serves.values()) * (1 - asset.fallback) for asset in assets], np.float64),
        cost_per_hour=np.array([asset.cost_per_hour for asset in assets], np.float64),
        repair_cost=np.array([asset.repair_cost for asset in assets], np.float64),
    )


def _begins(sizes: list[int] | Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(np.int64)


def _in_order(assets: tuple[Asset, ...]) -> tuple[Asset, ...]:
    """Kahn's order; of several that could come next the one first written."""
    place = {asset.id: at for at, asset in enumerate(assets)}
    waits = [0] * len(assets)
    dependents: list[list[int]] = [[] for _ in assets]
    for at, asset in enumerate(assets):
        for needed in {other for need in asset.needs for other in need.of}:
            dependents[place[needed]].append(at)
            waits[at] += 1
    ready = [at for at, count in enumerate(waits) if not count]
    for at in ready:
        for other in dependents[at]:
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    return tuple(assets[at] for at in ready)


def reach(graph: Graph, hit: Ints) -> Ints:
    """Every asset that may go down when ``hit`` do, in order; ``hit`` are among them."""
    reached = np.zeros(len(graph.assets), np.bool_)
    reached[hit] = True
    first, last = graph.member_begin[graph.need_begin[:-1]], graph.member_begin[graph.need_begin[1:]]
    _spread(reached, first, last, graph.member)
    return np.flatnonzero(reached)


@njit(cache=True)
def _spread(reached: NDArray[np.bool_], first: Ints, last: Ints, member: Ints) -> None:
    for at in range(reached.size):
        for other in range(first[at], last[at]):
            if reached[member[other]]:
                reached[at] = True
                break

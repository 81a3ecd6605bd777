"""Shortest ways: from every node of a graph to every other, and along straight lines on the earth."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit, prepare

EARTH_KM: Final = 6371.0088


def all_pairs(
    nodes: int, tail: NDArray[np.int64], head: NDArray[np.int64], cost: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the length of the shortest way between each two nodes; infinite where there is none.

    Parameters
    ----------
    nodes : int
        Nodes are 0 to ``nodes`` - 1.
    tail, head : arrays of m nodes
        The ends of edges, which lead both ways.
    cost : array (m,)
        At least 0.

    Returns
    -------
    array (nodes, nodes)

    Notes
    -----
    **Source**: Dijkstra (1959), "A note on two problems in connexion with graphs", with a binary heap.
    """
    prepare()
    ends = np.concatenate([tail, head])
    order = np.argsort(ends, kind="stable")
    begin = np.zeros(nodes + 1, dtype=np.int64)
    np.cumsum(np.bincount(ends, minlength=nodes), out=begin[1:])
    return _all_pairs(begin, np.concatenate([head, tail])[order], np.concatenate([cost, cost])[order])


@njit(cache=True, nogil=True)
def _all_pairs(begin: NDArray[np.int64], head: NDArray[np.int64], cost: NDArray[np.float64]) -> NDArray[np.float64]:
    nodes = begin.size - 1
    way = np.full((nodes, nodes), np.inf)
    heap = np.empty(nodes, dtype=np.int64)
    place = np.empty(nodes, dtype=np.int64)
    for source in range(nodes):
        here = way[source]
        here[source] = 0.0
        place[:] = -1
        heap[0], place[source], size = source, 0, 1
        while size:
            node = heap[0]
            size -= 1
            if size:
                _sink(heap, place, here, heap[size], size)
            for edge in range(begin[node], begin[node + 1]):
                other, length = head[edge], here[node] + cost[edge]
                if length < here[other]:
                    here[other] = length
                    if place[other] < 0:
                        place[other] = size
                        size += 1
                    _rise(heap, place, here, other)
    return way


@njit(cache=True, nogil=True)
def _rise(heap: NDArray[np.int64], place: NDArray[np.int64], key: NDArray[np.float64], node: int) -> None:
    at = place[node]
    while at > 0:
        above = (at - 1) // 2
        if key[heap[above]] <= key[node]:
            break
        heap[at] = heap[above]
        place[heap[at]] = at
        at = above
    heap[at] = node
    place[node] = at


@njit(cache=True, nogil=True)
def _sink(heap: NDArray[np.int64], place: NDArray[np.int64], key: NDArray[np.float64], node: int, size: int) -> None:
    at = 0
    while 2 * at + 1 < size:
        below = 2 * at + 1
        if below + 1 < size and key[heap[below + 1]] < key[heap[below]]:
            below += 1
        if key[heap[below]] >= key[node]:
            break
        heap[at] = heap[below]
        place[heap[at]] = at
        at = below
    heap[at] = node
    place[node] = at


def straight_line_km(
    lon: NDArray[np.float64], lat: NDArray[np.float64], to_lon: NDArray[np.float64], to_lat: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the great-circle distance in km of each place (rows) to each site (columns); degrees enter.

    Notes
    -----
    **Source**: haversine formula, R. W. Sinnott (1984), "Virtues of the haversine", Sky and Telescope 68.
    """
    x, y = np.radians(lon)[:, None], np.radians(lat)[:, None]
    to_x, to_y = np.radians(to_lon)[None, :], np.radians(to_lat)[None, :]
    half = np.sin((to_y - y) / 2) ** 2 + np.cos(y) * np.cos(to_y) * np.sin((to_x - x) / 2) ** 2
    km: NDArray[np.float64] = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
    return km


def parts_of(way: NDArray[np.float64]) -> int:
    """Return how many parts a graph has that no edge joins, from the ways between its nodes."""
    return int(np.unique(np.isfinite(way).argmax(axis=1)).size)

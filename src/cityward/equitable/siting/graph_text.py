"""Reads graphs in the form of OR-Library: nodes, edges and sites in the first line, then an edge a line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import numpy as np
from numpy.typing import NDArray

from cityward.core.errors import SourceError
from cityward.core.limits import SITE_DECIMALS, SITE_EDGES, SITE_PLACES, SITE_UNITS_MAX

_FORM = "The first line is 'nodes edges sites', every other 'from to cost'; nodes are numbered from 1."


@dataclass(frozen=True, slots=True)
class Graph:
    """An undirected graph. Costs are whole numbers of ``unit`` where ``unit`` is not 0.

    ``again`` counts edges that replaced an earlier one between the same nodes; ``loops`` those from a node to itself,
    which are left out.
    """

    nodes: int
    sites: int
    tail: NDArray[np.int64]
    head: NDArray[np.int64]
    cost: NDArray[np.float64]
    unit: float
    again: int
    loops: int


def read_graph(text: str, name: str) -> Graph:
    """Return the graph of a text. Where an edge is repeated the last one counts.

    Parameters
    ----------
    text : str
    name : str
        Of the file, for messages.

    Raises
    ------
    SourceError
        Names the line, what is wrong with it, and what to write.

    Notes
    -----
    **Source**: Beasley (1990), "OR-Library: distributing test problems by electronic mail", Journal of the
    Operational Research Society 41; the p-median files pmed1 to pmed40.
    """
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise SourceError(f"{name} is empty.", _FORM)
    nodes, edges, sites = _head(lines[0][1], name)
    if len(lines) - 1 < edges:
        raise SourceError(
            f"{name} names {edges:,} edges and has {len(lines) - 1:,}: it is cut off, or its first line is wrong.",
            "Fetch it again, or mend the first line.",
        )
    if len(lines) - 1 > edges:
        raise SourceError(
            f"{name} names {edges:,} edges and has {len(lines) - 1:,}, the first too many in line "
            f"{lines[edges + 1][0]:,}.",
            "Mend the first line, or leave out what follows the edges.",
        )
    found: dict[tuple[int, int], Decimal] = {}
    loops = 0
    for number, words in lines[1:]:
        one, other, cost = _edge(words, nodes, f"{name} line {number:,}")
        if one == other:
            loops += 1
        else:
            found[min(one, other), max(one, other)] = cost
    ends = np.array(list(found), dtype=np.int64).reshape(-1, 2) - 1
    costs, unit = in_units(list(found.values()))
    return Graph(nodes, sites, ends[:, 0], ends[:, 1], costs, unit, edges - loops - len(found), loops)


def _head(words: list[str], name: str) -> tuple[int, int, int]:
    if len(words) != 3 or not all(word.isascii() and word.isdigit() and len(word) < 12 for word in words):
        raise SourceError(f"The first line of {name} is not three whole numbers.", _FORM)
    nodes, edges, sites = (int(word) for word in words)
    if nodes < 1:
        raise SourceError(f"{name} has no nodes.", _FORM)
    if nodes > SITE_PLACES:
        raise SourceError(
            f"{name} has {nodes:,} nodes; the limit is {SITE_PLACES:,}.",
            "Every node is compared with every other: join nodes that lie close, or take a part of the graph.",
        )
    if edges > SITE_EDGES:
        raise SourceError(f"{name} has {edges:,} edges; the limit is {SITE_EDGES:,}.", "Take a part of the graph.")
    return nodes, edges, sites


def _edge(words: list[str], nodes: int, where: str) -> tuple[int, int, Decimal]:
    if len(words) != 3:
        raise SourceError(f"{where} has {len(words)} words and not three.", _FORM)
    ends = []
    for word in words[:2]:
        if not (word.isascii() and word.isdigit() and len(word) < 12):
            raise SourceError(f"{where}: “{word[:20]}” is no node.", _FORM)
        node = int(word)
        if not 1 <= node <= nodes:
            raise SourceError(f"{where}: node {node:,} is not among the {nodes:,} nodes.", _FORM)
        ends.append(node)
    return ends[0], ends[1], cost_of(words[2], where)


def cost_of(word: str, where: str) -> Decimal:
    """Return a cost as it is written; raises `SourceError` unless it is a number of 0 or more."""
    try:
        cost = Decimal(word) if word.isascii() and "_" not in word and len(word) <= 40 else Decimal("NaN")
    except InvalidOperation:
        cost = Decimal("NaN")
    if not cost.is_finite():
        raise SourceError(f"{where}: the cost “{word[:20]}” is no number.", "Write a number such as 12 or 0.5.")
    if cost < 0:
        raise SourceError(
            f"{where}: the cost {word[:20]} is negative, so that no way would be the shortest.",
            "Costs are lengths or times: 0 or more.",
        )
    if cost > SITE_UNITS_MAX:
        raise SourceError(f"{where}: the cost {word[:20]} is larger than {SITE_UNITS_MAX:,}.", "Take a larger unit.")
    return cost


def in_units(costs: list[Decimal]) -> tuple[NDArray[np.float64], float]:
    """Return costs as whole numbers of the largest unit that measures them all, and that unit.

    Sums of whole numbers are exact and a bound on them may be rounded up. Where costs have more than `SITE_DECIMALS`
    decimals, or are too large for exact sums, they stay as they are and the unit is 0.
    """
    places = max((-int(cost.normalize().as_tuple().exponent) for cost in costs if cost), default=0)
    if places <= SITE_DECIMALS:
        scale = 10 ** max(places, 0)
        whole = [int(cost * scale) for cost in costs]
        unit = math.gcd(*whole) or 1
        if max(whole, default=0) // unit <= SITE_UNITS_MAX:
            return np.array([one // unit for one in whole], dtype=np.float64), unit / scale
    return np.array([float(cost) for cost in costs], dtype=np.float64), 0.0

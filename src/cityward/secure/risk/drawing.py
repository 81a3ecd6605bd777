"""What a service stands on as a drawing: columns by how many needs lie between, few crossings, one SVG.

Notes
-----
**Source**: layers, order within layers by the mean place of neighbours, and stand-ins where a line crosses a layer, as
in Sugiyama, Tagawa and Toda (IEEE Transactions on Systems, Man and Cybernetics 11(2), 1981).
"""

from __future__ import annotations

import textwrap
from collections import defaultdict
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Final

from cityward.secure.risk.graph import Graph
from cityward.secure.risk.plan import name_of, stands_on
from cityward.secure.risk.quantities import low_and_usual

BOXES_MOST: Final = 70
"""Assets that one drawing shows, the nearest first; the table lists the others too."""

_WIDTH, _HEIGHT, _ACROSS, _DOWN, _EDGE = 150, 40, 44, 14, 8
_LETTERS, _LINES = 22, 2
_SWEEPS: Final = 12

Edges = dict[int, dict[int, bool]]
"""By asset: what it needs, and whether others can take its place."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """An SVG and how many assets it leaves out."""

    svg: str
    left_out: int


def draw_service(graph: Graph, at: int) -> Drawing:
    """Draw what an asset stands on; black on white, so that it can be printed."""
    near = stands_on(graph, at)
    shown = set(near[:BOXES_MOST])
    edges = _without_roundabout(graph, _edges(graph, shown), shown)
    layers, chains = _layers(edges, sorted(shown, reverse=True), at)
    places = _places(layers, chains)
    return Drawing(_svg(graph, at, shown, edges, chains, places), len(near) - len(shown))


def _edges(graph: Graph, shown: set[int]) -> Edges:
    found: Edges = {at: {} for at in shown}
    for at in shown:
        for need in graph.assets[at].needs:
            least = need.at_least or len(need.of)
            for other in (graph.place[one] for one in need.of):
                if other in shown:
                    found[at][other] = found[at].get(other, True) and least < len(need.of)
    return found


def _without_roundabout(graph: Graph, edges: Edges, shown: set[int]) -> Edges:
    """Leave out a line from which nothing new follows: another way brings the same down as soon, with no choice."""
    hard: dict[int, set[int]] = {at: set() for at in shown}
    for at in sorted(shown):
        for need in graph.assets[at].needs:
            if (need.at_least or len(need.of)) == len(need.of) and low_and_usual(need.buffer_hours)[1] == 0:
                for other in (graph.place[one] for one in need.of):
                    if other in shown:
                        hard[at] |= {other} | hard[other]
    kept: Edges = {}
    for at, needs in edges.items():
        through = {far for other in needs if other in hard[at] and not needs[other] for far in hard[other]}
        kept[at] = {other: soft for other, soft in needs.items() if other not in through}
    return kept


def _layers(edges: Edges, order: list[int], root: int) -> tuple[list[list[int]], dict[tuple[int, int], list[int]]]:
    """Assets by layer, the service in the first; long lines have a stand-in (below 0) in each layer between."""
    depth: dict[int, int] = defaultdict(int)
    # What needs comes after what is needed in the order of the graph; here it comes first.
    for at in order:
        for other in edges[at]:
            depth[other] = max(depth[other], depth[at] + 1)
    layers: list[list[int]] = [[] for _ in range(1 + max((depth[at] for at in order), default=0))]
    for at in order:
        layers[depth[at]].append(at)
    chains: dict[tuple[int, int], list[int]] = {}
    stand_in = -1
    for at in order:
        for other in edges[at]:
            between = []
            for layer in range(depth[at] + 1, depth[other]):
                layers[layer].append(stand_in)
                between.append(stand_in)
                stand_in -= 1
            chains[(at, other)] = [at, *between, other]
    layers[0].sort(key=lambda at: at != root)
    return layers, chains


def _places(layers: list[list[int]], chains: dict[tuple[int, int], list[int]]) -> dict[int, tuple[float, float]]:
    """Where each box and stand-in is, left and middle."""
    before, after = defaultdict(list), defaultdict(list)
    for chain in chains.values():
        for one, other in pairwise(chain):
            after[one].append(other)
            before[other].append(one)
    at = {node: float(place) for layer in layers for place, node in enumerate(layer)}
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers[1:] if forward else layers[-2::-1]:
            beside = before if forward else after
            layer.sort(key=lambda node: _mean([at[one] for one in beside[node]], at[node]))
            for place, node in enumerate(layer):
                at[node] = float(place)
    middle = _spread(layers, before, after)
    return {
        node: (_EDGE + number * (_WIDTH + _ACROSS), middle[node])
        for number, layer in enumerate(layers)
        for node in layer
    }


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _room(node: int) -> float:
    return _HEIGHT + _DOWN if node >= 0 else _DOWN


def _spread(layers: list[list[int]], before: dict[int, list[int]], after: dict[int, list[int]]) -> dict[int, float]:
    """Heights near the mean of neighbours, in the order of the layer, with room between."""
    middle: dict[int, float] = {}
    for layer in layers:
        down = 0.0
        for node in layer:
            middle[node] = down + _room(node) / 2
            down += _room(node)
    for sweep in range(_SWEEPS):
        beside = before if sweep % 2 == 0 else after
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            wanted = [_mean([middle[one] for one in beside[node]], middle[node]) for node in layer]
            # Pushed down where it is too near, then the whole layer is moved back by what it was pushed on average.
            placed: list[float] = []
            for node, want in zip(layer, wanted, strict=True):
                least = placed[-1] + (_room(layer[len(placed) - 1]) + _room(node)) / 2 if placed else want
                placed.append(max(want, least))
            shift = _mean([want - got for want, got in zip(wanted, placed, strict=True)], 0.0)
            for node, got in zip(layer, placed, strict=True):
                middle[node] = got + shift
    top = min(middle[node] - _room(node) / 2 for layer in layers for node in layer)
    return {node: height - top + _EDGE for node, height in middle.items()}


def _svg(
    graph: Graph,
    root: int,
    shown: set[int],
    edges: Edges,
    chains: dict[tuple[int, int], list[int]],
    places: dict[int, tuple[float, float]],
) -> str:
    width = max(x for x, _ in places.values()) + _WIDTH + _EDGE
    height = max(y for _, y in places.values()) + (_HEIGHT + _DOWN) / 2 + _EDGE
    lines = [_line([places[node] for node in chain], soft=edges[one][other]) for (one, other), chain in chains.items()]
    boxes = [_box(name_of(graph.assets[at]), *places[at], first=at == root) for at in sorted(shown)]
    name = escape(name_of(graph.assets[root]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="What {name} stands on; the table says the same">'
        f'<g fill="none" stroke="currentColor" stroke-width="1">{"".join(lines)}</g>'
        f'<g font-family="system-ui, sans-serif" font-size="12" fill="currentColor">{"".join(boxes)}</g></svg>'
    )


def _line(points: list[tuple[float, float]], *, soft: bool) -> str:
    """A line from the right of a box to the left of another, through the middle of its stand-ins."""
    path, (x, y) = "", (points[0][0] + _WIDTH, points[0][1])
    path = f"M{x:.0f} {y:.1f}"
    for number, (left, middle) in enumerate(points[1:], start=2):
        bend = (x + left) / 2
        path += f"C{bend:.0f} {y:.1f} {bend:.0f} {middle:.1f} {left:.0f} {middle:.1f}"
        x, y = left, middle
        if number < len(points):
            x += _WIDTH
            path += f"H{x:.0f}"
    dashes = ' stroke-dasharray="5 4"' if soft else ""
    return f'<path d="{path}"{dashes}/>'


def _box(name: str, x: float, y: float, *, first: bool) -> str:
    lines = textwrap.wrap(name, _LETTERS, max_lines=_LINES, placeholder=" …") or [""]
    top = y - (len(lines) - 1) * 7.5 + 4
    weight = ' font-weight="700"' if first else ""
    words = "".join(
        f'<text x="{x + _WIDTH / 2:.0f}" y="{top + 15 * number:.1f}" text-anchor="middle"{weight}>{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<rect x="{x:.0f}" y="{y - _HEIGHT / 2:.1f}" width="{_WIDTH}" height="{_HEIGHT}" rx="3" '
        f'fill="var(--ground, #fff)" stroke="currentColor" stroke-width="{2.5 if first else 1}"/>{words}'
    )

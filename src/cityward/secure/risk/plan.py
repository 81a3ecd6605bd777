"""A plan for days without one service: who it serves, how it goes on by hand, what it stands on and for how long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cityward.secure.risk.graph import Graph
from cityward.secure.risk.inventory import shown
from cityward.secure.risk.quantities import low_and_usual
from cityward.secure.risk.records import Asset, Need
from cityward.secure.risk.restore_order import RestoreOrder

STANDS_MOST: Final = 300
"""Assets that one plan lists, the nearest first; a plan with more is read by nobody."""

TREE_LINES: Final = 200
SOON_HOURS: Final = 24.0


@dataclass(frozen=True, slots=True)
class Support:
    """Something that a service stands on.

    Attributes
    ----------
    asset : Asset
    stops_after : float
        Hours until the service is down when this alone stops and stays so, with buffers that last as long as usual;
        infinite when others take its place.
    at_worst : float
        The same with buffers that last as short as one time in twenty.
    place : int
        Its place in the order of restore of the whole city, from 1; 0 when nothing of it is mended.
    done_hours : float
        When it is mended in that order.
    """

    asset: Asset
    stops_after: float
    at_worst: float
    place: int
    done_hours: float


@dataclass(frozen=True, slots=True)
class Buffer:
    """What ``asset`` works on for some time without ``of``."""

    asset: Asset
    need: str
    kind: str
    hours: float
    low: float


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """The plan of one service; people a day, hours.

    Attributes
    ----------
    asset : Asset
    people, go_on : float
        Who uses it, and how many of them it still serves by hand.
    supports : tuple of Support
        What it stands on, what stops it first at the head.
    buffers : tuple of Buffer
        The shortest first.
    tree : tuple of str
        What it stands on as lines of text.
    rank, services : int
        Its place among the services in the order of restore of the whole city, from 1, and how many there are.
    back_hours : float
        When it is back after everything failed, in that order.
    left_out : int
        Assets that it stands on and that are not listed.
    """

    asset: Asset
    people: float
    go_on: float
    supports: tuple[Support, ...]
    buffers: tuple[Buffer, ...]
    tree: tuple[str, ...]
    rank: int
    services: int
    back_hours: float
    left_out: int

    @property
    def missing(self) -> tuple[str, ...]:
        """What the inventory does not say of this service."""
        asked = (
            ("how people work on by hand", self.asset.manual),
            ("what must go on whatever happens", self.asset.minimum),
            ("who owns it", self.asset.owner),
            ("whom to call", self.asset.contact),
        )
        return tuple(what for what, said in asked if not said.strip())


def services_of(graph: Graph) -> list[int]:
    """Services to residents, those of most people first."""
    people = [sum(asset.serves.values()) for asset in graph.assets]
    found = [at for at, asset in enumerate(graph.assets) if asset.serves]
    return sorted(found, key=lambda at: (-people[at], graph.assets[at].id))


def service_plan(graph: Graph, at: int, order: RestoreOrder) -> ServicePlan:
    """Work out the plan of the asset ``at``."""
    asset = graph.assets[at]
    near = stands_on(graph, at)
    listed = near[:STANDS_MOST]
    place = {one: number for number, one in enumerate(order.assets.tolist(), start=1)}
    supports = [_support(graph, at, one, sorted(listed), place, order) for one in listed if one != at]
    supports.sort(key=lambda one: (one.stops_after, one.place, one.asset.id))
    known = {graph.assets[one].id for one in listed}
    buffers = [one for part in listed for one in _buffers(graph, graph.assets[part]) if one.asset.id in known]
    people = float(sum(asset.serves.values()))
    ranked = order.services.tolist()
    rank = ranked.index(at) + 1 if at in ranked else 0
    return ServicePlan(
        asset=asset,
        people=people,
        go_on=people * asset.fallback,
        supports=tuple(supports),
        buffers=tuple(sorted(buffers, key=lambda one: (one.hours, one.asset.id, one.need))),
        tree=tuple(tree(graph, at)),
        rank=rank,
        services=len(ranked),
        back_hours=float(order.back_hours[rank - 1]) if rank else 0.0,
        left_out=len(near) - len(listed),
    )


def stands_on(graph: Graph, at: int) -> list[int]:
    """An asset and everything that it may need, the nearest first."""
    seen, waiting = {at}, [at]
    for one in waiting:
        first, last = graph.member_begin[graph.need_begin[one]], graph.member_begin[graph.need_begin[one + 1]]
        for other in dict.fromkeys(graph.member[first:last].tolist()):
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return waiting


def fails_after(graph: Graph, struck: dict[int, float], among: Sequence[int], *, low: bool = False) -> dict[int, float]:
    """Hours after which assets are down when those of ``struck`` go down at their hour and stay down.

    Parameters
    ----------
    graph : Graph
    struck : dict of int to float
        Hours by asset.
    among : sequence of int
        Assets that are looked at, in ascending order, which is an order of need.
    low : bool
        Buffers last as short as one time in twenty, not as long as usual.
    """
    down = dict(struck)
    for at in among:
        when = down.get(at, math.inf)
        for number, need in enumerate(graph.assets[at].needs):
            place = graph.need_begin[at] + number
            members = graph.member[graph.member_begin[place] : graph.member_begin[place + 1]].tolist()
            fallen = sorted(down.get(one, math.inf) for one in members)[int(graph.down_from[place]) - 1]
            if fallen < when:
                when = min(when, fallen + _hours(need, low=low))
        if when < math.inf:
            down[at] = when
    return down


def _hours(need: Need, *, low: bool) -> float:
    least, usual = low_and_usual(need.buffer_hours)
    return least if low else usual


def _support(
    graph: Graph, service: int, at: int, among: list[int], place: dict[int, int], order: RestoreOrder
) -> Support:
    after = fails_after(graph, {at: 0.0}, among).get(service, math.inf)
    worst = fails_after(graph, {at: 0.0}, among, low=True).get(service, math.inf)
    number = place.get(at, 0)
    done = float(order.done_hours[number - 1]) if number else 0.0
    return Support(graph.assets[at], after, worst, number, done)


def _buffers(graph: Graph, asset: Asset) -> list[Buffer]:
    found = []
    for need in asset.needs:
        low, usual = low_and_usual(need.buffer_hours)
        if usual > 0:
            found.append(Buffer(asset, _needed(graph, need), need.kind, usual, low))
    return found


def name_of(asset: Asset) -> str:
    """What an asset is called, safe to print."""
    return shown(asset.name or asset.id)


def _needed(graph: Graph, need: Need) -> str:
    names = [name_of(graph.assets[graph.place[one]]) for one in need.of]
    if len(names) == 1:
        return names[0]
    least = need.at_least or len(names)
    return f"{'all' if least == len(names) else least} of {', '.join(names)}"


def tree(graph: Graph, at: int) -> list[str]:
    """What an asset stands on, as lines of a tree; what stands above already is not told twice.

    Without recursion: chains of any length are told, up to `TREE_LINES` lines.
    """
    lines: list[str] = []
    told: set[int] = set()
    waiting: list[tuple[int, str, str, str]] = [(at, "", "", "")]
    while waiting:
        one, before, branch, note = waiting.pop()
        if len(lines) == TREE_LINES:
            lines.append("…")
            break
        again = one in told and graph.assets[one].needs
        lines.append(f"{before}{branch}{name_of(graph.assets[one])}{note}{' (as above)' if again else ''}")
        if one in told:
            continue
        told.add(one)
        inner = before + {"├─ ": "│  ", "└─ ": "   "}.get(branch, "")
        below = _below(graph, graph.assets[one])
        for number, (other, words) in enumerate(reversed(below)):
            waiting.append((other, inner, "├─ " if number else "└─ ", words))
    return lines


def _below(graph: Graph, asset: Asset) -> list[tuple[int, str]]:
    """What an asset needs, with what is to be said of each."""
    found = []
    for need in asset.needs:
        _, usual = low_and_usual(need.buffer_hours)
        words = f", {need.kind} for {hours_told(usual)} without it" if usual > 0 else ""
        least = need.at_least or len(need.of)
        if least < len(need.of):
            words = f", one of {len(need.of)} of which {least} must work{words}"
        found += [(graph.place[other], words) for other in need.of]
    return found


def hours_told(hours: float) -> str:
    """``1.5`` → ``1.5 hours``; ``240`` → ``10 days``; what never comes is ``never``."""
    if not np.isfinite(hours):
        return "never"
    if hours >= 3 * SOON_HOURS:
        return f"{hours / SOON_HOURS:,.1f} days".replace(".0 ", " ")
    if 0 < hours < 1:
        minutes = max(1, round(hours * 60))
        return f"{minutes} minute{'' if minutes == 1 else 's'}"
    return f"{hours:,.1f} hours".replace(".0 ", " ").replace("1 hours", "1 hour") if hours != 0 else "at once"

"""Injects that follow from the inventory: what an event of its scenario brings down, when, and what must be decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from cityward.secure.exercise.record import Inject
from cityward.secure.exercise.script import Script
from cityward.secure.risk.cast import City
from cityward.secure.risk.graph import Graph
from cityward.secure.risk.plan import hours_told, name_of
from cityward.secure.risk.records import Asset, Need
from cityward.secure.risk.trace import Outage

SERVICES_MOST: Final = 12
"""Services that are asked about one by one, those that cost residents most; the others are told together."""

FROZEN_MOST: Final = 2_000
"""Assets that an exercise keeps; where an event brings down more, the order of restore is not compared."""

NAMED: Final = 8
ORDER_MINUTES: Final = 60.0
MANUAL_MINUTES: Final = 60.0
"""In which an order of restore, and work by hand of a service that is down already, are to be decided."""

SPREAD_MINUTES: Final = 5.0
"""Between two things that happen at once: a table cannot listen to all."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What an event gives an exercise."""

    injects: tuple[Inject, ...]
    assets: tuple[Asset, ...]
    broken: tuple[str, ...]
    down_minutes: dict[str, float]
    notes: tuple[str, ...]


def draw(city: City, outages: Sequence[Outage]) -> Drawn:
    """Turn the outages of one event into injects, the first first; without numbers, which `together` gives."""
    graph = city.graph
    struck = [one for one in outages if one.struck]
    down = {one.asset: one for one in outages}
    injects = [*_strikes(graph, struck), *_services(graph, outages, down)]
    notes = [] if outages else ["The event that was drawn brings nothing down."]
    frozen = _frozen(graph, down) if len(down) <= FROZEN_MOST else ()
    if len(down) > FROZEN_MOST:
        notes.append(f"More than {FROZEN_MOST:,} assets go down: orders of restore are not compared.")
    return Drawn(
        injects=tuple(injects),
        assets=frozen,
        broken=tuple(graph.assets[one.asset].id for one in struck[:FROZEN_MOST]),
        down_minutes={graph.assets[one.asset].id: 60 * one.began for one in outages[:FROZEN_MOST]},
        notes=tuple(notes),
    )


def _strikes(graph: Graph, struck: Sequence[Outage]) -> list[Inject]:
    """What fails itself, told together hour by hour; with the first comes the question of the order."""
    found: list[Inject] = []
    for hour in dict.fromkeys(one.began for one in struck):
        assets = [graph.assets[one.asset] for one in struck if one.began == hour]
        owners = list(dict.fromkeys(asset.owner.strip() or "nobody" for asset in assets))
        asks, within = ("", None) if found else (
            "In which order are they mended, who says so, and which come first?", 60 * hour + ORDER_MINUTES
        )  # fmt: skip
        found.append(
            Inject(
                number=0,
                at_minutes=60 * hour,
                to=_listed(owners, 3),
                says=f"{_count(len(assets), 'system does', 'systems do')} not work any more: "
                f"{_listed([name_of(asset) for asset in assets], NAMED)}. "
                f"To mend: {_listed([asset.id for asset in assets], NAMED)}.",
                asks=asks,
                kind="restore" if asks else "",
                by_minutes=within,
                drawn=True,
            )
        )
    return found


def _services(graph: Graph, outages: Sequence[Outage], down: dict[int, Outage]) -> list[Inject]:
    lost = [one for one in outages if graph.people[one.asset] > 0]
    lost.sort(key=lambda one: -graph.people[one.asset] * sum(last - first for first, last in one.spells))
    found = [_service(graph, one, down, at) for at, one in enumerate(lost[:SERVICES_MOST])]
    rest = lost[SERVICES_MOST:]
    if rest:
        first = min(one.began for one in rest)
        names = [name_of(graph.assets[one.asset]) for one in rest]
        found.append(
            Inject(
                number=0,
                at_minutes=60 * first + SPREAD_MINUTES * len(lost[:SERVICES_MOST]),
                to="Everybody",
                says=f"{_count(len(rest), 'more service goes', 'more services go')} down: {_listed(names, NAMED)}.",
                drawn=True,
            )
        )
    return found


def _service(graph: Graph, one: Outage, down: dict[int, Outage], place: int) -> Inject:
    """A service is about to go down, or down: told when what it needs fails, to be decided before its buffer ends."""
    asset = graph.assets[one.asset]
    cause, need = _cause(graph, one, down)
    told = min(cause.began, one.began) if cause else one.began
    people = sum(asset.serves.values())
    goes = 60 * one.began
    spared = one.began - told
    if cause and need and spared > 0:
        says = (
            f"{name_of(graph.assets[cause.asset])} is down. {name_of(asset)} works on without it for "
            f"{hours_told(spared)} ({need.kind}), then it stops. {people:,.0f} people a day use it."
        )
    else:
        because = f", for {name_of(graph.assets[cause.asset])} is" if cause else ""
        says = f"{name_of(asset)} is down{because}. {people:,.0f} people a day use it."
    at = 60 * told + SPREAD_MINUTES * (place + 1)
    buffered = goes > at
    return Inject(
        number=0,
        at_minutes=at,
        to=asset.owner.strip() or "Nobody (no owner)",
        says=says,
        asks=f"Who lets {name_of(asset)} go on by hand, from when, and what is left undone?",
        kind="manual",
        by_minutes=goes if buffered else at + MANUAL_MINUTES,
        asset=asset.id,
        buffer=buffered,
        drawn=True,
    )


def _cause(graph: Graph, one: Outage, down: dict[int, Outage]) -> tuple[Outage | None, Need | None]:
    """The failure that a service goes down for: of those before it the last, where it is not struck itself."""
    if one.struck:
        return None, None
    found: tuple[Outage | None, Need | None] = (None, None)
    for need in graph.assets[one.asset].needs:
        for other in (graph.place[name] for name in need.of):
            held = down.get(other)
            if held and held.began <= one.began and (found[0] is None or held.began > found[0].began):
                found = (held, need)
    return found


def _frozen(graph: Graph, down: dict[int, Outage]) -> tuple[Asset, ...]:
    """The assets that go down, with their needs among each other; what stays up needs nobody to mend it."""
    inside = {graph.assets[at].id for at in down}
    return tuple(_cut(graph.assets[at], inside) for at in sorted(down))


def _cut(asset: Asset, inside: set[str]) -> Asset:
    needs = []
    for need in asset.needs:
        of = tuple(one for one in need.of if one in inside)
        least = (need.at_least or len(need.of)) - (len(need.of) - len(of))
        if of and least > 0:
            needs.append(msgspec.structs.replace(need, of=of, at_least=least))
    return msgspec.structs.replace(asset, needs=tuple(needs), supplier="")


def together(script: Script, drawn: Drawn) -> tuple[Inject, ...]:
    """Written and drawn injects by their minute, numbered from 1; written ones first where both come at once."""
    written = [
        Inject(
            number=0,
            at_minutes=one.at_minutes,
            to=one.to,
            says=one.says,
            asks=one.asks,
            kind=one.kind,
            by_minutes=one.at_minutes + one.within_minutes if one.within_minutes and one.asks else None,
            technique=one.technique,
        )
        for one in script.injects
    ]
    injects = sorted([*written, *drawn.injects], key=lambda one: (one.at_minutes, one.drawn))
    return tuple(msgspec.structs.replace(one, number=number) for number, one in enumerate(injects, start=1))


def _listed(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"

"""What is told of an analysis: the year, its tail, scenarios, services by territory, and the ways that failures go."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from cityward.secure.risk.analysis import Years
from cityward.secure.risk.cast import City, closed_means, factors_of
from cityward.secure.risk.graph import Graph
from cityward.secure.risk.measures import Figure, Tail, difference, mean, mean_of_blocks, tails
from cityward.secure.risk.records import Control

WAYS: Final = 10
"""Most ways of failure that are told."""


class ScenarioTold(msgspec.Struct, frozen=True):
    """One scenario: means a year; ``loss_closed`` where there is a closed form; its share of the yearly loss."""

    id: str
    name: str
    techniques: tuple[str, ...]
    events: Figure
    loss: Figure
    loss_closed: float | None
    citizen_hours: Figure
    share: float


class ServiceTold(msgspec.Struct, frozen=True):
    """One service in one territory: hours down a year, hours that people are without it."""

    id: str
    name: str
    territory: str
    people: float
    hours: Figure
    citizen_hours: Figure


class Way(msgspec.Struct, frozen=True):
    """From what an event hits to the service that loses most by it."""

    scenario: str
    assets: tuple[str, ...]
    citizen_hours: float
    share: float


class RiskReport(msgspec.Struct, frozen=True):
    """An analysis; money in ``currency``, all figures a year, errors are standard errors of simulation."""

    years: int
    seed: int
    currency: str
    controls: tuple[str, ...]
    loss: Figure
    loss_closed: float | None
    citizen_hours: Figure
    loss_exceedance: tuple[Tail, ...]
    citizen_hours_exceedance: tuple[Tail, ...]
    scenarios: tuple[ScenarioTold, ...]
    services: tuple[ServiceTold, ...]
    ways: tuple[Way, ...]


class Comparison(msgspec.Struct, frozen=True):
    """Two sets of controls in the same simulated years."""

    controls: tuple[str, ...]
    cost_per_year: float
    loss: Figure
    loss_saved: Figure
    citizen_hours_saved: Figure
    sharper: float
    """How many times smaller the error of the saving is than it would be from two separate runs."""


def report(city: City, controls: Sequence[Control], years: Years, seed: int) -> RiskReport:
    """Put together what is told."""
    factors = factors_of(city, controls)
    closed = closed_means(city, factors)
    known = [one for one in closed if one is not None]
    loss = mean(years.money)
    return RiskReport(
        years=years.money.size,
        seed=seed,
        currency=city.file.currency,
        controls=tuple(control.id for control in controls),
        loss=loss,
        loss_closed=sum(known) if len(known) == len(closed) else None,
        citizen_hours=mean(years.citizen_hours),
        loss_exceedance=tails(years.money),
        citizen_hours_exceedance=tails(years.citizen_hours),
        scenarios=_scenarios(city, years, closed, loss.value),
        services=_services(city, years),
        ways=_ways(city, years),
    )


def _scenarios(city: City, years: Years, closed: list[float | None], whole: float) -> tuple[ScenarioTold, ...]:
    value, error = mean_of_blocks(years.by_scenario)
    told = []
    for at, one in enumerate(city.scenarios):
        events, loss, hours = (Figure(float(value[row, at]), float(error[row, at])) for row in range(3))
        share = loss.value / whole if whole > 0 else 0.0
        told.append(ScenarioTold(one.id, one.name or one.id, one.techniques, events, loss, closed[at], hours, share))
    return tuple(sorted(told, key=lambda one: (-one.loss.value, -one.citizen_hours.value, one.id)))


def _services(city: City, years: Years) -> tuple[ServiceTold, ...]:
    value, error = mean_of_blocks(years.asset_hours)
    told = []
    for at, asset in enumerate(city.graph.assets):
        for territory, people in asset.serves.items():
            left = people * (1 - asset.fallback)
            hours = Figure(float(value[at]), float(error[at]))
            lost = Figure(hours.value * left, hours.error * left)
            told.append(ServiceTold(asset.id, asset.name or asset.id, territory, people, hours, lost))
    return tuple(sorted(told, key=lambda one: (-one.citizen_hours.value, one.id, one.territory)))


def _ways(city: City, years: Years) -> tuple[Way, ...]:
    """The targets that most citizen-hours go back to, each with its way to the service that loses most by it."""
    cast, whole = city.cast, float(years.target_hours.sum())
    if whole <= 0:
        return ()
    down = years.asset_hours.mean(axis=0) * city.graph.people
    owner = np.repeat(np.arange(len(city.scenarios)), np.diff(cast.target_begin[cast.hit_begin]))
    told = []
    for slot in np.argsort(-years.target_hours, kind="stable")[:WAYS].tolist():
        if years.target_hours[slot] <= 0:
            break
        way = way_from(city.graph, int(cast.target[slot]), down)
        hours = float(years.target_hours[slot])
        names = tuple(city.graph.assets[at].id for at in way)
        told.append(Way(city.scenarios[int(owner[slot])].id, names, hours, hours / whole))
    return tuple(told)


def way_from(graph: Graph, asset: int, weight: Any) -> list[int]:
    """Shortest way from an asset up to the service of most weight that may go down with it."""
    dependents: dict[int, list[int]] = {}
    owner = np.repeat(np.arange(len(graph.assets)), np.diff(graph.member_begin[graph.need_begin]))
    for needer, needed in zip(owner.tolist(), graph.member.tolist(), strict=True):
        dependents.setdefault(needed, []).append(needer)
    before: dict[int, int] = {asset: -1}
    waiting = deque([asset])
    while waiting:
        at = waiting.popleft()
        for other in dependents.get(at, ()):
            if other not in before:
                before[other] = at
                waiting.append(other)
    last = max(before, key=lambda at: (weight[at], -at))
    way = [last]
    while before[way[-1]] >= 0:
        way.append(before[way[-1]])
    return way[::-1]


def compare(before: Years, after: Years, controls: Sequence[Control]) -> Comparison:
    """Say what controls save, year by year the same events."""
    saved, sharper = difference(before.money, after.money)
    return Comparison(
        tuple(control.id for control in controls),
        sum(control.cost_per_year for control in controls),
        mean(after.money),
        saved,
        difference(before.citizen_hours, after.citizen_hours)[0],
        sharper,
    )

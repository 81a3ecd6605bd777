"""Scenarios and controls as arrays for compiled code, and closed forms where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cityward.core.errors import SettingsError
from cityward.core.limits import RISK_REACHED
from cityward.secure.risk.cascade_kernel import Net
from cityward.secure.risk.graph import Graph, Ints, make_graph, reach, stream_of
from cityward.secure.risk.inventory_check import require_sound
from cityward.secure.risk.quantities import FIXED, Drawn, columns, drawn
from cityward.secure.risk.records import Control, Hit, Inventory, Scenario, ScenarioFile
from cityward.secure.risk.scenario_check import acts_on, check_scenarios
from cityward.secure.risk.year_kernel import Cast, Factors


@dataclass(frozen=True, slots=True)
class City:
    """An inventory and its scenarios, checked and ready to be simulated."""

    graph: Graph
    file: ScenarioFile
    net: Net
    cast: Cast
    territories: dict[str, float]

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios, in the order of all arrays."""
        return self.file.scenarios


def prepare_city(inventory: Inventory, file: ScenarioFile) -> City:
    """Check everything and arrange it as arrays.

    Raises
    ------
    SettingsError
        What cannot be: circles, unknown references, intervals upside down, probabilities above 1.
    """
    require_sound(inventory)
    tags: dict[str, list[str]] = {}
    for asset in inventory.assets:
        for tag in asset.tags:
            tags.setdefault(tag, []).append(asset.id)
    check_scenarios(file, {asset.id for asset in inventory.assets}, set(tags))
    graph = make_graph(inventory)
    net = Net(
        graph.stream, graph.need_begin, graph.member_begin, graph.member, graph.down_from, graph.buffer, graph.repair,
        graph.restart_hours, graph.people, graph.cost_per_hour, graph.repair_cost,
    )  # fmt: skip
    return City(graph, file, net, _cast(graph, file, tags), inventory.territories)


def _targets(hit: Hit, graph: Graph, tags: dict[str, list[str]]) -> Ints:
    named = [*hit.assets, *(id_ for tag in hit.tags for id_ in tags[tag])]
    return np.unique(np.array([graph.place[id_] for id_ in named], np.int64))


def _cast(graph: Graph, file: ScenarioFile, tags: dict[str, list[str]]) -> Cast:
    scenarios, shocks = file.scenarios, file.shocks
    hits = [hit for scenario in scenarios for hit in scenario.hits]
    targets = [_targets(hit, graph, tags) for hit in hits]
    hit_begin = _begins([len(scenario.hits) for scenario in scenarios])
    reached: list[Ints] = []
    for at in range(len(scenarios)):
        struck = targets[hit_begin[at] : hit_begin[at + 1]]
        reached.append(reach(graph, np.concatenate(struck)) if struck else np.zeros(0, np.int64))
        if sum(one.size for one in reached) > RISK_REACHED:
            raise SettingsError(
                f"The scenarios bring down more than {RISK_REACHED:,} assets together.", "Analyse them in parts."
            )
    place = {scenario.id: at for at, scenario in enumerate(scenarios)}
    return Cast(
        stream=np.array([stream_of(one.id) for one in scenarios], np.uint64),
        frequency=columns([drawn(one.frequency, "frequency") for one in scenarios]),
        rounded=np.array([one.count == "rounded" for one in scenarios], np.bool_),
        success=columns([drawn(one.success, "success") for one in scenarios]),
        contested=np.array([one.capability is not None for one in scenarios], np.bool_),
        capability=columns([drawn(one.capability or 0.0, "capability") for one in scenarios]),
        resistance_begin=_begins([len(one.resistance) for one in scenarios]),
        resistance=columns([drawn(each, "resistance") for one in scenarios for each in one.resistance]),
        loss=columns([drawn(one.loss, "loss") for one in scenarios]),
        together=np.array([one.together for one in scenarios], np.float64),
        hit_begin=hit_begin,
        share=columns([drawn(hit.share, "share") for hit in hits]),
        after_hours=np.array([hit.after_hours for hit in hits], np.float64),
        own_hours=np.array([hit.hours is not None for hit in hits], np.bool_),
        hours=columns([drawn(hit.hours or 0.0, "hours") for hit in hits]),
        target_begin=_begins([one.size for one in targets]),
        target=_joined(targets),
        reach_begin=_begins([one.size for one in reached]),
        reach=_joined(reached),
        shock_stream=np.array([stream_of(f"shock {one.id}") for one in shocks], np.uint64),
        shock_frequency=columns([drawn(one.frequency, "frequency") for one in shocks]),
        shock_begin=_begins([len(one.scenarios) for one in shocks]),
        shock_scenario=np.array([place[id_] for one in shocks for id_ in one.scenarios], np.int64),
        shock_share=np.array([share for one in shocks for share in one.scenarios.values()], np.float64),
    )


def _begins(sizes: Sequence[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(np.asarray(sizes, np.int64))]).astype(np.int64)


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def factors_of(city: City, controls: Sequence[Control]) -> Factors:
    """What controls leave of each scenario together: their factors multiply."""
    left = np.ones((4, len(city.scenarios)))
    for control in controls:
        on = np.array([acts_on(control, scenario) for scenario in city.scenarios], np.bool_)
        parts = (control.frequency * control.success, control.spread, control.loss, control.restore)
        for row, factor in enumerate(parts):
            left[row, on] *= factor
    return Factors(*left)


def rates(city: City) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Mean number of tries a year of each scenario, by itself and through shocks, before any control."""
    mean = np.array([drawn(one.frequency, "frequency").mean for one in city.scenarios])
    place = {scenario.id: at for at, scenario in enumerate(city.scenarios)}
    for shock in city.file.shocks:
        for id_, share in shock.scenarios.items():
            mean[place[id_]] += drawn(shock.frequency, "frequency").mean * share
    return mean


def closed_means(city: City, factors: Factors) -> list[float | None]:
    """Mean loss a year of each scenario in closed form; None where only simulation tells.

    Notes
    -----
    **Source**: the mean of a compound sum, E[N]·E[X] (Wald 1944): mean frequency, not its mode, times the mean
    chance of success, times the mean loss and what mending the targets costs. There is no closed form where tries are
    rounded to whole numbers, where strength decides, and where hours of outage cost money.
    """
    return [_closed(city, factors, at, rate) for at, rate in enumerate(rates(city).tolist())]


def _closed(city: City, factors: Factors, at: int, rate: float) -> float | None:
    scenario, cast, graph = city.scenarios[at], city.cast, city.graph
    reached = cast.reach[cast.reach_begin[at] : cast.reach_begin[at + 1]]
    if scenario.count == "rounded" or scenario.capability is not None or graph.cost_per_hour[reached].any():
        return None
    event = _mean(drawn(scenario.loss, "loss")) * float(factors.loss[at])
    for hit in range(cast.hit_begin[at], cast.hit_begin[at + 1]):
        share = drawn(scenario.hits[hit - cast.hit_begin[at]].share, "share").mean * float(factors.spread[at])
        event += share * float(
            graph.repair_cost[cast.target[cast.target_begin[hit] : cast.target_begin[hit + 1]]].sum()
        )
    return rate * drawn(scenario.success, "success").mean * float(factors.tried[at]) * event


def _mean(made: Drawn) -> float:
    return made.first if made.kind == FIXED else made.mean

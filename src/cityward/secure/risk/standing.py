"""All that is told of a city's risk, small enough to be kept: curves, territories, what to buy, what to mend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from cityward.core.errors import UserError
from cityward.secure.risk.analysis import Years, simulate
from cityward.secure.risk.cast import City, prepare_city
from cityward.secure.risk.choose import choose
from cityward.secure.risk.measured import Measured, Trial, with_drills
from cityward.secure.risk.measures import Figure, Tail, difference, mean, mean_of_blocks, tails
from cityward.secure.risk.records import Control, Inventory, ScenarioFile
from cityward.secure.risk.report import RiskReport, ServiceTold, report
from cityward.secure.risk.residual import Residual, residual_of
from cityward.secure.risk.restore_order import restore_order

PERIODS: Final = (2, 3, 4, 5, 7, 10, 14, 20, 30, 50, 70, 100, 140, 200, 300, 500, 700, 1000)
"""Years of the curves of what is exceeded."""

BUDGETS: Final = 24
LISTED: Final = 200
"""Most services, scenarios, territories and steps of restore that are kept."""

TOLD: Final = 10
"""Most rows by service and territory that are kept."""

_NODES: Final = 1_000


class DrillEffect(msgspec.Struct, frozen=True):
    """What measured times change, in the same simulated years: before, after, and before less after."""

    loss_before: Figure
    loss_after: Figure
    loss_less: Figure
    hours_before: Figure
    hours_after: Figure
    hours_less: Figure
    assets: tuple[Measured, ...]


class ServiceSum(msgspec.Struct, frozen=True):
    """A service in all territories: people who use it, hours down a year, hours that people are without it."""

    id: str
    name: str
    people: float
    hours: Figure
    citizen_hours: Figure


class TerritoryTold(msgspec.Struct, frozen=True):
    """Hours that people of a territory are without services a year, and those people that the inventory states."""

    territory: str
    people: float | None
    citizen_hours: Figure


class Bought(msgspec.Struct, frozen=True):
    """The best choice for a budget: what is spent, and what a year then costs, price included."""

    budget: float
    spent: float
    total: float
    controls: tuple[str, ...]


class Single(msgspec.Struct, frozen=True):
    """One control alone: its price, and what it saves a year beyond its price."""

    id: str
    name: str
    cost_per_year: float
    saves: float


class Mend(msgspec.Struct, frozen=True):
    """A step of restore, or a service that is back, after hours."""

    name: str
    owner: str
    hours: float


class Standing(msgspec.Struct, frozen=True):
    """What a city's risk is; money in the currency of ``report``, everything a year unless it says otherwise."""

    assets: int
    report: RiskReport
    money_curve: tuple[Tail, ...]
    hours_curve: tuple[Tail, ...]
    services: tuple[ServiceSum, ...]
    territories: tuple[TerritoryTold, ...]
    value_of_citizen_hour: float
    without: float
    choices: tuple[Bought, ...]
    singles: tuple[Single, ...]
    mend: tuple[Mend, ...]
    back: tuple[Mend, ...]
    lost: float
    lost_plain: float
    effect: DrillEffect | None


def drill_effect(before: Years, after: Years, assets: Sequence[Measured]) -> DrillEffect:
    """Compare two simulations of the same years."""
    return DrillEffect(
        mean(before.money),
        mean(after.money),
        difference(before.money, after.money)[0],
        mean(before.citizen_hours),
        mean(after.citizen_hours),
        difference(before.citizen_hours, after.citizen_hours)[0],
        tuple(assets),
    )


def stand(inventory: Inventory, file: ScenarioFile, trials: Sequence[Trial], *, years: int, seed: int) -> Standing:
    """Compute everything; raises as `prepare_city` and `simulate`."""
    guessed = prepare_city(inventory, file)
    measured, changed = with_drills(inventory, trials)
    city = prepare_city(measured, file) if changed else guessed
    present = [control for control in city.file.controls if control.present]
    simulated = simulate(city, present, years=years, seed=seed)
    effect = None
    if changed:
        effect = drill_effect(simulate(guessed, present, years=years, seed=seed), simulated, changed)
    told = report(city, present, simulated, seed)
    without, choices, singles = _bought(city, present, simulated, seed)
    order = restore_order(city.graph)
    assets = city.graph.assets
    return Standing(
        assets=len(assets),
        report=msgspec.structs.replace(told, services=told.services[:TOLD], scenarios=told.scenarios[:LISTED]),
        money_curve=tails(simulated.money, PERIODS),
        hours_curve=tails(simulated.citizen_hours, PERIODS),
        services=_services(told),
        territories=_territories(city, simulated),
        value_of_citizen_hour=file.value_of_citizen_hour,
        without=without,
        choices=choices,
        singles=singles,
        mend=_mends(city, order.assets.tolist(), order.done_hours.tolist()),
        back=_mends(city, order.services.tolist(), order.back_hours.tolist()),
        lost=order.lost,
        lost_plain=min(order.lost_as_needed, order.lost_largest_first),
        effect=effect,
    )


def _mends(city: City, places: list[int], hours: list[float]) -> tuple[Mend, ...]:
    assets = [city.graph.assets[at] for at in places[:LISTED]]
    told = zip(assets, hours, strict=False)
    return tuple(Mend(asset.name or asset.id, asset.owner, when) for asset, when in told)


def _services(told: RiskReport) -> tuple[ServiceSum, ...]:
    """Services summed over territories: all of one are down in the same hours, so that their errors add up."""
    parts: dict[str, list[ServiceTold]] = {}
    for one in told.services:
        parts.setdefault(one.id, []).append(one)
    summed = [
        ServiceSum(
            id_,
            some[0].name,
            sum(one.people for one in some),
            some[0].hours,
            Figure(sum(one.citizen_hours.value for one in some), sum(one.citizen_hours.error for one in some)),
        )
        for id_, some in parts.items()
    ]
    return tuple(sorted(summed, key=lambda one: (-one.citizen_hours.value, one.id))[:LISTED])


def _territories(city: City, years: Years) -> tuple[TerritoryTold, ...]:
    names = list(dict.fromkeys(name for asset in city.graph.assets for name in asset.serves))
    place = {name: at for at, name in enumerate(names)}
    people = np.zeros((len(city.graph.assets), len(names)))
    if people.size > 50_000_000:
        return ()
    for at, asset in enumerate(city.graph.assets):
        for name, count in asset.serves.items():
            people[at, place[name]] += count * (1 - asset.fallback)
    value, error = mean_of_blocks(years.asset_hours @ people)
    told = [
        TerritoryTold(name, city.territories.get(name), Figure(float(value[at]), float(error[at])))
        for at, name in enumerate(names)
    ]
    return tuple(sorted(told, key=lambda one: (-one.citizen_hours.value, one.territory))[:LISTED])


def _bought(
    city: City, present: list[Control], years: Years, seed: int
) -> tuple[float, tuple[Bought, ...], tuple[Single, ...]]:
    """What a year costs without anything new, the best choices, and each control alone."""
    try:
        residual = residual_of(city, present, years.by_scenario, city.file.value_of_citizen_hour, seed)
    except UserError:
        return 0.0, (), ()
    budgets = np.linspace(0, float(residual.cost.sum()), BUDGETS + 1).tolist()
    bought: dict[tuple[str, ...], Bought] = {}
    for budget in budgets:
        choice = choose(residual, budget, _NODES)
        names = tuple(control.id for control in residual.taken(choice.chosen))
        bought.setdefault(names, Bought(budget, choice.spent, choice.total, names))
    without = residual.of(np.zeros(len(residual.controls), np.bool_))
    return without, tuple(sorted(bought.values(), key=lambda one: one.spent)), _singles(residual, without)


def _singles(residual: Residual, without: float) -> tuple[Single, ...]:
    found = []
    for at, control in enumerate(residual.controls):
        alone = np.zeros(len(residual.controls), np.bool_)
        alone[at] = True
        saves = without - residual.of(alone) - control.cost_per_year
        found.append(Single(control.id, control.name or control.id, control.cost_per_year, saves))
    return tuple(sorted(found, key=lambda one: (-one.saves, one.id)))


def best_for(choices: Sequence[Bought], budget: float) -> Bought | None:
    """Of the kept choices the cheapest year that a budget pays for."""
    paid = [one for one in choices if one.spent <= budget]
    return min(paid, key=lambda one: (one.total, one.spent), default=None)

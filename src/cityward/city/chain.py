"""The whole chain against one attack: risk, control, rule, playbook, drill, and the risk that is left.

Each link uses what the one before it found: a scenario names techniques, a budget buys against its risk, rules and
playbooks are held to those techniques, and what the drill measured goes back into the risk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cityward.city.responding import planned_in
from cityward.core.errors import UserError
from cityward.core.records import Record
from cityward.secure.monitor.findings import Finding, Names
from cityward.secure.monitor.monitoring import Monitor
from cityward.secure.respond.plan import Planned
from cityward.secure.respond.shipped import akin, playbooks_for
from cityward.secure.risk.analysis import Years, simulate
from cityward.secure.risk.cast import City as Cast
from cityward.secure.risk.cast import prepare_city
from cityward.secure.risk.choose import choose
from cityward.secure.risk.inventory import read_inventory, read_scenarios
from cityward.secure.risk.inventory_check import require_sound
from cityward.secure.risk.measured import Measured, Trial, with_drills
from cityward.secure.risk.measures import Figure, difference, mean, mean_of_blocks
from cityward.secure.risk.records import Control, Inventory, Scenario, ScenarioFile
from cityward.secure.risk.residual import residual_of

if TYPE_CHECKING:
    from cityward.secure.drill.report import DrillReport
    from cityward.secure.monitor.readers.reading import Reckoning
    from cityward.secure.monitor.terms import RuleSet

TRACES: Final = "traces"
"""Folder of an inventory with logs that show attacks."""


class Loss(Record, frozen=True, kw_only=True):
    """What a year costs, in money and in hours that people are without a service: in all, and by the scenario."""

    money: Figure
    citizen_hours: Figure
    scenario_money: Figure
    scenario_hours: Figure


class Bought(Record, frozen=True, kw_only=True):
    """A control that the budget buys; ``function`` of the NIST CSF 2.0, ``mitigation`` of ATT&CK."""

    id: str
    name: str
    cost_per_year: float
    function: str
    mitigation: str


class Fired(Record, frozen=True, kw_only=True):
    """A rule that matched the trace by a technique of the scenario.

    ``seconds`` is the median from the first event of a hit to its detection, of a correlation.
    """

    rule: str
    title: str
    level: str
    techniques: tuple[str, ...]
    events: int
    sources: int
    seconds: float | None


class Chain(Record, frozen=True, kw_only=True):
    """The links in order.

    ``unseen`` are techniques of the scenario that no rule saw in this trace: of them it proves nothing. ``saved`` is
    before less after in the same simulated years, without the price of what was bought.
    """

    scenario: str
    name: str
    techniques: tuple[str, ...]
    currency: str
    years: int
    before: Loss
    budget: float
    bought: tuple[Bought, ...]
    with_bought: Loss
    traces: tuple[str, ...]
    events: int
    fired: tuple[Fired, ...]
    unseen: tuple[str, ...]
    playbook: str
    playbook_name: str
    steps: tuple[Planned, ...]
    drill: str
    drill_headline: str
    drill_passed: bool
    measured: tuple[Measured, ...]
    after: Loss
    saved: Figure
    saved_hours: Figure


@dataclass(frozen=True, slots=True)
class Asked:
    """What the chain is asked for: a folder with an inventory, a scenario of it, money a year, traces of logs."""

    inventory: Path
    scenario: str
    budget: float
    traces: Sequence[Path] = ()
    years: int = 20_000
    seed: int = 1


def chain(
    asked: Asked,
    drill: DrillReport,
    trials: Sequence[Trial],
    rules: RuleSet,
    reckoning: Callable[[Path], Reckoning],
) -> Chain:
    """Run all links.

    Parameters
    ----------
    drill : DrillReport
        The drill that proves the restore.
    trials : sequence of Trial
        What drills measured.
    rules : RuleSet
        Held against the traces.

    Raises
    ------
    UserError
        There is no such scenario, no trace, or no playbook for its techniques; else as the links.
    """
    held, file = read_inventory(asked.inventory), read_scenarios(asked.inventory)
    require_sound(held)
    scenario = _scenario(file, asked.scenario)
    traces = [*asked.traces] or sorted(one for one in (asked.inventory / TRACES).glob("*") if one.is_file())
    if not traces:
        raise UserError("There is no trace of an attack.", f"Put logs into {TRACES}/ of the inventory, or name them.")
    books = playbooks_for(scenario.techniques)
    if not books:
        raise UserError(f"No playbook answers the techniques of {scenario.id}.", "'cityward respond list' lists them.")
    told = Monitor(rules, Names(os.urandom(32), shown=False)).run(traces, reckoning)
    fired = [_fired(one) for one in told.findings if _fits(one, scenario)]
    _, steps = planned_in(asked.inventory, books[0].key, scenario.id, {})
    risk = _risk(asked, held, file, trials)
    seen = [one for rule in fired for one in rule.techniques]
    return Chain(
        scenario=scenario.id,
        name=scenario.name or scenario.id,
        techniques=tuple(scenario.techniques),
        currency=file.currency,
        years=asked.years,
        before=_loss(risk.before, risk.place),
        budget=asked.budget,
        bought=tuple(_bought(one) for one in risk.bought),
        with_bought=_loss(risk.with_bought, risk.place),
        traces=tuple(one.name for one in traces),
        events=told.read,
        fired=tuple(fired),
        unseen=tuple(one for one in scenario.techniques if not any(akin(one, other) for other in seen)),
        playbook=books[0].key,
        playbook_name=books[0].name,
        steps=tuple(steps),
        drill=drill.id,
        drill_headline=drill.headline,
        drill_passed=drill.passed,
        measured=risk.measured,
        after=_loss(risk.after, risk.place),
        saved=difference(risk.before.money, risk.after.money)[0],
        saved_hours=difference(risk.before.citizen_hours, risk.after.citizen_hours)[0],
    )


def _scenario(file: ScenarioFile, wanted: str) -> Scenario:
    found = next((one for one in file.scenarios if one.id == wanted), None)
    if found is None:
        known = ", ".join(one.id for one in file.scenarios[:20])
        raise UserError(f"There is no scenario '{wanted[:60]}'.", f"There are: {known}.")
    if not found.techniques:
        raise UserError(
            f"The scenario {found.id} names no techniques, so no rule and no playbook can be held to it.",
            "Write its techniques of ATT&CK.",
        )
    return found


def _fits(found: Finding, scenario: Scenario) -> bool:
    return any(akin(one, other) for one in found.techniques for other in scenario.techniques)


def _fired(found: Finding) -> Fired:
    return Fired(
        rule=found.rule,
        title=found.title,
        level=found.level,
        techniques=found.techniques,
        events=found.count,
        sources=len(found.hits) + found.hits_left_out,
        seconds=found.seconds_median,
    )


def _bought(one: Control) -> Bought:
    return Bought(
        id=one.id,
        name=one.name or one.id,
        cost_per_year=one.cost_per_year,
        function=one.function,
        mitigation=one.mitigation,
    )


# -- risk --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Risk:
    """The same simulated years three times: as it is, with what is bought, and with what the drill measured too."""

    place: int
    before: Years
    bought: tuple[Control, ...]
    with_bought: Years
    measured: tuple[Measured, ...]
    after: Years


def _risk(asked: Asked, held: Inventory, file: ScenarioFile, trials: Sequence[Trial]) -> _Risk:
    city = prepare_city(held, file)
    present = [control for control in file.controls if control.present]
    before = simulate(city, present, years=asked.years, seed=asked.seed)
    bought = _choice(city, present, before, asked)
    drilled, measured = with_drills(held, trials)
    proven = prepare_city(drilled, file) if measured else city
    every = [*present, *bought]
    with_bought = simulate(city, every, years=asked.years, seed=asked.seed)
    return _Risk(
        place=next(at for at, one in enumerate(city.scenarios) if one.id == asked.scenario),
        before=before,
        bought=bought,
        with_bought=with_bought,
        measured=measured,
        after=simulate(proven, every, years=asked.years, seed=asked.seed) if measured else with_bought,
    )


def _choice(city: Cast, present: Sequence[Control], before: Years, asked: Asked) -> tuple[Control, ...]:
    """What the budget buys against all scenarios: money has no other place to come from."""
    if all(control.present for control in city.file.controls):
        return ()
    residual = residual_of(city, present, before.by_scenario, city.file.value_of_citizen_hour, asked.seed)
    return residual.taken(choose(residual, asked.budget).chosen)


def _loss(years: Years, place: int) -> Loss:
    value, error = mean_of_blocks(years.by_scenario)
    return Loss(
        money=mean(years.money),
        citizen_hours=mean(years.citizen_hours),
        scenario_money=Figure(float(value[1, place]), float(error[1, place])),
        scenario_hours=Figure(float(value[2, place]), float(error[2, place])),
    )

"""What the command risk prints for people: the finding first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from cityward.cli.main import some
from cityward.core import words
from cityward.secure.risk.attack import mitigations
from cityward.secure.risk.inventory import shown
from cityward.secure.risk.plan import hours_told
from cityward.secure.risk.scenario_check import FUNCTIONS

if TYPE_CHECKING:
    from cityward.secure.risk.exploited import Exploited
    from cityward.secure.risk.graph import Graph
    from cityward.secure.risk.inventory_check import InventoryReport
    from cityward.secure.risk.measures import Figure
    from cityward.secure.risk.records import Control
    from cityward.secure.risk.report import Comparison, RiskReport
    from cityward.secure.risk.restore_order import RestoreOrder
    from cityward.secure.risk.standing import DrillEffect

_MOST: Final = 10
_TOLD_YEARS: Final = (10, 20, 100)


def amount(value: float) -> str:
    """A number with three digits that count: ``1.25 million``, ``40,400``."""
    if abs(value) >= 1e9:
        return f"{value / 1e9:,.2f} billion"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.2f} million"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _figure(figure: Figure) -> str:
    return f"{amount(figure.value)} (± {amount(1.96 * figure.error)})"


def tell_report(told: RiskReport) -> None:
    """Print an analysis."""
    sign = told.currency
    click.echo(
        f"A year costs {sign} {_figure(told.loss)} on average, and residents are without a service for "
        f"{_figure(told.citizen_hours)} hours, all people together."
    )
    if told.loss_closed is not None:
        click.echo(f"  In closed form: {sign} {told.loss_closed:,.6f}.")
    for tail in told.loss_exceedance:
        if tail.years in _TOLD_YEARS:
            click.echo(
                f"  Once in {tail.years} years it is more than {sign} {amount(tail.value_at_risk)} "
                f"({amount(tail.low)} to {amount(tail.high)}), then {sign} {_figure(tail.mean_beyond)} on average."
            )
    for scenario in told.scenarios[:_MOST]:
        click.echo(
            f"  {shown(scenario.name)}: {scenario.events.value:.3g} a year, {sign} {amount(scenario.loss.value)} "
            f"({words.percent(scenario.share)}), {amount(scenario.citizen_hours.value)} hours of people"
        )
    _more(len(told.scenarios) - _MOST, "scenario")
    if told.services and told.services[0].citizen_hours.value > 0:
        click.echo("Services that residents are longest without, a year:")
    for service in [one for one in told.services if one.citizen_hours.value > 0][:_MOST]:
        click.echo(
            f"  {shown(service.name)} in {shown(service.territory)}: {amount(service.hours.value)} hours down, "
            f"{_figure(service.citizen_hours)} hours of people"
        )
    if told.ways:
        click.echo("How it gets there:")
    for way in told.ways[:5]:
        path = " → ".join(map(shown, way.assets))
        click.echo(f"  {shown(way.scenario)}: {path}, {words.percent(way.share)} of all hours of people")
    click.echo(
        f"{told.years:,} simulated years, seed {told.seed}; ± is the 95 % error of simulation, not of the estimates."
    )


def _more(count: int, noun: str) -> None:
    if count > 0:
        click.echo(f"  and {some(count, f'more {noun}')}")


def _turned(less: Figure) -> str:
    """How much less, or more, with the error of simulation."""
    word = "less" if less.value >= 0 else "more"
    return f"{amount(abs(less.value))} {word} (± {amount(1.96 * less.error)})"


def tell_drills(effect: DrillEffect | None, stale: Sequence[str], sign: str) -> None:
    """Print what measured times of repair change, and what was measured too long ago."""
    if effect is None:
        click.echo("No drill measured a repair of this inventory: an asset names its drills in drilled_by.")
    else:
        click.echo(
            f"With what drills measured a year costs {sign} {amount(effect.loss_after.value)} instead of {sign} "
            f"{amount(effect.loss_before.value)}: {sign} {_turned(effect.loss_less)}. Residents are without a service "
            f"for {amount(effect.hours_after.value)} hours instead of {amount(effect.hours_before.value)}: "
            f"{_turned(effect.hours_less)}. Both sides have the same attacks."
        )
        for one in effect.assets[:_MOST]:
            click.echo(
                f"  {shown(one.name)}: {some(one.drills, 'drill')}, {one.missed} missed a target; every other repair "
                f"takes more than {hours_told(one.after_hours[0])} (guessed: {hours_told(one.before_hours[0])}), one "
                f"in ten more than {hours_told(one.after_hours[1])} (guessed: {hours_told(one.before_hours[1])})"
            )
            if one.contradict:
                click.echo("    what was measured lies outside of the estimate: do both mean the same repair?")
        _more(len(effect.assets) - _MOST, "asset")
    for told in stale:
        click.echo(f"  {told}")


def tell_comparison(told: RiskReport, compared: Comparison) -> None:
    """Print what controls save."""
    sign = told.currency
    net = compared.loss_saved.value - compared.cost_per_year
    click.echo(
        f"With {', '.join(map(shown, compared.controls)) or 'nothing new'} a year costs "
        f"{sign} {amount(compared.loss.value)} "
        f"instead of {sign} {amount(told.loss.value)}: {sign} {_figure(compared.loss_saved)} less, for {sign} "
        f"{amount(compared.cost_per_year)}. {'It pays' if net > 0 else 'In money alone it does not pay'}: "
        f"{sign} {amount(abs(net))} a year {'gained' if net > 0 else 'more'}."
    )
    click.echo(
        f"  Residents have {_figure(compared.citizen_hours_saved)} more hours of service. The same events on both "
        f"sides make this {compared.sharper:.1f} times as sharp as two separate runs."
    )


def tell_choice(told: RiskReport, compared: Comparison, bought: Sequence[Control], answer: dict[str, Any]) -> None:
    """Print what to buy."""
    sign, choice = told.currency, answer["choice"]
    names = ", ".join(shown(control.name or control.id) for control in bought) or "nothing"
    gap = (
        "none costs less"
        if choice["gap"] <= 0
        else f"another could cost {words.percent(choice['gap'], 2)} less at most"
    )
    click.echo(
        f"Buy {names}: {sign} {amount(choice['spent'])} of {sign} {amount(answer['budget'])} a year. A year then costs "
        f"{sign} {amount(choice['total'])}, price included, instead of {sign} {amount(answer['without'])}; {gap}."
    )
    click.echo(
        f"  An hour without a service counts {sign} {answer['value_of_citizen_hour']:g} for each person. Simulated: "
        f"{sign} {_figure(compared.loss_saved)} saved, {_figure(compared.citizen_hours_saved)} hours of people."
    )
    for control in bought:
        function = FUNCTIONS.get(control.function[:2], "")
        mitigation = f"{control.mitigation} {mitigations()[control.mitigation][0]}" if control.mitigation else ""
        listed = ", ".join(part for part in (control.function and f"{control.function} {function}", mitigation) if part)
        price = amount(control.cost_per_year)
        click.echo(f"  {shown(control.name or control.id)}: {sign} {price}{f' ({listed})' if listed else ''}")
    click.echo("For other budgets:")
    for one in answer["frontier"]:
        click.echo(
            f"  {sign} {amount(one['spent'])}: a year costs {sign} {amount(one['total'])} with "
            f"{', '.join(map(shown, one['controls'])) or 'nothing'}"
        )


def tell_check(count: int, found: InventoryReport, known: Sequence[Exploited], *, asked: bool) -> None:
    """Print what is wrong with an inventory."""
    if found.problems:
        click.echo(
            f"The inventory of {some(count, 'asset')} cannot be worked with: {some(len(found.problems), 'problem')}."
        )
    else:
        click.echo(
            f"{some(count, 'asset')}: nothing stops an analysis. {len(found.ownerless):,} without an owner, "
            f"{len(found.orphans):,} that nothing needs, {len(found.exposed):,} open to the internet."
        )
    for problem in found.problems:
        click.echo(f"  {problem}")
    for what, names in (("No owner", found.ownerless), ("Nothing needs", found.orphans), ("Open", found.exposed)):
        if names:
            more = f" and {len(names) - _MOST:,} more" if len(names) > _MOST else ""
            click.echo(f"  {what}: {', '.join(map(shown, names[:_MOST]))}{more}")
    for name, services in found.alone:
        click.echo(f"  {some(services, 'service')} stand and fall with {shown(name)}")
    if asked:
        click.echo(
            f"{some(len(known), 'asset')} with a product that is known to be exploited; versions are not compared:"
        )
    for one in known[: 2 * _MOST]:
        ransom = f", {one.by_ransomware} by ransomware" if one.by_ransomware else ""
        newest = ", ".join(one.vulnerabilities[:3])
        where = f" ({one.exposure})" if one.exposure else ""
        click.echo(f"  {shown(one.asset)}{where}: {shown(one.product)}, {len(one.vulnerabilities)}{ransom}; {newest}")


def tell_order(graph: Graph, found: RestoreOrder, crews: int) -> None:
    """Print the order of restore, so that it can be hung on a wall."""
    plain = min(found.lost_as_needed, found.lost_largest_first)
    saved = 1 - found.lost / plain if plain > 0 else 0.0
    click.echo(
        f"Mend in this order and residents lose {amount(found.lost)} hours of service until all is back, "
        f"{words.percent(saved)} less than in the better of two plain orders ({some(crews, 'crew')})."
    )
    back: dict[float, list[str]] = {}
    for at, hours in zip(found.services.tolist(), found.back_hours.tolist(), strict=True):
        asset = graph.assets[at]
        back.setdefault(hours, []).append(shown(asset.name or asset.id))
    times = sorted(back)
    for number, (at, hours) in enumerate(zip(found.assets.tolist(), found.done_hours.tolist(), strict=True), start=1):
        while times and times[0] < hours - 1e-9:
            click.echo(f"        back after {_hours(times[0])}: {', '.join(back[times.pop(0)])}")
        asset = graph.assets[at]
        owner = f", {shown(asset.owner)}" if asset.owner else ""
        click.echo(f"  {number:>3}. {shown(asset.name or asset.id)} (done after {_hours(hours)}{owner})")
    for time in times:
        click.echo(f"        back after {_hours(time)}: {', '.join(back[time])}")


def _hours(hours: float) -> str:
    return f"{hours / 24:,.1f} days" if hours >= 72 else f"{math.ceil(hours * 10) / 10:g} h"

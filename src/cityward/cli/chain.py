"""``cityward chain``: one attack from its risk to the risk that is left, with every link between them."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.main import as_json, city_option, json_option, some
from cityward.cli.monitor import reckoned, rules_of
from cityward.core.limits import RISK_YEARS

if TYPE_CHECKING:
    from cityward.city.chain import Chain, Loss
    from cityward.secure.drill.report import DrillReport
    from cityward.secure.monitor.readers.reading import Reckoning
    from cityward.secure.risk.measured import Trial
    from cityward.secure.risk.measures import Figure

_SHOWN = 3


@click.command()
@click.argument("inventory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--scenario", default="rdp-ransomware", show_default=True, help="Of the inventory's scenarios.toml.")
@click.option("--budget", default=500_000.0, show_default=True, type=click.FloatRange(0), help="For controls, a year.")
@click.option(
    "--trace",
    "traces",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A log that shows the attack; more than once; default: traces/ of the inventory.",
)
@click.option(
    "--rules", "folders", multiple=True, type=click.Path(path_type=Path), help="Sigma rules beside ours; repeatable."
)
@click.option("--years", type=click.IntRange(40, RISK_YEARS), default=20_000, show_default=True, help="To simulate.")
@click.option("--seed", type=click.IntRange(0, 2**62), default=1, show_default=True)
@click.option("--drill", "anew", is_flag=True, help="Run the drill of ransomware now; default: take the last one.")
@city_option
@json_option
def chain(
    inventory: Path,
    scenario: str,
    budget: float,
    traces: tuple[Path, ...],
    folders: tuple[Path, ...],
    years: int,
    seed: int,
    anew: bool,
    folder: str,
    json_: bool,
) -> None:
    """Show one attack on the systems of INVENTORY from end to end.

    Risk before; controls that a budget buys; rules that see it in a real trace; its playbook, dry; the drill of the
    city that restores; risk after.
    """
    from cityward.city.chain import Asked
    from cityward.city.chain import chain as linked

    rules = rules_of(folders)  # a mistake there is told before a drill begins
    drill, trials = _drilled(Path(folder), anew=anew, quiet=json_)
    asked = Asked(inventory=inventory, scenario=scenario, budget=budget, traces=traces, years=years, seed=seed)
    found = linked(asked, drill, trials, rules, _reckoning)
    if json_:
        as_json(found)
        return
    for line in told(found):
        click.echo(line)


def _reckoning(path: Path) -> Reckoning:
    return reckoned(path, UTC, None)


def _drilled(folder: Path, *, anew: bool, quiet: bool) -> tuple[DrillReport, tuple[Trial, ...]]:
    """The last drill of ransomware of a city, or one that is run now, and what all its drills measured."""
    from cityward.city import open_city
    from cityward.city.drill_ransomware import SMALL, Plan

    with open_city(folder) as city:
        last = None if anew else city.drills.last()
        if last is None:
            if not quiet:
                click.echo("… drill of ransomware on a copy of the city: attacked, noticed, restored", err=True)
            last = city.drills.ransomware(Plan(wait_seconds=SMALL))
        return last, city.risks.trials()


def told(found: Chain) -> list[str]:
    """The links, in plain words, one a line or two."""
    currency = found.currency
    waits, by_hand = sum(one.needs > 0 for one in found.steps), sum(one.by == "manual" for one in found.steps)
    first = next((one.does for one in found.steps if one.role), found.playbook_name)
    price = sum(one.cost_per_year for one in found.bought)
    names = "; ".join(one.name for one in found.bought) or "nothing: no control is worth its price"
    lines = [
        f"Attack    {found.name} ({', '.join(found.techniques)})",
        f"Risk      {_loss(found.before, currency)}",
        f"Control   For {price:,.0f} of {found.budget:,.0f} {currency} a year: {names}.",
        f"          Then {_loss(found.with_bought, currency)}",
    ]
    lines += [
        f"Rule      “{one.title}” ({', '.join(one.techniques)}): {some(one.events, 'event')}"
        f"{_seen(one.sources, one.seconds)}"
        for one in found.fired[:_SHOWN]
    ]
    if len(found.fired) > _SHOWN:
        lines.append(f"          and {some(len(found.fired) - _SHOWN, 'rule')} more.")
    trace = f"{', '.join(found.traces[:_SHOWN])} ({some(found.events, 'event')})"
    if found.unseen:
        none = "" if found.fired else "No rule fired. "
        lines.append(f"          {none}Of {', '.join(found.unseen)} the trace {trace} proves nothing.")
    lines += [
        f"Playbook  {found.playbook}, dry: {some(len(found.steps), 'step')}, {waits} with an approval, {by_hand} by "
        f"hand. First: {first}",
        f"Drill     {found.drill_headline} {found.drill}",
    ]
    lines += [
        f"          {one.name}: back within {_hours(one.before_hours)} by the estimate, {_hours(one.after_hours)} with "
        f"{some(one.drills, 'drill')}."
        + (" The estimate did not hold that possible; more drills say which is right." if one.contradict else "")
        for one in found.measured[:_SHOWN]
    ]
    if not found.measured:
        lines.append("          No asset of the inventory names this drill (drilled_by), so estimates stay.")
    lines += [
        f"Risk      {_loss(found.after, currency)}",
        f"          Saved: {_money(found.saved, currency)} and {found.saved_hours.value:,.0f} (± "
        f"{found.saved_hours.error:,.0f}) hours of people without a service, a year; the controls cost {price:,.0f}.",
        "± is the error of simulation, not of the estimates.",
    ]
    return lines


def _seen(sources: int, seconds: float | None) -> str:
    if seconds is None:
        return "."
    return f" of {some(sources, 'source')}, seen {seconds:,.0f} s (median) after the first."


def _hours(pair: tuple[float, float]) -> str:
    return f"{pair[0]:,.1f} hours (one time in ten more than {pair[1]:,.1f})"


def _money(figure: Figure, currency: str) -> str:
    return f"{figure.value:,.0f} {currency} (± {figure.error:,.0f})"


def _loss(loss: Loss, currency: str) -> str:
    return (
        f"{_money(loss.money, currency)} a year and {loss.citizen_hours.value:,.0f} hours of people without a service; "
        f"by this attack {_money(loss.scenario_money, currency)} and {loss.scenario_hours.value:,.0f} hours."
    )

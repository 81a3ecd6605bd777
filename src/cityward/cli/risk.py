"""The command risk: what attacks and failures of a city's systems cost, and what to buy against them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
import numpy as np

from cityward.cli.main import EXIT_NO, as_json, json_option
from cityward.core.errors import UserError
from cityward.core.limits import RISK_AMOUNT, RISK_FILE_BYTES, RISK_YEARS

if TYPE_CHECKING:
    from cityward.secure.risk.cast import City
    from cityward.secure.risk.choose import Choice
    from cityward.secure.risk.records import Control, Inventory
    from cityward.secure.risk.residual import Residual
    from cityward.secure.risk.standing import DrillEffect

_FILE = click.Path(dir_okay=False, path_type=Path)
_FRONTIER = 8


@click.command()
@click.argument("inventory", type=click.Path(path_type=Path), required=False)
@click.option("--scenarios", type=_FILE, help="Scenarios; default: scenarios.toml of the folder.")
@click.option("--years", type=click.IntRange(40, RISK_YEARS), default=100_000, show_default=True, help="To simulate.")
@click.option("--seed", type=click.IntRange(0, 2**62), default=1, show_default=True)
@click.option("--with", "with_", multiple=True, help="Compare with this control in place; more than once.")
@click.option("--budget", type=float, help="Say what to buy for this much a year.")
@click.option("--value", type=float, help="What an hour without a service counts for one person; default: as written.")
@click.option("--check", is_flag=True, help="Look through the inventory and simulate nothing.")
@click.option("--exploited", type=_FILE, help="CISA's list of exploited vulnerabilities (CSV), with --check.")
@click.option("--order", is_flag=True, help="In which order to mend after everything failed.")
@click.option("--crews", type=click.IntRange(1, 1_000), default=1, show_default=True, help="That mend, with --order.")
@click.option("--drills", type=click.Path(path_type=Path), help="City whose drills and exercises measured repairs.")
@click.option("--city", "kept", type=click.Path(path_type=Path), help="Compute for this city's page Risk, and keep it.")
@json_option
def risk(
    inventory: Path | None,
    scenarios: Path | None,
    years: int,
    seed: int,
    with_: tuple[str, ...],
    budget: float | None,
    value: float | None,
    check: bool,
    exploited: Path | None,
    order: bool,
    crews: int,
    drills: Path | None,
    kept: Path | None,
    json_: bool,
) -> None:
    """Say what a year of attacks and failures costs a city, in money and in hours without service.

    INVENTORY is a folder with assets (.toml; lists in .csv, CycloneDX .json and Nmap .xml are read too), scenarios.toml
    and, where there are any, controls.toml. An inventory in a city folder is told with what drills there measured.
    """
    from cityward.secure.risk.inventory import read_inventory

    if sum((check, order, budget is not None, bool(with_))) > 1:
        raise UserError("--check, --order, --budget and --with are four questions.", "Ask one at a time.")
    if exploited and not check:
        raise UserError("--exploited belongs to --check.", "Add --check.")
    if value is not None and not 0 <= value <= RISK_AMOUNT:
        raise UserError("--value is no amount from 0 up.", "Correct it.")
    if kept is not None:
        if inventory or scenarios or drills or with_ or check or order or budget is not None or value is not None:
            raise UserError(
                "--city computes what the page Risk shows.", "Give only --years, --seed and --json with it."
            )
        _keep(kept, years, seed, json_=json_)
        return
    if inventory is None:
        raise UserError("Which inventory?", "Give its folder, or a city with --city.")
    held = read_inventory(inventory)
    if check:
        _check(held, exploited, json_=json_)
    elif order:
        _order(held, crews, json_=json_)
    else:
        drilled = _drilled(held, inventory, scenarios, (years, seed), drills)
        _analyse(drilled, inventory, scenarios, (years, seed, value), with_, budget, json_=json_)


@dataclass(frozen=True, slots=True)
class _Drilled:
    """An inventory with measured times of repair, and what they changed."""

    held: Inventory
    effect: DrillEffect | None = None
    stale: tuple[str, ...] = ()
    asked: bool = False


def _drilled(
    held: Inventory, folder: Path, scenarios: Path | None, run: tuple[int, int], drills: Path | None
) -> _Drilled:
    """Put what drills of a city measured into an inventory."""
    from cityward.city import open_city
    from cityward.city.risking import city_of

    home = drills or city_of(folder)
    if home is None:
        return _Drilled(held)
    from cityward.secure.risk.analysis import simulate
    from cityward.secure.risk.cast import prepare_city
    from cityward.secure.risk.inventory import read_scenarios
    from cityward.secure.risk.inventory_check import require_sound
    from cityward.secure.risk.measured import with_drills
    from cityward.secure.risk.standing import drill_effect

    with open_city(home) as city:
        trials, stale = city.risks.trials(), city.risks.stale()
    require_sound(held)
    measured, changed = with_drills(held, trials)
    if not changed:
        return _Drilled(held, stale=stale, asked=drills is not None)
    sides = [prepare_city(one, read_scenarios(folder, scenarios)) for one in (held, measured)]
    present = [control for control in sides[0].file.controls if control.present]
    before, after = (simulate(one, present, years=run[0], seed=run[1]) for one in sides)
    return _Drilled(measured, drill_effect(before, after, changed), stale, asked=True)


def _keep(folder: Path, years: int, seed: int, *, json_: bool) -> None:
    from cityward.city import open_city
    from cityward.cli.risk_text import tell_drills, tell_report

    with open_city(folder) as city:
        kept = city.risks.compute(years, seed)
    if json_:
        as_json(kept)
        return
    tell_report(kept.standing.report)
    tell_drills(kept.standing.effect, kept.stale, kept.standing.report.currency)
    click.echo(f"{kept.id} is kept; the page Risk shows it.")


def _check(held: Inventory, listed: Path | None, *, json_: bool) -> None:
    from cityward.cli.risk_text import tell_check
    from cityward.secure.risk.exploited import exploited
    from cityward.secure.risk.inventory_check import check

    found = check(held)
    known = exploited(held.assets, _body(listed), listed.name) if listed else ()
    if json_:
        as_json({"assets": len(held.assets), **msgspec.to_builtins(found), "exploited": msgspec.to_builtins(known)})
    else:
        tell_check(len(held.assets), found, known, asked=listed is not None)
    if found.problems:
        raise click.exceptions.Exit(EXIT_NO)


def _body(path: Path) -> bytes:
    if not path.is_file():
        raise UserError(f"{path} is not there.", "Check the path.")
    if path.stat().st_size > RISK_FILE_BYTES:
        raise UserError(f"{path} is larger than {RISK_FILE_BYTES:,} bytes.", "Give the list of vulnerabilities.")
    return path.read_bytes()


def _order(held: Inventory, crews: int, *, json_: bool) -> None:
    from cityward.cli.risk_text import tell_order
    from cityward.secure.risk.graph import make_graph
    from cityward.secure.risk.inventory_check import require_sound
    from cityward.secure.risk.restore_order import restore_order

    require_sound(held)
    graph = make_graph(held)
    found = restore_order(graph, crews)
    if not json_:
        tell_order(graph, found, crews)
        return
    ids = [asset.id for asset in graph.assets]
    as_json(
        {
            "restore": [
                {"asset": ids[at], "done_hours": hours}
                for at, hours in zip(found.assets.tolist(), found.done_hours.tolist(), strict=True)
            ],
            "services": [
                {"service": ids[at], "back_hours": hours}
                for at, hours in zip(found.services.tolist(), found.back_hours.tolist(), strict=True)
            ],
            "citizen_hours_lost": found.lost,
            "citizen_hours_lost_in_order_of_need": found.lost_as_needed,
            "citizen_hours_lost_largest_first": found.lost_largest_first,
            "crews": crews,
        }
    )


def _analyse(
    drilled: _Drilled,
    folder: Path,
    scenarios: Path | None,
    run: tuple[int, int, float | None],
    with_: Sequence[str],
    budget: float | None,
    *,
    json_: bool,
) -> None:
    from cityward.cli.risk_text import tell_choice, tell_comparison, tell_drills, tell_report
    from cityward.secure.risk.analysis import simulate
    from cityward.secure.risk.cast import prepare_city
    from cityward.secure.risk.inventory import read_scenarios
    from cityward.secure.risk.report import compare, report
    from cityward.secure.risk.residual import residual_of

    years, seed, value = run
    city = prepare_city(drilled.held, read_scenarios(folder, scenarios))
    present = [control for control in city.file.controls if control.present]
    before = simulate(city, present, years=years, seed=seed)
    told = report(city, present, before, seed)
    effect: dict[str, Any] = {"drills": drilled.effect, "stale": drilled.stale} if drilled.asked else {}
    if budget is not None:
        worth = city.file.value_of_citizen_hour if value is None else value
        residual = residual_of(city, present, before.by_scenario, worth, seed)
        choice, others = _choose(residual, budget)
        bought = list(residual.taken(choice.chosen))
    elif with_:
        bought = _named(city, with_)
    else:
        if json_:
            as_json({**msgspec.to_builtins(told), **effect})
            return
        tell_report(told)
        if drilled.asked:
            tell_drills(drilled.effect, drilled.stale, told.currency)
        return
    compared = compare(before, simulate(city, [*present, *bought], years=years, seed=seed), bought)
    answer: dict[str, Any] = {"before": told, "comparison": compared, **effect}
    if budget is not None:
        answer |= _choice_told(residual, choice, others, budget)
    if json_:
        as_json(answer)
    elif budget is not None:
        tell_choice(told, compared, bought, answer)
    else:
        tell_comparison(told, compared)


def _named(city: City, names: Sequence[str]) -> list[Control]:
    known = {control.id: control for control in city.file.controls}
    for name in names:
        if name not in known:
            raise UserError(
                f"There is no control '{name[:60]}'.", f"There are: {', '.join(list(known)[:20]) or 'none'}."
            )
    return [known[name] for name in dict.fromkeys(names) if not known[name].present]


def _choose(residual: Residual, budget: float) -> tuple[Choice, list[Choice]]:
    from cityward.secure.risk.choose import choose, frontier

    if not (math.isfinite(budget) and 0 <= budget <= RISK_AMOUNT):
        raise UserError("--budget is no amount from 0 up.", "Write digits.")
    whole = min(float(residual.cost.sum()), max(2 * budget, float(residual.cost.min())))
    return choose(residual, budget), frontier(residual, np.linspace(0, whole, _FRONTIER + 1))


def _choice_told(residual: Residual, choice: Choice, others: list[Choice], budget: float) -> dict[str, Any]:
    def told(one: Choice) -> dict[str, Any]:
        return {
            "controls": [control.id for control in residual.taken(one.chosen)],
            "spent": one.spent,
            "remaining": one.remaining,
            "total": one.total,
            "gap": one.gap,
        }

    nothing = residual.of(np.zeros(len(residual.controls), np.bool_))
    return {
        "budget": budget,
        "value_of_citizen_hour": residual.value,
        "without": nothing,
        "choice": told(choice),
        "frontier": [told(one) for one in others],
    }

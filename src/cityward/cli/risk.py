"""The command risk: what attacks and failures of a city's systems cost, and what to buy against them."""

from __future__ import annotations

import math
from collections.abc import Sequence
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

_FILE = click.Path(dir_okay=False, path_type=Path)
_FRONTIER = 8


@click.command()
@click.argument("inventory", type=click.Path(path_type=Path))
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
@json_option
def risk(
    inventory: Path,
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
    json_: bool,
) -> None:
    """Say what a year of attacks and failures costs a city, in money and in hours without service.

    INVENTORY is a folder with assets (.toml; lists in .csv, CycloneDX .json and Nmap .xml are read too), scenarios.toml
    and, where there are any, controls.toml.
    """
    from cityward.secure.risk.inventory import read_inventory

    if sum((check, order, budget is not None, bool(with_))) > 1:
        raise UserError("--check, --order, --budget and --with are four questions.", "Ask one at a time.")
    if exploited and not check:
        raise UserError("--exploited belongs to --check.", "Add --check.")
    if value is not None and not 0 <= value <= RISK_AMOUNT:
        raise UserError("--value is no amount from 0 up.", "Correct it.")
    held = read_inventory(inventory)
    if check:
        _check(held, exploited, json_=json_)
    elif order:
        _order(held, crews, json_=json_)
    else:
        _analyse(held, inventory, scenarios, (years, seed, value), with_, budget, json_=json_)


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
    held: Inventory,
    folder: Path,
    scenarios: Path | None,
    run: tuple[int, int, float | None],
    with_: Sequence[str],
    budget: float | None,
    *,
    json_: bool,
) -> None:
    from cityward.cli.risk_text import tell_choice, tell_comparison, tell_report
    from cityward.secure.risk.analysis import simulate
    from cityward.secure.risk.cast import prepare_city
    from cityward.secure.risk.inventory import read_scenarios
    from cityward.secure.risk.report import compare, report

    years, seed, value = run
    city = prepare_city(held, read_scenarios(folder, scenarios))
    present = [control for control in city.file.controls if control.present]
    before = simulate(city, present, years=years, seed=seed)
    told = report(city, present, before, seed)
    if budget is not None:
        residual = _residual(city, present, before.by_scenario, seed, value)
        choice, others = _choose(residual, budget)
        bought = [one for one, taken in zip(residual.controls, choice.chosen.tolist(), strict=True) if taken]
    elif with_:
        bought = _named(city, with_)
    else:
        if json_:
            as_json(told)
        else:
            tell_report(told)
        return
    compared = compare(before, simulate(city, [*present, *bought], years=years, seed=seed), bought)
    answer: dict[str, Any] = {"before": told, "comparison": compared}
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


def _residual(city: City, present: list[Control], seen: Any, seed: int, value: float | None) -> Residual:
    from cityward.secure.risk.residual import Residual, event_rates

    absent = [control for control in city.file.controls if not control.present]
    if not absent:
        raise UserError("There is no control to buy.", "Write [[controls]] with id, cost_per_year and what it does.")
    worth = city.file.value_of_citizen_hour if value is None else value
    from cityward.secure.risk.cast import factors_of

    tried = factors_of(city, present).tried
    events = np.divide(seen[:, 0].mean(axis=0), tried, out=np.zeros(tried.size), where=tried > 0)
    return Residual(city, absent, present, event_rates(city, events), worth, seed)


def _choose(residual: Residual, budget: float) -> tuple[Choice, list[Choice]]:
    from cityward.secure.risk.choose import choose, frontier

    if not (math.isfinite(budget) and 0 <= budget <= RISK_AMOUNT):
        raise UserError("--budget is no amount from 0 up.", "Write digits.")
    whole = min(float(residual.cost.sum()), max(2 * budget, float(residual.cost.min())))
    return choose(residual, budget), frontier(residual, np.linspace(0, whole, _FRONTIER + 1))


def _choice_told(residual: Residual, choice: Choice, others: list[Choice], budget: float) -> dict[str, Any]:
    ids = [control.id for control in residual.controls]

    def told(one: Choice) -> dict[str, Any]:
        return {
            "controls": [id_ for id_, taken in zip(ids, one.chosen.tolist(), strict=True) if taken],
            "spent": one.spent,
            "remaining": one.remaining,
            "total": one.total,
            "gap": one.gap,
        }

    nothing = residual.of(np.zeros(len(ids), np.bool_))
    return {
        "budget": budget,
        "value_of_citizen_hour": residual.value,
        "without": nothing,
        "choice": told(choice),
        "frontier": [told(one) for one in others],
    }

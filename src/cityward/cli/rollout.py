"""The command rollout: which measures against the divide, where and when, and what equity costs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from cityward.cli.main import as_json, json_option
from cityward.cli.rollout_text import print_closed, print_rollout
from cityward.cli.tables import check_size, read_any
from cityward.core.errors import UserError
from cityward.core.limits import ROLLOUT_YEARS, TABLE_BYTES

if TYPE_CHECKING:
    import polars as pl

    from cityward.equitable.rollout.tables import PlaceColumns
    from cityward.equitable.rollout.task import Equity

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("measures", type=_FILE, required=False)
@click.option("--places", type=_FILE, help="Places with people, need and group.")
@click.option("--city", "folder", type=click.Path(path_type=Path), help="A city: its own measures and areas.")
@click.option("--budget", help="For each year, or one for every year: 500000 or 500000,300000.")
@click.option("--years", type=click.IntRange(1, ROLLOUT_YEARS), help="Default: as many as budgets are given.")
@click.option("--floor", type=float, help="Least share of those in need that is helped in each group (0 to 1).")
@click.option("--bounded-gap", type=float, help="Most points between the shares in need of two groups (0 to 1).")
@click.option("--max-min", is_flag=True, help="Help the worst-off group as far as can be, then the most people.")
@click.option("--by", type=click.Choice(["group", "place"]), default="group", help="Whom a floor or --max-min is for.")
@click.option("--close-gap", type=float, help="Find the least cost that closes this share of the gap, such as 0.5.")
@click.option("--robust", is_flag=True, help="Protect against low effects, and tell which choices are sure.")
@click.option("--protect", type=click.IntRange(0), help="So many measures may fall to their low effect.")
@click.option("--one-of-a-kind", is_flag=True, help="At most one measure of a kind in a place.")
@click.option("--place", help="Column of the places' identifiers.")
@click.option("--people", help="Column of people.")
@click.option("--need", help="Column of the share in need.")
@click.option("--group", help="Column of groups; numbers are cut into quarters of the people.")
@click.option("--gap", type=click.FloatRange(0, 0.1), default=0.005, show_default=True, help="Good enough, as a share.")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=60.0, show_default=True, help="For the plan.")
@click.option("--quick", is_flag=True, help="Leave out the frontier, the price of the floor and more budget.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@json_option
def rollout(
    measures: Path | None,
    places: Path | None,
    folder: Path | None,
    budget: str | None,
    years: int | None,
    floor: float | None,
    bounded_gap: float | None,
    max_min: bool,
    by: str,
    close_gap: float | None,
    robust: bool,
    protect: int | None,
    one_of_a_kind: bool,
    place: str | None,
    people: str | None,
    need: str | None,
    group: str | None,
    gap: float,
    seconds: float,
    quick: bool,
    seed: int,
    json_: bool,
) -> None:
    """Choose and stage measures for the greatest benefit that the budget and equity allow, with a proven bound.

    MEASURES has a row for each: id, kind, places (with ; between), cost, effect (0 to 1), and where known effect_low,
    effect_high, reach (people), capacity, exclusive, requires. CSV, Parquet or a workbook. With --city the measures
    that its city.toml names are taken, and its areas: homes without internet, grouped by income.
    """
    import numpy as np

    from cityward.equitable.rollout.plan import Asked, make
    from cityward.equitable.rollout.plan import close_gap as closing
    from cityward.equitable.rollout.tables import PlaceColumns, read_places, read_task

    equity = _equity(floor, bounded_gap, max_min, by)
    budgets = _budgets(budget, years, needed=close_gap is None)
    asked_columns = PlaceColumns(place, people, need, group)
    table, name, areas, areas_name, columns = _tables(measures, places, folder, asked_columns)
    known = read_places(areas, areas_name, columns)
    task, notes = read_task(table, name, known, np.array(budgets), one_of_a_kind=one_of_a_kind)
    asked = Asked(equity, robust or protect is not None, protect, not quick, gap, seconds, seed)
    if close_gap is not None:
        if not 0 < close_gap <= 1 or equity.kind != "none":
            raise UserError(
                "--close-gap is a share of the gap, more than 0 and up to 1, and stands without another equity.",
                "Give --close-gap 0.5 alone to close half of it.",
            )
        closed = closing(task, close_gap, asked, notes)
        as_json(closed) if json_ else print_closed(closed)
        return
    made = make(task, asked, notes)
    as_json(made) if json_ else print_rollout(made)


def _tables(
    measures: Path | None, places: Path | None, folder: Path | None, columns: PlaceColumns
) -> tuple[pl.DataFrame, str, pl.DataFrame, str, PlaceColumns]:
    """Measures and places, each with what it is called, and the columns of places: two files, or those of a city."""
    if folder is not None and measures is None and places is None:
        from cityward.city.city import open_city
        from cityward.city.rolling_out import AREAS, COLUMNS

        with open_city(folder) as city:
            own, areas = city.rolling_out.tables()
            return own, str(city.settings.rollout.measures), areas, AREAS, COLUMNS
    if folder is not None or measures is None or places is None:
        raise UserError(
            "A roll-out needs measures and places.", "Give MEASURES and --places FILE, or --city FOLDER alone."
        )
    return _table(measures), measures.name, _table(places), places.name, columns


def _table(file: Path) -> pl.DataFrame:
    check_size(file, TABLE_BYTES, "Plan it in parts.")
    return read_any(file)


def _budgets(text: str | None, years: int | None, *, needed: bool) -> list[float]:
    if text is None:
        if needed:
            raise UserError("A roll-out needs a budget.", "Give --budget 500000, or one for each year with commas.")
        return [math.inf]
    try:
        budgets = [float(part) for part in text.split(",")]
    except ValueError:
        budgets = [math.nan]
    if not all(math.isfinite(one) and one >= 0 for one in budgets):
        raise UserError(
            f"--budget {text[:60]!r} is no amount of money.", "Write 500000 or 500000,300000: numbers of 0 or more."
        )
    if len(budgets) == 1:
        budgets *= years or 1
    if len(budgets) > ROLLOUT_YEARS or (years and len(budgets) != years):
        raise UserError(
            f"{len(budgets)} budgets are given for {years or ROLLOUT_YEARS} years.", "Give one, or one for each year."
        )
    if not any(budgets):
        raise UserError("A budget of 0 buys nothing.", "Give --budget an amount, or ask --close-gap what it costs.")
    return budgets


def _equity(floor: float | None, bounded_gap: float | None, max_min: bool, by: str) -> Equity:
    from cityward.equitable.rollout.task import Equity

    if (floor is not None) + (bounded_gap is not None) + max_min > 1:
        raise UserError("A plan holds one kind of equity.", "Give one of --floor, --bounded-gap and --max-min.")
    for name, value in (("--floor", floor), ("--bounded-gap", bounded_gap)):
        if value is not None and not 0 <= value <= 1:
            raise UserError(f"{name} {value:g} is no share.", "Give a number from 0 to 1, such as 0.2.")
    who: Literal["group", "place"] = "place" if by == "place" else "group"
    if floor is not None:
        return Equity("floor", floor, who)
    if bounded_gap is not None:
        return Equity("gap", bounded_gap, who)
    return Equity("max-min" if max_min else "none", 0.0, who)

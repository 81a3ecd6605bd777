"""The command 'nation': several cities side by side, from what they published and nothing else."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.main import as_json, json_option
from cityward.cli.tables import pair
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from cityward.equitable.divide.nation import Nation


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--people", multiple=True, help="CITY=NUMBER: its people, for figures per 1,000; more than once.")
@click.option("--level", type=click.FloatRange(0.5, 0.9999), default=0.95, show_default=True, help="Of the intervals.")
@json_option
def nation(sources: tuple[Path, ...], people: tuple[str, ...], level: float, json_: bool) -> None:
    """Put cities side by side, from their releases alone; cities whose intervals overlap are not ordered.

    SOURCES are folders of cities (of which only open/ is read), open/ folders, or files data.json and data.csv of them.
    Nothing is spent: a release is public already.
    """
    from cityward.city.nation import read_published
    from cityward.equitable.divide.nation import side_by_side

    figures, notes = [], []
    for source in dict.fromkeys(sources):
        found, said = read_published(source)
        figures += found
        notes += said
    known = dict(_people(one) for one in people)
    unknown = sorted(set(known) - {one.city for one in figures})
    if unknown:
        raise UserError(
            f"No city is called '{unknown[0][:60]}'.",
            f"Cities are {', '.join(sorted({one.city for one in figures})) or 'none'}.",
        )
    told = side_by_side(figures, known, notes, level=level)
    if json_:
        as_json(told)
    else:
        _tell(told)


def _people(text: str) -> tuple[str, float]:
    name, value = pair(text)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise UserError(f"'{value[:40]}' is no number of people.", "Write --people Chicago=2700000.")
    return name, number


def _tell(told: Nation) -> None:
    click.echo(told.finding)
    for table in told.tables:
        click.echo(f"{table.question}, {table.by}")
        for one in table.cities:
            rate = (
                f", {one.rate:,.2f} ({one.rate_low:,.2f} to {one.rate_high:,.2f}) per 1,000"
                if one.rate is not None
                else ""
            )
            rank = f"; rank {one.rank_low} to {one.rank_high}" if one.rank_low is not None else ""
            click.echo(f"  {one.city}: {one.value:,.0f} ({one.low:,.0f} to {one.high:,.0f}){rate}{rank}. {one.release}")
    for note in told.notes:
        click.echo(f"Note: {note}")
    click.echo(
        "Read from releases alone; intervals are of the noise that they state, and nothing of a budget is spent."
    )

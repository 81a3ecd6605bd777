"""The command 'cases': what waits for a visit, the most likely finding first."""

from __future__ import annotations

import click

from cityward.city import open_city
from cityward.cli.main import as_json, city_option, json_option
from cityward.core.words import day, percent

SHOWN = 20


@click.command()
@click.option("--type", "type_", help="Type of case; default: all.")
@city_option
@json_option
def cases(type_: str | None, folder: str, json_: bool) -> None:
    """List the cases that wait for a visit."""
    with open_city(folder) as city:
        rankings = city.cases.rankings(type_)
    if json_:
        as_json(rankings)
        return
    if not rankings:
        click.echo("No type of case is declared, or no turn was taken yet: write cases/NAME.toml, then 'cityward run'.")
    for ranking in rankings:
        click.echo(
            f"{ranking.title}: {len(ranking.cases):,} wait as of {day(ranking.known_to)}. "
            f"On {ranking.tried:,} later visits {percent(ranking.tried_ranked)} of findings were in the first half "
            f"by risk, {percent(ranking.tried_done)} as done."
        )
        if not ranking.used:
            click.echo("It did not clearly do better than the order done: do not plan by it.")
        for case in ranking.cases[:SHOWN]:
            why = case.reasons[0] if case.reasons else None
            told = f"{why.name}: {why.value}" if why else ""
            click.echo(
                f"{case.place:>5}  {case.id}  {percent(case.probability):>5} "
                f"({percent(case.low)} to {percent(case.high)})  {case.area:<22.22}  {told}"
            )

"""The command outcomes: what came of decisions."""

from __future__ import annotations

import click

from cityward.city import open_city
from cityward.cli.main import as_json, city_option, json_option


@click.command()
@city_option
@json_option
def outcomes(folder: str, json_: bool) -> None:
    """Say what came of decisions, as the last turn evaluated them."""
    with open_city(folder) as city:
        found, sums = city.outcomes.all(), city.outcomes.sums()
    if json_:
        as_json({"outcomes": found, "sums": sums})
        return
    for one in found:
        click.echo(f"{one.id}  {one.about}, {one.option or 'approved'}: {one.verdict}. {one.sentence}")
        for caveat in one.caveats:
            click.echo(f"    Take care: {caveat}")
    if not found:
        click.echo("No outcomes. Approve a proposal about a need, and take a turn when two weeks have passed.")
    elif sums.judged:
        click.echo(f"{sums.told_apart} of {sums.judged} that could be judged differ from what chance alone gives.")

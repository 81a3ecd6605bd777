"""``cityward retention``: delete on time, and prove it."""

from __future__ import annotations

import click

from cityward.city import open_city
from cityward.cli.agreeing import second_person
from cityward.cli.main import as_json, city_option, json_option
from cityward.core.records import to_json


@click.group()
def retention() -> None:
    """What is kept for how long: [retention] in city.toml. 'cityward run' does this with every turn."""


@retention.command()
@city_option
@json_option
def run(folder: str, json_: bool) -> None:
    """Delete what has been kept for long enough."""
    with open_city(folder) as city:
        limits = to_json(city.settings.retention)
        with second_person(city, "prune", "retention", limits, "Delete what was kept for longer than city.toml says."):
            done = city.persons.retain()
    if json_:
        as_json(done)
    elif done is None:
        click.echo("Nothing is limited: city.toml has no [retention] with days.")
    else:
        for name, days in done.limits.items():
            left = f"; the oldest left is of {done.oldest[name]}" if name in done.oldest else ""
            held = f"; {done.held[name]:,} stay as evidence under a hold" if name in done.held else ""
            click.echo(f"{name}, {days} days: {done.deleted.get(name, 0):,} deleted{left}{held}.")
        click.echo(f"{done.id}, ledger entry {done.receipt}.")


@retention.command("list")
@city_option
@json_option
def list_(folder: str, json_: bool) -> None:
    """List the jobs that ran."""
    with open_city(folder) as city:
        found = city.persons.retentions()
    if json_:
        as_json(found)
        return
    for one in found:
        counts = ", ".join(f"{count:,} {name}" for name, count in one.deleted.items())
        click.echo(f"{one.id}  {one.at:%Y-%m-%d}: {counts}. Ledger entry {one.receipt}.")
    if not found:
        click.echo("No job ran yet: 'cityward retention run'.")

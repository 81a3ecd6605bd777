"""``cityward continuity``: paper for days without a computer, and plans for days without a service."""

from __future__ import annotations

from pathlib import Path

import click

from cityward.city import open_city
from cityward.cli.main import as_json, city_option, json_option, some


@click.group()
def continuity() -> None:
    """Sheets and plans on paper for days without a computer. Print them before you need them."""


@continuity.command()
@click.argument("inventory", type=click.Path(path_type=Path))
@click.option("--into", required=True, type=click.Path(path_type=Path), help="The new folder for the pages.")
@click.option("--service", help="Identifier of the only service that is printed.")
@click.option("--crews", type=click.IntRange(1, 1_000), default=1, show_default=True, help="That mend.")
@json_option
def plan(inventory: Path, into: Path, service: str | None, crews: int, json_: bool) -> None:
    """Write a plan (HTML, to be printed) for each service of INVENTORY: by hand, how long, whom to call, what first.

    INVENTORY is a folder as 'cityward risk' reads it.
    """
    from cityward.city.contingency import write_plans

    written = write_plans(inventory, into, service, crews)
    if json_:
        as_json([str(path) for path in written])
        return
    click.echo(f"{some(len(written) - 1, 'plan')} in {into}. Print them now; begin with {written[0]}.")


@continuity.command()
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@click.option("--count", default=20, show_default=True, type=click.IntRange(1, 500), help="Sheets of each service.")
@city_option
@json_option
def sheets(target: Path, count: int, folder: str, json_: bool) -> None:
    """Write numbered sheets of each service into the new folder TARGET, to be printed on A4."""
    with open_city(folder) as city:
        written = city.continuity.sheets(target, count)
    if json_:
        as_json([str(path) for path in written])
        return
    for path in written:
        click.echo(str(path))
    click.echo(
        f"{some(len(written), 'file')} with {count} sheets each. Print them now, and keep them where people work."
    )


@continuity.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@city_option
@json_option
def enter(file: Path, folder: str, json_: bool) -> None:
    """Take in the sheets of FILE (CSV), each once, however often they are entered."""
    with open_city(folder) as city:
        entered = city.continuity.enter(file)
    if json_:
        as_json(entered)
        return
    click.echo(
        f"{some(entered.sheets, 'sheet')}: {entered.new} new, {entered.known} entered before, {entered.changed} "
        f"entered before in other words (the newer words count), {entered.quarantined} wait to be mended, "
        f"{entered.refused} refused."
    )

"""What is coming, at every level, and early warnings."""

from __future__ import annotations

from typing import Any

import click
import msgspec
import polars as pl

from cityward.city import City, open_city
from cityward.cli.main import as_json, city_option, json_option
from cityward.core.errors import UnknownId
from cityward.core.words import percent

WEEK = 7


@click.command()
@click.option("--service", help="Only this service.")
@click.option("--territory", help="Only this territory: an area, 'side:NAME' or 'city:NAME'.")
@city_option
@json_option
def ahead(service: str | None, territory: str | None, folder: str, json_: bool) -> None:
    """Say what is coming by service at every level, what can be done, and what is warned of."""
    with open_city(folder) as city:
        told = _told(city, service, territory)
    if json_:
        as_json(told)
        return
    for one in told["warnings"]:
        click.echo(
            f"{one.id}  {one.sentence} Probability {percent(one.probability)}, usually {percent(one.climatology)}."
        )
    if not told["warnings"]:
        click.echo("No service is expected to exceed what it can do, as far as that is known.")
    for row in told["totals"]:
        click.echo(
            f"{row['service']}, {row['territory']}: about {row['week']:,.0f} reports in {WEEK} days, "
            f"{row['month']:,.0f} in {row['days']}.{_room(row)}"
        )
    if not told["totals"]:
        click.echo("Nothing is forecast yet. Take a turn with 'cityward run'.")


def _told(city: City, service: str | None, territory: str | None) -> dict[str, Any]:
    """Totals of the service and territory, the days behind them, warnings and how each level did."""
    everything = city.forecast(level="all")
    for name, wanted in (("service", service), ("territory", territory)):
        if wanted is not None and everything.height and wanted not in everything[name]:
            known = everything[name].unique(maintain_order=True).to_list()[-12:]
            raise UnknownId(f"There is no forecast for the {name} '{wanted[:60]}'.", f"Some: {', '.join(known)}.")
    wanted_rows = everything.filter(
        pl.lit(service is None) | (pl.col("service") == (service or "")),
        (pl.col("territory") == territory) if territory else (pl.col("level") != city.settings.territories[0].level),
    )
    first = wanted_rows["day"].min()
    totals = (
        wanted_rows.group_by("service", "territory", "level", maintain_order=True)
        .agg(
            pl.col("mean").filter((pl.col("day") - first).dt.total_days() < WEEK).sum().round(1).alias("week"),
            pl.col("mean").sum().round(1).alias("month"),
            pl.len().alias("days"),
        )
        .join(city.outlook().drop("level", "name"), on=["service", "territory"], how="left", maintain_order="left")
    )
    turn = city.turn()
    alike = [
        one for one in city.warnings() if (service in (None, one.service)) and (territory in (None, one.territory))
    ]
    return {
        "as_of": turn.as_of if turn else None,
        "warnings": alike,
        "totals": totals.to_dicts(),
        "days": msgspec.to_builtins(wanted_rows.to_dicts(), str_keys=True) if territory or service else [],
        "levels": [one for one in (turn.level_tests if turn else ()) if service in (None, one.service)],
    }


def _room(row: dict[str, Any]) -> str:
    if row["capacity"] is None:
        return " What can be done is not known."
    return (
        f" {row['capacity']:,.0f} can be done ({row['capacity_from']}); the probability that more comes is "
        f"{percent(row['probability'])}. {row['open_cases']:,} wait already."
        if row["probability"] is not None
        else f" {row['capacity']:,.0f} can be done ({row['capacity_from']})."
    )

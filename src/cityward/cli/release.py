"""``cityward release``: what leaves for the public, what it costs, and what is left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cityward.cli.main import as_json, city_option, json_option, some
from cityward.core.errors import UserError
from cityward.core.releases import KINDS

if TYPE_CHECKING:
    from cityward.core.releases import Release, ReleasePlan

_DAY = click.DateTime(["%Y-%m-%d"])
_GRAINS = ("day", "week", "month", "quarter", "year", "whole")


@click.group()
def release() -> None:
    """Publish figures with noise, paid from a privacy budget; the only way out."""


def _asked(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options by which a release is asked for."""
    options = [
        click.argument("kind"),
        click.option("--from", "first", type=_DAY, required=True, help="First day of the data."),
        click.option("--to", "last", type=_DAY, required=True, help="Last day of the data, included."),
        click.option("--every", type=click.Choice(_GRAINS), default="month", show_default=True, help="Cells in time."),
        click.option("--service", "services", multiple=True, help="A service; default: all together."),
        click.option("--by-service", is_flag=True, help="Every service whose name is public, one by one."),
        click.option("--territory", "territories", multiple=True, help="An area by its identifier; default: each."),
        click.option("--epsilon", type=float, help="Cost, with Laplace noise."),
        click.option("--rho", type=float, help="Cost, with Gaussian noise, instead of epsilon."),
        click.option("--group", help="Whose data; default: the first group in city.toml."),
        click.option("--rows-per-person", "rows", type=int, help="Most rows of a person in a cell."),
        click.option("--cells-per-person", "cells", type=int, help="Most cells of a person."),
        click.option("--low", type=float, help="Lowest value (sum, mean, dwell)."),
        click.option("--high", type=float, help="Highest value."),
        click.option("--step", type=float, help="What values are rounded to."),
        click.option("--edges", help="Bounds of buckets: 0,1,2,5,10 (histogram, quantile)."),
        click.option("--quantile", type=float, help="0.5 is the median."),
        click.option("--totals", "levels", is_flag=True, help="Also totals of groups and city, which add up."),
        click.option("--suppress-below", type=int, help="Leave smaller values out."),
        click.option("--noisy-share", type=float, help="A larger 95 % error, as a share of the value, is marked."),
        click.option("--edition", type=int, default=1, show_default=True, help="Another edition is paid again."),
    ]
    for option in reversed(options):
        function = option(function)
    function.__doc__ = (function.__doc__ or "") + f"\n\n    KIND is one of: {', '.join(KINDS)}.\n"
    return function


def _request(city: Any, kind: str, first: datetime, last: datetime, **options: Any) -> Any:
    services = tuple(options.pop("services"))
    if options.pop("by_service"):
        services = tuple(city.releases.services())
        if not services:
            raise UserError(
                "No service has a public name.", "Name them in a mapping, or in [release] services of city.toml."
            )
    edges = options.pop("edges")
    given = {name: value for name, value in options.items() if value is not None}
    if edges is not None:
        given["edges"] = _numbers(edges)
    return city.releases.request(kind, first.date(), last.date(), services=services, **given)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"'{text[:40]}' is no list of numbers.", "Write --edges 0,1,2,5,10.") from None


@release.command()
@_asked
@city_option
@json_option
def plan(folder: str, json_: bool, **options: Any) -> None:
    """Say what a release would cost and how far off it would be; spends nothing."""
    from cityward.city import open_city

    with open_city(folder) as city:
        told = city.releases.plan(_request(city, **options))
    if json_:
        as_json(told)
        return
    for line in _plan_lines(told):
        click.echo(line)


@release.command()
@_asked
@click.option("--dry", is_flag=True, help="Only say what it would cost, like 'plan'.")
@city_option
@json_option
def make(folder: str, json_: bool, dry: bool, **options: Any) -> None:
    """Make a release; the same request again gives the same file and costs nothing."""
    from cityward.city import open_city

    with open_city(folder) as city:
        request = _request(city, **options)
        if dry:
            planned = city.releases.plan(request)
            told: Any = planned
            lines = _plan_lines(planned)
        else:
            told = city.releases.make(request)
            lines = [_line(told), f"Files: {city.releases.folder_of(told)}"]
    if json_:
        as_json(told)
        return
    for line in lines:
        click.echo(line)


@release.command("list")
@city_option
@json_option
def list_(folder: str, json_: bool) -> None:
    """List what was released."""
    from cityward.city import open_city

    with open_city(folder) as city:
        found = city.releases.all()
    if json_:
        as_json(found)
        return
    for one in found:
        click.echo(_line(one))
    if not found:
        click.echo("Nothing was released.")


@release.command()
@city_option
@json_option
def budget(folder: str, json_: bool) -> None:
    """Say what was spent and is left, by group of people and period of data."""
    from cityward.city import open_city

    with open_city(folder) as city:
        rows = city.releases.budget().to_dicts()
    if json_:
        as_json(rows)
        return
    for row in rows:
        delta = f" at delta {row['delta']:g}" if row["delta"] else ""
        click.echo(
            f"{row['group']}, data of {row['period']}: {some(row['releases'], 'release')}, epsilon "
            f"{row['spent_epsilon']:.4g} of {row['budget_epsilon']:g}{delta} spent; the largest that still fits is "
            f"{row['largest_epsilon_left']:.4g}."
        )
    if not rows:
        click.echo("Nothing may be released: no group of people has a budget in city.toml ([release.groups.NAME]).")


@release.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--metres", type=float, required=True, help="Side of the squares that places are told to.")
@click.option("--hours", type=float, required=True, help="Length of the slots that moments are told to.")
@json_option
def unicity(file: Path, metres: float, hours: float, json_: bool) -> None:
    """Measure how many persons a few of their points single out; ends with 1 where it is too many.

    FILE is a table (CSV or Parquet) with the columns person, lon, lat and at. Nothing of it is kept.
    """
    from cityward.cli.tables import read_table
    from cityward.guard.traces import check_points, unique_shares
    from cityward.private.unicity import Precision

    points, precision = read_table(file), Precision(metres, hours)
    missing = [name for name in ("person", "lon", "lat", "at") if name not in points.columns]
    if missing:
        raise UserError(f"{file.name} has no column '{missing[0]}'.", "It needs person, lon, lat and at.")
    if not points.schema["at"].is_temporal():
        raise UserError("The column 'at' holds no moments.", "Write them as 2014-06-30T12:00.")
    shares = unique_shares(points, precision)
    if json_:
        as_json({"metres": metres, "hours": hours, "unique_share": {str(known): one for known, one in shares.items()}})
    else:
        for known, share in shares.items():
            click.echo(f"{some(known, 'point')}: {share:.1%} of the persons are singled out")
    check_points(points, precision)


def _plan_lines(told: ReleasePlan) -> list[str]:
    lines = [f"{told.id}  {told.title}", f"  {told.cells:,} cells, {told.mechanism} noise of scale {told.scale:.4g}"]
    if told.error_95 is not None:
        lines.append(
            f"  95 % error of a figure: {told.error_95:,.4g} {told.unit}; from {told.useful_from:,.4g} on it can be "
            "used for allocation"
        )
    else:
        lines.append("  The 95 % error depends on how much is in a cell, and is stated with each figure.")
    lines.append(
        f"  epsilon {told.spent_epsilon:.4g} of {told.budget_epsilon:g} is spent in {', '.join(told.periods)}; after "
        f"it {told.after_epsilon:.4g}"
    )
    if told.made:
        lines.append("  Made already: the same file is given again, for nothing.")
    if told.refusal:
        lines.append(f"  Would be refused: {told.refusal}")
    return lines


def _line(one: Release) -> str:
    cost = f"epsilon {one.request.epsilon:g}" if one.request.epsilon is not None else f"rho {one.request.rho:g}"
    return (
        f"{one.id}  {one.title}: {one.rows:,} figures, 95 % error up to {one.error_95:,.4g} {one.unit}, "
        f"{one.too_noisy:,} too noisy to allocate by; {cost}. Receipt {one.receipt}."
    )

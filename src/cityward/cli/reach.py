"""The command reach: how long people need to a service, on foot and by public transport."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.main import as_json, json_option
from cityward.cli.tables import check_size, read_any
from cityward.cli.timetable_file import read_feed
from cityward.core.errors import UserError
from cityward.core.limits import TABLE_BYTES
from cityward.core.words import percent

if TYPE_CHECKING:
    import polars as pl

    from cityward.equitable.reach.read import Locations, Where
    from cityward.equitable.reach.telling import Reach, ServiceReach
    from cityward.equitable.reach.timetable import Timetable
    from cityward.equitable.reach.walking import Walk

_FILE = click.Path(dir_okay=False, path_type=Path)
SHOWN = 10
"""Places of each list; ``--json`` has all."""


@click.command()
@click.option("--gtfs", type=_FILE, required=True, help="Timetable: a GTFS feed (zip).")
@click.option("--places", type=_FILE, required=True, help="Places: id, lon, lat, people, and where known group.")
@click.option("--services", multiple=True, required=True, help="Locations (file: lon, lat, service) or a column.")
@click.option("--depart", default="08:00", show_default=True, help="When people leave.")
@click.option("--window", type=click.IntRange(1, 720), default=60, show_default=True, help="Minutes; one journey each.")
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="Default: the first day with most trips.")
@click.option("--within", default="30,45,60", show_default=True, help="Minutes that are asked about.")
@click.option("--walk-speed", type=click.FloatRange(0.3, 3), default=1.25, show_default=True, help="Metres a second.")
@click.option("--detour", type=click.FloatRange(1, 3), default=1.3, show_default=True, help="Way over straight line.")
@click.option("--walk-minutes", type=click.FloatRange(1, 60), default=15.0, show_default=True, help="To a stop, most.")
@click.option("--reduced-mobility", is_flag=True, help="Also for people who walk slowly and need accessible stops.")
@click.option("--people", help="Column of people.")
@click.option("--group", help="Column of groups; numbers are cut into quarters of the people.")
@json_option
def reach(
    gtfs: Path,
    places: Path,
    services: tuple[str, ...],
    depart: str,
    window: int,
    day: datetime | None,
    within: str,
    walk_speed: float,
    detour: float,
    walk_minutes: float,
    reduced_mobility: bool,
    people: str | None,
    group: str | None,
    json_: bool,
) -> None:
    """Say how long people need to the nearest of each service, who needs longest, and how far groups are apart.

    Walking is a straight line times --detour. Minutes are the median over the window of departures.
    """
    from cityward.equitable.reach.reach import LONGEST_SECONDS
    from cityward.equitable.reach.read import read_where
    from cityward.equitable.reach.timetable import read_timetable
    from cityward.equitable.reach.walking import Walk

    begins, limits = _clock(depart), _minutes(within)
    where = read_where(_table(places), places.name, people=people, group=group)
    locations = _locations(where, services)
    tables, notes = read_feed(gtfs)
    table = read_timetable(tables, day.date() if day else None, begins, begins + 60 * window + LONGEST_SECONDS)
    walk = Walk(walk_speed, detour, 60 * walk_minutes)
    told = _told(table, where, locations, (begins, window), limits, walk, reduced_mobility=reduced_mobility)
    told = _noted(told, table, [*where.notes, *notes], detour, reduced_mobility=reduced_mobility)
    as_json(told) if json_ else _print(told)


def _table(file: Path) -> pl.DataFrame:
    check_size(file, TABLE_BYTES, "Look at it in parts.")
    return read_any(file)


def _clock(text: str) -> int:
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text)
    if not found:
        raise UserError(f"--depart {text[:40]!r} is no time of day.", "Write a time such as 08:00.")
    return 3600 * int(found[1]) + 60 * int(found[2])


def _minutes(text: str) -> list[float]:
    try:
        limits = sorted({float(part) for part in text.split(",")})
    except ValueError:
        limits = []
    if not limits or not all(0 < one <= 120 for one in limits):
        raise UserError(f"--within {text[:40]!r} is no list of minutes.", "Write 30,45,60: up to 120.")
    return limits


def _locations(where: Where, services: tuple[str, ...]) -> Locations:
    from cityward.equitable.reach.read import locations_of_column, read_locations

    found: Locations = {}
    for one in services:
        if where.table.column(one) is not None:
            more = locations_of_column(where, one)
        elif Path(one).exists():
            more = read_locations(_table(Path(one)), Path(one).name)
        else:
            raise UserError(
                f"--services {one[:60]!r} is neither a file nor a column of {where.table.file}.",
                "Give a file with lon and lat, or one of the columns.",
            )
        twice = sorted(found.keys() & more.keys())
        if twice:
            raise UserError(f"The service {twice[0][:60]!r} is given twice.", "Give each once.")
        found |= more
    return found


def _told(
    table: Timetable,
    where: Where,
    locations: Locations,
    leaving: tuple[int, int],
    limits: list[float],
    walk: Walk,
    *,
    reduced_mobility: bool,
) -> Reach:
    import numpy as np

    from cityward.equitable.reach.reach import SLOW_METRES_PER_SECOND, STEP_SECONDS, Network
    from cityward.equitable.reach.telling import Reach, tell_service

    begins, window = leaving
    network = Network(table, where.lon, where.lat, begins + STEP_SECONDS * np.arange(window))
    services: list[ServiceReach] = []
    for name, (lon, lat) in locations.items():
        minutes = network.minutes(lon, lat, walk)
        reduced = None
        if reduced_mobility:
            slow = walk.slower(SLOW_METRES_PER_SECOND)
            reduced = {way: network.minutes(lon, lat, slow, wheelchair=way) for way in ("worst", "best")}
        services.append(tell_service(name, lon.size, where.residents, minutes, limits, reduced))
    return Reach(
        finding=" ".join(one.finding for one in services),
        day=str(table.day),
        depart=f"{begins // 3600:02d}:{begins // 60 % 60:02d}",
        window_minutes=window,
        rides=table.departs.size,
        trips=table.trips,
        people=float(where.residents.people.sum()),
        services=tuple(services),
        notes=(),
    )


def _noted(told: Reach, table: Timetable, notes: list[str], detour: float, *, reduced_mobility: bool) -> Reach:
    import msgspec

    notes = [*notes, f"Walking is {detour:g} times the straight line; no street is in it. No fare and no crowding is."]
    if not table.departs.size:
        notes.append(f"Nothing runs from {told.depart} on in these hours of {told.day}: everybody walks.")
    notes += [f"{many:,} {why} are left out." for why, many in table.left_out.items()]
    if reduced_mobility and table.departs.size:
        stops = float((table.wheelchair_stop == 0).mean())
        rides = float((table.wheelchair == 0).mean())
        notes.append(
            f"The timetable does not say whether a wheelchair can use {percent(stops)} of the stops and "
            f"{percent(rides)} of the rides: the worse figure takes them for not accessible, the better one for usable."
        )
    changed: Reach = msgspec.structs.replace(told, notes=tuple(notes))
    return changed


def _print(told: Reach) -> None:
    for service in told.services:
        click.echo(service.finding)
        for group in service.groups if len(service.groups) > 1 else ():
            shares = ", ".join(f"{percent(one.share, 1)} within {one.minutes:g}" for one in group.within)
            click.echo(f"  {group.group} ({group.people:,.0f} people): {shares}")
        for place in service.far[:SHOWN]:
            median = "not reached in two hours" if place.median is None else f"{place.median:.0f} minutes"
            click.echo(f"  far: {place.place} ({place.people:,.0f} people): {median}")
        if len(service.far) > SHOWN:
            click.echo(f"  and {len(service.far) - SHOWN:,} more (--json has all)")
    click.echo(
        f"{told.trips:,} trips on {told.day}, leaving in each of {told.window_minutes} minutes from {told.depart} on."
    )
    for note in told.notes:
        click.echo(f"Note: {note}")

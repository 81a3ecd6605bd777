"""``cityward watch``: what the sensors say."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import click

from cityward.cli.main import as_json, city_option, json_option
from cityward.core.clock import end_of_day
from cityward.core.errors import UserError
from cityward.core.words import moment


@click.command()
@click.option(
    "--as-of", help="Day or moment of the city (2026-03-08, 2026-03-08T13:00) that is known last; default: now."
)
@city_option
@json_option
def watch(as_of: str | None, folder: str, json_: bool) -> None:
    """Watch the sensors: limits, what is unusual, and who is silent."""
    from cityward.city import open_city

    with open_city(folder) as city:
        found = city.observing.watch(_moment(as_of, city.time_zone))
    if json_:
        as_json(found)
        return
    states = ", ".join(f"{count:,} {state}" for state, count in found.states.items())
    click.echo(f"As of {moment(found.until)}: {found.streams:,} streams ({states}), {len(found.open)} alerts open.")
    for alert in found.open:
        click.echo(f"  {alert.id}  {alert.state}: {alert.sentence}")


def _moment(text: str | None, time_zone: str) -> datetime | None:
    """A day is known to its end; a moment without an offset is one of the city."""
    if text is None:
        return None
    try:
        if len(text) == len("2026-03-08"):
            return end_of_day(date.fromisoformat(text), time_zone)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UserError(f"'{text[:40]}' is no day or moment.", "Write 2026-03-08 or 2026-03-08T13:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))

"""``cityward breach``: the clock of a breach of personal data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cityward.city import open_city
from cityward.cli.main import as_json, city_option, json_option
from cityward.core.awareness import told_left

if TYPE_CHECKING:
    from cityward.core.persons import Breach

_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"])


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _told(breach: Breach, left: float, json_: bool) -> None:
    if json_:
        as_json({"breach": breach, "hours_left": round(left, 2)})
        return
    due = f"to be told by {breach.due_at:%Y-%m-%d %H:%M} UTC"
    if breach.told_at:
        clock = f"the authority was told on {breach.told_at:%Y-%m-%d %H:%M} UTC ({due})."
    elif breach.closed_at:
        clock = f"the authority was not told; reason given: “{breach.because}”."
    else:
        clock = f"the authority is {due}. {told_left(left)}"
    click.echo(f"{breach.id}  {breach.state}: {clock} {breach.what}")
    for name, count in breach.affected.items():
        click.echo(f"    {name}: {count:,}")


@click.group()
def breach() -> None:
    """A breach of personal data: 72 hours from the moment that the city is aware of it."""


@breach.command("open")
@click.option("--what", required=True, help="What happened, in plain words that name nobody.")
@click.option("--by", required=True, help="Your first and last name.")
@click.option("--aware-at", type=_MOMENT, help="When the city became aware, in UTC; default: now.")
@city_option
@json_option
def open_(what: str, by: str, aware_at: datetime | None, folder: str, json_: bool) -> None:
    """Note a breach; the clock starts."""
    with open_city(folder) as city:
        found = city.breaches.open(what, by, _utc(aware_at))
        _told(found, city.breaches.hours_left(found), json_)


@breach.command()
@click.argument("identifier")
@click.option("--by", required=True, help="Your first and last name.")
@click.option("--high-risk/--no-high-risk", required=True, help="Whether the risk for the people is high.")
@click.option("--since", type=_MOMENT, help="First moment of the reports that were exposed (UTC).")
@click.option("--until", type=_MOMENT, help="Last moment (UTC).")
@click.option("--source", "sources", multiple=True, help="Only this source; may be given again.")
@city_option
@json_option
def assess(
    identifier: str, by: str, high_risk: bool, since: datetime | None, until: datetime | None,
    sources: tuple[str, ...], folder: str, json_: bool,
) -> None:  # fmt: skip
    """Estimate how many people are concerned, and say how it was counted."""
    with open_city(folder) as city:
        found = city.breaches.assess(
            identifier, by, high_risk=high_risk, since=_utc(since), until=_utc(until), sources=sources
        )
        _told(found, city.breaches.hours_left(found), json_)


@breach.command()
@click.argument("identifier")
@click.option("--by", required=True, help="Your first and last name.")
@click.option("--because", default="", help="Reasons of a delay; needed after the 72 hours.")
@city_option
@json_option
def notify(identifier: str, by: str, because: str, folder: str, json_: bool) -> None:
    """Note that the authority was told. cityward sends nothing itself."""
    with open_city(folder) as city:
        found = city.breaches.tell(identifier, by, because)
        _told(found, city.breaches.hours_left(found), json_)


@breach.command()
@click.argument("identifier")
@click.option("--by", required=True, help="Your first and last name.")
@click.option("--because", required=True, help="What was done, or why no notice was due.")
@city_option
@json_option
def close(identifier: str, by: str, because: str, folder: str, json_: bool) -> None:
    """Close it with a reason."""
    with open_city(folder) as city:
        found = city.breaches.close(identifier, by, because)
        _told(found, city.breaches.hours_left(found), json_)


@breach.command()
@click.argument("identifier")
@city_option
def notice(identifier: str, folder: str) -> None:
    """Print the draft of the notice."""
    with open_city(folder) as city:
        click.echo(city.breaches.notice(identifier), nl=False)


@breach.command("list")
@city_option
@json_option
def list_(folder: str, json_: bool) -> None:
    """List breaches with their clocks."""
    with open_city(folder) as city:
        found = city.breaches.all()
        left = [city.breaches.hours_left(one) for one in found]
    if json_:
        as_json([{"breach": one, "hours_left": round(hours, 2)} for one, hours in zip(found, left, strict=True)])
        return
    for one, hours in zip(found, left, strict=True):
        _told(one, hours, json_=False)
    if not found:
        click.echo("No breaches are noted.")

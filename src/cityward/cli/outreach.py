"""``cityward outreach``: how to hear the places that are heard too little, and what another voice costs there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.count_text import say
from cityward.cli.main import as_json, city_option, json_option, some

if TYPE_CHECKING:
    from cityward.equitable.outreach.asking import Limits, Outreach, Place, Plan

_OFFERS = 3


@click.command()
@click.option("--budget", type=float, help="Say which places this much reaches first.")
@click.option(
    "--channels", "file", type=click.Path(dir_okay=False, path_type=Path), help="Default: channels.toml of the city."
)
@click.option("--example", is_flag=True, help="Print a file of channels with made-up numbers, and do nothing else.")
@city_option
@json_option
def outreach(budget: float | None, file: Path | None, example: bool, folder: str, json_: bool) -> None:
    """Say by which channel each silent place is heard at least cost, with intervals, and where it cannot be told."""
    from cityward.city import open_city
    from cityward.city.outreaching import outreach_of
    from cityward.equitable.outreach.channels import example as shipped

    if example:
        click.echo(shipped(), nl=False)
        return
    with open_city(folder) as city:
        found = outreach_of(city, file, budget)
    if json_:
        as_json(found)
    else:
        _tell(found)


def _tell(found: Outreach) -> None:
    say(found.finding)
    for place in found.places:
        _tell_place(place, found.currency)
    if found.plan is not None:
        _tell_plan(found.plan, found.currency)
    say(f"Costs and answers are those of {found.source}. Voices are of a year, and beside places like each.")


def _tell_place(place: Place, currency: str) -> None:
    say(f"{place.name} ({place.people:,.0f} people, {place.why}): lacks {_span(place.missing, 0)} voices. {place.says}")
    for one in place.offers[:_OFFERS]:
        short = "" if one.closes else ", does not close the gap"
        say(
            f"  {one.name[:34]:<34} {_span(one.cost_per_voice, 2)} {currency} a voice: asks {one.contacts:,} for "
            f"{one.cost:,.0f} {currency}, {_span(one.voices, 0)} voices{short}"
        )
    for other in place.unknown:
        say(f"  {other.name[:34]:<34} cannot be told: {other.why}")


def _tell_plan(plan: Plan, currency: str) -> None:
    say()
    if not plan.places:
        say(f"{plan.budget:,.0f} {currency} are not enough to ask in any place.")
        return
    say(
        f"With {plan.budget:,.0f} {currency}: {some(len(plan.places), 'place')} for {plan.cost:,.0f} {currency}, "
        f"{_span(plan.voices, 0)} voices of the {plan.missing:,.0f} that are missing. No plan at that cost has more "
        f"than {plan.most:,.0f}."
    )
    for at, one in enumerate(plan.places, 1):
        say(
            f"  {at:>3}. {one.name[:30]:<30} {one.channel[:34]:<34} asks {one.contacts:,} for {one.cost:,.0f} "
            f"{currency}, {_span(one.voices, 0)} voices"
        )
    if plan.left_out:
        say(f"  Not reached: {', '.join(plan.left_out[:20])}{' and more' if plan.left_out[20:] else ''}.")


def _span(found: Limits, places: int) -> str:
    return f"{found.value:,.{places}f} ({found.low:,.{places}f} to {found.high:,.{places}f})"

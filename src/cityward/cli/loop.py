"""Commands of the loop: run, needs, proposals, decide, explain, verify."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from cityward.city import open_city
from cityward.cli.main import EXIT_NO, as_json, city_option, json_option, some
from cityward.core.errors import UserError
from cityward.core.words import day, percent

_DATE = click.DateTime(["%Y-%m-%d"])

FEW_PLACED = 0.5
"""Below this share of interactions with a territory something is wrong with them, or with the territories."""


@click.command()
@click.option("--as-of", type=_DATE, help="Last day that is known; default: the last on which enough was heard.")
@click.option("--seed", type=click.IntRange(0), help="Seed of all randomness; default from city.toml.")
@city_option
@json_option
def run(as_of: datetime | None, seed: int | None, folder: str, json_: bool) -> None:
    """Take one turn of the loop."""
    with open_city(folder) as city:
        turn = city.run(as_of=as_of.date() if as_of else None, seed=seed)
        places = len(city.territories())
        city.persons.retain()  # what was kept for long enough goes, at the latest with the next turn
    if json_:
        as_json(turn)
        return
    click.echo(
        f"As of {day(turn.as_of)}: {some(turn.interactions, 'interaction')}, {some(turn.incidents, 'incident')}, "
        f"{some(len(turn.needs), 'need')}, {some(len(turn.silences), 'silent place')}, "
        f"{some(len(turn.proposals), 'proposal')}. Receipt: ledger entry {turn.receipt}."
    )
    if turn.placed_share < FEW_PLACED:
        click.echo(
            f"Only {percent(turn.placed_share)} of the interactions lie in a territory; the others count for no need. "
            "Check their coordinates (longitude and latitude exchanged?) and the territories in city.toml."
        )
    if places == 1:
        click.echo("There is one territory: a need stands out from its neighbours, and it has none.")
    for need in turn.needs[:5]:
        click.echo(f"  {need.id}  {need.sentence}")


@click.command()
@city_option
@json_option
def needs(folder: str, json_: bool) -> None:
    """List the needs of the last turn, the rarest by chance first."""
    with open_city(folder) as city:
        found = city.need_list()
    if json_:
        as_json(found)
        return
    for need in found:
        click.echo(f"{need.id}  {need.sentence} This would come {need.chance}.")
    if not found:
        click.echo("No needs. Take a turn with 'cityward run', or none is clearer than chance.")


@click.command()
@click.option("--state", type=click.Choice(["waiting", "approved", "rejected"]), help="Only these.")
@city_option
@json_option
def proposals(state: str | None, folder: str, json_: bool) -> None:
    """List proposals."""
    with open_city(folder) as city:
        found = city.proposals(state)
    if json_:
        as_json(found)
        return
    for proposal in found:
        click.echo(f"{proposal.id}  {proposal.state}: {proposal.title}. {proposal.because}")
        for number, option in enumerate(proposal.options, start=1):
            hours = "" if option.crew_hours is None else f" ({option.crew_hours:,.1f} hours)"
            click.echo(f"    {number}. {option.title}{hours}: {option.effect}")


@click.command()
@click.argument("identifier")
@click.option("--approve", "outcome", flag_value="approved", help="Approve it.")
@click.option("--reject", "outcome", flag_value="rejected", help="Reject it.")
@click.option("--option", type=int, help="Number of the option to approve; default: the recommended one, the first.")
@click.option("--by", required=True, help="Your first and last name.")
@click.option("--because", required=True, help="Your reason, in at least 10 characters.")
@city_option
@json_option
def decide(
    identifier: str, outcome: str | None, option: int | None, by: str, because: str, folder: str, json_: bool
) -> None:
    """Decide the proposal IDENTIFIER."""
    if outcome not in ("approved", "rejected"):
        raise UserError("Approve or reject?", "Add --approve or --reject.")
    with open_city(folder) as city:
        decision = city.decide(identifier, outcome, by, because, option)  # type: ignore[arg-type]
    if json_:
        as_json(decision)
        return
    click.echo(f"{decision.id}: {decision.explanation}")
    click.echo(f"Receipt: ledger entry {decision.receipt}. {decision.appeal}")


@click.command()
@click.argument("identifier")
@city_option
@json_option
def explain(identifier: str, folder: str, json_: bool) -> None:
    """Say why, from stored evidence alone."""
    with open_city(folder) as city:
        told = city.explain(identifier)
    if json_:
        as_json(told)
        return
    click.echo(told.sentence)
    for label, value in told.evidence:
        click.echo(f"  {label}: {value}")
    click.echo(f"  rule: {told.rule}")
    click.echo(told.how_to_check)


@click.command()
@city_option
@json_option
def verify(folder: str, json_: bool) -> None:
    """Re-compute the whole ledger and check its signatures."""
    with open_city(folder) as city:
        proof = city.verify()
    if json_:
        as_json(proof)
    else:
        click.echo(proof.message)
    if not proof.ok:
        sys.exit(EXIT_NO)

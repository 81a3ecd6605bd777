"""``cityward round``: participatory budgeting, from the file of a round to the file of its ballots."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec

from cityward.city import City, open_city
from cityward.cli.count_text import say
from cityward.cli.main import as_json, by_option, city_option, json_option, some
from cityward.cli.opinions import tell_opinions
from cityward.cli.voice_text import tell_counted
from cityward.core.disk import create_file
from cityward.core.errors import StoreError, UserError


@click.group(name="round")
def round() -> None:  # noqa: A001 - the command is called so
    """Rounds of participatory budgeting: rounds/NAME.toml in the city folder, voted in by one-time codes."""


@round.command(name="list")
@city_option
@json_option
def list_(folder: str, json_: bool) -> None:
    """List the rounds and how each stands."""
    with open_city(folder) as city:
        told = [_told(city, name) for name in city.rounds.names()]
    if json_:
        as_json(told)
        return
    for one in told:
        click.echo(_line(one))
    if not told:
        click.echo("There are no rounds. Write rounds/NAME.toml; docs/portal.md shows one.")


@round.command(name="open")
@click.argument("name")
@by_option
@city_option
@json_option
def open_(name: str, by: str, folder: str, json_: bool) -> None:
    """Enter the round NAME in the ledger: from then on nothing of it changes without being seen."""
    with open_city(folder) as city:
        opened = city.rounds.open(name, by)
    if json_:
        as_json(opened)
        return
    click.echo(f"{name} is in the ledger (entry {opened.receipt}). Make codes: 'cityward round codes {name}'.")


@round.command()
@click.argument("name")
@click.option("--count", required=True, type=int, help="How many codes.")
@click.option(
    "--into", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A new file, one a line."
)
@by_option
@city_option
@json_option
def codes(name: str, count: int, target: Path, by: str, folder: str, json_: bool) -> None:
    """Make one-time voting codes for NAME, write them once, and keep only keyed digests.

    Print them on letters that are mixed before they are addressed, and destroy the file.
    """

    def write(made: Sequence[str]) -> None:
        try:
            create_file(target, "".join(f"{code}\n" for code in made).encode())
        except FileExistsError:
            raise UserError(f"{target.name} exists already.", "Codes are written once: name a new file.") from None
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            raise StoreError(f"{target.name} cannot be written: {reason}. No code was made.") from None

    with open_city(folder) as city:
        every = city.rounds.codes(name, count, by, write)
    if json_:
        as_json({"made": count, "codes": every})
        return
    click.echo(f"{some(count, 'code')} in {target}; {name} has {every:,} in all. Only you have them now.")


@round.command()
@click.argument("name")
@city_option
@json_option
def status(name: str, folder: str, json_: bool) -> None:
    """Say how NAME stands: codes, ballots, and wrong codes that were tried."""
    with open_city(folder) as city:
        told = _told(city, name)
    if json_:
        as_json(told)
        return
    click.echo(_line(told))


@round.command()
@click.argument("name")
@by_option
@city_option
@json_option
def close(name: str, by: str, folder: str, json_: bool) -> None:
    """Enter the counts and the list of ballots of NAME in the ledger, once its last day is over."""
    with open_city(folder) as city:
        ended = city.rounds.close(name, by)
        counted = city.rounds.voices.of_round(name) if ended.ballots else None
    if json_:
        as_json({**msgspec.to_builtins(ended), "counted": counted})
        return
    click.echo(
        f"{name}: {some(ended.ballots, 'ballot')} for {some(ended.codes, 'code')}, SHA-256 {ended.file_sha256}, ledger "
        f"entry {ended.receipt}. 'cityward round export {name}' prints the list."
    )
    if counted is not None:
        tell_counted(counted)


@round.command()
@click.argument("name")
@city_option
@json_option
def voice(name: str, folder: str, json_: bool) -> None:
    """Count NAME, once it is closed, and say whose voice it is: areas against who lives there."""
    with open_city(folder) as city:
        counted = city.rounds.voices.of_round(name)
    if json_:
        as_json(counted)
    else:
        tell_counted(counted)


@round.command()
@click.argument("name")
@city_option
def export(name: str, folder: str) -> None:
    """Print the ballots of NAME as a Pabulib file, once its last day is over; count it with any program."""
    with open_city(folder) as city:
        text = city.rounds.text(name)
    # The bytes whose digest the ledger has: no line end is made another.
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


@round.command()
@click.argument("name")
@city_option
@json_option
def opinions(name: str, folder: str, json_: bool) -> None:
    """Say which groups of opinion the discussion of NAME shows, and which statements bridge them."""
    with open_city(folder) as city:
        told = city.rounds.discussion.told(name)
    if json_:
        as_json(told)
        return
    if told.opinions is None:
        click.echo(
            f"Nobody answered in the discussion of {name} yet; it has {some(len(told.statements), 'statement')}."
        )
        return
    tell_opinions(told.opinions, told.statements)
    whose = "with a voting code alone" if told.whose == "coded" else "of everybody; too few came with a voting code"
    say(
        f"These are answers {whose}: {told.coded:,} came with a code, {told.uncoded:,} without, and those anybody "
        "can send as often as he likes."
    )
    for one in told.differs:
        say(f"  With and without a code people answer clearly otherwise: {told.statements[one]}")


@round.command()
@click.argument("name")
@click.argument("statement")
@by_option
@click.option("--because", required=True, help="Why nobody is shown it.")
@city_option
@json_option
def hide(name: str, statement: str, by: str, because: str, folder: str, json_: bool) -> None:
    """Hide a STATEMENT of the discussion of NAME; the reason is kept, and the ledger has that it was hidden."""
    with open_city(folder) as city:
        gone = city.rounds.discussion.hide(name, statement, by, because)
    if json_:
        as_json(gone)
        return
    click.echo(f"{gone.id} is hidden; ledger entry {gone.receipt}.")


def _told(city: City, name: str) -> dict[str, Any]:
    found = city.rounds.get(name)
    counts = city.rounds.counts(name)
    return {"round": name, "title": found.title, "state": city.rounds.state(name, found), **counts}


def _line(told: dict[str, Any]) -> str:
    return (
        f"{told['round']}: {told['title']}, {told['state']}. {some(told['codes'], 'code')}, {told['spent']:,} used, "
        f"{some(told['ballots'], 'ballot')}, {told['wrong']:,} wrong codes tried."
    )

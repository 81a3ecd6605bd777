"""The command opinions: groups of opinion in agree and disagree votes, and what bridges them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cityward.cli.count_text import say
from cityward.cli.main import as_json, json_option
from cityward.cli.tables import read_any
from cityward.core import words

if TYPE_CHECKING:
    from cityward.participate.opinions.report import Interval, Opinions

_SHOWN = 10


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of trials and draws.")
@json_option
def opinions(file: Path, seed: int, json_: bool) -> None:
    """Find groups of opinion, say how stable they are, and which statements bridge them.

    FILE has the columns voter, statement and vote (agree, disagree or pass; or 1, -1 and 0), or a row for each voter
    and a column for each statement. Nothing is said of one voter, nor of a group of fewer than five.
    """
    from cityward.participate.opinions.answers import answers
    from cityward.participate.opinions.report import opinions as found_in

    found = found_in(answers(read_any(file)), seed)
    if json_:
        as_json(found)
    else:
        tell_opinions(found)


def tell_opinions(found: Opinions, called: Mapping[str, str] | None = None) -> None:
    """Print groups of opinion; ``called`` gives statements other words than their names."""
    say(found.finding)
    say(
        f"{found.voters:,} voters, {found.voters_grouped:,} of whom answered enough to be in a group; "
        f"{found.statements_count:,} statements."
    )
    if found.groups:
        sizes = ", ".join(f"{name} {voters:,}" for name, voters in zip("ABCDE", found.groups, strict=False))
        say(f"Voters by group: {sizes}.")
    for one in found.statements[:_SHOWN]:
        told = f"{_share(one.agree)} agree of {one.answers:,}"
        if one.bridge is not None:
            groups = ", ".join(f"{name} {_share(each)}" for name, each in zip("ABCDE", one.by_group, strict=False))
            told = f"bridges by {one.bridge.share:.2f} ({one.bridge.low:.2f} to {one.bridge.high:.2f}); agree: {groups}"
        say(f"  {(called or {}).get(one.statement, one.statement)[:80]}: {told}")
    say(f"{found.answers_received:,} answers were received; {found.answers_counted:,} count.")
    for why, number in found.reasons.items():
        say(f"  {number:,} {why}")


def _share(found: Interval) -> str:
    return f"{words.percent(found.share)} ({words.percent(found.low)} to {words.percent(found.high)})"

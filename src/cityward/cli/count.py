"""The command count: who wins a participatory budget, by which rule, and who is represented."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cityward.cli.count_text import tell, tell_why
from cityward.cli.main import as_json, json_option
from cityward.cli.voice_text import tell_voice
from cityward.core.clock import monotonic
from cityward.core.errors import UserError
from cityward.core.limits import COUNT_FILE_BYTES

if TYPE_CHECKING:
    from cityward.participate.counting.count import Rule, Way
    from cityward.participate.counting.election import Election
    from cityward.participate.counting.outcome import Outcome
    from cityward.participate.counting.pabulib import Document
    from cityward.participate.counting.places import Places
    from cityward.participate.counting.receive import Received
    from cityward.participate.counting.shares import Completion, Satisfaction
    from cityward.participate.counting.voice import Voice

_FILE = click.Path(dir_okay=False, path_type=Path)
_RULES = ("greedy", "greedy-no-skip", "equal-shares", "phragmen")
_COMPLETIONS = ("add1", "add1u", "greedy", "none")
_SATISFACTIONS = ("cost", "cardinality", "points")


@click.command()
@click.argument("file", type=_FILE)
@click.option("--rule", type=click.Choice(_RULES), help="Default: the rule that the file names.")
@click.option(
    "--completion", type=click.Choice(_COMPLETIONS), help="What equal shares does with money left; default: add1."
)
@click.option(
    "--satisfaction",
    type=click.Choice(_SATISFACTIONS),
    help="What a funded project is worth under equal shares; default: its cost, or the points of ballots with points.",
)
@click.option("--compare", is_flag=True, help="Count a second way too: equal shares beside greedy, or the reverse.")
@click.option("--against", type=click.Choice(_RULES), help="The second way.")
@click.option("--explain", "project", metavar="PROJECT", help="Say why a project won or lost, and what would do.")
@click.option("--territories", type=_FILE, help="A table of areas with their people: say whose voice the vote is.")
@click.option("--city", "folder", type=click.Path(), help="The same with the areas of this city folder.")
@click.option(
    "--by", "column", metavar="COLUMN", help="What voters are held against areas by; default: where they live."
)
@click.option("--export", type=_FILE, help="Write the election with its winners here, as Pabulib has it.")
@json_option
def count(
    file: Path,
    rule: Rule | None,
    completion: Completion | None,
    satisfaction: Satisfaction | None,
    compare: bool,
    against: Rule | None,
    project: str | None,
    territories: Path | None,
    folder: str | None,
    column: str | None,
    export: Path | None,
    json_: bool,
) -> None:
    """Count an election of projects (a Pabulib file) exactly, and say who is represented.

    What is printed names no voter and no ballot; what is written with --export holds the ballots of FILE.
    """
    from cityward.core.disk import replace_file
    from cityward.participate.counting import pabulib
    from cityward.participate.counting.count import count as count_by
    from cityward.participate.counting.receive import receive
    from cityward.participate.counting.report import report, selected
    from cityward.participate.counting.why import why

    document = pabulib.read(_body(file))
    received = receive(document)
    election = received.election
    way = _way(document, rule, completion, satisfaction)
    explained = _project(election, project) if project is not None else None
    began = monotonic()
    outcome = count_by(election, way)
    seconds = monotonic() - began
    other: tuple[Way, Outcome] | None = None
    if compare or against:
        second = _second(document, way, against, completion, satisfaction)
        other = second, count_by(election, second)
    made = report(document, received, way, outcome, other)
    heard = _voice(document, received, way, outcome, _places(territories, folder, column), column)
    reason = None if explained is None else why(election, way, outcome, explained)
    if export:
        replace_file(export, pabulib.write(selected(document, election, way, outcome)).encode())
    if json_:
        told = msgspec.to_builtins(made)
        beside = {**({"explain": reason} if reason else {}), **({"voice": heard} if heard else {})}
        as_json({**told, **beside, "seconds": round(seconds, 3)})
        return
    tell(made)
    if heard:
        tell_voice(heard, made.currency)
    if reason:
        tell_why(reason, made.currency)
    if export:
        click.echo(f"The election with its winners is in {export}; it holds the ballots of {file.name}.")


def _body(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > COUNT_FILE_BYTES:
            raise UserError(
                f"{file.name} has {size:,} bytes; the most is {COUNT_FILE_BYTES:,}.", "Count districts one by one."
            )
        return file.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{file} is not there.", "Check the path.") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error.strerror}.", "Check its permissions.") from None


def _way(
    document: Document, rule: Rule | None, completion: Completion | None, satisfaction: Satisfaction | None
) -> Way:
    """The way that is asked for; without a rule that of the file."""
    from cityward.participate.counting.count import Way, own_way

    way = own_way(document.meta) if rule is None else Way(rule=rule, threshold=_if_greedy(rule, document))
    if way.rule != "equal-shares":
        if completion or satisfaction:
            raise UserError(
                f"--completion and --satisfaction belong to equal shares; this is {way.rule}.",
                "Add --rule equal-shares.",
            )
        return way
    return msgspec.structs.replace(
        way, completion=completion or way.completion, satisfaction=satisfaction or way.satisfaction
    )


def _if_greedy(rule: Rule, document: Document) -> Fraction | None:
    from cityward.participate.counting.count import threshold_of

    return threshold_of(document.meta) if rule.startswith("greedy") else None


def _second(
    document: Document, way: Way, against: Rule | None, completion: Completion | None, satisfaction: Satisfaction | None
) -> Way:
    from cityward.participate.counting.count import other_way

    rule: Rule = against or other_way(way, document.meta).rule
    shares = rule == "equal-shares"
    return _way(document, rule, completion if shares else None, satisfaction if shares else None)


def _project(election: Election, named: str) -> int:
    if named not in election.ids:
        known = ", ".join(election.ids[:20])
        raise UserError(f"No project is called '{named[:60]}'.", f"Projects are {known}.")
    return election.ids.index(named)


def _places(territories: Path | None, folder: str | None, column: str | None) -> Places | None:
    """The areas that are asked for; None where none are."""
    if territories is not None and folder is not None:
        raise UserError("--territories and --city both name areas.", "Give one of them.")
    if territories is not None:
        from cityward.cli.tables import read_any
        from cityward.participate.counting.places import read_places

        return read_places(read_any(territories), territories.name)
    if folder is not None:
        from cityward.city import open_city

        with open_city(folder) as city:
            return city.rounds.voices.places()
    if column is not None:
        raise UserError("--by needs areas to hold voters against.", "Add --territories FILE or --city DIR.")
    return None


def _voice(
    document: Document, received: Received, way: Way, outcome: Outcome, places: Places | None, column: str | None
) -> Voice | None:
    if places is None:
        return None
    from cityward.participate.counting.areas import column_of, proposals_in, values_of
    from cityward.participate.counting.voice import Asked, voice

    asked = Asked(
        by=column_of(document, column),
        values=values_of(document, received.kept, column),
        proposals=proposals_in(document, column),
    )
    return voice(received.election, way, outcome.funded, asked, places)

"""``cityward person``: what a person asks about himself."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cityward.city import open_city
from cityward.cli.agreeing import second_person
from cityward.cli.main import as_json, city_option, json_option, some
from cityward.core.errors import UserError
from cityward.core.records import to_json

if TYPE_CHECKING:
    from datetime import datetime

    from cityward.city import City
    from cityward.city.persons import Held
    from cityward.core.persons import PersonRequest, Right
    from cityward.guard.erase import Subject

SECRET_BYTES_MAX = 4096


@click.group()
def person() -> None:
    """Access, rectification, erasure, objection, restriction.

    Who asks proves it by the identifier that the source knows, with --order by the secret link of an order, or with
    --case by the secret of a decision. The secret is typed at a prompt, read from the standard input, or from a file:
    never written in the command.
    """


def _proof(function: Any) -> Any:
    options = (
        click.option("--order", help="Number of an order; the secret is then that of its link."),
        click.option("--case", help="Number of a decision of a case (D-…); the secret is then that of its letter."),
        click.option("--secret-file", type=click.Path(path_type=Path, dir_okay=False), help="File with the secret."),
        click.option("--by", required=True, help="First and last name of who handles the request."),
        click.option("--request", "number", help="Number of the request that this answers; default: a new one."),
        city_option,
        json_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


def read_secret(file: Path | None, what: str) -> str:
    """Read one line from a file, the standard input or a hidden prompt; it is never repeated."""
    if file is not None:
        try:
            data = file.read_bytes()[:SECRET_BYTES_MAX]
        except OSError as error:
            raise UserError(f"The file of the secret cannot be read ({error.strerror}).", "Give another.") from None
    elif sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    else:
        data = sys.stdin.buffer.readline(SECRET_BYTES_MAX)
    try:
        return data.decode().splitlines()[0] if data.strip() else ""
    except UnicodeDecodeError:
        raise UserError("The secret is not text in UTF-8.", "Save it as UTF-8.") from None


@contextmanager
def _asked(folder: str, proof: dict[str, Any]) -> Iterator[tuple[City, Subject]]:
    order, case = proof["order"], proof["case"]
    if order and case:
        raise click.UsageError("Give --order or --case, not both.")
    secret = read_secret(proof["secret_file"], "Secret link" if order or case else "Identifier")
    with open_city(folder) as city:
        if order:
            yield city, city.persons.by_order(order, secret)
        elif case:
            yield city, city.persons.by_case(case, secret)
        else:
            yield city, city.persons.by_identifier(secret)


def _told(city: City, request: PersonRequest, what: str, json_: bool) -> None:
    if json_:
        as_json({"request": request, "secret": city.persons.secret_of(request)})
        return
    click.echo(what)
    click.echo(f"{request.id}, ledger entry {request.receipt}. How it stands: cityward person status {request.id}")
    click.echo(f"Its secret, for the person alone: {city.persons.secret_of(request)}")


@person.command()
@_proof
def access(folder: str, json_: bool, **proof: Any) -> None:
    """Say what is held, for which purposes, and until when."""
    with _asked(folder, proof) as (city, subject):
        held = city.persons.access(subject, proof["by"], proof["number"])
        if json_:
            as_json(held)
            return
        for line in _access_lines(held):
            click.echo(line)
        _told(city, held.request, "", json_=False)


def _access_lines(held: Held) -> list[str]:
    lines = [
        f"{some(len(held.interactions), 'report')}, {some(len(held.answers), 'answer')} and "
        f"{some(len(held.decisions), 'decision')} are held of you."
    ]
    for row in held.interactions:
        lines.append(f"  {row['source']} {row['id']}: {row['service']}, {row['occurred_at']:%Y-%m-%d}, {row['status']}")
        lines += [f"      {name}: {row[name]}" for name in ("address", "text", "channel") if row.get(name)]
    for said in held.answers:
        lines.append(f"  {said['order']} ({said['service']}, {said['state']}): {said['words'] or 'no words of yours'}")
    for one in held.decisions:
        lines.append(f"  {one['decision']} ({one['rule']}, {one['decided_at']:%Y-%m-%d}): {one['outcome'] or 'waits'}")
        lines += [f"      {name}: {value}" for name, value in one["facts"].items()]
        for appeal in one["appeals"]:
            lines.append(f"    {appeal['appeal']}: {appeal['state']}")
            lines += [f"      {said['by']}: {said['words'] or '(no words, or erased)'}" for said in appeal["said"]]
    if held.uses:
        lines.append("What they are read for:")
        lines += [f"  {use.purpose}: {', '.join(use.columns)}" for use in held.uses]
    if held.left_out:
        lines.append(f"Left out of every other purpose, as you asked ({', '.join(held.left_out)}).")
    lines.append("How long they are kept:")
    lines += [f"  {name}: {until}" for name, until in held.until.items()]
    return lines


@person.command()
@click.option("--source", required=True, help="Source of the row.")
@click.option("--row", required=True, help="Number of the row in its source, as 'access' lists it.")
@click.option(
    "--changes", required=True, type=click.Path(path_type=Path, exists=True), help="File: column=value lines."
)
@_proof
def rectify(source: str, row: str, changes: Path, folder: str, json_: bool, **proof: Any) -> None:
    """Put a row right; what was said before stays as an earlier version."""
    pairs = dict(_pair(line) for line in changes.read_text(encoding="utf-8").splitlines() if line.strip())
    with _asked(folder, proof) as (city, subject):
        done = city.persons.rectify(subject, proof["by"], source, row, pairs, proof["number"])
        _told(city, done, "The row was put right.", json_)


def _pair(line: str) -> tuple[str, str]:
    name, found, value = line.partition("=")
    if not found:
        raise UserError("A line of the changes has no '='.", "Write column=value, one a line.")
    return name.strip(), value.strip()


@person.command()
@_proof
def erase(folder: str, json_: bool, **proof: Any) -> None:
    """Take everything of the person out, and prove it."""
    with _asked(folder, proof) as (city, subject):
        # Keyed pseudonyms and opaque identifiers, never what the person is known by: the digest is kept.
        exact = to_json([sorted(subject.pseudonyms.items()), subject.order, subject.decision, proof["number"]])
        words = f"Erase everything of the person who asked{' with ' + proof['number'] if proof['number'] else ''}."
        with second_person(city, "erase-person", proof["number"] or "", exact, words, proof["by"]):
            done = city.persons.erase(subject, proof["by"], proof["number"])
        counts = ", ".join(f"{count:,} {name}" for name, count in done.counts.items() if name != "decisions_named")
        named = done.counts.get("decisions_named", 0)
        told = f"Erased: {counts}. Nothing else is left in this city's folder."
        if done.counts.get("decisions"):
            told += " That a case was decided, and how, stays; what was asked of it is gone, and its digest proves it."
        if named:
            told += f" {some(named, 'decision')} stay, by a case or a reason that names the person:"
            told += " acts of the city, which the ledger proves (GDPR article 17(3)). Tell the person so."
        _told(city, done, told, json_)


def _leave_out(right: Right, said: str) -> Any:
    @click.option("--lift", is_flag=True, help="Take it back.")
    @_proof
    def command(lift: bool, folder: str, json_: bool, **proof: Any) -> None:
        with _asked(folder, proof) as (city, subject):
            done = city.persons.leave_out(subject, right, proof["by"], proof["number"], lift=lift)
            _told(city, done, "Taken back." if lift else said, json_)

    return command


person.command("object", help="Note an objection: rows are read for the person's own case alone.")(
    _leave_out("object", "Noted: what is held is read for your own case alone, also what comes later.")
)
person.command("restrict", help="Restrict processing: rows are kept and not read.")(
    _leave_out("restrict", "Noted: what is held is kept and not read, also what comes later.")
)


@person.command("open")
@click.argument("right", type=click.Choice(["access", "rectify", "erase", "object", "restrict"]))
@click.option("--by", required=True, help="First and last name of who takes the request.")
@city_option
@json_option
def open_(right: Right, by: str, folder: str, json_: bool) -> None:
    """Note a request that came by letter or at the counter, and start its month."""
    with open_city(folder) as city:
        request = city.persons.open_request(right, by)
        _told(city, request, f"To be answered by {request.due_on}.", json_)


@person.command()
@click.argument("identifier")
@click.option("--because", required=True, help="The reason, as the person was told it.")
@click.option(
    "--told-on",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day on which the person was told, within the first month.",
)
@click.option("--by", required=True, help="First and last name of who extends it.")
@city_option
@json_option
def extend(identifier: str, because: str, told_on: datetime, by: str, folder: str, json_: bool) -> None:
    """Give the request IDENTIFIER two further months, of which the person was told (GDPR article 12(3))."""
    with open_city(folder) as city:
        request = city.persons.extend(identifier, by, because, told_on.date())
        _told(city, request, f"To be answered by {request.due_on}.", json_)


@person.command()
@click.option("--all", "every", is_flag=True, help="Also those that are done.")
@city_option
@json_option
def requests(every: bool, folder: str, json_: bool) -> None:
    """List requests with their last day; overdue ones are marked."""
    with open_city(folder) as city:
        found = city.persons.requests(only_open=not every)
        overdue = [city.persons.is_overdue(one) for one in found]
    if json_:
        as_json([{"request": one, "overdue": late} for one, late in zip(found, overdue, strict=True)])
        return
    for one, late in zip(found, overdue, strict=True):
        end = f"done {one.done_at:%Y-%m-%d}" if one.done_at else f"due {one.due_on}{' OVERDUE' if late else ''}"
        click.echo(f"{one.id}  {one.right}: {end}; taken by {one.by}")
    if not found:
        click.echo("No open requests.")


@person.command()
@click.argument("identifier")
@click.option("--secret-file", type=click.Path(path_type=Path, dir_okay=False), help="File with the request's secret.")
@city_option
@json_option
def status(identifier: str, secret_file: Path | None, folder: str, json_: bool) -> None:
    """Say how the request IDENTIFIER stands, to whoever has its secret."""
    secret = read_secret(secret_file, "Secret of the request")
    with open_city(folder) as city:
        request = city.persons.status(identifier, secret)
    if json_:
        as_json(request)
    elif request.done_at:
        click.echo(f"{request.id} ({request.right}) was done on {request.done_at:%Y-%m-%d}.")
    else:
        click.echo(f"{request.id} ({request.right}) is open; it is to be answered by {request.due_on}.")
        if request.told_on:
            click.echo(f"This was extended, as you were told on {request.told_on}: {request.extended_because}")

"""``cityward systems``: which systems propose here, who answers for each, and what was signed."""

from __future__ import annotations

import json
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from cityward.cli.main import EXIT_NO, as_json, city_option, json_option, signed, some
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from cityward.city import City
    from cityward.city.registered import Standing
    from cityward.core.systems import SystemEvent

_DAY = click.DateTime(["%Y-%m-%d"])
_PATH = click.Path(path_type=Path)


def _open(folder: str) -> City:
    from cityward.city import open_city

    return open_city(folder)


def _key(path: Path | None) -> Ed25519PrivateKey | None:
    from cityward.secure.keys import load_signer

    return None if path is None else load_signer(path)


def _note(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{path} cannot be read as text.", "Check the path.") from None


def _date(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _did(event: SystemEvent, json_: bool) -> None:
    if json_:
        as_json(event)
        return
    click.echo(f"{event.id}  {event.what}: {event.system} {event.version}. Receipt: ledger entry {event.receipt}.")
    for change in event.changes:
        click.echo(f"    {change}")


@click.group(invoke_without_command=True)
@click.pass_context
def systems(context: click.Context) -> None:
    """Which systems propose here, who answers for each, and what was signed.

    Systems are files in systems/ of the city folder; those that come with cityward need none.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_)


@systems.command("list")
@city_option
@json_option
def list_(folder: str, json_: bool) -> None:
    """List the systems: state, class of risk, and duties that nobody has accepted."""
    with _open(folder) as city:
        found, problems, unproved = city.systems.all(), city.systems.read().problems, city.systems.unproved()
    if json_:
        as_json(
            {
                "systems": [_row(one) for one in found],
                "problems": {name: str(problem) for name, problem in problems.items()},
                "unproved": [one.id for one in unproved],
            }
        )
        return
    for one in found:
        lacking = f"not accepted: {', '.join(one.unaccepted)}" if one.unaccepted else "every duty is accepted"
        click.echo(f"{one.system.id} {one.system.version}  {one.state}, {one.system.risk_class}  {lacking}")
    for problem in problems.values():
        click.echo(f"Not registered: {problem}")
    if unproved:
        click.echo(f"{some(len(unproved), 'event')} in the registers are not proved by the ledger and do not count.")


def _row(one: Standing) -> dict[str, Any]:
    return {
        "id": one.system.id,
        "version": one.system.version,
        "digest": one.digest,
        "state": one.state,
        "suspended": one.suspended is not None,
        "risk_class": one.system.risk_class,
        "rights_affecting": one.system.rights_affecting is not False,
        "not_accepted": one.unaccepted,
        "findings": len(one.findings),
    }


@systems.command()
@click.argument("identifier")
@city_option
@json_option
def show(identifier: str, folder: str, json_: bool) -> None:
    """Show one system: who holds which duty today, what is still to be said, and what happened to it."""
    with _open(folder) as city:
        one = city.systems.get(identifier)
    if json_:
        as_json(
            {
                **_row(one),
                "system": one.system,
                "holdings": one.holdings,
                "findings": one.findings,
                "changes": one.changes,
                "events": one.events,
            }
        )
        return
    system = one.system
    click.echo(f"{system.name} ({system.id} {system.version}): {one.state}. {system.purpose}")
    if one.suspended:
        click.echo(f"SUSPENDED: {one.suspended.because}")
    click.echo(f"Risk: {system.risk}")
    for holding in one.holdings:
        accepted = f"accepted from {holding.accepted}" if holding.accepted else "NOT accepted"
        basis = "" if holding.basis == "named" else f", by {holding.basis}, before: {holding.before}"
        until = f" until {holding.until}" if holding.until else ""
        click.echo(f"    {holding.duty}: {holding.party}, {accepted}{until}{basis}")
    for change in one.changes:
        click.echo(f"Changed since approval: {change.says}{f'; {change.reason}' if change.reason else ''}")
    for finding in one.findings:
        click.echo(f"Still to be said: {finding.says} {finding.remedy}")
    for event in one.events:
        click.echo(
            f"{event.at:%Y-%m-%d %H:%M} UTC  {event.what} by {event.by}  {event.id}, ledger entry {event.receipt}"
        )


@systems.command()
@click.argument("file", type=_PATH)
@json_option
def check(file: Path, json_: bool) -> None:
    """Check FILE before it is put into systems/: what is forbidden, what is wrong, what is still to be said."""
    from cityward.answerable.register.checking import findings, stands_in_the_way
    from cityward.answerable.register.versions import digest
    from cityward.answerable.registry import load_system

    system = load_system(file)
    found = findings(system)
    in_the_way = stands_in_the_way(system, found)
    if json_:
        as_json({"id": system.id, "digest": digest(system), "findings": found, "ready": not in_the_way})
    else:
        for one in found:
            click.echo(f"{one.says} {one.remedy}")
        ready = "can be approved" if not in_the_way else "cannot be approved yet"
        click.echo(f"{system.id} {system.version} {ready}. Digest: {digest(system)}")
    if in_the_way:
        sys.exit(EXIT_NO)


@systems.command()
@click.argument("identifier", required=False)
@click.option("--shipped", is_flag=True, help="All that come with cityward and were never approved here.")
@signed()
@city_option
@json_option
def approve(identifier: str | None, shipped: bool, by: str, because: str, folder: str, json_: bool) -> None:
    """Approve the version that the file says now; its digest goes into the ledger."""
    if shipped == bool(identifier):
        raise click.UsageError("Name one system, or give --shipped.")
    with _open(folder) as city:
        if identifier:
            _did(city.systems.approve(identifier, by, because), json_)
            return
        events = city.systems.approve_shipped(by, because)
    if json_:
        as_json(events)
        return
    for event in events:
        _did(event, json_=False)
    if not events:
        click.echo("All of them were approved before.")


@systems.command()
@click.argument("identifier")
@click.argument("duty")
@click.option("--key", type=_PATH, help="Secret key of the party that accepts.")
@click.option("--note", type=_PATH, help="The text of --text, signed elsewhere.")
@click.option("--text", is_flag=True, help="Print the text to sign, and keep nothing.")
@click.option("--from", "since", type=_DAY, help="First day; default: today.")
@city_option
@json_option
def accept(
    identifier: str, duty: str, key: Path | None, note: Path | None, text: bool, since: datetime | None,
    folder: str, json_: bool,
) -> None:  # fmt: skip
    """Accept DUTY of a system as the party that its file names, with that party's key."""
    if sum((key is not None, note is not None, text)) != 1:
        raise click.UsageError("Give one of --key, --note and --text.")
    with _open(folder) as city:
        if text:
            click.echo(city.systems.text_to_accept(identifier, duty, _date(since)), nl=False)
            return
        _did(city.systems.accept(identifier, duty, signer=_key(key), note=_note(note), since=_date(since)), json_)


@systems.command("hand-over")
@click.argument("identifier")
@click.argument("duty")
@click.option("--to", "taker", required=True, help="Name of who takes it on.")
@click.option("--to-key", "taker_key", required=True, help="Verifier key of who takes it on: name+id+key.")
@click.option("--key", type=_PATH, help="Secret key of who gives; with --taker-secret.")
@click.option("--taker-secret", type=_PATH, help="Secret key of who takes it on.")
@click.option("--note", type=_PATH, help="The text of --text, signed by both elsewhere.")
@click.option("--text", is_flag=True, help="Print the text to sign, and keep nothing.")
@click.option("--from", "since", type=_DAY, help="First day; default: today.")
@click.option("--until", type=_DAY, help="Last day; then the duty goes back. Default: no end.")
@city_option
@json_option
def hand_over(
    identifier: str, duty: str, taker: str, taker_key: str, key: Path | None, taker_secret: Path | None,
    note: Path | None, text: bool, since: datetime | None, until: datetime | None, folder: str, json_: bool,
) -> None:  # fmt: skip
    """Hand DUTY over to somebody else, signed by both sides."""
    if sum((key is not None and taker_secret is not None, note is not None, text)) != 1:
        raise click.UsageError("Give --key and --taker-secret, or --note, or --text.")
    days = {"since": _date(since), "until": _date(until)}
    with _open(folder) as city:
        if text:
            click.echo(city.systems.text_to_hand_over(identifier, duty, taker, taker_key, **days), nl=False)
            return
        event = city.systems.hand_over(
            identifier, duty, taker, taker_key, giver=_key(key), receiver=_key(taker_secret), note=_note(note), **days
        )
        _did(event, json_)


@systems.command()
@click.argument("identifier")
@click.option("--party", required=True, help="Who changed it: a party that the file names.")
@click.option("--judged", type=click.Choice(["substantial", "not substantial"]), help="Judge otherwise than computed.")
@signed()
@city_option
@json_option
def modify(
    identifier: str, party: str, judged: Literal["substantial", "not substantial"] | None, by: str, because: str,
    folder: str, json_: bool,
) -> None:  # fmt: skip
    """Approve a changed version; what is substantial makes PARTY its provider (AI Act, article 25)."""
    with _open(folder) as city:
        _did(city.systems.modify(identifier, by, because, party, judged), json_)


@systems.command()
@click.argument("identifier", required=False)
@click.option(
    "--form", default="json", show_default=True, type=click.Choice(["algoritmeregister", "atrs", "annex-viii", "json"])
)
@click.option("--as", "kind", default="json", show_default=True, type=click.Choice(["json", "markdown", "html"]))
@click.option("--by", default="", help="Who hands it in; a field of annex VIII.")
@city_option
def export(identifier: str | None, form: str, kind: str, by: str, folder: str) -> None:
    """Print systems in the form of a public register; what a record still lacks goes to standard error.

    With one system the exit code is 1 when its record lacks something. Without one it prints all.
    """
    with _open(folder) as city:
        names = [identifier] if identifier else [one.system.id for one in city.systems.all()]
        records = {name: city.systems.published(name, form, by) for name in names}
        wanting = [f"{name}: {one}" for name, (_, lacks) in records.items() for one in lacks]
        if kind == "json":
            found = [record for record, _ in records.values()]
            click.echo(json.dumps(found[0] if identifier else found, ensure_ascii=False, indent=1))
        else:
            for name in names:
                document = city.systems.document(name, form, by)
                click.echo(document.html() if kind == "html" else document.markdown(), nl=False)
    for one in wanting:
        click.echo(one, err=True)
    if identifier and wanting:
        sys.exit(EXIT_NO)


@systems.command()
@click.argument("identifier")
@click.option("--on", type=_DAY, help="First day on which it is not used any more; default: today.")
@signed()
@city_option
@json_option
def end(identifier: str, on: datetime | None, by: str, because: str, folder: str, json_: bool) -> None:
    """End the use of a system: nothing is decided on its proposals any more."""
    with _open(folder) as city:
        _did(city.systems.end(identifier, by, because, _date(on)), json_)


@systems.command()
@click.argument("identifier")
@signed()
@city_option
@json_option
def suspend(identifier: str, by: str, because: str, folder: str, json_: bool) -> None:
    """Suspend a system at once: nothing is decided on its proposals until somebody resumes it."""
    with _open(folder) as city:
        _did(city.systems.suspend(identifier, by, because), json_)


@systems.command()
@click.argument("identifier")
@signed()
@city_option
@json_option
def resume(identifier: str, by: str, because: str, folder: str, json_: bool) -> None:
    """End the suspension of a system, by whoever answers for that."""
    with _open(folder) as city:
        _did(city.systems.resume(identifier, by, because), json_)


@systems.command()
@click.argument("file", type=_PATH)
@click.option("--name", required=True, help="Name of the party, as its [[parties]] table says it.")
@click.option("--into", type=_PATH, help="File of the system: the line is written into the tables of that party.")
@json_option
def key(file: Path, name: str, into: Path | None, json_: bool) -> None:
    """Make a key for a party: the secret into FILE, for the party alone, and the line for its [[parties]] table."""
    from cityward.answerable.register.keying import with_key
    from cityward.core.disk import replace_file
    from cityward.core.identifiers import slug
    from cityward.secure.keys import create_signer
    from cityward.secure.signed_text import verifier_key

    if file.exists():
        raise UserError(f"{file} exists already.", "A key is never written over; choose another file.")
    if into is not None:
        with_key(_note(into), name, "to be made")  # says what is wrong before there is a secret
    try:
        made = verifier_key(slug(name), create_signer(file).public_key())
        if into is not None:
            replace_file(into, with_key(_note(into), name, made).encode())
    except OSError as error:
        raise UserError(f"{file} cannot be written: {error.strerror}.", "Choose another file.") from None
    if json_:
        as_json({"file": str(file), "key": made})
        return
    click.echo(f'key = "{made}"')


@systems.command()
@click.argument("file", type=_PATH)
@click.option("--key", "secret", required=True, type=_PATH, help="Secret key of who signs.")
@click.option("--name", required=True, help="Name of the party, as its [[parties]] table says it.")
def sign(file: Path, secret: Path, name: str) -> None:
    """Sign the text in FILE, or add a signature to the note in it, and print the note."""
    from cityward.core.identifiers import slug
    from cityward.secure.keys import load_signer
    from cityward.secure.signed_text import countersign, sign_text

    text, signer = _note(file), load_signer(secret)
    signed = countersign(text, slug(name), signer) if "\n\n— " in text else sign_text(text, slug(name), signer)
    click.echo(signed, nl=False)

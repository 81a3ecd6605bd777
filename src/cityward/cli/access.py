"""The command access: who may come in, and what programs show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import click

from cityward.city import City, open_city
from cityward.cli import agreeing
from cityward.cli.agreeing import second_person
from cityward.cli.main import as_json, city_option, json_option, some
from cityward.core.errors import CityBusy, UserError
from cityward.secure.access.people import OFFICER, ROLES, checked_roles, folded_name
from cityward.secure.access.records import MACHINE, Person

CERTIFICATE_BYTES_MAX = 64 * 2**10


@click.group()
def access() -> None:
    """Who may come in: people, their roles and sessions, and tokens of programs; and what each may do."""


for command in agreeing.COMMANDS:
    access.add_command(command)


@contextmanager
def changing(folder: str) -> Iterator[City]:
    """Open a city, and let the ledger hear of the changes: now, or from the program that writes to it just now."""
    with open_city(folder) as city:
        yield city
        with suppress(CityBusy), city.writing():
            city.access.settle(city.writable_ledger().append)


def _by(city: City, name: str | None) -> str:
    """Identifier of who does it; without a name it is whoever sits at the machine."""
    return MACHINE if name is None else city.access.people.get(name).id


@contextmanager
def _granting(city: City, name: str, roles: tuple[str, ...], by: str | None) -> Iterator[None]:
    """Roles take two persons where the city says so; a further security officer always does."""
    people, wanted = city.access.people, checked_roles(roles)
    known = [one for one in people.all() if name in (one.id, one.name)] if city.access.anybody() else []
    others = [one for one in (people.all() if city.access.anybody() else []) if OFFICER in one.roles]
    officer = OFFICER in wanted and any(one.state != "revoked" and one not in known for one in others)
    whom = known[0].name if known else name
    exact = f"{folded_name(whom)}\n{', '.join(wanted)}".encode()
    words = f"Give {whom} the roles {', '.join(wanted)}, and no others."
    first = not any(one.state != "revoked" for one in others)
    with nullcontext() if first else second_person(city, "grant-roles", "people", exact, words, by, always=officer):
        yield


def _by_option(function: click.decorators.FC) -> click.decorators.FC:
    return click.option("--by", help="Your name, if you are one of the people; else the machine is written down.")(
        function
    )


def _told(person: Person) -> str:
    return f"{person.id}  {person.name}  {person.state}  {', '.join(person.roles)}"


def _hand_over(city: City, person: Person, code: str, json_: bool) -> None:
    address = f"{city.settings.access.origin or 'http://localhost:8765'}/sign-in/invited"
    if json_:
        as_json({"person": person, "code": code, "link": f"{address}#{code}", "hours": 24})
        return
    click.echo(_told(person))
    click.echo(f"Hand this over in person; it works once, within 24 hours: {address}#{code}")
    click.echo(f"Without scripts, open {address} and type the code: {code}")


@access.command()
@city_option
@json_option
def people(folder: str, json_: bool) -> None:
    """List everybody."""
    with open_city(folder) as city:
        found = city.access.people.all() if city.access.anybody() else []
    if json_:
        as_json(found)
        return
    for person in found:
        click.echo(_told(person))
    if not found:
        click.echo(f"Nobody may come in yet. Begin: cityward access invite NAME --role '{OFFICER}'")


@access.command()
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help=f"Once or more often: {', '.join(ROLES)}.")
@_by_option
@city_option
@json_option
def invite(name: str, roles: tuple[str, ...], by: str | None, folder: str, json_: bool) -> None:
    """Invite NAME (first and last name); prints a code, once. The first person is a security officer."""
    with changing(folder) as city:
        with _granting(city, name, roles, by):
            person, code = city.access.people.invite(name, roles, _by(city, by))
        _hand_over(city, person, code, json_)


@access.command()
@click.argument("person")
@click.option("--role", "roles", multiple=True, required=True, help=f"Once or more often: {', '.join(ROLES)}.")
@_by_option
@city_option
@json_option
def roles(person: str, roles: tuple[str, ...], by: str | None, folder: str, json_: bool) -> None:
    """Give PERSON (name or identifier) these roles and no others."""
    with changing(folder) as city, _granting(city, person, roles, by):
        changed = city.access.people.set_roles(person, roles, _by(city, by))
    as_json(changed) if json_ else click.echo(_told(changed))


@access.command()
@click.argument("who")
@_by_option
@city_option
@json_option
def revoke(who: str, by: str | None, folder: str, json_: bool) -> None:
    """Let a person (name or identifier) or a token (identifier) in no more; sessions end."""
    with changing(folder) as city:
        if who.startswith("t-"):
            token = city.access.tokens.revoke(who, _by(city, by))
            as_json(token) if json_ else click.echo(f"{token.id}  {token.name}  revoked")
            return
        person = city.access.people.revoke(who, _by(city, by))
    as_json(person) if json_ else click.echo(_told(person))


@access.command()
@click.argument("person")
@click.option(
    "--password", "purpose", flag_value="password", help="A new password alone; the app and passkeys stay, and count."
)
@click.option("--all", "purpose", flag_value="all", help="Every way to sign in: they proved in person who they are.")
@_by_option
@city_option
@json_option
def reset(person: str, purpose: str | None, by: str | None, folder: str, json_: bool) -> None:
    """End the sessions of PERSON; prints a code, once, with which they set a new way to sign in."""
    if purpose not in ("password", "all"):
        raise UserError("What is reset?", "Add --password or --all.")
    with changing(folder) as city:
        found, code = city.access.people.reset(person, purpose, _by(city, by))  # type: ignore[arg-type]
        _hand_over(city, found, code, json_)


@access.command()
@click.argument("person", required=False)
@click.option("--end", is_flag=True, help="End them.")
@city_option
@json_option
def sessions(person: str | None, end: bool, folder: str, json_: bool) -> None:
    """List sessions, of PERSON or of everybody; --end ends them."""
    with changing(folder) as city:
        who = city.access.people.get(person).id if person else None
        found = city.access.sessions.of(who) if who else city.access.sessions.all()
        if end:
            for whose in {session.person for session in found}:
                city.access.sessions.revoke_all(whose)
    if json_:
        as_json([{**_plain(one), "ended": end} for one in found])
        return
    for one in found:
        click.echo(f"{one.person}  {one.agent}  {one.assurance}  since {one.issued_at:%Y-%m-%d %H:%M} UTC")
    click.echo(f"{some(len(found), 'session')}{' ended' if end else ''}.")


def _plain(session: object) -> dict[str, object]:
    import msgspec

    # The digest lets nobody in, and is of no use to people.
    return {name: value for name, value in msgspec.to_builtins(session).items() if name != "digest"}


@access.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="An action it is limited to: intake:write.")
@click.option("--source", help="The one source that it may write for.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 365), help="How long it lasts.")
@click.option(
    "--certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A certificate (PEM) instead."
)
@_by_option
@city_option
@json_option
def token(
    name: str, scopes: tuple[str, ...], source: str | None, days: int, certificate: Path | None, by: str | None,
    folder: str, json_: bool,
) -> None:  # fmt: skip
    """Make a token for the program NAME; its secret is printed once."""
    with changing(folder) as city:
        tokens, who = city.access.tokens, _by(city, by)
        if certificate is None:
            made, secret = tokens.issue(name, scopes, days, who, source=source)
        else:
            with certificate.open("rb") as file:
                pem = file.read(CERTIFICATE_BYTES_MAX)
            made, secret = tokens.add_certificate(name, pem, scopes, days, who, source=source), ""
    if json_:
        as_json({"token": made, **({"secret": secret} if secret else {})})
        return
    click.echo(f"{made.id}  {made.name}  until {made.expires_at:%Y-%m-%d}  {', '.join(made.scopes)}")
    if secret:
        click.echo(f"Keep it as you keep a password; it is not shown again: {secret}")


@access.command()
@city_option
@json_option
def tokens(folder: str, json_: bool) -> None:
    """List tokens and certificates of programs."""
    with open_city(folder) as city:
        found, now = city.access.tokens.all(), city.clock.now()
    if json_:
        as_json(found)
        return
    for one in found:
        state = "revoked" if one.revoked_at else "over" if one.expires_at <= now else f"until {one.expires_at:%Y-%m-%d}"
        used = f"used {one.used_at:%Y-%m-%d}" if one.used_at else "never used"
        click.echo(f"{one.id}  {one.prefix}…  {one.name}  {state}  {used}  {', '.join(one.scopes)}")
    if not found:
        click.echo("No program has a token.")

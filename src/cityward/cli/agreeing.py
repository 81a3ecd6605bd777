"""Commands of access that say who may what, and who agreed: why, policies, matrix, requests, approve, deny."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cityward.city import City, open_city
from cityward.cli.main import EXIT_NO, as_json, city_option, json_option, some
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.principal import Principal
from cityward.secure.access.people import OFFICER
from cityward.secure.access.records import MACHINE, Visit
from cityward.secure.policy import Asker, at_machine, nobody
from cityward.secure.policy.policies import ROLES, standing_for
from cityward.secure.policy.table import matrix_text

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


# -- who may what ----------------------------------------------------------------------------------


@click.command()
@click.argument("who")
@click.argument("action")
@click.argument("resource", default="City")
@click.option("--agreed", is_flag=True, help="As if a second person had agreed.")
@city_option
@json_option
def why(who: str, action: str, resource: str, agreed: bool, folder: str, json_: bool) -> None:
    """Say whether WHO may do ACTION to RESOURCE, by which rule or why not. Nothing is done.

    WHO is a person, a token (t-…), a role, 'machine' or 'anybody'. RESOURCE is KIND or KIND/IDENTIFIER: Rule/late-fee.
    A person and a role count as signed in just now.
    """
    with open_city(folder) as city:
        asker = city.asker(_whoever(city, who), loopback=who == MACHINE)
        kinds = city.policies.action(action).kinds
        kind, _, identifier = resource.partition("/")
        if kind not in kinds:
            raise UserError(f"'{action}' is not about a {kind[:40]}.", f"It is about: {', '.join(kinds)}.")
        verdict = asker.may(action, kind, identifier, four_eyes=agreed, fresh=True)
        problem = city.policies.problem
    if json_:
        as_json({"verdict": verdict, "told": verdict.told, "policies_problem": problem})
    else:
        click.echo(f"{'Yes' if verdict.allowed else 'No'}. {verdict.told.replace('You may', who + ' may', 1)}")
        for rule in verdict.rules:
            click.echo(f"  {rule.id}  ({rule.file}, line {rule.line})")
    if not verdict.allowed:
        sys.exit(EXIT_NO)


def _whoever(city: City, who: str) -> Principal:
    """A person, a token, a role, the machine or anybody, as the door would know them.

    Raises
    ------
    UnknownId
        There is no such person or token.
    """
    role = next((one for one in ROLES if one == who.casefold().replace("-", " ")), None)
    if who == MACHINE:
        return at_machine()
    if who == "anybody":
        return nobody()
    if role is not None:
        return standing_for(role)
    if who.startswith("t-"):
        token = city.access.tokens.get(who)
        if token.revoked_at is not None or token.expires_at <= city.clock.now():
            raise UserError("That token is not let in any more.", "'cityward access tokens' lists them.")
        return Principal(
            id=token.id, name=token.name, kind="service", roles=("source",), assurance=token.kind, scopes=token.scopes
        )
    person = city.access.people.get(who)
    if person.state != "active":
        return nobody()
    return Principal(id=person.id, name=person.name, kind="person", roles=person.roles, assurance="passkey")


@click.command()
@click.option("--check", "files", type=_FILE, multiple=True, help="Check this file beside the others; nothing changes.")
@city_option
@json_option
def policies(files: tuple[Path, ...], folder: str, json_: bool) -> None:
    """List the policies in force, those of the program and those of policies/ in the city folder."""
    from cityward.secure.policy.policies import check_files

    with open_city(folder) as city:
        problems = check_files(files, city.folder.policies) if files else []
        found = [] if files else city.policies.rules()
    if files:
        if json_:
            as_json({"problems": [{"what": one.what, "remedy": one.remedy} for one in problems]})
        else:
            for one in problems:
                click.echo(f"{one.what} {one.remedy}")
            click.echo(f"{some(len(files), 'file')} checked, {some(len(problems), 'problem')} found.")
        if problems:
            sys.exit(EXIT_NO)
        return
    if json_:
        as_json(found)
        return
    for rule in found:
        click.echo(f"{rule.effect}  {rule.id}  {rule.advice}  ({rule.file}, line {rule.line})")


@click.command()
@city_option
@json_option
def matrix(folder: str, json_: bool) -> None:
    """Print which role may do what, under the best of circumstances, as the policies in force say."""
    with open_city(folder) as city:
        rows = city.policies.matrix()
    if json_:
        as_json(
            [{"action": action.id, "words": action.words, "kinds": action.kinds, "roles": may} for action, may in rows]
        )
        return
    click.echo(matrix_text(rows))


# -- a second person -------------------------------------------------------------------------------


@click.command()
@click.option("--all", "every", is_flag=True, help="Those that were answered too.")
@city_option
@json_option
def requests(every: bool, folder: str, json_: bool) -> None:
    """List what waits for a second person."""
    with open_city(folder) as city:
        found = [one for one in city.four_eyes.all() if every or one.state == "waiting"]
    if json_:
        as_json(found)
        return
    for one in found:
        asked = one.by_name or "the machine"
        click.echo(f"{one.id}  {one.state}  {one.action}  asked by {asked}, over {one.expires_at:%Y-%m-%d %H:%M} UTC")
        click.echo(f"    {one.words}")
        click.echo(f"    sha256 {one.digest}")
    if not found:
        click.echo("Nothing waits for a second person.")


@click.command()
@click.argument("identifier")
@click.option("--by", required=True, help="Your name; you are asked for your password and a code.")
@city_option
@json_option
def approve(identifier: str, by: str, folder: str, json_: bool) -> None:
    """Agree to request IDENTIFIER, as another person than the one who asks."""
    _answer(identifier, by, folder, json_, agree=True)


@click.command()
@click.argument("identifier")
@click.option("--by", required=True, help="Your name; you are asked for your password and a code.")
@city_option
@json_option
def deny(identifier: str, by: str, folder: str, json_: bool) -> None:
    """Refuse request IDENTIFIER, as another person than the one who asks."""
    _answer(identifier, by, folder, json_, agree=False)


def _answer(identifier: str, by: str, folder: str, json_: bool, *, agree: bool) -> None:
    with open_city(folder) as city:
        found = city.four_eyes.get(identifier)
        click.echo(f"{found.by_name or 'Somebody at the machine'} asks: {found.words}", err=True)
        with proved(city, by) as asker:
            asker.permit("answer-request", "Request", identifier)
            done = city.four_eyes.answer(identifier, asker.principal, found.digest, agree=agree)
        settle(city)
    as_json(done) if json_ else click.echo(f"{done.id} is {done.state}.")


@contextmanager
def proved(city: City, name: str) -> Iterator[Asker]:
    """Somebody who proves at the command line who they are; the sign-in ends with what is done."""
    password = click.prompt("Password", hide_input=True, err=True)
    code = click.prompt("Code of your app, or one on paper", hide_input=True, err=True)
    granted = city.access.signing.by_password(name, password, code, Visit(address="127.0.0.1", agent="command line"))
    try:
        yield city.asker(granted.principal, loopback=True)
    finally:
        city.access.sessions.revoke(granted.principal.session, granted.principal.id)


def settle(city: City) -> None:
    """Let the ledger hear of what was done: now, or from the program that writes to it just now."""
    from contextlib import suppress

    from cityward.core.errors import CityBusy

    with suppress(CityBusy), city.writing():
        city.access.settle(city.writable_ledger().append)


@contextmanager
def second_person(
    city: City,
    action: str,
    about: str,
    exact: bytes,
    words: str,
    by: str | None = None,
    *,
    always: bool = False,
    officers: bool = False,
) -> Iterator[None]:
    """Do inside what takes two persons; at the machine it does so only where the city says so, or ``always``.

    Parameters
    ----------
    about, exact, words
        As `cityward.secure.policy.Asker.require`.
    by : str, optional
        Name or identifier of who does it, if they are one of the people.
    always : bool
        Whether it takes two persons whatever the city says.
    officers : bool
        Whether it takes two where the city says nothing and has two security officers or more.

    Raises
    ------
    Refused
        Another person has still to agree.
    """
    told = city.settings.access.four_eyes_at_machine
    if not (always or told or (officers and told is None and _officers(city) > 1)):
        yield
        return
    who = _known(city, by)
    try:
        city.four_eyes.demand(action, about, exact, words, who)
    except Refused:
        settle(city)
        raise
    with city.four_eyes.agreed():
        yield


def _officers(city: City) -> int:
    """How many security officers are let in."""
    people = city.access.people.all() if city.access.anybody() else []
    return sum(OFFICER in one.roles and one.state == "active" for one in people)


def _known(city: City, by: str | None) -> Principal:
    """Whoever gives a name of one of the people is taken to be them; else it is the machine."""
    machine = at_machine()
    if by is None or not city.access.anybody():
        return machine
    try:
        person = city.access.people.get(by)
    except UnknownId:
        return Principal(id=machine.id, name=by, kind="person")
    return Principal(id=person.id, name=person.name, kind="person", roles=person.roles)


COMMANDS: tuple[Any, ...] = (why, policies, matrix, requests, approve, deny)

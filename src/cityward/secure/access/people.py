"""The people of a city: who is invited, what roles they have, and when they stop being let in."""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, cast, get_args

import sqlalchemy as sql

from cityward.core.clock import micros, moment_of
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.person_names import is_full_name
from cityward.core.principal import Role
from cityward.secure.access.acts import Acts
from cityward.secure.access.records import Person, SecondPerson
from cityward.secure.access.sealing import Seal, digest_of, new_token
from cityward.secure.access.sessions import Sessions
from cityward.secure.access.tables import CREDENTIALS, INVITES, PEOPLE, Base

ROLES: Final[tuple[Role, ...]] = tuple(role for role in get_args(Role) if role not in ("resident", "source"))
"""What a person can be; residents and sources have no account."""

OFFICER: Final[Role] = "security officer"
INVITED_FOR: Final = timedelta(hours=24)
Purpose = Literal["invite", "password", "all"]


def folded_name(name: str) -> str:
    """A name as it is looked up: however its letters are composed, large or small, and whatever blanks are typed."""
    return " ".join(unicodedata.normalize("NFKC", name[:500]).casefold().split())


def second_person_needed(act: str, subject: str, by: str) -> None:  # noqa: ARG001
    """Refuse what needs a second person, where nothing keeps the agreement of one.

    Raises
    ------
    Refused
        Always.
    """
    raise Refused("second-person", f"This needs a second security officer: {act}.", "Ask another one to agree to it.")


class People:
    """Invites, changes and revokes; each change leaves an act for the ledger.

    Parameters
    ----------
    base : Base
        Database and clock.
    seal : Seal
        Names are looked up by keyed digests.
    acts : Acts
        What the ledger is told.
    sessions : Sessions
        End when roles or access end.
    second : callable
        See `cityward.secure.access.records.SecondPerson`.
    """

    def __init__(self, base: Base, seal: Seal, acts: Acts, sessions: Sessions, second: SecondPerson) -> None:
        self._base, self._seal, self._acts, self._sessions, self._second = base, seal, acts, sessions, second

    # -- looking -----------------------------------------------------------------------------------

    def all(self) -> list[Person]:
        """Everybody, the first invited first."""
        return [_person(row) for row in self._base.rows(sql.select(PEOPLE).order_by(PEOPLE.c.made_us, PEOPLE.c.id))]

    def get(self, identifier: str) -> Person:
        """Somebody by identifier or by name.

        Raises
        ------
        UnknownId
            There is nobody of that name.
        """
        either = sql.or_(PEOPLE.c.id == identifier, PEOPLE.c.name_digest == self._digest(identifier))
        row = self._base.row(sql.select(PEOPLE).where(either))
        if row is None:
            raise UnknownId("There is nobody of that name or identifier.", "'cityward access people' lists them.")
        return _person(row)

    def named(self, name: str) -> Person | None:
        """Somebody who may sign in under a name, or None."""
        row = self._base.row(
            sql.select(PEOPLE).where(PEOPLE.c.name_digest == self._digest(name), PEOPLE.c.state == "active")
        )
        return None if row is None else _person(row)

    def _digest(self, name: str) -> str:
        return self._seal.digest("name", folded_name(name))

    def officers(self) -> list[Person]:
        """Security officers who can sign in."""
        return [one for one in self.all() if one.state == "active" and OFFICER in one.roles]

    # -- changing ----------------------------------------------------------------------------------

    def invite(self, name: str, roles: Sequence[str], by: str) -> tuple[Person, str]:
        """Invite somebody, or invite again who has not come yet or was revoked; return them and the code, once.

        Raises
        ------
        UserError
            The name or a role is none, or somebody of that name is let in already.
        Refused
            The first person is no security officer; a further one needs a second person's agreement.
        """
        if not is_full_name(name):
            raise UserError("An invitation needs a first and a last name.", 'Write "Ana Gómez".')
        wanted = checked_roles(roles)
        known = self._base.row(sql.select(PEOPLE).where(PEOPLE.c.name_digest == self._digest(name)))
        if known is not None and known.state == "active":
            raise UserError("Somebody of that name is let in already.", "Use 'cityward access roles' or 'reset'.")
        identifier = known.id if known is not None else f"p-{secrets.token_hex(8)}"
        officers = {one.id for one in self.all() if OFFICER in one.roles and one.state != "revoked"}
        if OFFICER not in wanted and not officers - {identifier}:
            raise Refused("first-person", "The first person is a security officer.", f"Add --role '{OFFICER}'.")
        if OFFICER in wanted and officers - {identifier}:
            self._second("grant security officer", identifier, by)
        values = {"name": name, "name_digest": self._digest(name), "roles": "\n".join(wanted), "state": "invited"}
        with self._base.writing() as connection:
            if known is None:
                made = {**values, "id": identifier, "made_us": self._base.now_us}
                connection.execute(sql.insert(PEOPLE).values(made))
            else:
                connection.execute(sql.update(PEOPLE).where(PEOPLE.c.id == identifier).values(values))
            code = self._code(connection, identifier, "invite")
            self._acts.note(connection, "person invited", identifier, roles=", ".join(wanted), by=by)
        return self.get(identifier), code

    def set_roles(self, identifier: str, roles: Sequence[str], by: str) -> Person:
        """Give somebody these roles and no others; raises as `invite`, and for the last security officer."""
        person, wanted = self.get(identifier), checked_roles(roles)
        if person.state == "revoked":
            raise UserError("That person is not let in any more.", "Invite them again.")
        if OFFICER in person.roles and OFFICER not in wanted:
            self._keep_an_officer(person)
        if OFFICER in wanted and OFFICER not in person.roles:
            self._second("grant security officer", person.id, by)
        with self._base.writing() as connection:
            connection.execute(sql.update(PEOPLE).where(PEOPLE.c.id == person.id).values(roles="\n".join(wanted)))
            facts = {"roles": ", ".join(wanted), "before": ", ".join(person.roles), "by": by}
            self._acts.note(connection, "roles changed", person.id, **facts)
        self._sessions.forget()
        return self.get(person.id)

    def revoke(self, identifier: str, by: str) -> Person:
        """Let somebody in no more, from now on: sessions end, and every way to sign in is deleted."""
        person = self.get(identifier)
        self._keep_an_officer(person)
        with self._base.writing() as connection:
            gone = sql.update(PEOPLE).where(PEOPLE.c.id == person.id).values(state="revoked", subject=None)
            connection.execute(gone)
            self._forget_ways(connection, person.id)
            connection.execute(sql.delete(INVITES).where(INVITES.c.person == person.id))
            self._sessions.end_all(connection, person.id)
            self._acts.note(connection, "person revoked", person.id, by=by)
        self._sessions.forget()
        return self.get(person.id)

    def reset(self, identifier: str, purpose: Purpose, by: str) -> tuple[Person, str]:
        """End somebody's sessions and return a code, once, with which they set a new way to sign in themselves.

        Parameters
        ----------
        purpose : {"password", "all"}
            ``password`` leaves the other ways, and the new password needs a code of the app that is there;
            ``all`` deletes every way, for somebody who proved anew, in person, who they are.
        """
        person = self.get(identifier)
        if person.state != "active":
            raise UserError("That person has no way to sign in that could be reset.", "Invite them.")
        if purpose == "all":
            self._keep_an_officer(person)
        with self._base.writing() as connection:
            if purpose == "all":
                self._forget_ways(connection, person.id)
                emptied = sql.update(PEOPLE).where(PEOPLE.c.id == person.id)
                connection.execute(emptied.values(state="invited", subject=None))
            self._sessions.end_all(connection, person.id)
            code = self._code(connection, person.id, purpose)
            self._acts.note(connection, "sign-in reset", person.id, ways=purpose, by=by)
        self._sessions.forget()
        return self.get(person.id), code

    def _keep_an_officer(self, person: Person) -> None:
        others = [one for one in self.officers() if one.id != person.id]
        if OFFICER in person.roles and person.state == "active" and not others:
            raise Refused(
                "last-officer", "This is the only security officer who can sign in.", "Make another one first."
            )

    def _forget_ways(self, connection: sql.Connection, person: str) -> None:
        connection.execute(sql.delete(CREDENTIALS).where(CREDENTIALS.c.person == person))

    # -- invitations -------------------------------------------------------------------------------

    def _code(self, connection: sql.Connection, person: str, purpose: Purpose) -> str:
        """A new code in the place of those before."""
        code, until = new_token(), micros(self._base.clock.now() + INVITED_FOR)
        connection.execute(sql.delete(INVITES).where(INVITES.c.person == person))
        values = {"digest": digest_of(code), "person": person, "purpose": purpose, "expires_us": until}
        connection.execute(sql.insert(INVITES).values(values))
        return code

    def invited(self, code: str) -> tuple[Person, Purpose] | None:
        """Whom a code is for, and for what; None when it is wrong, used or too old."""
        row = self._base.row(
            sql.select(INVITES.c.purpose, PEOPLE)
            .join_from(INVITES, PEOPLE, PEOPLE.c.id == INVITES.c.person)
            .where(INVITES.c.digest == digest_of(code.strip()), INVITES.c.expires_us > self._base.now_us)
        )
        return None if row is None else (_person(row), cast("Purpose", row.purpose))

    def take_invitation(self, connection: sql.Connection, code: str) -> bool:
        """Use a code up, in the transaction that sets a way to sign in; False when another was sooner."""
        digest = digest_of(code.strip())
        used = sql.delete(INVITES).where(INVITES.c.digest == digest, INVITES.c.expires_us > self._base.now_us)
        return connection.execute(used).rowcount == 1

    def activate(self, connection: sql.Connection, person: Person) -> None:
        """Let in somebody who was invited, once there is a way to sign in."""
        if person.state != "active":
            connection.execute(sql.update(PEOPLE).where(PEOPLE.c.id == person.id).values(state="active"))
            self._acts.note(connection, "person let in", person.id)


def checked_roles(roles: Iterable[str]) -> tuple[Role, ...]:
    """Roles in their order, each once.

    Raises
    ------
    UserError
        There is none, or no such role.
    """
    wanted = {" ".join(role.casefold().replace("-", " ").split()) for role in roles}
    if not wanted or wanted - set(ROLES):
        raise UserError("A person has one or more roles.", f"Roles: {', '.join(ROLES)}.")
    return tuple(role for role in ROLES if role in wanted)


def _person(row: Any) -> Person:
    roles = cast("tuple[Role, ...]", tuple(row.roles.split("\n")))
    return Person(id=row.id, name=row.name, roles=roles, state=row.state, made_at=moment_of(row.made_us))

"""The ways of a person to prove who it is, as they are kept."""

from __future__ import annotations

import base64
import secrets
from typing import Any, Final

import msgspec
import sqlalchemy as sql

from cityward.core.clock import moment_of
from cityward.core.errors import Refused, UnknownId
from cityward.secure.access.acts import Acts
from cityward.secure.access.codes import matching_step, plain_recovery, recovery_codes
from cityward.secure.access.records import Credential
from cityward.secure.access.sealing import Seal, digest_of
from cityward.secure.access.tables import CREDENTIALS, PEOPLE, Base

PASSKEYS_MAX: Final = 20
LABEL_CHARS: Final = 80


class Passkey(msgspec.Struct, frozen=True):
    """What is kept of a passkey: its public half, and the number of times that it says it was used."""

    id: bytes
    key: bytes
    row: str = ""
    person: str = ""
    counter: int = 0


class Ways:
    """Reads and writes credentials; secrets of apps are sealed, codes on paper are digests.

    Parameters
    ----------
    base : Base
        Database and clock.
    seal : Seal
        Seals and digests.
    acts : Acts
        What the ledger is told.
    """

    def __init__(self, base: Base, seal: Seal, acts: Acts) -> None:
        self._base, self._seal, self._acts = base, seal, acts

    # -- looking -----------------------------------------------------------------------------------

    def of(self, person: str) -> list[Credential]:
        """The ways of a person; codes on paper are one way, counted."""
        rows = self._base.rows(
            sql.select(CREDENTIALS).where(CREDENTIALS.c.person == person).order_by(CREDENTIALS.c.made_us)
        )
        paper = [row for row in rows if row.kind == "paper"]
        found = [_credential(row) for row in rows if row.kind != "paper"]
        return [*found, *(_credential(row, len(paper)) for row in paper[:1])]

    def password(self, person: str | None) -> tuple[str, int] | None:
        """Hash of somebody's password and when it was set (µs); None without one. It asks even of nobody."""
        row = self._row(person or "", "password")
        return None if row is None else (bytes(row.secret).decode("ascii"), int(row.made_us))

    def has_app(self, person: str) -> bool:
        """Whether somebody has an app of one-time codes."""
        return self._row(person, "app") is not None

    def _row(self, person: str, kind: str) -> Any:
        return self._base.row(sql.select(CREDENTIALS).where(CREDENTIALS.c.person == person, CREDENTIALS.c.kind == kind))

    def passkey(self, identifier: bytes) -> Passkey | None:
        """A passkey by what it calls itself."""
        row = self._base.row(sql.select(CREDENTIALS).where(CREDENTIALS.c.handle == self._handle(identifier)))
        return None if row is None else _passkey(row)

    def passkeys(self, person: str) -> list[Passkey]:
        """The passkeys of somebody."""
        mine = sql.select(CREDENTIALS).where(CREDENTIALS.c.person == person, CREDENTIALS.c.kind == "passkey")
        return [_passkey(row) for row in self._base.rows(mine)]

    def _handle(self, identifier: bytes) -> str:
        return digest_of(base64.b64encode(identifier).decode())

    # -- using -------------------------------------------------------------------------------------

    def use_code(self, connection: sql.Connection, person: str, code: str) -> bool:
        """Whether ``code`` is the app's of now, or one on paper; it is used up in this transaction."""
        now = self._base.clock.now()
        row = self._row(person, "app")
        secret = None if row is None else self._seal.open("app", bytes(row.secret), person)
        step = None if secret is None else matching_step(secret, code, now, row.counter)
        if step is not None:
            once = sql.update(CREDENTIALS).where(CREDENTIALS.c.id == row.id, CREDENTIALS.c.counter < step)
            return connection.execute(once.values(counter=step, used_us=self._base.now_us)).rowcount == 1
        handle = self._paper(person, code)
        return connection.execute(sql.delete(CREDENTIALS).where(CREDENTIALS.c.handle == handle)).rowcount == 1

    def use_passkey(self, connection: sql.Connection, passkey: Passkey, counter: int) -> bool:
        """Write down the new counter; False when another sign-in with the same passkey was sooner."""
        mine = sql.update(CREDENTIALS).where(CREDENTIALS.c.id == passkey.row, CREDENTIALS.c.counter == passkey.counter)
        return connection.execute(mine.values(counter=counter, used_us=self._base.now_us)).rowcount == 1

    def used_password(self, connection: sql.Connection, person: str) -> None:
        """Write down that a password was used."""
        mine = (CREDENTIALS.c.person == person, CREDENTIALS.c.kind == "password")
        connection.execute(sql.update(CREDENTIALS).where(*mine).values(used_us=self._base.now_us))

    def _paper(self, person: str, code: str) -> str:
        return self._seal.digest("paper", f"{person} {plain_recovery(code)}")

    # -- changing ----------------------------------------------------------------------------------

    def set_password(self, connection: sql.Connection, person: str, kept: str) -> None:
        """Keep the hash of a new password in the place of the old one."""
        self._replace(connection, person, "password", kept.encode("ascii"))

    def set_app(self, connection: sql.Connection, person: str, secret: bytes, step: int) -> None:
        """Keep the secret of a new app; its codes up to ``step`` are used up."""
        self._replace(connection, person, "app", self._seal.close("app", secret, person), counter=step)

    def new_paper(self, connection: sql.Connection, person: str) -> list[str]:
        """Make new codes for paper in the place of the old ones, and return them, once."""
        codes = recovery_codes()
        old = (CREDENTIALS.c.person == person, CREDENTIALS.c.kind == "paper")
        connection.execute(sql.delete(CREDENTIALS).where(*old))
        for code in codes:
            self._add(connection, person, "paper", b"", handle=self._paper(person, code))
        self._acts.note(connection, "way added", person, way="paper")
        return codes

    def add_passkey(self, connection: sql.Connection, person: str, passkey: Passkey, label: str) -> None:
        """Keep a new passkey.

        Raises
        ------
        Refused
            It is kept already, or there are too many.
        """
        if len(self.passkeys(person)) >= PASSKEYS_MAX or self.passkey(passkey.id) is not None:
            raise Refused("passkey", "That passkey cannot be added.", f"One person has at most {PASSKEYS_MAX}.")
        secret = msgspec.json.encode({"id": passkey.id, "key": passkey.key})
        label = " ".join(label.split())[:LABEL_CHARS] or "Passkey"
        handle = self._handle(passkey.id)
        self._add(connection, person, "passkey", secret, handle=handle, counter=passkey.counter, label=label)
        self._acts.note(connection, "way added", person, way="passkey")

    def remove(self, connection: sql.Connection, person: str, identifier: str) -> str:
        """Delete one way, of codes on paper all; return its kind.

        Raises
        ------
        UnknownId
            That person has no such way.
        Refused
            Nothing would be left to sign in with.
        """
        rows = connection.execute(
            sql.select(CREDENTIALS.c.id, CREDENTIALS.c.kind).where(CREDENTIALS.c.person == person)
        ).all()
        gone = next((row.kind for row in rows if row.id == identifier), None)
        if gone is None:
            raise UnknownId("There is no such way to sign in.")
        left = {row.kind for row in rows if row.id != identifier and not gone == row.kind == "paper"}
        linked = connection.execute(sql.select(PEOPLE.c.subject).where(PEOPLE.c.id == person)).scalar_one_or_none()
        if not ("passkey" in left or {"password", "app"} <= left or linked):
            raise Refused("last-way", "Nothing would be left to sign in with.", "Add another way first.")
        which = CREDENTIALS.c.kind == "paper" if gone == "paper" else CREDENTIALS.c.id == identifier
        connection.execute(sql.delete(CREDENTIALS).where(CREDENTIALS.c.person == person, which))
        self._acts.note(connection, "way removed", person, way=str(gone))
        return str(gone)

    def _replace(self, connection: sql.Connection, person: str, kind: str, secret: bytes, counter: int = 0) -> None:
        old = (CREDENTIALS.c.person == person, CREDENTIALS.c.kind == kind)
        connection.execute(sql.delete(CREDENTIALS).where(*old))
        self._add(connection, person, kind, secret, counter=counter)
        self._acts.note(connection, "way added", person, way=kind)

    def _add(self, connection: sql.Connection, person: str, kind: str, secret: bytes, **more: Any) -> None:
        values = {"id": f"c-{secrets.token_hex(8)}", "person": person, "kind": kind, "secret": secret}
        connection.execute(sql.insert(CREDENTIALS).values(**values, made_us=self._base.now_us, **more))


def _passkey(row: Any) -> Passkey:
    kept = msgspec.json.decode(bytes(row.secret), type=Passkey)
    return msgspec.structs.replace(kept, row=row.id, person=row.person, counter=int(row.counter))


def _credential(row: Any, count: int = 1) -> Credential:
    used = None if row.used_us is None else moment_of(row.used_us)
    return Credential(
        id=row.id, kind=row.kind, label=row.label, made_at=moment_of(row.made_us), used_at=used, count=count
    )

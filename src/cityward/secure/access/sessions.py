"""Sessions: a random secret in a cookie, its digest here, an end when it is not used, and an end in any case."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, cast

import sqlalchemy as sql

from cityward.core.clock import moment_of
from cityward.core.errors import StoreError
from cityward.core.principal import Assurance, Principal, Role
from cityward.secure.access.acts import Acts
from cityward.secure.access.records import Person, Session, Visit
from cityward.secure.access.remembered import Remembered
from cityward.secure.access.sealing import digest_of, new_token
from cityward.secure.access.settings import AccessSection
from cityward.secure.access.tables import PEOPLE, SESSIONS, Base

TOUCHED_EVERY_US: Final = 60_000_000
"""A use is written down once a minute, so that a page costs no write."""

_HOUR_US: Final = 3_600_000_000
_MINUTE_US: Final = 60_000_000


class Sessions:
    """Who is signed in.

    Parameters
    ----------
    base : Base
        Database and clock.
    acts : Acts
        What the ledger is told.
    settings : AccessSection
        When sessions end, and how many one person may have.
    """

    def __init__(self, base: Base, acts: Acts, settings: AccessSection) -> None:
        self._base, self._acts, self._settings = base, acts, settings
        self._known = Remembered[Principal]()

    def begin(
        self,
        connection: sql.Connection,
        person: Person,
        assurance: Assurance,
        visit: Visit,
        proved_us: int | None = None,
    ) -> tuple[str, Principal]:
        """Begin a session; the one before in the same browser ends, and of too many the least used one.

        Parameters
        ----------
        proved_us : int, optional
            When somebody proved who they are to a sign-in service; default now.

        Returns
        -------
        str
            The secret for the cookie, once.
        Principal
        """
        token, now = new_token(), self._base.now_us
        proved = now if proved_us is None else min(now, proved_us)
        before = digest_of(visit.session)
        self.end(connection, before, person.id)
        self._known.drop(before)
        mine = sql.select(SESSIONS.c.digest).where(SESSIONS.c.person == person.id).order_by(SESSIONS.c.used_us.desc())
        for (digest,) in connection.execute(mine.offset(self._settings.sessions - 1)).all():
            self.end(connection, digest, person.id)
        values = {
            "digest": digest_of(token), "person": person.id, "assurance": assurance, "agent": visit.agent[:40],
            "issued_us": now, "proved_us": proved, "used_us": now,
        }  # fmt: skip
        connection.execute(sql.insert(SESSIONS).values(values))
        self._acts.note(connection, "session granted", person.id, assurance=assurance)
        principal = Principal(
            id=person.id, name=person.name, kind="person", roles=person.roles, assurance=assurance,
            at=moment_of(proved), session=digest_of(token),
        )  # fmt: skip
        return token, principal

    def find(self, token: str) -> Principal | None:
        """Who a cookie's secret belongs to, or None."""
        digest = digest_of(token)
        known = self._known.find(digest)
        if known is not None:
            return known
        changes = self._known.changes
        now = self._base.now_us
        row = self._base.row(self._alive(now).where(SESSIONS.c.digest == digest))
        if row is None:
            self._known.drop(digest)
            return None
        if now - row.used_us > TOUCHED_EVERY_US:
            # A disk that is full is no reason to send away who only reads.
            with suppress(StoreError), self._base.writing() as connection:
                used = sql.update(SESSIONS).where(SESSIONS.c.digest == digest)
                connection.execute(used.values(used_us=now))
        principal = _principal(row)
        self._known.keep(digest, principal, changes)
        return principal

    def _alive(self, now: int) -> sql.Select[Any]:
        whole = now - self._settings.whole_hours * _HOUR_US
        idle = now - self._settings.idle_minutes * _MINUTE_US
        return (
            sql.select(SESSIONS, PEOPLE.c.name, PEOPLE.c.roles)
            .join_from(SESSIONS, PEOPLE, PEOPLE.c.id == SESSIONS.c.person)
            .where(PEOPLE.c.state == "active", SESSIONS.c.issued_us > whole, SESSIONS.c.used_us > idle)
        )

    def of(self, person: str) -> list[Session]:
        """Sessions of somebody that have not ended, the last used first."""
        rows = self._base.rows(
            self._alive(self._base.now_us).where(SESSIONS.c.person == person).order_by(SESSIONS.c.used_us.desc())
        )
        return [_session(row) for row in rows]

    def all(self) -> list[Session]:
        """Every session that has not ended, the last used first."""
        return [
            _session(row) for row in self._base.rows(self._alive(self._base.now_us).order_by(SESSIONS.c.used_us.desc()))
        ]

    def end(self, connection: sql.Connection, digest: str, person: str) -> bool:
        """End a session of somebody; False when there is none such."""
        mine = sql.delete(SESSIONS).where(SESSIONS.c.digest == digest, SESSIONS.c.person == person)
        ended = connection.execute(mine).rowcount == 1
        if ended:
            self._acts.note(connection, "session revoked", person)
        return ended

    def end_all(self, connection: sql.Connection, person: str, but: str = "") -> int:
        """End the sessions of somebody, all but the one of a digest; return how many there were."""
        others = sql.delete(SESSIONS).where(SESSIONS.c.person == person, SESSIONS.c.digest != but)
        ended = connection.execute(others).rowcount
        if ended:
            self._acts.note(connection, "sessions revoked", person, sessions=ended)
        return ended

    def revoke(self, digest: str, person: str) -> bool:
        """End one session; False when it is not that person's."""
        with self._base.writing() as connection:
            ended = self.end(connection, digest, person)
        self.forget()
        return ended

    def revoke_all(self, person: str, but: str = "") -> int:
        """Sign somebody out everywhere, or everywhere but here."""
        with self._base.writing() as connection:
            ended = self.end_all(connection, person, but)
        self.forget()
        return ended

    def prune(self) -> None:
        """Delete sessions that are over."""
        whole = self._base.now_us - self._settings.whole_hours * _HOUR_US
        with self._base.writing() as connection:
            connection.execute(sql.delete(SESSIONS).where(SESSIONS.c.issued_us <= whole))

    def forget(self) -> None:
        """Look everything up again: something was revoked or changed."""
        self._known.forget()


def _principal(row: Any) -> Principal:
    return Principal(
        id=row.person,
        name=row.name,
        kind="person",
        roles=cast("tuple[Role, ...]", tuple(row.roles.split("\n"))),
        assurance=row.assurance,
        at=moment_of(row.proved_us),
        session=row.digest,
    )


def _session(row: Any) -> Session:
    return Session(
        digest=row.digest,
        person=row.person,
        agent=row.agent,
        assurance=row.assurance,
        issued_at=moment_of(row.issued_us),
        proved_at=moment_of(row.proved_us),
        used_at=moment_of(row.used_us),
    )

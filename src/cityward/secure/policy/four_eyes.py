"""What one person may not do alone: a request, another person's agreement to exactly that, and its one use.

A request is bound to the digest of exactly what is asked, so that nothing can be changed after somebody agreed; it
ends after a day, and counts once. Names stand in the registers beside those of the accounts; the ledger is told
opaque identifiers, the act and the digest.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal

import sqlalchemy as sql

from cityward.core.clock import Clock, micros, moment_of
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.person_names import NAME_CHARS_MAX, same_person
from cityward.core.principal import Principal
from cityward.core.records import Record
from cityward.secure.access.acts import Acts
from cityward.secure.access.tables import DIGEST_CHARS, Base
from cityward.store.engine import make_tables, open_engine

LASTS: Final = timedelta(hours=24)
WAITING_MAX: Final = 20
"""Requests of one person that wait at once."""

WORDS_CHARS: Final = 1_000
ABOUT_CHARS: Final = 200
KEPT_MAX: Final = 200
"""Requests that a list shows."""

State = Literal["waiting", "approved", "denied", "used", "over"]

_META = sql.MetaData()
REQUESTS = sql.Table(
    "access_requests",
    _META,
    sql.Column("id", sql.String(20), primary_key=True),
    sql.Column("action", sql.String(40), nullable=False),
    sql.Column("about", sql.String(ABOUT_CHARS), nullable=False),
    sql.Column("digest", sql.String(DIGEST_CHARS), nullable=False, index=True),
    sql.Column("words", sql.Text, nullable=False),
    sql.Column("by", sql.String(20), nullable=False),
    sql.Column("by_name", sql.String(120), nullable=False),
    sql.Column("state", sql.String(10), nullable=False),
    sql.Column("other", sql.String(20), nullable=False, default=""),
    sql.Column("other_name", sql.String(120), nullable=False, default=""),
    sql.Column("made_us", sql.BigInteger, nullable=False),
    sql.Column("expires_us", sql.BigInteger, nullable=False),
)

_AGREED: ContextVar[bool] = ContextVar("agreed", default=False)


class Pending(Record, frozen=True, kw_only=True):
    """A request. ``by`` asks, ``other`` agreed or refused; ``words`` say what is asked, ``digest`` exactly what."""

    id: str
    action: str
    about: str
    digest: str
    words: str
    by: str
    by_name: str
    state: State
    other: str
    other_name: str
    made_at: datetime
    expires_at: datetime


class SecondNeeded(Refused):
    """Another person has still to agree; ``request`` is the request that waits for that."""

    def __init__(self, request: Pending) -> None:
        self.request = request
        super().__init__(
            "second-person",
            f"This takes a second person, and request {request.id} now waits for one.",
            "Another person agrees on the page /requests, or with "
            f"'cityward access approve {request.id} --by NAME', within 24 hours. Then do exactly the same again.",
        )


def agreed_here(act: str, subject: str, by: str) -> None:
    """Refuse what needs a second person unless one agreed to what is being done just now.

    Raises
    ------
    Refused
        Nobody agreed.
    """
    if not _AGREED.get():
        from cityward.secure.access.people import second_person_needed

        second_person_needed(act, subject, by)


class FourEyes:
    """Requests for a second person.

    Parameters
    ----------
    url : str
        Of the registers.
    clock : Clock
        The time.
    is_let_in : callable
        Whether a person is still let in, by identifier: who left agrees to nothing.
    """

    def __init__(self, url: str, clock: Clock, is_let_in: Callable[[str], bool]) -> None:
        engine = open_engine(url)
        self._base, self._is_let_in = Base(engine, clock), is_let_in
        self._acts = Acts(self._base)
        make_tables(engine, _META)

    # -- looking -----------------------------------------------------------------------------------

    def all(self) -> list[Pending]:
        """Requests, the newest first."""
        query = sql.select(REQUESTS).order_by(REQUESTS.c.made_us.desc(), REQUESTS.c.id).limit(KEPT_MAX)
        return [self._pending(row) for row in self._base.rows(query)]

    def get(self, identifier: str) -> Pending:
        """One request; raises `UnknownId`."""
        row = self._base.row(sql.select(REQUESTS).where(REQUESTS.c.id == identifier))
        if row is None:
            raise UnknownId("There is no such request.", "'cityward access requests' lists them.")
        return self._pending(row)

    def _pending(self, row: Any) -> Pending:
        over = row.state in ("waiting", "approved") and row.expires_us <= self._base.now_us
        return Pending(
            id=row.id, action=row.action, about=row.about, digest=row.digest, words=row.words, by=row.by,
            by_name=row.by_name, state="over" if over else row.state, other=row.other, other_name=row.other_name,
            made_at=moment_of(row.made_us), expires_at=moment_of(row.expires_us),
        )  # fmt: skip

    # -- asking ------------------------------------------------------------------------------------

    def demand(self, action: str, about: str, exact: bytes, words: str, who: Principal) -> Pending:
        """Use the agreement of another person to exactly this up; without one make the request for it.

        Raises
        ------
        SecondNeeded
            Nobody agreed yet.
        UserError
            Too much of theirs waits already.
        """
        # Of digests, which are of one length: where one part ends and the next begins cannot be moved.
        parts = (action.encode(), about.encode(), exact)
        digest = sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()
        mine = (
            REQUESTS.c.digest == digest, REQUESTS.c.by == who.id, REQUESTS.c.expires_us > self._base.now_us,
        )  # fmt: skip
        query = sql.select(REQUESTS).where(*mine, REQUESTS.c.state.in_(("approved", "waiting")))
        for row in self._base.rows(query.order_by(REQUESTS.c.state)):
            if row.state == "waiting":
                raise SecondNeeded(self._pending(row))
            if self._is_let_in(row.other) and self._used(row):
                return self.get(row.id)
        raise SecondNeeded(self._made(action, about, digest, words, who))

    def _made(self, action: str, about: str, digest: str, words: str, who: Principal) -> Pending:
        now = self._base.clock.now()
        values = {
            "id": f"q-{secrets.token_hex(6)}", "action": action, "about": _shown(about, ABOUT_CHARS), "digest": digest,
            "words": _shown(words, WORDS_CHARS), "by": who.id, "by_name": _shown(who.name, NAME_CHARS_MAX),
            "state": "waiting", "other": "", "other_name": "", "made_us": micros(now),
            "expires_us": micros(now + LASTS),
        }  # fmt: skip
        waiting = (REQUESTS.c.by == who.id, REQUESTS.c.state == "waiting", REQUESTS.c.expires_us > micros(now))
        if len(self._base.rows(sql.select(REQUESTS.c.id).where(*waiting))) >= WAITING_MAX:
            raise UserError(f"{WAITING_MAX} requests of yours wait already.", "Let somebody answer those first.")
        with self._base.writing() as connection:
            connection.execute(sql.insert(REQUESTS).values(values))
            self._acts.note(
                connection, "second person asked", str(values["id"]), by=who.id, action=action, digest=digest
            )
        return self.get(str(values["id"]))

    def _used(self, row: Any) -> bool:
        """Use an agreement up; False when another program was sooner."""
        with self._base.writing() as connection:
            once = sql.update(REQUESTS).where(
                REQUESTS.c.id == row.id, REQUESTS.c.state == "approved", REQUESTS.c.expires_us > self._base.now_us
            )
            if connection.execute(once.values(state="used")).rowcount != 1:
                return False
            self._acts.note(connection, "agreement used", row.id, by=row.by, action=row.action, digest=row.digest)
        return True

    @contextmanager
    def agreed(self) -> Iterator[None]:
        """What is done inside was agreed to by another person."""
        token = _AGREED.set(True)
        try:
            yield
        finally:
            _AGREED.reset(token)

    # -- answering ---------------------------------------------------------------------------------

    def answer(self, identifier: str, who: Principal, digest: str, *, agree: bool) -> Pending:
        """Agree or refuse, as another person; whether they may is decided before, by the policies.

        Parameters
        ----------
        digest : str
            Of what they were shown.

        Raises
        ------
        Refused
            It is the same person, under whichever account, or what they were shown is not what is asked.
        UserError
            It was answered already, or is over.
        """
        found = self.get(identifier)
        if found.state != "waiting":
            raise UserError(f"This request is {found.state} already.", "Ask for it anew.")
        if who.id == found.by or (found.by_name and same_person(who.name, found.by_name)):
            raise Refused("same-person", "You cannot agree to what you asked yourself.", "Another person answers it.")
        if not secrets.compare_digest(found.digest.encode(), digest.encode()):
            raise Refused("shown-otherwise", "This is not what you were shown.", "Look at the request again.")
        state = "approved" if agree else "denied"
        with self._base.writing() as connection:
            once = sql.update(REQUESTS).where(
                REQUESTS.c.id == identifier, REQUESTS.c.state == "waiting", REQUESTS.c.expires_us > self._base.now_us
            )
            if (
                connection.execute(
                    once.values(state=state, other=who.id, other_name=_shown(who.name, NAME_CHARS_MAX))
                ).rowcount
                != 1
            ):
                raise UserError("Somebody else answered it just now.", "Look at it again.")
            facts = {"by": who.id, "action": found.action, "digest": found.digest}
            self._acts.note(connection, f"second person {'agreed' if agree else 'refused'}", identifier, **facts)
        return self.get(identifier)


def _shown(text: str, most: int) -> str:
    """Text as it can be kept and shown; no sign in it hides another."""
    return "".join(sign if sign.isprintable() else " " for sign in text[:most])

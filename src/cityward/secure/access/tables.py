"""Tables of who may come in, beside the registers, on SQLite and PostgreSQL alike.

Nothing in them lets anybody in who reads them: secrets are kept as digests or hashes, or sealed under a key that lies
elsewhere. Moments are microseconds since 1970 (UTC).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import sqlalchemy as sql

from cityward.core.clock import Clock, micros
from cityward.core.errors import UserError
from cityward.store.engine import answering, make_tables

META = sql.MetaData()
"""All tables of access."""
DIGEST_CHARS: Final = 64
"""SHA-256 and HMAC-SHA256 in hexadecimal digits."""

PEOPLE = sql.Table(
    "access_people",
    META,
    sql.Column("id", sql.String(20), primary_key=True),
    sql.Column("name", sql.String(120), nullable=False),
    sql.Column("name_digest", sql.String(DIGEST_CHARS), unique=True, nullable=False),
    sql.Column("roles", sql.Text, nullable=False),
    sql.Column("state", sql.String(10), nullable=False),
    sql.Column("subject", sql.String(DIGEST_CHARS), unique=True),
    sql.Column("made_us", sql.BigInteger, nullable=False),
)
CREDENTIALS = sql.Table(
    "access_credentials",
    META,
    sql.Column("id", sql.String(20), primary_key=True),
    sql.Column("person", sql.String(20), nullable=False, index=True),
    sql.Column("kind", sql.String(10), nullable=False),
    sql.Column("handle", sql.String(DIGEST_CHARS), unique=True),
    sql.Column("secret", sql.LargeBinary, nullable=False),
    sql.Column("counter", sql.BigInteger, nullable=False, default=0),
    sql.Column("label", sql.String(80), nullable=False, default=""),
    sql.Column("made_us", sql.BigInteger, nullable=False),
    sql.Column("used_us", sql.BigInteger),
)
SESSIONS = sql.Table(
    "access_sessions",
    META,
    sql.Column("digest", sql.String(DIGEST_CHARS), primary_key=True),
    sql.Column("person", sql.String(20), nullable=False, index=True),
    sql.Column("assurance", sql.String(20), nullable=False),
    sql.Column("agent", sql.String(40), nullable=False),
    sql.Column("issued_us", sql.BigInteger, nullable=False),
    sql.Column("proved_us", sql.BigInteger, nullable=False),
    sql.Column("used_us", sql.BigInteger, nullable=False),
)
TOKENS = sql.Table(
    "access_tokens",
    META,
    sql.Column("digest", sql.String(DIGEST_CHARS), primary_key=True),
    sql.Column("id", sql.String(20), unique=True, nullable=False),
    sql.Column("kind", sql.String(12), nullable=False),
    sql.Column("name", sql.String(120), nullable=False),
    sql.Column("prefix", sql.String(16), nullable=False),
    sql.Column("scopes", sql.Text, nullable=False),
    sql.Column("made_us", sql.BigInteger, nullable=False),
    sql.Column("expires_us", sql.BigInteger, nullable=False),
    sql.Column("used_us", sql.BigInteger),
    sql.Column("revoked_us", sql.BigInteger),
)
INVITES = sql.Table(
    "access_invites",
    META,
    sql.Column("digest", sql.String(DIGEST_CHARS), primary_key=True),
    sql.Column("person", sql.String(20), nullable=False, index=True),
    sql.Column("purpose", sql.String(10), nullable=False),
    sql.Column("expires_us", sql.BigInteger, nullable=False),
)
ATTEMPTS = sql.Table(
    "access_attempts",
    META,
    sql.Column("ordinal", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("at_us", sql.BigInteger, nullable=False, index=True),
    sql.Column("account", sql.String(DIGEST_CHARS), nullable=False),
    sql.Column("network", sql.String(DIGEST_CHARS), nullable=False),
    sql.Column("device", sql.String(DIGEST_CHARS), nullable=False, default=""),
    sql.Column("way", sql.String(12), nullable=False),
    sql.Column("outcome", sql.String(8), nullable=False),
    sql.Index("access_attempts_by_account", "account", "at_us"),
    sql.Index("access_attempts_by_network", "network", "at_us"),
)
USED = sql.Table(
    "access_used",
    META,
    sql.Column("digest", sql.String(DIGEST_CHARS), primary_key=True),
    sql.Column("until_us", sql.BigInteger, nullable=False, index=True),
)
ACTS = sql.Table(
    "access_acts",
    META,
    sql.Column("ordinal", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("entry", sql.LargeBinary, nullable=False),
)


class Base:
    """The database and the clock that the parts of access share.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        Of the registers.
    clock : Clock
        The time.

    Raises
    ------
    cityward.core.errors.StoreError
        The database does not answer.
    """

    def __init__(self, engine: sql.Engine, clock: Clock) -> None:
        self._engine = engine
        self.clock = clock
        make_tables(engine, META)

    @property
    def now_us(self) -> int:
        """Microseconds since 1970."""
        return micros(self.clock.now())

    @contextmanager
    def writing(self) -> Iterator[sql.Connection]:
        """One transaction; raises `UserError` when two write the same at once."""
        try:
            with answering(), self._engine.begin() as connection:
                yield connection
        except sql.exc.IntegrityError:
            raise UserError("Somebody else changed the same just now.", "Look at it again, and try again.") from None

    def rows(self, statement: Any) -> list[Any]:
        """Every row of a query."""
        with answering(), self._engine.connect() as connection:
            return list(connection.execute(statement))

    def row(self, statement: Any) -> Any:
        """The first row of a query, or None."""
        return next(iter(self.rows(statement.limit(1))), None)

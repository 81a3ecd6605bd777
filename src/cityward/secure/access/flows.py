"""What a browser carries between two steps of a sign-in: sealed, short-lived, and good for once.

Nothing is kept for a step that was only begun, so that no number of beginnings fills memory or disk.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, TypeVar

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from cityward.core.clock import micros
from cityward.secure.access.sealing import Seal, digest_of
from cityward.secure.access.tables import USED, Base

F = TypeVar("F", bound=msgspec.Struct)
LASTS: Final = timedelta(minutes=10)
"""Longest time from one step to the next (Source: OWASP ASVS 5.0, 6.5.5)."""


class Flows:
    """Seals what the next step needs, and lets each be used once.

    Parameters
    ----------
    base : Base
        Database and clock.
    seal : Seal
        Its key.
    """

    def __init__(self, base: Base, seal: Seal) -> None:
        self._base, self._seal = base, seal

    def begin(self, facts: msgspec.Struct) -> str:
        """Seal ``facts`` for the next step."""
        until = micros(self._base.clock.now() + LASTS).to_bytes(8, "big")
        return self._seal.close_text("flow", until + msgspec.json.encode(facts), type(facts).__name__)

    def read(self, flow: str, kind: type[F]) -> F | None:
        """What was sealed as ``kind``; None when it was not, or too long ago."""
        plain = self._seal.open_text("flow", flow, kind.__name__)
        if plain is None or int.from_bytes(plain[:8], "big") <= self._base.now_us:
            return None
        return msgspec.json.decode(plain[8:], type=kind)

    def use(self, connection: sql.Connection, flow: str) -> bool:
        """Use a flow up; False when it was used before."""
        now, digest = self._base.now_us, digest_of(flow)
        connection.execute(sql.delete(USED).where(USED.c.until_us <= now))
        until = micros(self._base.clock.now() + LASTS)
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        once = dialect.insert(USED).values(digest=digest, until_us=until).on_conflict_do_nothing()
        return connection.execute(once.returning(USED.c.digest)).first() is not None

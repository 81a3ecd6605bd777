"""What becomes an entry of the ledger: kept with the change itself, and handed on by the next program that writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import sqlalchemy as sql

from cityward.core.receipts import receipt
from cityward.core.records import to_json
from cityward.secure.access.tables import ACTS, Base

AT_ONCE: Final = 10_000
"""Acts that are handed on in one go; the others come with the next."""


class Acts:
    """Entries that wait for the ledger, whose one writer may be another program."""

    def __init__(self, base: Base) -> None:
        self._base = base

    def note(self, connection: sql.Connection, act: str, subject: str, **facts: str | int) -> None:
        """Keep that something was done, in the transaction that does it.

        Parameters
        ----------
        connection : sqlalchemy.Connection
            The transaction.
        act : str
            What was done: ``session granted``, ``role changed``.
        subject : str
            Opaque identifier of the person or token.
        **facts : str or int
            Facts that everybody may read; never a name.
        """
        content = to_json({"act": act, "subject": subject, **facts})
        entry = receipt("access", subject, self._base.clock.now(), content, act=act, **facts)
        connection.execute(sql.insert(ACTS).values(entry=entry))

    def settle(self, append: Callable[[Sequence[bytes]], Sequence[int] | None]) -> int:
        """Hand what waits to ``append``, which may be busy (None); return how many it took.

        After a death in between they are handed on once more: an entry twice, and none lost.
        """
        rows = self._base.rows(sql.select(ACTS.c.ordinal, ACTS.c.entry).order_by(ACTS.c.ordinal).limit(AT_ONCE))
        if not rows or append([bytes(row.entry) for row in rows]) is None:
            return 0
        with self._base.writing() as connection:
            connection.execute(sql.delete(ACTS).where(ACTS.c.ordinal <= rows[-1].ordinal))
        return len(rows)

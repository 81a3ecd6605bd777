"""The ballot box: ballots without a code, a name or a time, and codes without a ballot.

No table here has a number that counts up, so that the order in which rows came is not kept with them. One transaction
spends a code and puts its ballot in: a log of the database that somebody copies while people vote can link the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

import sqlalchemy as sql

from cityward.store.engine import Database, answering, make_tables, upsert

_META = sql.MetaData()
_NAME_CHARS: Final = 40
_CODES = sql.Table(
    "voting_codes",
    _META,
    sql.Column("round", sql.String(_NAME_CHARS), primary_key=True),
    sql.Column("digest", sql.String(64), primary_key=True),
    sql.Column("spent", sql.Boolean, nullable=False),
    sqlite_with_rowid=False,
)
_BALLOTS = sql.Table(
    "ballots",
    _META,
    sql.Column("round", sql.String(_NAME_CHARS), primary_key=True),
    sql.Column("number", sql.String(40), primary_key=True),
    sql.Column("body", sql.Text, nullable=False),
    sqlite_with_rowid=False,
)
_WRONG = sql.Table(
    "voting_tries",
    _META,
    sql.Column("key", sql.String(60), primary_key=True),  # round and day
    sql.Column("round", sql.String(_NAME_CHARS), nullable=False),
    sql.Column("wrong", sql.BigInteger, nullable=False),
)


class BallotBox(Database):
    """Codes and ballots in the database of the registers; every method is one transaction."""

    def __init__(self, engine: sql.Engine) -> None:
        super().__init__(engine)
        make_tables(engine, _META)

    def add_codes(self, name: str, digests: Sequence[str]) -> None:
        """Keep digests of codes, in the order of the digests, which is not the order of the codes."""
        rows = [{"round": name, "digest": digest, "spent": False} for digest in sorted(digests)]
        with answering(), self._engine.begin() as connection:
            connection.execute(sql.insert(_CODES), rows)

    def is_spent(self, name: str, digest: str) -> bool | None:
        """Whether a code was used; None when there is no such code."""
        rows = self._rows(sql.select(_CODES.c.spent).where(_CODES.c.round == name, _CODES.c.digest == digest))
        return bool(rows[0].spent) if rows else None

    def vote(self, name: str, digest: str, number: str, body: str) -> bool:
        """Spend a code and put a ballot in, both or neither; False when the code is unknown or was spent."""
        spend = (
            sql.update(_CODES)
            .where(_CODES.c.round == name, _CODES.c.digest == digest, _CODES.c.spent.is_(False))
            .values(spent=True)
        )
        with answering(), self._engine.begin() as connection:
            if connection.execute(spend).rowcount != 1:
                return False
            connection.execute(sql.insert(_BALLOTS).values(round=name, number=number, body=body))
        return True

    def ballot(self, name: str, number: str) -> str | None:
        """One ballot by its number."""
        rows = self._rows(sql.select(_BALLOTS.c.body).where(_BALLOTS.c.round == name, _BALLOTS.c.number == number))
        return str(rows[0].body) if rows else None

    def ballots(self, name: str) -> dict[str, str]:
        """All ballots of a round by their numbers, in the order of these."""
        statement = sql.select(_BALLOTS.c.number, _BALLOTS.c.body).where(_BALLOTS.c.round == name)
        return {row.number: row.body for row in self._rows(statement.order_by(_BALLOTS.c.number))}

    def rewrite(self, name: str) -> None:
        """Write the ballots of a round anew, all in one transaction: then none shares a transaction with its code."""
        every = sql.select(_BALLOTS).where(_BALLOTS.c.round == name).order_by(_BALLOTS.c.number)
        with answering(), self._engine.begin() as connection:
            rows = [dict(row) for row in connection.execute(every).mappings()]
            connection.execute(sql.delete(_BALLOTS).where(_BALLOTS.c.round == name))
            if rows:
                connection.execute(sql.insert(_BALLOTS), rows)

    def note_wrong(self, name: str, day: date) -> None:
        """Count a try with a code that there is not."""
        key = f"{name} {day}"
        with answering(), self._engine.begin() as connection:
            upsert(connection, _WRONG, [{"key": key, "round": name, "wrong": 0}], "key", ())
            connection.execute(sql.update(_WRONG).where(_WRONG.c.key == key).values(wrong=_WRONG.c.wrong + 1))

    def counts(self, name: str) -> dict[str, int]:
        """How many ``codes`` there are, how many are ``spent``, how many ``ballots``, how many ``wrong`` tries."""
        codes, spent = self._rows(
            sql.select(
                sql.func.count(), sql.func.coalesce(sql.func.sum(sql.case((_CODES.c.spent, 1), else_=0)), 0)
            ).where(_CODES.c.round == name)
        )[0]
        ((ballots,),) = self._rows(sql.select(sql.func.count()).where(_BALLOTS.c.round == name))
        ((wrong,),) = self._rows(
            sql.select(sql.func.coalesce(sql.func.sum(_WRONG.c.wrong), 0)).where(_WRONG.c.round == name)
        )
        return {"codes": int(codes), "spent": int(spent), "ballots": int(ballots), "wrong": int(wrong)}

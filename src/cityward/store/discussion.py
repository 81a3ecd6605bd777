"""Answers to statements: which pseudonymous voter agrees with which; no name, no time, no number that counts up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sql

from cityward.store.engine import Database, answering, make_tables

_META = sql.MetaData()
_NAME_CHARS: Final = 40
_ANSWERS = sql.Table(
    "discussion_answers",
    _META,
    sql.Column("round", sql.String(_NAME_CHARS), primary_key=True),
    sql.Column("voter", sql.String(64), primary_key=True),
    sql.Column("statement", sql.String(16), primary_key=True),
    sql.Column("vote", sql.SmallInteger, nullable=False),
    sql.Column("coded", sql.Boolean, nullable=False),
    sqlite_with_rowid=False,
)


class DiscussionAnswers(Database):
    """Answers in the database of the registers; every method is one transaction."""

    def __init__(self, engine: sql.Engine) -> None:
        super().__init__(engine)
        make_tables(engine, _META)

    def put(self, name: str, voter: str, votes: Mapping[str, int], *, coded: bool) -> None:
        """Keep a voter's answers (1, 0 or -1 by statement); what he said of them before gives way."""
        own = (_ANSWERS.c.round == name, _ANSWERS.c.voter == voter, _ANSWERS.c.statement.in_(list(votes)))
        rows = [
            {"round": name, "voter": voter, "statement": one, "vote": vote, "coded": coded}
            for one, vote in sorted(votes.items())
        ]
        with answering(), self._engine.begin() as connection:
            connection.execute(sql.delete(_ANSWERS).where(*own))
            if rows:
                connection.execute(sql.insert(_ANSWERS), rows)

    def of(self, name: str) -> list[tuple[str, str, int, bool]]:
        """All answers of a round in the order of their voters: voter, statement, vote, whether with a code."""
        columns = (_ANSWERS.c.voter, _ANSWERS.c.statement, _ANSWERS.c.vote, _ANSWERS.c.coded)
        statement = sql.select(*columns).where(_ANSWERS.c.round == name).order_by(*columns[:2])
        return [(row.voter, row.statement, int(row.vote), bool(row.coded)) for row in self._rows(statement)]

    def count(self, name: str) -> int:
        """How many answers there are."""
        return int(self._rows(sql.select(sql.func.count()).where(_ANSWERS.c.round == name))[0][0])

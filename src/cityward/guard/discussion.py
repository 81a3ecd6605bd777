"""The door of a discussion: answers go in, and only tables for groups of opinion come out, never a voter's own."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cityward.store import discussion as store


class DiscussionAnswers:
    """Answers to statements of a city; made by `cityward.guard.keeper.Keeper`."""

    __slots__ = ("_inside",)

    def __init__(self, held: store.DiscussionAnswers) -> None:
        self._inside = held

    def put(self, name: str, voter: str, votes: Mapping[str, int], *, coded: bool) -> None:
        """Keep a voter's answers (1, 0 or -1 by statement); what he said of them before gives way."""
        self._inside.put(name, voter, votes, coded=coded)

    def count(self, name: str) -> int:
        """How many answers there are."""
        return self._inside.count(name)

    def table(self, name: str) -> pl.DataFrame:
        """Answers of a round: ``voter`` (a number made for this table alone), ``statement``, ``vote``, ``coded``."""
        rows = self._inside.of(name)
        frame = pl.DataFrame(
            rows,
            schema={"voter": pl.String, "statement": pl.String, "vote": pl.Int64, "coded": pl.Boolean},
            orient="row",
        )
        return frame.with_columns(pl.col("voter").rank("dense").cast(pl.String))

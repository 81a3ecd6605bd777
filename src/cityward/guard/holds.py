"""Holds on evidence: what a decision rests on is not deleted while somebody may have to answer for it.

Whatever deletes (`cityward.guard.retain`, `cityward.guard.erase`) reads the list here first.

Source: Regulation (EU) 2016/679, article 17(3)(e): erasure does not apply as far as processing is necessary for the
establishment, exercise or defence of legal claims; article 18(2): such rows may be read for that, and for little else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from cityward.store.holds import HELD, read_holds, write_holds

RULE: Final = "evidence-hold 1"
WHY: Final = "GDPR article 17(3)(e): kept as far as legal claims need it"


@dataclass(frozen=True, slots=True)
class Spared:
    """Rows of a table that are held: those whose ``column`` is one of ``values``."""

    column: str
    values: pl.Series

    def those(self) -> pl.Expr:
        """Whether a row is one of them."""
        return pl.col(self.column).is_in(self.values.implode())


@dataclass(frozen=True, slots=True)
class Holding:
    """What is held: orders and decisions by identifier, interactions by key."""

    rows: pl.DataFrame

    @property
    def orders(self) -> frozenset[str]:
        """Identifiers of orders."""
        return frozenset(self.rows.filter(kind="order")["name"])

    @property
    def decisions(self) -> frozenset[str]:
        """Identifiers of decisions of cases."""
        return frozenset(self.rows.filter(kind="decision")["name"])

    @property
    def interactions(self) -> pl.Series:
        """Keys of interactions (UInt64)."""
        return self.rows.filter(kind="interaction")["key"]

    def of(self, table: str) -> Spared:
        """What is held of a table of history, by its name."""
        if table == "decisions":
            return Spared("id", pl.Series(sorted(self.decisions), dtype=pl.String))
        keys = self.interactions
        return Spared("key", keys if table == "interactions" else keys.clear())

    def by(self, *, orders: Iterable[str] = (), keys: Iterable[int] = ()) -> list[str]:
        """Identifiers of the holds that cover some of these."""
        mine = pl.col("name").is_in(list(orders)) & (pl.col("kind") == "order")
        rows = pl.Series(list(keys), dtype=pl.UInt64).implode()
        mine |= pl.col("key").is_in(rows) & (pl.col("kind") == "interaction")
        return sorted(self.rows.filter(mine)["hold"].unique())

    def spares(self, touches: Callable[[pl.DataFrame], pl.Series]) -> Callable[[pl.DataFrame], pl.Series]:
        """``touches``, but never a row of interactions that is held; needs the column ``key``."""
        held = self.interactions
        if held.is_empty():
            return touches
        keys = held.implode()
        return lambda part: touches(part) & ~part["key"].is_in(keys)


def holding(history: Path) -> Holding:
    """What is held now; raises `cityward.core.errors.StoreError` for a damaged list."""
    return Holding(read_holds(history))


def hold(history: Path, name: str, orders: Iterable[str], decisions: Iterable[str], keys: pl.Series) -> None:
    """Hold these under a name, besides all that is held already."""
    named = [(name, kind, one, None) for kind, some in (("order", orders), ("decision", decisions)) for one in some]
    rows = pl.DataFrame(named, schema=HELD, orient="row")
    kept = pl.DataFrame({"key": keys}, schema={"key": pl.UInt64}).select(
        hold=pl.lit(name), kind=pl.lit("interaction"), name=pl.lit(None, pl.String), key="key"
    )
    write_holds(history, pl.concat([read_holds(history), rows, kept]))


def let_go(history: Path, name: str) -> None:
    """Take a hold off the list; what another one holds too stays held."""
    write_holds(history, read_holds(history).filter(pl.col("hold") != name))

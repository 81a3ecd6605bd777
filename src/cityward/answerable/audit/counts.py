"""Counts first: one pass over the rows gives a cube, and everything else is read off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

Whole = NDArray[np.int64]

CELLS: Final = ("tp", "fp", "fn", "tn", "selected_unknown", "unselected_unknown")
"""Predicted and actual yes; predicted alone; actual alone; neither; and those whose outcome nobody knows."""

TP, FP, FN, TN, SELECTED_UNKNOWN, UNSELECTED_UNKNOWN = range(6)


@dataclass(frozen=True, slots=True)
class Table:
    """Counts of groups: ``by`` names the columns, ``groups`` their values, ``cells`` (groups, 6) the counts."""

    by: tuple[str, ...]
    groups: list[tuple[str, ...]]
    cells: Whole

    @property
    def total(self) -> Whole:
        """Counts of everybody, (6,)."""
        total: Whole = self.cells.sum(axis=0)
        return total


@dataclass(frozen=True, slots=True)
class Cube:
    """Counts by every group column at once, as columns of numbers; ``frame`` has the group columns and `CELLS`."""

    by: tuple[str, ...]
    frame: pl.DataFrame

    def where(self, kept: pl.Expr) -> Cube:
        """The same groups, counted only where ``kept`` is true."""
        return Cube(self.by, self.frame.with_columns(pl.when(kept).then(pl.col(CELLS)).otherwise(0)))

    def margin(self, by: Sequence[str]) -> Table:
        """Counts by some of the columns, in the order of their values."""
        if not by:
            cells = self.frame.select(pl.col(CELLS).sum()).to_numpy().astype(np.int64)
            return Table((), [()], cells)
        summed = self.frame.group_by(*by).agg(pl.col(CELLS).sum()).sort(*by)
        return Table(tuple(by), summed.select(by).rows(), summed.select(CELLS).to_numpy().astype(np.int64))


def cube(rows: pl.DataFrame, by: Sequence[str], weight: str | None = None) -> Cube:
    """Count rows by group.

    Parameters
    ----------
    rows : polars.DataFrame
        ``by`` columns of text, and ``prediction`` and ``outcome`` as 1, 0 or null. A row without prediction is
        counted nowhere.
    by : sequence of str
    weight : str, optional
        Column that says how many cases a row stands for.
    """
    amount = pl.col(weight).sum() if weight else pl.len()
    known = rows.filter(pl.col("prediction").is_not_null())
    counted = known.group_by(*by, "prediction", "outcome").agg(amount.cast(pl.Int64).alias("cases"))
    selected, found = pl.col("prediction") == 1, pl.col("outcome")
    where = (
        selected & (found == 1),
        selected & (found == 0),
        ~selected & (found == 1),
        ~selected & (found == 0),
        selected & found.is_null(),
        ~selected & found.is_null(),
    )
    wide = counted.select(
        *by,
        *(pl.when(one).then(pl.col("cases")).otherwise(0).alias(cell) for cell, one in zip(CELLS, where, strict=True)),
    )
    return Cube(tuple(by), wide)

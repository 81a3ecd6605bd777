"""Tables of counts: rows that hold how many were right and wrong in a group, instead of one person each."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import polars as pl

from cityward.answerable.audit.columns import numbers
from cityward.answerable.audit.rows import Request
from cityward.core.errors import UserError

PREDICTION: Final = "counted as predicted"
OUTCOME: Final = "counted as outcome"
CASES: Final = "counted cases"
_CELLS: Final = (("tp", 1, 1), ("fp", 1, 0), ("fn", 0, 1), ("tn", 0, 0))
_LONG: Final = {"tp": "true_positives", "fp": "false_positives", "fn": "false_negatives", "tn": "true_negatives"}
_SIZES: Final = ("group_size", "size", "n", "people", "rows")
_SLACK: Final = 0.02
"""How far a count made of a percentage may be from a whole number."""


def cells_of(table: pl.DataFrame) -> dict[str, str] | None:
    """The columns of the four counts, by cell, or None when this is no table of counts."""
    names = {name.strip().lower().replace(" ", "_"): name for name in table.columns}
    found = {cell: names.get(cell, names.get(_LONG[cell], "")) for cell in _LONG}
    return found if all(found.values()) else None


def unfold(table: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Make rows with a weight of a table of counts: columns `PREDICTION`, `OUTCOME` and `CASES` beside the others.

    Counts given as percentages of a group whose size is told are turned back into counts; rows whose counts are
    hidden, as small groups often are, are left out and said.

    Raises
    ------
    UserError
        A count is negative or no whole number.
    """
    cells = cells_of(table) or {}
    counts = {cell: numbers(table[name]) for cell, name in cells.items()}
    total = sum(counts.values(), start=pl.repeat(0.0, table.height, eager=True))
    size = next((numbers(table[name]) for name in table.columns if name.strip().lower() in _SIZES), None)
    notes: list[str] = []
    if size is not None and total.count() and bool(((total - 100).abs() < _SLACK).all()) and bool((size != 100).any()):
        counts = {cell: values * size / 100 for cell, values in counts.items()}
        total = sum(counts.values(), start=pl.repeat(0.0, table.height, eager=True))
        notes.append("The counts are percentages of the size of the group, and were turned back into counts.")
    kept = total.is_not_null()
    if hidden := int((~kept).sum()):
        notes.append(f"{hidden:,} rows of the table hide their counts and are left out.")
    parts = []
    for cell, prediction, outcome in _CELLS:
        values = counts[cell].filter(kept)
        whole = values.round()
        if bool(((values - whole).abs() > _SLACK).any()) or bool((values < 0).any()):
            raise UserError(
                f"Column '{cells[cell]}' holds what is no count of people.",
                "Give whole numbers, or percentages beside a column 'group_size'.",
            )
        others = table.filter(kept).drop(*cells.values())
        parts.append(
            others.with_columns(
                pl.lit(prediction, dtype=pl.Int8).alias(PREDICTION),
                pl.lit(outcome, dtype=pl.Int8).alias(OUTCOME),
                whole.cast(pl.Int64).alias(CASES),
            )
        )
    return pl.concat(parts), tuple(notes)


def counted_request(asked: Request) -> Request:
    """What is asked of an unfolded table."""
    return replace(asked, prediction=PREDICTION, outcome=OUTCOME, weight=CASES)

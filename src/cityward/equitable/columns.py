"""Reads cells of a table that a person wrote: every mistake is told with its file, its row and what to write."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.errors import UserError
from cityward.core.limits import ID_CHARS

Floats = NDArray[np.float64]

SHOWN_CHARS: Final = 40

GROUPS_MAX: Final = 12
"""A column of numbers with more values than this is cut into quarters of the people."""

NAMES_MAX: Final = 200
"""Most groups that are compared."""

AMOUNT_MAX: Final = 1e15
"""No cost, number of people or capacity is larger: beyond it sums lose whole units."""


def shown(text: str) -> str:
    """A value of a file as it stands in a message: short, and without control characters."""
    plain = "".join(letter if letter.isprintable() else "�" for letter in text)
    return f"“{plain[:SHOWN_CHARS]}{'…' if len(plain) > SHOWN_CHARS else ''}”"


@dataclass(frozen=True, slots=True)
class Table:
    """A table and the name of its file, for messages."""

    frame: pl.DataFrame
    file: str

    def column(self, *names: str) -> str | None:
        """The first of ``names`` that is a column, whatever its case; None without one."""
        known = {column.strip().lower(): column for column in self.frame.columns}
        return next((known[name.lower()] for name in names if name.lower() in known), None)

    def needed(self, *names: str, option: str = "") -> str:
        """As `column`; raises UserError without one."""
        found = self.column(*names)
        if found is None:
            there = ", ".join(shown(name) for name in self.frame.columns[:20]) or "none"
            other = f" or say which it is with {option}" if option else ""
            raise UserError(f"{self.file} has no column '{names[0]}'. Its columns: {there}.", f"Add it{other}.")
        return found

    def wrong(self, at: int, column: str, value: str, remedy: str) -> UserError:
        """A mistake in the row at a position; the first row below the names is row 2, as a spreadsheet counts."""
        return UserError(f"{self.file} row {at + 2:,}: {column} is {shown(value)}.", remedy)

    def texts(self, column: str) -> list[str]:
        """Cells as text without blanks around them; empty ones are empty."""
        return [(cell or "").strip() for cell in self.frame[column].cast(pl.String, strict=False).to_list()]

    def names(self, column: str) -> list[str]:
        """Identifiers: none empty, none too long, none twice."""
        seen: dict[str, int] = {}
        cells = self.texts(column)
        for at, cell in enumerate(cells):
            if not cell:
                raise self.wrong(at, column, cell, f"Give every row its {column}.")
            if len(cell) > ID_CHARS:
                raise self.wrong(at, column, cell, f"Write at most {ID_CHARS} characters.")
            if cell in seen:
                raise UserError(
                    f"{self.file} rows {seen[cell] + 2:,} and {at + 2:,} have the same {column}, {shown(cell)}.",
                    "Leave one out, or give it another name.",
                )
            seen[cell] = at
        return cells

    def numbers(self, column: str, low: float, high: float, default: float | None = None) -> Floats:
        """Numbers between two bounds, shape (rows,); an empty cell is ``default``."""
        cells = self.texts(column)
        return np.array([self.number(at, column, cell, low, high, default) for at, cell in enumerate(cells)])

    def number(self, at: int, column: str, cell: str, low: float, high: float, default: float | None = None) -> float:
        """One number; raises UserError when it is none, or outside its bounds."""
        if not cell and default is not None:
            return default
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not low <= value <= high or math.isinf(value):
            most = f" to {high:,g}" if math.isfinite(high) else " up"
            raise self.wrong(at, column, cell, f"Write a number from {low:,g}{most}, with a point for decimals.")
        return value


def listed(cell: str) -> list[str]:
    """The parts of a cell that holds several, with ``;`` or ``|`` between them."""
    return [part for part in (one.strip() for one in cell.replace("|", ";").split(";")) if part]


def quarters(values: Floats, people: Floats, name: str) -> tuple[list[str], list[str]]:
    """The part that each place is in, of four parts of the people by a number, and the names of the parts.

    Places are not divided: a quarter of the people ends with the place in which it is reached.
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(people[order]) / max(float(people.sum()), 1e-12)
    cuts = np.unique([float(values[order][np.searchsorted(reached, part)]) for part in (0.25, 0.5, 0.75)])
    part = np.searchsorted(cuts, values)
    edges = [f"{cut:,.6g}" for cut in cuts]
    names = [f"{name} up to {edges[0]}"]
    names += [f"{name} {low} to {high}" for low, high in pairwise(edges)]
    names.append(f"{name} over {edges[-1]}")
    return [names[at] for at in part.tolist()], names


def grouped(table: Table, asked: str | None, people: Floats) -> tuple[list[str], list[str], list[str]]:
    """The group of each place, the groups in their order, and what was taken for what.

    The column ``asked``, else ``group``, else all are one group. One of more than `GROUPS_MAX` different numbers is cut
    into quarters of the people.
    """
    column = table.needed(asked) if asked is not None else table.column("group")
    if column is None:
        return ["everybody"] * table.frame.height, ["everybody"], []
    if table.frame[column].dtype.is_numeric() and table.frame[column].n_unique() > GROUPS_MAX:
        values = table.frame[column].cast(pl.Float64).fill_nan(None)
        known = values.is_not_null().to_numpy()
        parts = np.full(len(values), "(not stated)", dtype=object)
        parts[known], names = quarters(values.drop_nulls().to_numpy(), people[known], column)
        note = f"Groups are quarters of the people by {shown(column)}."
        return [str(part) for part in parts], [*names, "(not stated)"], [note]
    labels = [cell or "(not stated)" for cell in table.texts(column)]
    if len(set(labels)) > NAMES_MAX:
        raise UserError(f"{shown(column)} has {len(set(labels)):,} groups.", "Name a column with fewer values.")
    return labels, sorted(set(labels)), []


def unknown(names: Sequence[str], known: set[str]) -> str | None:
    """The first of ``names`` that is not known."""
    return next((name for name in names if name not in known), None)

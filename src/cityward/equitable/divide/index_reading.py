"""Reads the indicators of an index from a table; a cell that cannot be right is named and counts as not known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from cityward.core.errors import UserError
from cityward.equitable.divide.figures import Decimal, decimal_of, read_figures, written
from cityward.equitable.divide.index import Matrix
from cityward.equitable.divide.inequality import Floats
from cityward.equitable.divide.presets import Indicator, Preset
from cityward.equitable.divide.ranking import Law
from cityward.equitable.divide.reading import (
    ERROR_NAMES,
    EXAMPLES,
    SetAside,
    column_of,
    error_kind,
    standard_deviations_in,
    together,
    unit_of,
)

_PLACE = "\0place"
_ERROR_ENDINGS = ("_moe", "_error", "_sd", "_se", " moe", " error")


def read_matrix(
    table: pl.DataFrame,
    preset: Preset,
    *,
    place: Sequence[str],
    name: str | None = None,
    decimal: Decimal | None = None,
    law: Law = "normal",
) -> Matrix:
    """Return what ``table`` says of the indicators of ``preset``, one row a place.

    Raises
    ------
    UserError
        A column of places is missing, or a place has two rows that differ.
    """
    places = together(table, place)
    named = table.with_columns(pl.Series(_PLACE, places))
    aside = []
    if unnamed := named[_PLACE].null_count():
        aside.append(SetAside(reason="the place is not named", rows=unnamed, examples=()))
    rows = named.filter(pl.col(_PLACE).is_not_null())
    distinct = rows.unique(maintain_order=True)
    notes = []
    if distinct.height < rows.height:
        notes.append(f"Rows that say again what another row says, and do not count: {rows.height - distinct.height:,}.")
    if (twice := distinct.filter(pl.col(_PLACE).is_duplicated())).height:
        raise UserError(
            f"{twice[_PLACE].n_unique():,} places have several rows, as {twice[_PLACE][0][:60]}.",
            "Give one row a place: choose rows with --where, or name a place by several columns.",
        )
    if not distinct.height:
        raise UserError("The table has no row that names a place.", "Check --place.")
    reading = _Reading(distinct, decimal, law)
    found = [reading.indicator(one) for one in preset.indicator]
    ids = distinct[_PLACE].to_list()
    return Matrix(
        places=tuple(ids),
        names=tuple(distinct[column_of(table, name)].cast(pl.String).fill_null("")) if name else ("",) * len(ids),
        indicators=preset.indicator,
        columns=tuple(column for column, _, _, _ in found),
        values=np.column_stack([values for _, values, _, _ in found]),
        errors=np.column_stack([errors for _, _, errors, _ in found]),
        said=tuple(said for _, _, _, said in found),
        set_aside=(*aside, *reading.aside),
        notes=(*notes, *dict.fromkeys(reading.notes)),
    )


class _Reading:
    """Indicators of one table, with what was set aside on the way."""

    def __init__(self, table: pl.DataFrame, decimal: Decimal | None, law: Law) -> None:
        self._table = table
        self._known = {column.strip().casefold(): column for column in table.columns}
        self._decimal = decimal
        self._law: Law = law
        self.aside: list[SetAside] = []
        self.notes: list[str] = []

    def indicator(self, one: Indicator) -> tuple[str | None, Floats, Floats, str]:
        """Its column (None: not there), values, errors, and what is said of the errors."""
        column = self._first(one.columns)
        none = np.full(self._table.height, np.nan)
        if column is None:
            return None, none, none, "not in the table"
        values = self._figures(column)
        if np.isnan(values).all():
            return None, none, none, f"'{column}' says nothing"
        divisor = self._first(one.of) if one.of else None
        if divisor:
            below = self._figures(divisor)
            self._set_aside(one, below <= 0, "there is nothing to divide by (zero or negative)")
            values = np.where(below > 0, values / np.where(below > 0, below, 1.0), np.nan)
        most = self._most(one, column, values) if not divisor else np.inf
        self._set_aside(one, values < 0, "the value is negative")
        self._set_aside(one, values > most, f"the share is above {most:g}{' %' if most > 1 else ''}")
        values = np.where((values < 0) | (values > most), np.nan, values)
        errors, said = self._errors(one, column, values, most)
        scale = most if one.normalise == "share" and np.isfinite(most) else 1.0
        return column, values / scale, errors / scale, said

    def _most(self, one: Indicator, column: str, values: Floats) -> float:
        """The most that it can be; what counts as a share and is not called one is, by its figures."""
        unit, notes = unit_of(column, pl.Series(values).fill_nan(None))
        if unit == "number" and one.normalise == "share":
            unit = "share" if np.nanquantile(values, 0.95) <= 1 else "percent"
        self.notes += [note.partition(";")[0] + "." for note in notes]
        return {"percent": 100.0, "share": 1.0}.get(unit, float("inf"))

    def _errors(self, one: Indicator, column: str, values: Floats, most: float) -> tuple[Floats, str]:
        """Stated errors as standard deviations; else those of a sample of households, where the index says so."""
        stated = self._first((*one.error, *(column + ending for ending in _ERROR_ENDINGS)))
        if stated:
            kind = error_kind(stated)
            errors = self._figures(stated) * standard_deviations_in(kind, self._law)
            return np.where(errors < 0, np.nan, errors), f"{ERROR_NAMES[kind]} (column '{stated}')"
        households = self._first(one.households) if one.answered_share else None
        if households is None or not one.answered_share or not np.isfinite(most):
            return np.full(len(values), np.nan), "not stated"
        asked = self._figures(households) * one.answered_share
        self._set_aside(one, asked <= 0, "there are no households")
        # Agresti and Coull's two more of each kind keep a share of none from being sure.
        with np.errstate(invalid="ignore", divide="ignore"):
            size = np.where(asked > 0, asked + 4, np.nan)
            middle = (values / most * asked + 2) / size
            errors = most * np.sqrt(middle * (1 - middle) / size)
        return errors, f"as of a sample of {100 * one.answered_share:g} % of homes (column '{households}')"

    def _first(self, names: Sequence[str]) -> str | None:
        return next((self._known[name.casefold()] for name in names if name.casefold() in self._known), None)

    def _figures(self, column: str) -> Floats:
        texts = self._table[column]
        figures = read_figures(texts, self._decimal or decimal_of([texts]))
        lost = (figures.is_null() & written(texts).is_not_null()).to_numpy()
        self._note(f"what is written in '{column[:60]}' is no figure", lost)
        values: Floats = figures.to_numpy().astype(float)
        return values

    def _set_aside(self, one: Indicator, where: np.ndarray, reason: str) -> None:
        self._note(f"{reason} ({one.id})", where)

    def _note(self, reason: str, where: np.ndarray) -> None:
        rows = np.flatnonzero(where)
        if rows.size and not any(one.reason == reason for one in self.aside):
            examples = tuple(str(self._table[_PLACE][int(row)])[:80] for row in rows[:EXAMPLES])
            self.aside.append(SetAside(reason=reason, rows=int(rows.size), examples=examples))

"""Columns of a frame as the inputs of a table: found by name, in the input's unit, each value as its cell."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from cityward.answerable.table.cells import Axis
from cityward.answerable.table.condition import CellError, Kind, Value, coerce
from cityward.answerable.table.shape import Input
from cityward.core.errors import UserError

DTYPES: Final[dict[Kind, pl.DataType]] = {
    "number": pl.Float64(),
    "text": pl.String(),
    "yes-no": pl.Boolean(),
    "date": pl.Date(),
}


def take_columns(inputs: Mapping[str, Input], frame: pl.DataFrame, units: Mapping[str, str]) -> list[pl.Series]:
    """The columns of ``frame`` that are inputs, in the order of ``inputs`` and in their units.

    A column is named as the input, or as ``income [EUR/month]``; ``units`` gives units by input beside the names.

    Raises
    ------
    UserError
        A column is missing or there twice, or in a unit that the input does not accept.
    """
    named: dict[str, tuple[str, str | None]] = {}
    for column in frame.columns:
        name, unit = _named(column, inputs)
        if name in named and name in inputs:
            raise UserError(f"The column '{name}' is there twice.", "Leave one of them.")
        named[name] = (column, unit)
    missing = [name for name in inputs if name not in named]
    if missing:
        raise UserError(
            f"{_listed(missing)} not among the columns: {', '.join(frame.columns[:20]) or 'there are none'}.",
            "Give a column for each input; leave its cells empty where a value is not known.",
        )
    return [
        in_unit(frame.get_column(named[name][0]), name, given, units.get(name) or named[name][1])
        for name, given in inputs.items()
    ]


def _named(column: str, inputs: Mapping[str, Input]) -> tuple[str, str | None]:
    """The input that a column is named after, and the unit that it carries, as in ``income [EUR/month]``."""
    name, bracket, unit = column.rstrip().partition("[")
    carries = column not in inputs and bracket and unit.endswith("]")
    return (name.strip(), unit[:-1].strip()) if carries else (column, None)


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:10])
    return f"Input {shown} is" if len(names) == 1 else f"Inputs {shown} are"


def in_unit(column: pl.Series, name: str, given: Input, unit: str | None) -> pl.Series:
    """A column in the unit of its input; raises UserError when its unit is not accepted."""
    factor = unit_factor(name, given, unit)
    if factor == 1.0 or not column.dtype.is_numeric():
        if factor != 1.0:
            raise UserError(f"'{name}' is to be converted from {unit}, but is no number.", "Give numbers.")
        return column
    return column.cast(pl.Float64) * factor


def unit_factor(name: str, given: Input, unit: str | None) -> float:
    """What one ``unit`` is in the unit of an input; 1 when nothing is said of it.

    Raises
    ------
    UserError
        The input does not accept it: nothing is converted silently.
    """
    if unit is None:
        return 1.0
    factor = given.factor(unit.strip()) if given.type == "number" else None
    if factor is None:
        known = [*([given.unit] if given.unit else []), *given.accepts]
        raise UserError(
            f"'{name}' is given in {unit[:40]}, but the rule reads it in {', '.join(known) or 'no unit'}.",
            f'Convert it, or have the rule say what it is: accepts = {{ "{unit[:40]}" = "…" }} under [inputs.{name}].',
        )
    return factor


def cell_codes(axis: Axis, column: pl.Series) -> np.ndarray:
    """The cell of each value, of shape (cases,)."""
    kind = axis.given.type
    column, out_of_type = _typed(axis, column)
    missing = column.is_null().to_numpy()
    if kind == "yes-no":
        codes = column.fill_null(False).cast(pl.Int32).to_numpy()
    elif kind == "text":
        unlisted = axis.outside if axis.given.values else len(axis.values)
        listed = column.cast(pl.Enum(axis.values), strict=False).to_physical().cast(pl.Int32)
        codes = listed.fill_null(unlisted).to_numpy()
    else:
        numbers = column.to_physical().cast(pl.Float64).fill_null(0.0).to_numpy()
        codes = np.searchsorted(axis.starts, numbers, side="right").astype(np.int32)
        first, stop = axis.domain
        if (first, stop) != (0, axis.cells):
            codes[(codes < first) | (codes >= stop)] = axis.outside
        if kind == "number":
            codes[~np.isfinite(numbers)] = axis.wrong
    if missing.any():
        codes = np.where(missing, np.int32(axis.missing), codes)
    if out_of_type.any():
        codes = np.where(out_of_type.to_numpy(), np.int32(axis.wrong), codes)
    return codes


def _typed(axis: Axis, column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """A column of the input's type, and where a value was out of type, which is null now."""
    kind, dtype = axis.given.type, column.dtype
    fits = {
        "number": dtype.is_numeric(),
        "text": isinstance(dtype, pl.String | pl.Categorical | pl.Enum),
        "yes-no": isinstance(dtype, pl.Boolean),
        "date": isinstance(dtype, pl.Date),
    }[kind]
    if fits:
        return column.cast(pl.String) if kind == "text" else column, pl.Series([False]).new_from_index(0, len(column))
    if not isinstance(dtype, pl.String):
        return pl.Series([None], dtype=DTYPES[kind]).new_from_index(0, len(column)), column.is_not_null()
    read: dict[str, Value | None] = {}
    wrong = []
    for text in column.unique().drop_nulls():
        try:
            read[text] = coerce(text, kind)
        except CellError:
            wrong.append(text)
    known = column.replace_strict(list(read), list(read.values()), default=None, return_dtype=DTYPES[kind])
    return known, column.is_in(wrong).fill_null(False)


def closest(name: str, known: list[str]) -> str:
    """What a mistyped name may have meant, as a remedy."""
    close = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean '{close[0]}'?" if close else f"Known: {', '.join(known[:20])}."

"""Sources, one folder each: how rows get out of a kind of file, or messages out of a broker.

A file source has ``read(path, mapping) -> Iterator[Decoded]``; a broker has ``listen``. To add one, add
a folder (and, for files, a line in `cityward.sense.files`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from cityward.core.errors import SourceError
from cityward.core.frames import QUARANTINE
from cityward.core.limits import COLUMNS
from cityward.sense.mapping import Reading

_NUL: Final = "A cell holds the character NUL, which no text has; the row was damaged on its way."
_NAME_CHARS: Final = 60
_DATUM: Final = re.compile(r"[-+]?\d.*|.*@.*\..*|.*[{}\[\]].*", re.DOTALL)
"""A number, a stamp, a mail address or a piece of JSON: what a row holds, and no column is called."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows as a source gives them, before validation.

    Parameters
    ----------
    frame : polars.DataFrame
        Wanted columns under their names in the source, any type; a wanted column may be missing.
    rows : polars.Series
        1-based number of each row of ``frame`` in its source (Int64).
    broken : polars.DataFrame
        What could not be told apart into columns at all (`QUARANTINE` columns).
    """

    frame: pl.DataFrame
    rows: pl.Series
    broken: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUARANTINE))


def numbered(first: int, count: int) -> pl.Series:
    """Row numbers ``first`` to ``first + count - 1``."""
    return pl.int_range(first, first + count, dtype=pl.Int64, eager=True)


def broken_rows(rows: Sequence[int], reasons: Sequence[str]) -> pl.DataFrame:
    """Quarantine of rows without columns. Nothing of them is kept: what in them is public cannot be known."""
    return pl.DataFrame(
        {"row": rows, "reason": reasons, "column": [None] * len(rows), "raw": ["{}"] * len(rows)}, schema=QUARANTINE
    )


def without_nul(decoded: Decoded) -> Decoded:
    """Return ``decoded`` with rows that hold a NUL among the broken: databases refuse the character."""
    bad = pl.Series([False]).new_from_index(0, decoded.frame.height)
    for values in decoded.frame.get_columns():
        if values.dtype == pl.String:
            bad |= values.str.contains("\0", literal=True).fill_null(value=False)
    if not bad.any():
        return decoded
    rows = decoded.rows.filter(bad).to_list()
    broken = pl.concat([decoded.broken, broken_rows(rows, [_NUL] * len(rows))]).sort("row")
    return Decoded(decoded.frame.filter(~bad), decoded.rows.filter(~bad), broken)


def present(name: str, columns: Sequence[str], mapping: Reading) -> list[str]:
    """Return the wanted columns that a source has, in its own order.

    Raises
    ------
    SourceError
        It has too many columns, or not one that the mapping names.
    """
    if len(columns) > COLUMNS:
        raise SourceError(f"{name} has {len(columns):,} columns; at most {COLUMNS} are read.", "Drop columns first.")
    held = set(columns)
    for canonical, source in mapping.sources().items():
        if source not in held:
            hint = _hint(source, columns)
            if len(columns) == 1 and mapping.delimiter:
                hint += " Perhaps the delimiter in the mapping is not that of the file."
            raise SourceError(
                f"{name} has no column '{source}', which the mapping '{mapping.source}' names as {canonical}.", hint
            )
    wanted = set(mapping.wanted())
    return [column for column in columns if column in wanted]


def _hint(source: str, columns: Sequence[str]) -> str:
    """The columns that there are; none of them if the first line is a row, which may be somebody's."""
    if any(map(_DATUM.fullmatch, columns)):
        return "Its first line looks like a row: put a line with the names of the columns before it."
    close = difflib.get_close_matches(source, columns, n=1)
    if close:
        return f"Did you mean '{close[0][:_NAME_CHARS]}'?"
    return f"Its columns are: {', '.join(column[:_NAME_CHARS] for column in columns[:20])}."

"""Reads the table that a command was given."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import polars as pl

from cityward.core.errors import UserError
from cityward.core.limits import TABLE_BYTES

_MISSING: Final = ["", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "#N/A"]

_TWICE: Final = re.compile(r"(.+)_duplicated_\d+", re.DOTALL)
"""How the reader names a column whose name was there already."""


def parquet_or_csv(file: Path) -> pl.DataFrame:
    """Read a table by the ending of its name."""
    return pl.read_csv(file, try_parse_dates=True) if file.suffix.lower() == ".csv" else pl.read_parquet(file)


def read_table(file: Path, read: Callable[[Path], pl.DataFrame] = parquet_or_csv) -> pl.DataFrame:
    """Read ``file`` by ``read``.

    Raises
    ------
    UserError
        It is not there, or is no such table.
    """
    try:
        return read(file)
    except FileNotFoundError as error:
        raise UserError(f"{file} is not there.", "Check the path.") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise UserError(
            f"{file} cannot be read as Parquet or CSV.", "Check that it is whole, and its ending."
        ) from error


def stripped(table: pl.DataFrame, name: str) -> pl.DataFrame:
    """A table without blanks around the names of its columns; raises `UserError` where two are one then."""
    names = [column.strip() for column in table.columns]
    if len(set(names)) < len(names):
        raise UserError(f"{name} has two columns of one name.", "Give each column a name of its own.")
    return table.rename(dict(zip(table.columns, names, strict=True)))


def read_any(file: Path, sheet: str | None = None) -> pl.DataFrame:
    """Read a CSV of any usual kind, a Parquet file or a sheet of a workbook; raises as `read_table`."""
    from cityward.cli.workbook import read_workbook

    if file.suffix.lower() in (".xlsx", ".xlsm"):
        if not file.exists():
            raise UserError(f"{file} is not there.", "Check the path.")
        return read_workbook(file, sheet)
    if sheet is not None:
        raise UserError(f"{file.name} is no workbook, so it has no sheets.", "Leave out --sheet.")
    return read_table(file, lambda path: pl.read_parquet(path) if path.suffix.lower() == ".parquet" else _csv(path))


def read_texts(file: Path, sheet: str | None = None) -> pl.DataFrame:
    """Read as `read_any`, gzipped too, but every cell of a CSV as it is written; raises as `read_table`.

    What ``1.234`` means is for whoever knows the whole column.
    """
    if file.suffix.lower() != ".gz" and file.suffix.lower() in (".parquet", ".xlsx", ".xlsm"):
        return read_any(file, sheet)
    if sheet is not None:
        raise UserError(f"{file.name} is no workbook, so it has no sheets.", "Leave out --sheet.")
    return read_table(file, lambda path: _parsed(_bounded(path), path.name, typed=False))


def check_size(file: Path, most_bytes: int, remedy: str) -> None:
    """Raise UserError for a file, where there is one, of more bytes."""
    if file.is_file() and file.stat().st_size > most_bytes:
        raise UserError(f"{file.name} is larger than {most_bytes // 2**20} MB.", remedy)


def text_of(body: bytes) -> tuple[str, bool]:
    """The text of a file in UTF-8, in UTF-16 with its mark, or else in Latin-1; and whether it is in Latin-1."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return body.decode("utf-16", errors="replace"), False
    try:
        return body.decode("utf-8-sig"), False
    except UnicodeDecodeError:
        return body.decode("latin-1"), True


def _bounded(file: Path) -> bytes:
    """The bytes of a file, expanded when it is gzipped, and never more than a table may have."""
    with file.open("rb") as opened:
        body = opened.read(TABLE_BYTES + 1)
    if body[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=BytesIO(body)) as packed:
                body = packed.read(TABLE_BYTES + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{file.name} is damaged: it cannot be expanded.", "Get it again.") from error
    if len(body) > TABLE_BYTES:
        raise UserError(
            f"{file.name} has more than {TABLE_BYTES // 2**20} MB.", "Keep the columns that are needed, or use Parquet."
        )
    return body


def _csv(file: Path) -> pl.DataFrame:
    """A CSV in UTF-8, UTF-16 or Latin-1, with commas, semicolons or tabs; types are read off all rows."""
    table = _parsed(file.read_bytes(), file.name, typed=True)
    return table.with_columns([_days(column) for column in table.iter_columns() if column.dtype == pl.String])


def _parsed(body: bytes, name: str, *, typed: bool) -> pl.DataFrame:
    text, _ = text_of(body)
    head = text.partition("\n")[0]
    if "\0" in head:
        raise UserError(f"{name} is in no encoding that is read here.", "Save it as UTF-8.")
    separator = max(",;\t|", key=head.count)
    table = (
        _typed(text.encode(), separator, name) if typed else _read(text.encode(), separator, name, infer_schema=False)
    )
    twice = [column for column in table.columns if (found := _TWICE.fullmatch(column)) and found[1] in table.columns]
    if twice:
        column = twice[0].rpartition("_duplicated_")[0]
        raise UserError(f"{name} has two columns that are called '{column[:60]}'.", "Rename one of them.")
    return table


def _read(text: bytes, separator: str, name: str, **more: Any) -> pl.DataFrame:
    try:
        return pl.read_csv(BytesIO(text), separator=separator, null_values=_MISSING, **more)
    except pl.exceptions.ComputeError as error:
        if "more fields" not in str(error):
            raise
        raise UserError(
            f"{name} has rows with more fields than its first line names.", "Quote values that hold separators."
        ) from None


def _typed(text: bytes, separator: str, name: str) -> pl.DataFrame:
    """Read columns by what they hold; whole numbers with leading zeros are codes and stay as they are written."""
    table = _read(text, separator, name, infer_schema_length=None)
    whole = [column for column, kind in table.schema.items() if kind.is_integer()]
    if not whole:
        return table
    written = pl.read_csv(BytesIO(text), separator=separator, columns=whole, infer_schema=False, null_values=_MISSING)
    codes = [column for column in written.iter_columns() if column.str.contains(r"^[+-]?0\d").any()]
    return table.with_columns(codes)


def _days(column: pl.Series) -> pl.Series:
    """Texts such as 2014-06-30 as days; looking for them while the file is read takes many times as long."""
    some = column.drop_nulls().head(1)
    if not some.len() or not re.match(r"\d{4}-\d\d-\d\d", some[0]):
        return column
    days = column.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return days if days.null_count() == column.null_count() else column


def where(table: pl.DataFrame, conditions: Sequence[str]) -> pl.DataFrame:
    """Keep rows by conditions ``COLUMN=VALUE``; several of one column are alternatives.

    Raises
    ------
    UserError
        A condition is written wrongly, names no column, or no row is left.
    """
    wanted: dict[str, list[str]] = {}
    for one in conditions:
        found = re.fullmatch(r"(.+?)=(.*)", one)
        if not found or found[1] not in table.columns:
            known = ", ".join(f"'{name}'" for name in table.columns[:30])
            raise UserError(f"'{one[:80]}' is no condition on a column.", f"Write COLUMN=VALUE; columns are {known}.")
        wanted.setdefault(found[1], []).append(found[2])
    for name, values in wanted.items():
        table = table.filter(pl.col(name).cast(pl.String).is_in(values))
        if not table.height:
            raise UserError(f"No row has {name} {' or '.join(values)[:80]}.", "Check --where.")
    return table


def cases_of(path: Path, texts: Sequence[str]) -> pl.DataFrame:
    """Read a table of cases, whose codes (the columns ``texts``) keep their leading zeros."""
    if path.suffix.lower() != ".csv":
        return pl.read_parquet(path)
    columns = pl.read_csv(path, n_rows=0).columns
    as_text = {name: pl.String for name in columns if name in texts}
    return pl.read_csv(path, schema_overrides=as_text, infer_schema_length=None, try_parse_dates=True)


def pair(text: str) -> tuple[str, str]:
    """Read NAME=VALUE; raises UserError."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise UserError(f"'{text[:60]}' does not say what is what.", "Write NAME=VALUE.")
    return name.strip(), value.strip()

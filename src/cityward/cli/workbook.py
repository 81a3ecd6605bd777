"""Reads one sheet of an Excel workbook (.xlsx): the first row names columns, dates are days, formulas their values."""

from __future__ import annotations

import re
import zipfile
import zlib
from datetime import date, timedelta
from pathlib import Path
from typing import Final
from xml.etree import ElementTree

import polars as pl

from cityward.core.errors import UserError
from cityward.core.limits import COLUMNS, EXPANDED_BYTES, EXPANSION_RATIO

MAGIC: Final = b"PK\x03\x04"
_SMALL_BYTES: Final = 16 * 2**20
_EPOCH: Final = date(1899, 12, 30)
_DATE_FORMATS: Final = {*range(14, 18), 22}
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    NotImplementedError,  # a packing that no workbook has
    RuntimeError,  # encrypted
    KeyError,
    ElementTree.ParseError,
    ValueError,
    EOFError,
    OSError,
)
_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

Cell = str | float | bool | date | None


def read_workbook(file: Path, sheet: str | None = None) -> pl.DataFrame:
    """Return a sheet as a table (Source: ECMA-376, part 1, clause 18).

    Parameters
    ----------
    file : pathlib.Path
    sheet : str, optional
        Its name; default the first.

    Raises
    ------
    UserError
        It is no workbook, expands to too much, or has no such sheet.
    """
    try:
        with zipfile.ZipFile(file) as book:
            _check(book, file)
            at = _sheet(book, file, sheet)
            texts = _texts(book)
            rows = _rows(book, at, texts, _date_styles(book))
    except _DAMAGE as error:
        raise UserError(
            f"{file.name} is not a whole workbook ({type(error).__name__}).", "Save it again, or as CSV."
        ) from None
    return _table(rows, file)


def _check(book: zipfile.ZipFile, file: Path) -> None:
    expanded = sum(one.file_size for one in book.infolist())
    packed = max(1, sum(one.compress_size for one in book.infolist()))
    if expanded > EXPANDED_BYTES or (expanded > _SMALL_BYTES and expanded > EXPANSION_RATIO * packed):
        raise UserError(f"{file.name} expands to {expanded // 2**20:,} MB.", "Save the sheet as CSV.")


def _parse(book: zipfile.ZipFile, name: str) -> ElementTree.Element:
    text = book.read(name)
    if b"<!DOCTYPE" in text[:4096] or b"<!ENTITY" in text[:4096]:
        raise ValueError("declares entities")  # a workbook never does; what does wants to expand
    return ElementTree.fromstring(text)  # noqa: S314


def _sheet(book: zipfile.ZipFile, file: Path, wanted: str | None) -> str:
    sheets = {
        str(one.get("name")): str(one.get(_RELATION)) for one in _parse(book, "xl/workbook.xml").iter(f"{_MAIN}sheet")
    }
    if not sheets or (wanted is not None and wanted not in sheets):
        known = ", ".join(f"'{name}'" for name in sheets) or "none"
        raise UserError(f"{file.name} has no sheet '{wanted or ''}'.", f"Its sheets are: {known}.")
    relation = sheets[wanted] if wanted is not None else next(iter(sheets.values()))
    for one in _parse(book, "xl/_rels/workbook.xml.rels"):
        if one.get("Id") == relation:
            target = str(one.get("Target"))
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise KeyError(relation)


def _texts(book: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in book.namelist():
        return []
    items = _parse(book, "xl/sharedStrings.xml").iter(f"{_MAIN}si")
    return ["".join(part.text or "" for part in item.iter(f"{_MAIN}t")) for item in items]


def _date_styles(book: zipfile.ZipFile) -> set[int]:
    """Numbers of the cell styles that show a number as a day."""
    if "xl/styles.xml" not in book.namelist():
        return set()
    styles = _parse(book, "xl/styles.xml")
    formats = set(_DATE_FORMATS)
    for one in styles.iter(f"{_MAIN}numFmt"):
        code = re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", str(one.get("formatCode"))).lower()
        if "y" in code or ("d" in code and "m" in code):
            formats.add(int(str(one.get("numFmtId"))))
    crossed = styles.find(f"{_MAIN}cellXfs")
    return {
        at for at, one in enumerate(crossed if crossed is not None else ()) if int(one.get("numFmtId", "0")) in formats
    }


def _rows(book: zipfile.ZipFile, sheet: str, texts: list[str], days: set[int]) -> list[list[Cell]]:
    rows = []
    for row in _parse(book, sheet).iter(f"{_MAIN}row"):
        cells: list[Cell] = []
        for cell in row.iter(f"{_MAIN}c"):
            at = _column(cell.get("r"), len(cells))
            if at >= COLUMNS:
                break
            cells += [None] * (at - len(cells))
            cells.append(_value(cell, texts, days))
        rows.append(cells)
    return rows


def _column(reference: str | None, otherwise: int) -> int:
    letters = re.match(r"[A-Z]+", reference or "")
    if not letters:
        return otherwise
    at = 0
    for letter in letters[0]:
        at = at * 26 + ord(letter) - 64
    return max(at - 1, otherwise)


def _value(cell: ElementTree.Element, texts: list[str], days: set[int]) -> Cell:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{_MAIN}t"))
    text = cell.findtext(f"{_MAIN}v")
    if text is None or kind == "e":
        return None
    if kind == "s":
        return texts[int(text)]
    if kind == "b":
        return text == "1"
    if kind in ("str", "d"):
        return text
    number = float(text)
    return _EPOCH + timedelta(days=int(number)) if int(cell.get("s", "0")) in days else number


def _table(rows: list[list[Cell]], file: Path) -> pl.DataFrame:
    rows = [row for row in rows if any(cell is not None for cell in row)]
    if len(rows) < 2:
        raise UserError(f"{file.name} has no rows below its names of columns.", "Give a sheet with rows.")
    names = [str(cell).strip() if cell is not None else "" for cell in rows[0]]
    columns: dict[str, pl.Series] = {}
    for at, name in enumerate(names):
        if name and name not in columns:
            columns[name] = _series(name, [row[at] if at < len(row) else None for row in rows[1:]])
    return pl.DataFrame(list(columns.values()))


def _series(name: str, cells: list[Cell]) -> pl.Series:
    """A column of one kind; blanks among numbers are missing, and of mixed kinds all are text."""
    cells = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
    kinds = {type(cell) for cell in cells if cell is not None}
    if len(kinds) <= 1:
        found = pl.Series(name, cells)
        whole = found.dtype == pl.Float64 and bool((found.drop_nulls() == found.drop_nulls().round()).all())
        return found.cast(pl.Int64) if whole and found.drop_nulls().abs().max() != float("inf") else found
    shown = [f"{cell:.15g}" if isinstance(cell, float) else cell if cell is None else str(cell) for cell in cells]
    return pl.Series(name, shown)

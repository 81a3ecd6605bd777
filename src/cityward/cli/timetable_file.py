"""Reads the tables of a timetable (GTFS) from a zip file that may be damaged or hostile."""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Final

import polars as pl

from cityward.cli.tables import stripped, text_of
from cityward.core.errors import UserError
from cityward.core.limits import COLUMNS, EXPANSION_RATIO, GTFS_BYTES

TABLES: Final = ("stops", "trips", "stop_times", "calendar", "calendar_dates", "frequencies")
_SMALL_BYTES: Final = 16 * 2**20
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError)


def read_feed(file: Path) -> tuple[dict[str, pl.DataFrame], tuple[str, ...]]:
    """Return the tables of a feed by their name without ``.txt``, all columns as text, and notes.

    Raises
    ------
    UserError
        It is no zip file, expands to too much, or a table is no CSV.
    """
    if not file.exists():
        raise UserError(f"{file} is not there.", "Check the path.")
    notes: list[str] = []
    tables: dict[str, pl.DataFrame] = {}
    try:
        with zipfile.ZipFile(file) as feed:
            left = GTFS_BYTES
            for member in feed.infolist():
                name = member.filename.rpartition("/")[2].removesuffix(".txt")
                if not member.filename.endswith(".txt") or name not in TABLES:
                    continue
                if name in tables:
                    raise UserError(f"{file.name} has two files {name}.txt.", "Give one feed at a time.")
                body = _read(feed, member, file, left)
                left -= len(body)
                tables[name] = _table(body, name, notes)
    except _DAMAGE as error:
        raise UserError(
            f"{file.name} is not a whole zip file ({type(error).__name__}).", "Fetch the GTFS feed again."
        ) from None
    return tables, tuple(notes)


def _read(feed: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path, left: int) -> bytes:
    """The bytes of a member; what it says of its own size is not believed."""
    with feed.open(member) as opened:
        body = opened.read(left + 1)
    bomb = len(body) > _SMALL_BYTES and len(body) > EXPANSION_RATIO * max(1, member.compress_size)
    if len(body) > left or bomb:
        raise UserError(f"{file.name} expands to too much at {member.filename[-40:]}.", "Check where it comes from.")
    return body


def _table(body: bytes, name: str, notes: list[str]) -> pl.DataFrame:
    text, latin = text_of(body)
    if latin:
        notes.append(f"{name}.txt is not UTF-8, as GTFS asks; it is read as Latin-1.")
    try:
        table = pl.read_csv(BytesIO(text.encode()), infer_schema=False, truncate_ragged_lines=True)
    except pl.exceptions.NoDataError:
        table = pl.DataFrame()
    except pl.exceptions.PolarsError:
        raise UserError(f"{name}.txt is no table with commas.", "Ask who publishes the feed.") from None
    if table.width > COLUMNS:
        raise UserError(f"{name}.txt has {table.width:,} columns.", "Ask who publishes the feed.")
    table = stripped(table, f"{name}.txt")
    return table.with_columns(pl.all().str.strip_chars()) if table.width else table

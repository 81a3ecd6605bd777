"""Looks at every file of the store and says which is damaged; changes nothing unless asked to mend.

What enters is a history folder or a database; what leaves are faults, each with the file's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import file_digest
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sql
from deltalake.exceptions import DeltaError

from cityward.core.disk import SUMS, wrong_sums
from cityward.core.errors import StoreError
from cityward.core.faults import Fault
from cityward.store.engine import answering
from cityward.store.erasure import TABLES, held_files, left_over
from cityward.store.history_table import HistoryTable
from cityward.store.history_writer import table_version
from cityward.store.segment_log import SegmentLog

RESTORE: Final = "Restore this file from a backup, then run 'cityward fsck' again."
_NAMED_AFTER: Final = re.compile(r"-(?P<digest>[0-9a-f]{64})\.parquet$")


def log_faults(folder: Path) -> Iterator[Fault]:
    """Segments of the logs below ``folder`` that are damaged, and acknowledged records that are missing."""
    for table in TABLES:
        log = SegmentLog(table.log(folder), writable=False)
        try:
            held = table_version(table.path(folder))
            numbers = [number for number, _ in log.replay(after=held)]
        except StoreError as error:
            yield Fault(
                kind="log",
                what=str(error),
                file=f"history/{table.log(folder).name}",
                means="Rows that were acknowledged are in it and not in the table yet.",
                remedy=RESTORE,
            )
        except DeltaError:
            continue  # told as a fault of the table
        else:
            if numbers != list(range(held + 1, held + 1 + len(numbers))):
                yield Fault(
                    kind="log",
                    what=f"The log of {table.name} has a gap after record {held}.",
                    file=f"history/{table.log(folder).name}",
                    means="Rows that were acknowledged are missing.",
                    remedy=RESTORE,
                )


def table_faults(folder: Path) -> Iterator[Fault]:
    """Damaged, missing and left-over files of the tables below ``folder``."""
    for table in TABLES:
        path = table.path(folder)
        damaged = list(_wrong(path / SUMS, folder, f"A commit of {table.name} is not what was written."))
        if not (path / "_delta_log").exists():
            continue
        try:
            damaged += _data_faults(folder, table, held_files(path))
        except (DeltaError, OSError) as error:
            yield from damaged
            yield Fault(
                kind="table",
                what=f"The table {table.name} cannot be opened ({type(error).__name__}).",
                file=f"history/{table.name}/_delta_log",
                means="Nothing of it can be read.",
                remedy=RESTORE,
            )
            continue
        yield from damaged
        if not damaged:  # else a file that seems left over may be one that a damaged commit names
            yield from (_left_over(file, folder) for file in left_over(path))
    yield from _wrong(folder / SUMS, folder, "A list beside history is not what was written.")


def _data_faults(folder: Path, table: HistoryTable, held: dict[Path, int]) -> Iterator[Fault]:
    for file, size in held.items():
        problem = _data_problem(file, size)
        if problem:
            yield Fault(
                kind="table",
                what=problem,
                file=_named(file, folder),
                means=f"Rows of {table.name} of {file.parent.name.removeprefix('month=')} are lost or changed.",
                remedy=RESTORE,
            )


def _data_problem(file: Path, size: int) -> str:
    if not file.exists():
        return "A data file is missing."
    if file.stat().st_size != size:
        return f"A data file has {file.stat().st_size:,} bytes and was written with {size:,}."
    named = _NAMED_AFTER.search(file.name)
    with file.open("rb") as content:
        digest = file_digest(content, "sha256").hexdigest()
    return "A data file is not what was written: its digest is another." if named and named["digest"] != digest else ""


def _left_over(file: Path, folder: Path) -> Fault:
    return Fault(
        kind="left over",
        what="A data file belongs to no version of its table.",
        file=_named(file, folder),
        means="Its rows were never acknowledged from it, or are in another file. Nothing reads it.",
        remedy="It can go: 'cityward fsck --mend' removes it.",
        mendable=True,
    )


def register_faults(engine: sql.Engine) -> Iterator[Fault]:
    """What the database says of itself: its pages, its indexes, its references."""
    if engine.dialect.name != "sqlite":
        with answering(), engine.connect() as connection:
            connection.execute(sql.text("select 1"))
        return  # a server checks its own files
    try:
        with engine.connect() as connection:
            told = [str(row[0]) for row in connection.execute(sql.text("PRAGMA integrity_check"))]
            told += [f"a reference of {row[0]} leads nowhere" for row in connection.execute(_REFERENCES)]
    except sql.exc.DatabaseError as error:
        told = [str(error.orig)]
    for line in told:
        if line != "ok":
            only_index = re.search(r"missing from index|wrong # of entries in index", line) is not None
            yield Fault(
                kind="registers",
                what=f"The registers are damaged: {line[:200]}.",
                file="registers.db",
                means="An index is wrong; the records themselves are there." if only_index else "Records may be lost.",
                remedy="'cityward fsck --mend' makes the index anew." if only_index else RESTORE,
                mendable=only_index,
            )


_REFERENCES: Final = sql.text("PRAGMA foreign_key_check")


def index_anew(engine: sql.Engine) -> None:
    """Make every index of the registers anew from their rows."""
    with answering(), engine.begin() as connection:
        connection.execute(sql.text("REINDEX"))


def receipt_faults(engine: sql.Engine, size: int, is_about: Callable[[int, str], bool]) -> Iterator[Fault]:
    """Receipts in the registers that name an entry of the ledger that is not there or is about something else."""
    with answering(), engine.connect() as connection:
        held: list[Any] = list(connection.execute(sql.text("select id, entry from receipts order by entry")))
    for name, entry in held:
        missing = entry >= size
        if missing or not is_about(entry, str(name)):
            yield Fault(
                kind="receipt",
                what=f"The receipt of {name} is entry {entry} of the ledger, which "
                + ("is not there." if missing else "is about something else."),
                file="registers.db",
                means="Registers and ledger are not of the same moment, or one of them was changed.",
                remedy="Restore registers.db and ledger/ from the same backup; tell the security officer.",
            )


def _wrong(sums: Path, folder: Path, what: str) -> Iterator[Fault]:
    for file in wrong_sums(sums):
        yield Fault(
            kind="digest",
            what=what,
            file=_named(file, folder),
            means="A bit of it changed on the disk, or somebody changed it.",
            remedy=RESTORE,
        )


def _named(file: Path, folder: Path) -> str:
    return file.relative_to(folder.parent).as_posix()

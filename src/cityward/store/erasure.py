"""Takes rows out of history so that no file holds them any more; the only module that changes what was kept.

Files of a Delta table are written anew without the rows, exchanged in one commit, and the old ones deleted at
once. A death at any point leaves either the old table or the new one; the same erasure again finishes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction

from cityward.core.disk import durable, sync_folder
from cityward.core.errors import StoreError
from cityward.store.history_table import DECISIONS, INTERACTIONS, OBSERVATIONS, HistoryTable
from cityward.store.history_writer import exchange, lock_folder, write_part

TABLES = (INTERACTIONS, OBSERVATIONS, DECISIONS)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What `rewrite` did: rows taken out, rows changed, and files that were written anew."""

    removed: int = 0
    changed: int = 0
    files: int = 0


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the writer locks of all tables of ``folder``; their logs must be empty (flushed and closed).

    Raises
    ------
    cityward.core.errors.CityBusy
        Somebody writes.
    StoreError
        A log still holds records: it was not flushed.
    """
    with ExitStack() as held:
        for table in TABLES:
            if table.begun(folder) or table is INTERACTIONS:
                held.callback(os.close, lock_folder(folder, table.lock))
            if any(table.log(folder).glob("*.seg")):
                raise StoreError(f"The log of {table.name} still holds rows. Do the same again.")
        yield


def columns_of(
    folder: Path, table: HistoryTable, columns: Sequence[str], upto: str | None = None
) -> Iterator[pl.DataFrame]:
    """Yield ``columns`` of every version of every row, a file at a time; of months up to ``upto`` (2014-06)."""
    for _, path in files_of(table.path(folder), upto):
        yield _read(path, table, columns)


@durable("taking rows out of the history table")
def rewrite(
    folder: Path,
    table: HistoryTable,
    touches: Callable[[pl.DataFrame], pl.Series],
    columns: Sequence[str],
    change: Callable[[pl.DataFrame], pl.DataFrame],
    upto: str | None = None,
) -> Rewritten:
    """Write the files anew of which ``touches`` (given ``columns``) says true for a row; for a holder of `exclusive`.

    Parameters
    ----------
    folder, table
        Which table.
    touches : callable
        Takes the columns of a file, returns which rows are meant (Boolean, same height).
    columns : sequence of str
        What ``touches`` looks at.
    change : callable
        Takes the rows that are meant, returns what is kept of them, with the same columns; none: they go.
    upto : str, optional
        Only files of months up to this one (2014-06).
    """
    path = table.path(folder)
    if not DeltaTable.is_deltatable(str(path)):
        return Rewritten()
    delta = DeltaTable(path)
    actions: list[AddAction | RemoveAction] = []
    removed = changed = files = 0
    for action, file in files_of(path, upto):
        meant = touches(_read(file, table, columns))
        if not meant.any():
            continue
        rows = pl.read_parquet(file, hive_partitioning=False)
        kept = change(rows.filter(meant).with_columns(month=pl.lit(_month(file)))).select(rows.columns)
        removed, changed, files = removed + int(meant.sum()) - kept.height, changed + kept.height, files + 1
        # The bookkeeping order is by sequence, and a reader relies on no order.
        left = pl.concat([rows.filter(~meant), kept]).sort("sequence")
        actions += _exchange(file, action, left, delta.version())
    if actions:
        for parent in {path / Path(str(action.path)).parent for action in actions}:
            sync_folder(parent)
        exchange(path, actions)
    return Rewritten(removed, changed, files)


@durable("deleting old files of the history table")
def vacuum(folder: Path, table: HistoryTable) -> int:
    """Delete every data file that the table does not hold now; return how many. For a holder of `exclusive`."""
    path = table.path(folder)
    if not DeltaTable.is_deltatable(str(path)):
        return 0
    # Ours alone: what another writer of the table had begun does not exist while the lock is held, so that the
    # library's minimum of seven days, made for that, protects nobody.
    gone = left_over(path)
    for file in gone:
        file.unlink()
    for parent in {file.parent for file in gone}:
        sync_folder(parent)
    return len(gone)


def left_over(path: Path) -> list[Path]:
    """Data files below the table at ``path`` that it does not hold: of a write cut short, or of an old version."""
    held = held_files(path)
    return sorted(file for file in path.rglob("*.parquet") if "_delta_log" not in file.parts and file not in held)


def held_files(path: Path) -> dict[Path, int]:
    """Data files that the table at ``path`` holds, with the bytes that each was written with."""
    return {file: int(action["size_bytes"]) for action, file in files_of(path)}


def files_of(path: Path, upto: str | None = None) -> list[tuple[dict[str, Any], Path]]:
    """Data files of the Delta table at ``path``, each with its action; of months up to ``upto`` (2014-06)."""
    if not DeltaTable.is_deltatable(str(path)):
        return []
    adds = pl.DataFrame(DeltaTable(path).get_add_actions(flatten=True))
    every = [(row, path / unquote(row["path"])) for row in adds.iter_rows(named=True)]
    return [(row, file) for row, file in every if upto is None or _month(file) <= upto]


def _month(file: Path) -> str:
    return file.parent.name.removeprefix("month=")


def _read(file: Path, table: HistoryTable, columns: Sequence[str]) -> pl.DataFrame:
    """Columns of a data file with the types of the table; the month stands in the name of its folder."""
    rows = pl.read_parquet(file, columns=[name for name in columns if name != "month"], hive_partitioning=False)
    if "month" in columns:
        rows = rows.with_columns(month=pl.lit(_month(file)))
    return rows.with_columns(
        pl.col(name).reinterpret(signed=False) for name in ("key", "digest") if name in rows.columns
    ).select(pl.col(name).cast(table.kept[name]) for name in columns)


def _exchange(file: Path, action: dict[str, Any], left: pl.DataFrame, version: int) -> list[AddAction | RemoveAction]:
    """The actions that put a new file in the place of one.

    The new file is named after the version that it comes from, so that an erasure repeated after a death writes
    the same names.
    """
    month = _month(file)
    actions: list[AddAction | RemoveAction] = [
        RemoveAction(
            path=action["path"],
            deletion_timestamp=0,
            data_change=True,
            partition_values={"month": month},
            size=action["size_bytes"],
        )
    ]
    if left.height:
        actions.append(write_part(file.parent, f"{file.stem.split('-')[0]}-{version:020d}", left))
    return actions

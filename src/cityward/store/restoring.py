"""Writes a table of history anew from all of its rows: what a sealed backup is opened into."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from deltalake import CommitProperties, Transaction

from cityward.core.disk import durable, sync_folder
from cityward.core.frames import conform
from cityward.store.history_table import HistoryTable
from cityward.store.history_writer import APPLICATION, exchange, new_table, table_version, write_month


@durable("writing the restored history table")
def restore_table(folder: Path, table: HistoryTable, rows: pl.DataFrame, last: int) -> None:
    """Write ``rows`` (with the table's ``kept`` columns) as a new table that ends with log record ``last``."""
    path = table.path(folder)
    kept = conform(rows, table.kept).sort("sequence")
    stored = kept.with_columns(pl.col("key", "digest").reinterpret(signed=True))
    new_table(path, stored)
    months = stored.partition_by("month", as_dict=True)
    written = [write_month(path, str(month), part, last) for (month,), part in months.items()]
    for parent in {path / Path(action.path).parent for action in written} | {path}:
        sync_folder(parent)
    exchange(path, written, CommitProperties(app_transactions=[Transaction(APPLICATION, max(last, 1))]))


def version_of(folder: Path, table: HistoryTable) -> int:
    """Number of the last log record that a table holds."""
    return table_version(table.path(folder))

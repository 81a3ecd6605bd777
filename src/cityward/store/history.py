"""Reads history, also while another process writes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import polars as pl

from cityward.core.frames import conform
from cityward.store.history_table import INTERACTIONS, HistoryTable
from cityward.store.history_writer import decode, table_version
from cityward.store.restrictions import read_restrictions
from cityward.store.segment_log import SegmentLog


class HistoryReader:
    """Rows of one table as they stand now or stood then.

    Parameters
    ----------
    folder : pathlib.Path
        The history folder.
    table : HistoryTable
        Which table.
    """

    def __init__(self, folder: Path, table: HistoryTable = INTERACTIONS) -> None:
        self._folder = folder
        self._table = table

    @property
    def table(self) -> HistoryTable:
        """The table that is read."""
        return self._table

    def restricted(self) -> pl.DataFrame:
        """Persons whose rows are left out of most purposes: source, person, kind."""
        return read_restrictions(self._folder)

    def scan(self, as_of: datetime | None = None) -> pl.LazyFrame:
        """Return current versions of all rows, with the table's ``kept`` columns.

        Parameters
        ----------
        as_of : datetime, optional
            Only what had happened by then: later interactions are absent, later closings are undone.
            A source that is loaded long after the fact has one version of each row, so a revision counts
            from the moment of its occurrence.
        """
        rows = self._everything()
        revised = rows.filter("revision").select("key").unique()
        versions = rows.join(revised, on="key", how="semi").select("key", "sequence").collect()
        if versions.height:
            newest = pl.col("sequence") == pl.col("sequence").max().over("key")
            superseded = versions.filter(~newest)["sequence"]
            rows = rows.filter(~pl.col("sequence").is_in(superseded.implode()))
        if as_of is None:
            return rows
        if self._table is not INTERACTIONS:
            return rows.filter(pl.col(self._table.time) <= as_of)
        later = pl.col("closed_at") > as_of
        return rows.filter(pl.col("occurred_at") <= as_of).with_columns(
            pl.when(later).then(None).otherwise(pl.col("closed_at")).alias("closed_at"),
            pl.when(later).then(pl.lit("open")).otherwise(pl.col("status")).alias("status"),
            (pl.col("marked_duplicate") & ~later.fill_null(value=False)).alias("marked_duplicate"),
        )

    def versions(self, identifiers: Sequence[str]) -> pl.DataFrame:
        """Return every version of the rows with these ``id``, the oldest first."""
        return self._everything().filter(pl.col("id").is_in(list(identifiers))).sort("sequence").collect()

    def first_versions(self, column: str, value: str) -> pl.DataFrame:
        """Return all rows of which ``column`` is ``value`` as they first came, in the order of ``id``."""
        rows = self._everything().filter(pl.col(column) == value, ~pl.col("revision"))
        return rows.sort("id").collect()

    def _everything(self) -> pl.LazyFrame:
        # The log before the table: a record that moves in between is then seen twice, not lost, and
        # the table's own record number tells which of the two to drop.
        logged = list(SegmentLog(self._table.log(self._folder), writable=False).replay())
        kept, path = self._table.kept, self._table.path(self._folder)
        version = table_version(path)
        parts = [conform(decode(payload)[0], kept).lazy() for number, payload in logged if number > version]
        if version:
            table = pl.scan_delta(str(path))
            parts.append(
                table.with_columns(pl.col("key", "digest").reinterpret(signed=False)).select(
                    pl.col(name).cast(dtype) for name, dtype in kept.items()
                )
            )
        return pl.concat(parts) if parts else pl.LazyFrame(schema=kept)

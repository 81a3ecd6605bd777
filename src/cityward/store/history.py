"""Reads history, also while another process writes it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl

from cityward.core.frames import HISTORY, conform
from cityward.store.history_writer import decode, table_path, table_version
from cityward.store.segment_log import SegmentLog


class HistoryReader:
    """Interactions as they stand now or stood then.

    Parameters
    ----------
    folder : pathlib.Path
        The history folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def scan(self, as_of: datetime | None = None) -> pl.LazyFrame:
        """Return current versions of all interactions, `cityward.core.frames.HISTORY` columns.

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
        later = pl.col("closed_at") > as_of
        return rows.filter(pl.col("occurred_at") <= as_of).with_columns(
            pl.when(later).then(None).otherwise(pl.col("closed_at")).alias("closed_at"),
            pl.when(later).then(pl.lit("open")).otherwise(pl.col("status")).alias("status"),
            (pl.col("marked_duplicate") & ~later.fill_null(value=False)).alias("marked_duplicate"),
        )

    def _everything(self) -> pl.LazyFrame:
        # The log before the table: a record that moves in between is then seen twice, not lost, and
        # the table's own record number tells which of the two to drop.
        logged = list(SegmentLog(self._folder / "log", writable=False).replay())
        version = table_version(self._folder)
        parts = [conform(decode(payload)[0], HISTORY).lazy() for number, payload in logged if number > version]
        if version:
            table = pl.scan_delta(str(table_path(self._folder)))
            parts.append(
                table.with_columns(pl.col("key", "digest").reinterpret(signed=False)).select(
                    pl.col(name).cast(dtype) for name, dtype in HISTORY.items()
                )
            )
        return pl.concat(parts) if parts else pl.LazyFrame(schema=HISTORY)

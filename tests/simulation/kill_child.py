"""Ingests numbered batches and prints the acknowledged ones; may end itself at a chosen fsync."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from cityward.core.clock import Clock
from cityward.core.frames import conform
from cityward.store.history_table import INTERACTIONS, OBSERVATIONS
from cityward.store.history_writer import HistoryWriter

TABLES = {table.name: table for table in (INTERACTIONS, OBSERVATIONS)}

ROWS = 50
NAMES = {"interactions": "id", "observations": "sensor"}


def batch(number: int, table: str) -> pl.DataFrame:
    """Rows that carry their batch and place in one column that makes their identity."""
    at = pl.lit(datetime(2014, 1 + number % 3, 1, tzinfo=UTC))
    names = pl.DataFrame({NAMES[table]: [f"{number}-{row}" for row in range(ROWS)]})
    own = {"status": pl.lit("open")} if table == "interactions" else {"property": pl.lit("PM10"), "value": pl.lit(1.0)}
    made = names.with_columns(source=pl.lit("s"), **{TABLES[table].time: at}, **own)
    return conform(made, TABLES[table].placed)


def main(folder: str, table: str, first: int, die_at_fsync: int) -> None:
    real, calls = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == die_at_fsync:
            os._exit(9)
        real(descriptor)

    os.fsync = fsync
    writer = HistoryWriter(Path(folder), Clock(), TABLES[table])
    for number in range(first, first + 12):
        writer.commit(writer.plan(batch(number, table)), note=str(number).encode())
        print(number, flush=True)
        if number % 3 == 2:
            writer.flush()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))

"""Ingests numbered batches and prints the acknowledged ones; may end itself at a chosen fsync."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from cityward.core.clock import Clock
from cityward.core.frames import PLACED, conform
from cityward.store.history_writer import HistoryWriter

ROWS = 50


def batch(number: int) -> pl.DataFrame:
    ids = [f"{number}-{at}" for at in range(ROWS)]
    base = pl.DataFrame({"id": ids}).with_columns(
        source=pl.lit("s"), status=pl.lit("open"), occurred_at=pl.lit(datetime(2014, 1 + number % 3, 1, tzinfo=UTC))
    )
    return conform(base, PLACED)


def main(folder: str, first: int, die_at_fsync: int) -> None:
    real, calls = os.fsync, 0

    def fsync(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls == die_at_fsync:
            os._exit(9)
        real(descriptor)

    os.fsync = fsync
    writer = HistoryWriter(Path(folder), Clock())
    for number in range(first, first + 12):
        writer.commit(writer.plan(batch(number)), note=str(number).encode())
        print(number, flush=True)
        if number % 3 == 2:
            writer.flush()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

"""How long an erasure takes in a large city, and what it costs beside reading the whole table once.

    .venv/bin/python benchmarks/bench_erasure.py [ROWS]

Rows lie in 24 months of 10 files each; the person has one row in 50,000, spread over the months.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from cityward.core.clock import Clock
from cityward.core.frames import PLACED, conform
from cityward.guard.erase import Place, Subject, erase
from cityward.guard.keeper import Keeper
from cityward.guard.keeper import Place as Kept
from cityward.private.pseudonym import Pseudonyms
from cityward.store.history import HistoryReader
from cityward.store.history_writer import HistoryWriter

ROWS = 1_000_000
START = datetime(2020, 1, 1, tzinfo=UTC)


def fill(folder: Path, rows: int, parts: int = 10) -> None:
    writer = HistoryWriter(folder, Clock())
    for part in range(parts):
        at = np.arange(part, rows, parts)
        frame = pl.DataFrame({"id": [f"r{one}" for one in at.tolist()]}).with_columns(
            source=pl.lit("s"),
            service=pl.lit("Street light"),
            status=pl.lit("open"),
            occurred_at=pl.Series([START + timedelta(days=int(one)) for one in at % 720]),
            text=pl.Series([f"the lamp is dark, number {one}" for one in at.tolist()]),
            person=pl.Series([f"{one % 50_000:032x}" for one in at.tolist()]),
        )
        writer.commit(writer.plan(conform(frame, PLACED)))
        writer.flush()
    writer.close()


def keeper(city: Path) -> Keeper:
    """Who keeps a city without grants: nobody reads it here."""
    return Keeper(
        Kept(
            history=city / "history",
            grants=city / "grants",
            authorisations=city / "authorisations",
            url=f"sqlite:///{city / 'registers.db'}",
            zone="UTC",
            clock=Clock(),
            pseudonyms=lambda: Pseudonyms(b"k" * 32),
            groups=dict,
            append=lambda entries: list(range(len(entries))),
        )
    )


def main(rows: int = ROWS) -> dict[str, object]:
    """Seconds of one erasure, and how many readings of the whole table that is."""
    with tempfile.TemporaryDirectory() as name:
        city = Path(name)
        history = city / "history"
        fill(history, rows)
        kept = keeper(city)
        place = Place(city, history, kept.registers, kept.outbox("bench", "rights-fulfilment"))
        begun = time.perf_counter()
        held = HistoryReader(history).scan().collect().height
        read = time.perf_counter() - begun
        subject = Subject("somebody", {"s": f"{7:032x}"})
        begun = time.perf_counter()
        counts = erase(place, subject, lambda _: None)
        took = time.perf_counter() - begun
        files = len(list((history / "interactions").rglob("*.parquet")))
        left = HistoryReader(history).scan().collect().height
        assert left == held - counts["interactions"]
        print(f"{held:,} rows in {files} files: {counts['interactions']:,} rows of one person erased")
    return {
        f"Erasure of one person among {rows / 1e6:g} M rows, s": (took, ""),
        f"Erasure of one person among {rows / 1e6:g} M rows, readings of the whole table": (took / read, ""),
    }


if __name__ == "__main__":
    for figure, (value, _) in main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS).items():
        print(f"{figure}: {value:.2f}")

"""What the door inside costs: a cube of ten million rows read with a grant, beside the same cube read raw.

python benchmarks/bench_consult.py [ROWS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.core.clock import Clock
from cityward.core.frames import PLACED, conform
from cityward.guard.keeper import Keeper, Place
from cityward.private.pseudonym import Pseudonyms
from cityward.secure.proved import ProvedEntries
from cityward.store.history import HistoryReader
from cityward.store.history_writer import HistoryWriter
from synthetic import CHUNK_ROWS, SERVICES, chunk

ROWS = 10_000_000
ROUNDS = 9
TARGET = "≤ 5.0"
ZONE = "America/Chicago"
CUBE = ("service", "territory", "occurred_at")
GRANT = """
reader = "bench"
purpose = "forecasting"
because = "Counts by service, area and day."
granted_by = "nobody: a benchmark"
fields = ["service", "territory", "occurred_at"]
services = ["*"]
territories = ["*"]
time = "{time}"
valid_until = 2999-12-31
retention_days = 0
replaces = ""
"""


def fill(folder: Path, rows: int) -> None:
    """Write history as the door would, without looking at what it holds."""
    writer = HistoryWriter(folder, Clock())
    for start in range(0, rows, CHUNK_ROWS):
        made = chunk(start, min(CHUNK_ROWS, rows - start))
        areas = np.random.default_rng(start).integers(0, 77, made.height)
        frame = made.select(
            "id", "service", "status", "lon", "lat", "text", "person",
            source=pl.lit("synthetic"), occurred_at=pl.col("opened").dt.replace_time_zone("UTC"),
            closed_at=pl.col("closed").dt.replace_time_zone("UTC"), territory=pl.Series(areas).cast(pl.String),
        )  # fmt: skip
        writer.commit(writer.plan(conform(frame, PLACED)))
    writer.close()


def keeper(folder: Path, time_: str) -> Keeper:
    grants = folder / f"grants-{time_}"
    grants.mkdir(exist_ok=True)
    (grants / "cube.toml").write_text(GRANT.format(time=time_), encoding="utf-8")
    return Keeper(
        Place(
            history=folder / "history",
            grants=grants,
            authorisations=folder / "authorisations",
            url=f"sqlite:///{folder / 'registers.db'}",
            zone=ZONE,
            clock=Clock(),
            pseudonyms=lambda: Pseudonyms(b"k" * 32),
            groups=dict,
            append=lambda entries: list(range(len(entries))),
            proved=ProvedEntries(folder / "ledger", Ed25519PrivateKey.generate().public_key),
            work_key=lambda: b"w" * 32,
        )
    )


def _day() -> pl.Expr:
    return pl.col("occurred_at").dt.convert_time_zone(ZONE).dt.truncate("1d").dt.convert_time_zone("UTC")


def beside(one: Callable[[], pl.DataFrame], other: Callable[[], pl.DataFrame]) -> tuple[float, float, pl.DataFrame]:
    """Median seconds of the first, and the median of how many times as long the second takes right after it.

    In turns, so that what else the machine does hits both; both must give the same.
    """
    seconds, ratios, made = [], [], [pl.DataFrame(), pl.DataFrame()]
    for _ in range(ROUNDS):
        took = []
        for at, run in enumerate((one, other)):
            began = time.perf_counter()
            made[at] = run()
            took.append(time.perf_counter() - began)
        seconds.append(took[0])
        ratios.append(took[1] / took[0])
    if not made[0].sort(made[0].columns).equals(made[1].sort(made[1].columns)):
        raise SystemExit("The door gave another cube than history itself.")
    return median(seconds), median(ratios), made[0]


def main(rows: int = ROWS) -> dict[str, object]:
    """Measure both ways to a cube: counted behind the door, and counted from rows that were handed over."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "history", rows)
        raw = HistoryReader(folder / "history")
        by_day, exact = (keeper(folder, time_).reading("bench", "forecasting") for time_ in ("day", "exact"))

        def counted() -> pl.DataFrame:
            return raw.scan().with_columns(_day()).group_by(CUBE).agg(pl.len().alias("rows")).collect().sort(CUBE)

        def gathered(frame: pl.DataFrame) -> pl.DataFrame:
            return frame.with_columns(_day()).group_by(CUBE).agg(pl.len().alias("rows"))

        def handed_raw() -> pl.DataFrame:
            return gathered(raw.scan().select(CUBE).collect())

        found: dict[str, object] = {}
        for told, one, other in (
            ("counted behind the door", counted, lambda: by_day.counts(CUBE)),
            (
                "rows handed over",
                lambda: gathered(raw.scan().select(CUBE).collect()),
                lambda: gathered(exact.frame(CUBE)),
            ),
        ):
            plain, ratio, made = beside(one, other)
            print(f"{told}: raw {plain:.3f} s, with a grant {ratio:.3f} times that, {made.height:,} cells of {rows:,} "
                  f"rows, services {len(SERVICES)}")  # fmt: skip
            found[f"Consult, {rows / 1e6:g} M rows to a cube, {told}: overhead, %"] = (
                100 * (ratio - 1),
                TARGET,
            )
    return found


if __name__ == "__main__":
    for figure, (value, target) in main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS).items():
        print(f"{figure}: {value:.2f} ({target})")

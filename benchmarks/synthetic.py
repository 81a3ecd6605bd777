"""A seeded generator of interactions for benchmarks: python benchmarks/synthetic.py ROWS FILE."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import polars as pl

CHUNK_ROWS = 500_000
FIRST = np.datetime64("2011-01-01T00:00:00", "us")
SPAN_MINUTES = 4 * 365 * 24 * 60

MAPPING = """
source = "synthetic"
kind = "request"
domain = "environment"
time_zone = "UTC"

[columns]
id = "id"
occurred_at = "opened"
closed_at = "closed"
status = "status"
service = "service"
lon = "lon"
lat = "lat"
text = "text"
person = "person"

[status]
open = ["open"]
closed = ["closed"]
"""

SERVICES = ["Garbage in alley", "Street light out", "Pothole", "Graffiti", "Rodents", "Abandoned vehicle"]
TEXTS = [
    "the lamp is out again",
    "garbage behind the building",
    "a hole in the road near the school",
    "please come soon",
]


def chunk(start: int, rows: int, seed: int = 20140630) -> pl.DataFrame:
    """Rows ``start`` to ``start + rows``; equal for equal arguments."""
    random = np.random.default_rng([seed, start])
    opened = FIRST + random.integers(0, SPAN_MINUTES, rows).astype("timedelta64[m]")
    is_closed = random.random(rows) < 0.9
    closed = opened + random.integers(60, 60 * 24 * 30, rows).astype("timedelta64[m]")
    return pl.DataFrame(
        {
            "id": pl.int_range(start, start + rows, eager=True).cast(pl.String).str.pad_start(10, "0"),
            "opened": opened,
            "closed": pl.Series(closed).set(pl.Series(~is_closed), None),
            "status": np.where(is_closed, "closed", "open"),
            "service": np.array(SERVICES)[random.integers(0, len(SERVICES), rows)],
            "lon": random.uniform(-87.85, -87.53, rows).round(6),
            "lat": random.uniform(41.65, 42.02, rows).round(6),
            "text": np.array(TEXTS)[random.integers(0, len(TEXTS), rows)],
            "person": pl.Series(random.integers(0, max(rows // 4, 1), rows)).cast(pl.String),
        }
    )


def write(rows: int, path: Path) -> None:
    """Write ``rows`` rows to a Parquet file, chunk by chunk."""
    parts = path.with_suffix(".parts")
    parts.mkdir(parents=True, exist_ok=True)
    for start in range(0, rows, CHUNK_ROWS):
        chunk(start, min(CHUNK_ROWS, rows - start)).write_parquet(parts / f"{start:012d}.parquet")
    pl.scan_parquet(parts / "*.parquet").sink_parquet(path, row_group_size=CHUNK_ROWS)
    for part in parts.glob("*.parquet"):
        part.unlink()
    parts.rmdir()


if __name__ == "__main__":
    write(int(sys.argv[1]), Path(sys.argv[2]))

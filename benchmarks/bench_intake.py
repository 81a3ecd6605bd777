"""Intake of a large Parquet: validation, door, territory and durable append, in one process.

The named peer, in the same run, is Polars reading the file and writing it as Parquet again, with fsync and
nothing else: what the disk and the format cost by themselves.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import polars as pl

from measure import CHICAGO, CITYWARD, ROOT, measure
from synthetic import MAPPING, write

SIZES = (5_000_000, 20_000_000)
ROWS_PER_SECOND_MIN, PEAK_MB_MAX, GROWTH_MAX = 300_000, 2_048, 1.10


def peer(source: str, target: str) -> None:
    """Read and write a Parquet file, durably."""
    pl.scan_parquet(source).sink_parquet(target)
    with Path(target).open("rb") as file:
        os.fsync(file.fileno())


def main(sizes: tuple[int, ...] = SIZES) -> dict[str, object]:
    """Return rows per second, peak memory and the growth of the cost of a row."""
    figures: dict[str, object] = {}
    cost = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as name:
        folder = Path(name)
        (folder / "map.toml").write_text(MAPPING)
        for size in sizes:
            data, city = folder / f"{size}.parquet", folder / f"city-{size}"
            write(size, data)
            measure(
                [*CITYWARD, "init", str(city), "--name", "B", "--territories", str(CHICAGO / "community_areas.geojson")]
            )
            run = measure(
                [*CITYWARD, "sense", str(data), "--map", str(folder / "map.toml"), "--city", str(city), "--json"]
            )
            added = json.loads(run.output)["added"]
            if added != size:
                raise SystemExit(f"{added} of {size} rows were added")
            plain = measure(
                [sys.executable, str(ROOT / "benchmarks" / "bench_intake.py"), str(data), str(folder / "peer.parquet")]
            )
            cost.append(run.seconds / size)
            label = f"{size // 1_000_000} M rows"
            figures[f"intake rows/s, {label}"] = (
                size / run.seconds,
                f"≥ {ROWS_PER_SECOND_MIN}" if size == SIZES[0] else "",
            )
            figures[f"intake peak MB, {label}"] = (run.peak_mb, f"≤ {PEAK_MB_MAX}" if size == SIZES[0] else "")
            figures[f"intake time over Parquet copy, {label}"] = (run.seconds / plain.seconds, "")
            data.unlink()
    if len(cost) > 1:
        figures["cost per row, 20 M over 5 M"] = (cost[-1] / cost[0], f"≤ {GROWTH_MAX}")
    return figures


if __name__ == "__main__":
    if len(sys.argv) == 3:
        peer(sys.argv[1], sys.argv[2])
    else:
        print(json.dumps(main(), indent=1))

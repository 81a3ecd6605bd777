"""Incidents and batches of ten million interactions, in a process of their own, with the peak of its memory.

Two histories: the synthetic one spread over a city, and as many reports at one spot, where comparing each with
each would take for ever. The named peer, in the same process, is Polars sorting the same columns by place and
time: what any search by place has to do at least.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from cityward.know.campaigns import set_apart
from cityward.know.incidents import collapse
from measure import ROOT, measure
from synthetic import write

ROWS, SPOT_ROWS = 10_000_000, (1_000_000, 2_000_000)
SECONDS_MAX, SPOT_GROWTH_MAX = 60, 2.5


def history(path: str) -> pl.DataFrame:
    """The synthetic file as the history holds it."""
    frame = pl.read_parquet(path).rename({"opened": "occurred_at", "closed": "closed_at"})
    times = [pl.col(name).dt.replace_time_zone("UTC") for name in ("occurred_at", "closed_at")]
    return frame.with_columns(*times, source=pl.lit("synthetic"))


def seconds(task: str, path: str) -> float:
    """Seconds of one task, with compilation behind it."""
    frame = history(path)
    collapse(frame.head(1_000))
    set_apart(frame.head(1_000))
    began = time.perf_counter()
    if task == "incidents":
        collapse(frame)
    elif task == "batches":
        set_apart(frame)
    elif task == "peer":
        frame.sort("service", "lon", "lat", "occurred_at")
    else:
        collapse(frame.head(int(task)).with_columns(lon=-87.6, lat=41.9, service=pl.lit("Pothole")))
    return time.perf_counter() - began


def main(rows: int = ROWS) -> dict[str, object]:
    """Return seconds and peak memory of each task."""
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "history.parquet"
        write(rows, path)

        def run(task: str) -> tuple[float, float]:
            ran = measure([sys.executable, str(ROOT / "benchmarks" / "bench_incidents.py"), task, str(path)])
            return float(ran.output), ran.peak_mb

        peer, _ = run("peer")
        label = f"{rows // 1_000_000} M rows"
        for task in ("incidents", "batches"):
            took, peak_mb = run(task)
            figures[f"{task} seconds, {label}"] = (took, f"≤ {SECONDS_MAX}" if task == "incidents" else "")
            figures[f"{task} peak MB, {label}"] = (peak_mb, "")
            figures[f"{task} time over a sort, {label}"] = (took / peer, "")
        one, two = (run(str(count))[0] for count in SPOT_ROWS)
        figures["incidents at one spot, 2 M over 1 M rows"] = (two / one, f"≤ {SPOT_GROWTH_MAX}")
    return figures


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(seconds(sys.argv[1], sys.argv[2]))
    else:
        print(json.dumps(main(), indent=1, ensure_ascii=False))

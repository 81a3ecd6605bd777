"""Forecasts: accuracy beside the floor on Chicago and Melbourne, and the time of ten thousand series.

``python benchmarks/bench_forecast.py [--melbourne FILE.parquet]``; the file of pedestrian counts may not
ship with the project.
"""

from __future__ import annotations

import argparse
import resource
from datetime import date, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from cityward.anticipate.backtest import CHOSEN, backtest, tabulate
from cityward.anticipate.engine import FLOOR, LEARNED, Setting, ahead
from cityward.anticipate.rhythm import DAILY

CHICAGO = Path(__file__).resolve().parents[1] / "src/cityward/city/demo/chicago/sanitation_requests.parquet"


def chicago() -> dict[str, dict[str, float]]:
    """77 areas, daily, 28 days ahead, three origins that end with 2014."""
    rows = (
        pl.read_parquet(CHICAGO, columns=["creation_date", "community_area"])
        .select(
            day=pl.col("creation_date").cast(pl.Date), area=pl.col("community_area").cast(pl.Float64).cast(pl.Int64)
        )
        .filter(pl.col("day").is_between(date(2011, 1, 1), date(2014, 12, 31)), pl.col("area").is_between(1, 77))
        .group_by("area", "day")
        .agg(count=pl.len())
    )
    table = tabulate(rows, series="area", time="day", value="count", freq="D", missing="zero")
    return backtest(table, horizon=28, origins=3)


def melbourne(file: Path) -> dict[str, dict[str, float]]:
    """Sensors by hour, a day ahead, 48 origins over the last year, every 8th day."""
    rows = pl.read_parquet(file)
    table = tabulate(rows, series="sensor_id", time="timestamp", value="count", freq="h", missing="gap")
    return backtest(table, horizon=24, origins=48, spacing=8 * 24)


def ten_thousand() -> tuple[float, float]:
    """Seconds and peak MB of 10,000 series over 730 days, learned and forecast 28 days ahead."""
    random = np.random.default_rng(1)
    level = random.gamma(0.5, 4.0, (10_000, 1))
    season = 1 + 0.4 * np.sin(2 * np.pi * np.arange(730) / 365)
    counts = random.poisson(level * season).astype(float)
    began = perf_counter()
    ahead(counts, 28, Setting(datetime(2023, 1, 2), DAILY))  # noqa: DTZ001 (a wall clock)
    return perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--melbourne", type=Path)
    told = parser.parse_args()
    seconds, peak_mb = ten_thousand()
    print(f"10,000 series of 730 days: {seconds:.1f} s, peak {peak_mb:,.0f} MB")
    places = {"Chicago": chicago()}
    if told.melbourne:
        places["Melbourne"] = melbourne(told.melbourne)
    for place, scores in places.items():
        for name in (FLOOR, LEARNED, CHOSEN):
            one = scores[name]
            print(
                f"{place}, {name}: scaled error {one['mase']:.3f}, quantile loss {one['wql']:.3f}, "
                f"inside 80 % interval {one['coverage_80']:.1%}"
            )


if __name__ == "__main__":
    main()

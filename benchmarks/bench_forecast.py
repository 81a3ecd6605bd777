"""Forecasts: accuracy beside the floor on Chicago and Melbourne, and the time of ten thousand series.

``python benchmarks/bench_forecast.py``; the file of Melbourne's pedestrian counts may not ship with the project,
and is left out where it is not beside it.
"""

from __future__ import annotations

import resource
from datetime import date, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

from cityward.anticipate.backtest import CHOSEN, Run, backtest, tabulate
from cityward.anticipate.engine import FLOOR, LEARNED, Setting, ahead
from cityward.anticipate.rhythm import DAILY

CHICAGO = Path(__file__).resolve().parents[1] / "src/cityward/city/demo/chicago/sanitation_requests.parquet"
MELBOURNE = Path(__file__).resolve().parents[2] / "shared/data/melbourne/pedestrian_hourly.parquet"


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
    return backtest(table, Run(28, 3)).models


def melbourne(file: Path) -> dict[str, dict[str, float]]:
    """Sensors by hour, a day ahead, 24 origins over the last year, every 15th day, so on all weekdays."""
    rows = pl.read_parquet(file)
    table = tabulate(rows, series="sensor_id", time="timestamp", value="count", freq="h", missing="gap")
    return backtest(table, Run(24, 24, 15 * 24)).models


def ten_thousand() -> tuple[float, float]:
    """Seconds and peak MB of 10,000 series over 730 days, learned and forecast 28 days ahead."""
    random = np.random.default_rng(1)
    level = random.gamma(0.5, 4.0, (10_000, 1))
    season = 1 + 0.4 * np.sin(2 * np.pi * np.arange(730) / 365)
    counts = random.poisson(level * season).astype(float)
    began = perf_counter()
    ahead(counts, 28, Setting(datetime(2023, 1, 2), DAILY))  # noqa: DTZ001 (a wall clock)
    return perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> dict[str, tuple[float, str]]:
    """Measure and print the figures."""
    seconds, peak_mb = ten_thousand()
    figures = {
        "forecast: seconds, 10,000 series of 730 days": (seconds, "≤ 40"),
        "forecast: peak MB, 10,000 series": (peak_mb, "≤ 2000"),
    }
    here = chicago()
    figures |= {
        "forecast Chicago: scaled error, last week again": (here[FLOOR]["mase"], ""),
        "forecast Chicago: scaled error, chosen": (here[CHOSEN]["mase"], "≤ 0.62"),
        "forecast Chicago: scaled error of the mean, chosen": (here[CHOSEN]["mase_mean"], "≤ 0.62"),
        "forecast Chicago: quantile loss, last week again": (here[FLOOR]["wql"], ""),
        "forecast Chicago: quantile loss, chosen": (here[CHOSEN]["wql"], "≤ 0.74"),
        "forecast Chicago: inside 80 % interval, at least": (here[CHOSEN]["coverage_80"], "≥ 0.78"),
        "forecast Chicago: inside 80 % interval, at most": (here[CHOSEN]["coverage_80"], "≤ 0.84"),
    }
    if MELBOURNE.exists():
        there = melbourne(MELBOURNE)
        for measure, name in (("mase", "scaled error"), ("wql", "quantile loss")):
            best = min(there[FLOOR][measure], there[LEARNED][measure])
            figures[f"forecast Melbourne: {name}, chosen over the better of weekly naive and {LEARNED}"] = (
                there[CHOSEN][measure] / best,
                "≤ 1",
            )
            for model in (FLOOR, LEARNED, CHOSEN):
                figures[f"forecast Melbourne: {name}, {model}"] = (there[model][measure], "")
    for name, (value, target) in figures.items():
        print(f"{name:<80} {value:>10,.3f} {target}")
    return figures


if __name__ == "__main__":
    main()

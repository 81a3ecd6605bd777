"""Forecasts of Chicago's complaints at three levels, alone, summed and reconciled, and what a turn pays for it.

77 areas, nine sides and the city, daily, four weeks ahead, three origins in October to December 2014. Each node
is forecast by the models in use; the covariance is that of the last half year's weekly forecasts by TSB.
"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from importlib.resources import as_file, files

import numpy as np
import polars as pl

from cityward.anticipate.engine import Setting, ahead
from cityward.anticipate.reconcile import Tree, bottom_up, reconcile, shrunk, tree
from cityward.anticipate.rhythm import DAILY
from cityward.anticipate.together import _errors

FIRST, LAST = date(2011, 1, 1), date(2014, 12, 30)
HORIZON, ORIGINS = 28, 3
LEVELS = ("city", "side", "area")


def complaints() -> tuple[np.ndarray, Tree]:
    """Counts of all complaints (areas, days), and the tree of the city."""
    with as_file(files("cityward.city.demo") / "chicago") as data:
        rows = pl.read_parquet(data / "sanitation_requests.parquet", columns=["creation_date", "community_area"])
        areas = pl.read_csv(data / "indicators_77.csv").sort("comm_num")
    rows = rows.with_columns(day=pl.col("creation_date").cast(pl.Date), area=pl.col("community_area").cast(pl.Int64))
    rows = rows.filter(pl.col("day").is_between(FIRST, LAST) & pl.col("area").is_between(1, 77))
    counts = np.zeros((77, (LAST - FIRST).days + 1))
    at = (rows["area"].to_numpy() - 1, (rows["day"] - FIRST).dt.total_days().to_numpy())
    np.add.at(counts, at, 1.0)
    return counts, tree(areas["side"].to_list(), city="Chicago", group="side")


def errors_by_level(*, learn: bool = True) -> dict[str, dict[str, float]]:
    """Mean absolute error a day and node, by way and level."""
    counts, nodes = complaints()
    every = np.vstack([nodes.sums(counts), counts])
    rows = {level: np.array([*nodes.levels, *["area"] * 77]) == level for level in LEVELS}
    found: dict[str, list[list[float]]] = {}
    for back in range(ORIGINS, 0, -1):
        at = every.shape[1] - HORIZON * back
        past, future = every[:, :at], every[:, at : at + HORIZON]
        start = datetime.combine(FIRST, datetime.min.time())
        base = ahead(past, HORIZON, Setting(start, DAILY, learn=learn)).distribution.mean
        errors, _ = _errors(past[None])
        made = {
            "alone": base,
            "summed": bottom_up(base, nodes.members),
            "reconciled": reconcile(base, shrunk(errors[0].T), nodes.members),
        }
        for way, forecast in made.items():
            off = np.abs(future - forecast)
            found.setdefault(way, []).append([float(off[rows[level]].mean()) for level in LEVELS])
    return {
        way: dict(zip(LEVELS, np.mean(scores, axis=0).round(3).tolist(), strict=True)) for way, scores in found.items()
    }


def seconds_of_a_turn() -> float:
    """CPU seconds to reconcile nine services of 87 nodes, covariance and tests included."""
    from cityward.anticipate.together import together
    from cityward.core.frames import FORECAST, conform

    counts, nodes = complaints()
    chance = np.random.default_rng(1)
    services = [f"service {at}" for at in range(9)]
    split = chance.multinomial(counts.astype(int), np.full(9, 1 / 9)).transpose(2, 0, 1).astype(float)
    size = 9 * 77 * HORIZON
    areas = pl.DataFrame(
        {
            "service": [name for name in services for _ in range(77 * HORIZON)],
            "territory": [str(at) for _ in services for at in range(77) for _ in range(HORIZON)],
            "day": [LAST + timedelta(days=1 + at % HORIZON) for at in range(size)],
            "mean": chance.gamma(1.0, 0.1, size),
        }
    )
    began = time.process_time()
    together(conform(areas, FORECAST), split, nodes, services=services, level="area", as_of=LAST)
    return time.process_time() - began


def main() -> dict[str, tuple[float, str]]:
    """Return each figure with its target."""
    found = errors_by_level()
    told = {
        f"forecast error a day, {level}, {way}": (
            found[way][level],
            f"≤ {found['alone'][level]}" if way == "reconciled" else "",
        )
        for level in LEVELS
        for way in found
    }
    return {**told, "reconciliation of 9 × 87 forecasts, CPU s": (round(seconds_of_a_turn(), 2), "≤ 1")}


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value} {target}")

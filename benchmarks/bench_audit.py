"""Audits: figures and limits of all groups from counts, against a bootstrap that draws the rows again.

``python benchmarks/bench_audit.py`` prints the figures of docs/audits.md. The peer does by rows what libraries do that
take a function of rows: it draws all of them again, groups them and counts, a hundred times (libraries do it a
thousand times; its time is told for a thousand). Both tell the same rates; their limits agree within a point and a
half where a rate is out of 600 people or more, and that is checked in the same run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from cityward.answerable.audit.examine import examine, figures_of
from cityward.answerable.audit.rows import Request, read
from cityward.core.clock import rng

COMPAS = Path(__file__).resolve().parents[2] / "shared" / "data" / "audit" / "compas_two_years.csv"
DRAWS, TOLD_DRAWS, STEPS, GROUPS = 100, 1_000, 9, 10_000
CLOSE = 0.015
RATES = ("selection_rate", "base_rate", "false_positive_rate", "false_negative_rate", "positive_predictive_value")


def median(work: Callable[[], object], repeats: int = STEPS) -> float:
    """Median seconds."""
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def by_rows(frame: pl.DataFrame, by: str) -> dict[str, np.ndarray]:
    """Limits of the rates of each group by drawing rows: (groups, rates, 2), 95 %."""
    p, y = pl.col("prediction"), pl.col("outcome")
    rates = (
        p.mean(),
        y.mean(),
        p.filter(y == 0).mean(),
        1 - p.filter(y == 1).mean(),
        y.filter(p == 1).mean(),
    )
    drawn = []
    for seed in range(DRAWS):
        sample = frame.sample(frame.height, with_replacement=True, seed=seed)
        drawn.append(
            sample.group_by(by).agg(rate.alias(name) for rate, name in zip(rates, RATES, strict=True)).sort(by)
        )
    every = pl.concat(drawn).partition_by(by, as_dict=True)
    return {
        str(key[0]): np.nanquantile(part.select(RATES).to_numpy().astype(float), [0.025, 0.975], axis=0).T
        for key, part in every.items()
    }


def many() -> pl.DataFrame:
    """A hundred thousand people in ten thousand groups."""
    random = rng(3, "audit bench")
    rows = 10 * GROUPS
    return pl.DataFrame(
        {
            "g": pl.Series(random.integers(0, GROUPS, rows)).cast(pl.String),
            "p": random.integers(0, 2, rows),
            "y": random.integers(0, 2, rows),
        }
    )


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    table = pl.read_csv(COMPAS, try_parse_dates=True)
    asked = Request(groups=("race", "sex"), prediction="score_text", outcome="two_year_recid", depth=1)
    rows = read(table, asked)
    figures = figures_of(rows, asked)
    fast = median(lambda: figures_of(rows, asked))
    frame = rows.frame.with_columns(pl.col("prediction", "outcome").cast(pl.Float64))
    began = time.perf_counter()
    limits = by_rows(frame, "race") | by_rows(frame, "sex")
    slow = (time.perf_counter() - began) * TOLD_DRAWS / DRAWS
    apart = max(
        abs(limit - ours)
        for group in figures.groups
        for name, pair in zip(RATES, limits[group.group[0]], strict=True)
        if (rate := group.rates[name]).out_of >= 600
        for limit, ours in zip(pair, rate.interval, strict=True)
        if ours is not None
    )
    assert apart <= CLOSE, apart
    whole = Request(groups=("race", "sex"), prediction="score_text", outcome="two_year_recid", score="decile_score")
    wide = Request(groups=("g",), prediction="p", outcome="y")
    large = many()
    return {
        "audit: all groups of COMPAS, rates with limits and gaps (s)": (fast, "≤ 0.05"),
        "audit: the same limits by a bootstrap of rows, a thousand draws (s)": (slow, ""),
        "audit: from counts over by rows, times": (slow / fast, ""),
        "audit: limits apart from those by rows, at most (points)": (100 * apart, "≤ 1.5"),
        "audit: COMPAS whole, with intersections, scores and leak checks (s)": (
            median(lambda: examine(table, whole), 5),
            "",
        ),
        "audit: 100,000 people in 10,000 groups (s)": (median(lambda: examine(large, wide), 1), ""),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:.3f} {target}")

"""Forecasts per (service, territory), by the model that did best on days it had not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec
import numpy as np
import polars as pl

from cityward.anticipate.floors import (
    LEVELS,
    SHORTEST_HISTORY_DAYS,
    WEEK_DAYS,
    Counts,
    Distribution,
    empirical_quantiles,
    seasonal_naive,
    tsb,
)
from cityward.core.frames import FORECAST, conform
from cityward.core.records import Backtest

MODELS: Final[dict[str, Callable[[Counts, int], Distribution]]] = {
    "seasonal naive": seasonal_naive,
    "TSB": tsb,
    "empirical quantiles": empirical_quantiles,
}
"""The floor first: on equal scores the first is chosen."""

ORIGINS: Final = 3
HISTORY_DAYS: Final = 730
"""Two years of background; older days say little about the next four weeks."""

_NAMES: Final = ("q05", "q10", "q50", "q90", "q95")


def forecast(
    cube: pl.DataFrame,
    *,
    services: Sequence[str],
    territories: Sequence[str],
    as_of: date,
    horizon_days: int = 28,
) -> tuple[pl.DataFrame, list[Backtest]]:
    """Forecast interactions for every service and territory, and say how well that has worked.

    Parameters
    ----------
    cube : polars.DataFrame
        `cityward.core.frames.CUBE` columns; rows after ``as_of`` are not looked at.
    services, territories : sequence of str
        The series wanted: every pair.
    as_of : datetime.date
        Last known day; the forecast begins on the next.
    horizon_days : int
        Days ahead (≥ 1).

    Returns
    -------
    frame : polars.DataFrame
        `cityward.core.frames.FORECAST` columns, one row for each pair and day, in the order given.
        Quantiles never cross and are at least 0.
    backtests : list of Backtest
        One for each model; ``chosen`` marks the one in the frame: the least weighted quantile loss, and
        the floor on equal scores. Empty when the history is too short to test (less than the horizon and
        `SHORTEST_HISTORY_DAYS`), or when nothing was ever reported: the floor is then used untested.

    Notes
    -----
    A day without a row counts zero: a gap in a source looks like a quiet time, and draws the forecast down
    until it is filled. A territory or service without any history (a new one) is forecast as zero with no
    width until its first reports; it weighs in the backtest's quantile loss by what it then brought. One
    day of history is forecast as that day, with the width of a Poisson distribution. There is no
    randomness: equal inputs give equal bytes.
    """
    if not services or not territories:
        return pl.DataFrame(schema=FORECAST), []
    counts = _matrix(cube, services, territories, as_of)
    backtests = _backtests(counts, as_of, horizon_days)
    chosen = next((test.model for test in backtests if test.chosen), next(iter(MODELS)))
    return _frame(MODELS[chosen](counts, horizon_days), services, territories, as_of, chosen), backtests


def _matrix(cube: pl.DataFrame, services: Sequence[str], territories: Sequence[str], as_of: date) -> Counts:
    """Interactions as (service and territory, day), the last column being ``as_of``."""
    earliest = cube["day"].min()
    days = (as_of - earliest).days + 1 if isinstance(earliest, date) else 1
    days = min(max(days, 1), HISTORY_DAYS)
    first = as_of - timedelta(days=days - 1)
    rows = (
        cube.filter(pl.col("day").is_between(first, as_of))
        .join(pl.DataFrame({"service": services}).with_row_index("_service"), on="service")
        .join(pl.DataFrame({"territory": territories}).with_row_index("_territory"), on="territory")
        .select("_service", "_territory", (pl.col("day") - first).dt.total_days().alias("_day"), "interactions")
    )
    counts = np.zeros((len(services), len(territories), days))
    np.add.at(
        counts,
        (rows["_service"].to_numpy(), rows["_territory"].to_numpy(), rows["_day"].to_numpy()),
        rows["interactions"].to_numpy(),
    )
    return counts.reshape(-1, days)


def _backtests(counts: Counts, as_of: date, horizon_days: int) -> list[Backtest]:
    """Score every model at the last `ORIGINS` origins that leave enough to learn from."""
    ends = [counts.shape[1] - horizon_days * back for back in range(ORIGINS, 0, -1)]
    ends = [end for end in ends if end >= SHORTEST_HISTORY_DAYS and counts[:, :end].any()]
    if not ends:
        return []
    origins = tuple(as_of - timedelta(days=counts.shape[1] - end) for end in ends)
    tests = []
    for name, model in MODELS.items():
        scores = [score(counts[:, :end], counts[:, end : end + horizon_days], model) for end in ends]
        mase, wql, coverage = (float(np.mean([one[part] for one in scores])) for part in range(3))
        tests.append(
            Backtest(
                model=name,
                mase=round(mase, 6),
                wql=round(wql, 6),
                coverage_80=round(coverage, 6),
                origins=origins,
                horizon_days=horizon_days,
                series=int(counts.any(axis=1).sum()),
            )
        )
    best = min(tests, key=lambda test: test.wql)
    return [msgspec.structs.replace(test, chosen=test is best) for test in tests]


def score(past: Counts, future: Counts, model: Callable[[Counts, int], Distribution]) -> tuple[float, float, float]:
    """Return how a model did on days it had not seen: MASE, weighted quantile loss, 80 % coverage.

    Parameters
    ----------
    past, future : ndarray of float, shape (series, days)
        Counts before (more than a week) and after the origin.
    model : callable
        As in `MODELS`; it is given ``past`` alone.

    Returns
    -------
    mase : float
        Mean over series of the error of the median, over that of the weekly naive in ``past``; series
        that never change have no such scale and are left out.
    wql : float
        Twice the quantile loss, averaged over levels, over the sum of all counts; of all series.
    coverage_80 : float
        Share of days from the 10 % to the 90 % quantile, of series with any report in ``past``: silent ones
        would be covered for nothing.

    Notes
    -----
    Source: Hyndman, Koehler (2006), Another look at measures of forecast accuracy, equation 11; quantile
    loss weighted as in Makridakis and others (2022), The M5 uncertainty competition.
    """
    quantiles = model(past, future.shape[1]).quantiles
    scale = np.abs(past[:, WEEK_DAYS:] - past[:, :-WEEK_DAYS]).mean(axis=1)
    changing, alive = scale > 0, past.any(axis=1)
    errors = np.abs(future - quantiles[:, :, LEVELS.index(0.5)]).mean(axis=1)
    mase = float((errors[changing] / scale[changing]).mean()) if changing.any() else 0.0
    gap = future[:, :, None] - quantiles
    levels = np.asarray(LEVELS)
    loss = float(np.maximum(levels * gap, (levels - 1) * gap).sum(axis=(0, 1)).mean())
    low, high = quantiles[:, :, LEVELS.index(0.1)], quantiles[:, :, LEVELS.index(0.9)]
    inside = ((future >= low) & (future <= high))[alive]
    return mase, 2 * loss / max(float(future.sum()), 1.0), float(inside.mean()) if alive.any() else 1.0


def _frame(
    ahead: Distribution, services: Sequence[str], territories: Sequence[str], as_of: date, model: str
) -> pl.DataFrame:
    series, horizon = ahead.mean.shape
    days = pl.date_range(as_of + timedelta(days=1), as_of + timedelta(days=horizon), eager=True)
    ranks = np.arange(series).repeat(horizon)
    columns = {
        "service": pl.Series(services, dtype=pl.String).gather(ranks // len(territories)),
        "territory": pl.Series(territories, dtype=pl.String).gather(ranks % len(territories)),
        "day": days.gather(np.tile(np.arange(horizon), series)),
        "mean": ahead.mean.ravel().round(4),
        **{name: ahead.quantiles[:, :, at].ravel().round(4) for at, name in enumerate(_NAMES)},
    }
    return conform(pl.DataFrame(columns).with_columns(model=pl.lit(model)), FORECAST)

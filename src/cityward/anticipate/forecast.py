"""Forecasts per (service, territory), by the model that did best on days it had not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

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
"""The floor first."""

ORIGINS: Final = 3
HISTORY_DAYS: Final = 730
"""Two years of background; older days say little about the next four weeks."""

SHORTEST_TRAINING_DAYS: Final = 2 * WEEK_DAYS
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
        `cityward.core.frames.CUBE` columns. Days without a row count zero; a series without any history
        is forecast as zero with the width of zero, and its backtest does not count.
    services, territories : sequence of str
        The series wanted: every pair.
    as_of : datetime.date
        Last known day; the forecast begins on the next.
    horizon_days : int
        Days ahead (≥ 1).

    Returns
    -------
    frame : polars.DataFrame
        `cityward.core.frames.FORECAST` columns.
    backtests : list of Backtest
        One for each model; ``chosen`` marks the one in the frame. Empty when the history is too short to
        test (less than the horizon and two weeks): the floor is then used untested.
    """
    if not services or not territories:
        return pl.DataFrame(schema=FORECAST), []
    counts = _matrix(cube, services, territories, as_of)
    backtests = _backtests(counts, as_of, horizon_days)
    chosen = next((test.model for test in backtests if test.chosen), next(iter(MODELS)))
    quantiles = MODELS[chosen](counts, horizon_days)
    return _frame(quantiles, services, territories, as_of, chosen), backtests


def _matrix(cube: pl.DataFrame, services: Sequence[str], territories: Sequence[str], as_of: date) -> Counts:
    """Interactions as (service and territory, day), the last column being ``as_of``."""
    earliest = cube["day"].min() if cube.height else None
    days = (as_of - earliest).days + 1 if isinstance(earliest, date) else HISTORY_DAYS
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
    ends = [end for end in ends if end >= SHORTEST_TRAINING_DAYS]
    if not ends:
        return []
    origins = tuple(as_of - timedelta(days=counts.shape[1] - end) for end in ends)
    tests = []
    for name, model in MODELS.items():
        scores = [_score(counts[:, :end], counts[:, end : end + horizon_days], model) for end in ends]
        mase, wql, coverage = (float(np.mean([score[part] for score in scores])) for part in range(3))
        tests.append(
            Backtest(
                model=name,
                mase=round(mase, 6),
                wql=round(wql, 6),
                coverage_80=round(coverage, 6),
                origins=origins,
                horizon_days=horizon_days,
                series=int((counts.sum(axis=1) > 0).sum()),
            )
        )
    best = min(tests, key=lambda test: test.wql)
    return [msgspec.structs.replace(test, chosen=test is best) for test in tests]


def _score(past: Counts, future: Counts, model: Callable[[Counts, int], Distribution]) -> tuple[float, float, float]:
    """Return MASE of the median, weighted quantile loss, and coverage of the 80 % interval.

    Source: Hyndman, Koehler (2006), equation 11, with the weekly naive as scale; quantile loss weighted by
    the sum of counts as in the M5 competition.
    """
    quantiles = model(past, future.shape[1])
    scale = np.abs(past[:, WEEK_DAYS:] - past[:, :-WEEK_DAYS]).mean(axis=1)
    alive = scale > 0
    if not alive.any():
        return 0.0, 0.0, 1.0
    errors = np.abs(future - quantiles[:, :, LEVELS.index(0.5)]).mean(axis=1)
    mase = float((errors[alive] / scale[alive]).mean())
    gap = future[:, :, None] - quantiles
    levels = np.asarray(LEVELS)
    loss = np.maximum(levels * gap, (levels - 1) * gap)[alive].sum(axis=(0, 1)).mean()
    wql = float(2 * loss / max(np.abs(future[alive]).sum(), 1.0))
    inside = (future >= quantiles[:, :, LEVELS.index(0.1)]) & (future <= quantiles[:, :, LEVELS.index(0.9)])
    return mase, wql, float(inside[alive].mean())


def _frame(
    quantiles: NDArray[np.float64], services: Sequence[str], territories: Sequence[str], as_of: date, model: str
) -> pl.DataFrame:
    horizon = quantiles.shape[1]
    days = [as_of + timedelta(days=ahead + 1) for ahead in range(horizon)]
    weights = np.array([0.075, 0.225, 0.4, 0.225, 0.075])  # of each quantile's share of the distribution
    columns = {
        "service": np.repeat(services, len(territories) * horizon),
        "territory": np.tile(np.repeat(territories, horizon), len(services)),
        "day": pl.Series(days * (len(services) * len(territories)), dtype=pl.Date),
        "mean": (quantiles @ weights).ravel().round(4),
        **{name: quantiles[:, :, at].ravel().round(4) for at, name in enumerate(_NAMES)},
    }
    return conform(pl.DataFrame(columns).with_columns(model=pl.lit(model)), FORECAST)

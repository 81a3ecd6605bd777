"""Forecasts per (service, territory), by the model that did best on days it had not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

import msgspec
import numpy as np
import polars as pl

from cityward.anticipate.engine import Ahead, Setting, ahead
from cityward.anticipate.features import NO_HOLIDAYS, Counts
from cityward.anticipate.floors import LEVELS, Distribution
from cityward.anticipate.holiday_calendar import named_holidays
from cityward.anticipate.rhythm import DAILY
from cityward.anticipate.standing import standings
from cityward.core.frames import FORECAST, conform
from cityward.core.records import Backtest

HISTORY_DAYS: Final = 4 * 365 + 1
"""Four years: the learner sees three times what the same season was like."""

BUSY_PER_DAY: Final = 0.2
"""Reports a day from which an interval can hold as few as 80 % of days: of fewer, zero alone holds more."""

_YEAR_DAYS: Final = 365
_LEVEL_OF: Final = {"q05": 0.05, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q95": 0.95}


def forecast(
    cube: pl.DataFrame,
    *,
    services: Sequence[str],
    territories: Sequence[str],
    as_of: date,
    horizon_days: int = 28,
    seed: int = 1,
    holidays: str | None = None,
    outside: Callable[[Counts, int], Distribution] | None = None,
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
    holidays : str, optional
        Calendar, such as ``US-IL`` (`named_holidays`); feasts seen in past years need none.
    outside
        A model from elsewhere (`cityward.anticipate.checkpoint`), tried as any other.

    Returns
    -------
    frame : polars.DataFrame
        `cityward.core.frames.FORECAST` columns, one row for each pair and day, in the order given.
        Quantiles never cross and are at least 0.
    backtests : list of Backtest
        One for each model, over all series; ``chosen`` marks the one that speaks for most of them. Each
        group of series gets the model with the least quantile loss on its last windows, and the floor
        where none is clearly better (`cityward.anticipate.engine`); the frame names the model of each
        row. Empty when the history is too short to test (less than the horizon and four weeks), or when
        nothing was ever reported: the floor is then used untested.

    Notes
    -----
    A day without a row counts zero: a gap in a source looks like a quiet time, and draws the forecast down
    until it is filled. A territory or service without any history (a new one) is forecast as zero with no
    width until its first reports; it weighs in the backtest's quantile loss by what it then brought. One
    day of history is forecast as that day, with the width of a Poisson distribution. Equal inputs and an
    equal seed give equal bytes.
    """
    if not services or not territories:
        return pl.DataFrame(schema=FORECAST), []
    counts = _matrix(cube, services, territories, as_of)
    first = as_of - timedelta(days=counts.shape[1] - 1)
    last = as_of + timedelta(days=horizon_days)
    names = named_holidays(holidays, range(first.year, last.year + 1)) if holidays else NO_HOLIDAYS
    setting = Setting(datetime.combine(first, time()), DAILY, names, seed=seed, outside=outside)
    found = ahead(counts, horizon_days, setting)
    told = standings(found, counts, seed)
    tests = [
        msgspec.structs.replace(one, standings=told) if one.chosen else one
        for one in _backtests(found, counts, first, horizon_days)
    ]
    return _frame(found, services, territories, as_of), tests


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


def _backtests(found: Ahead, counts: Counts, first: date, horizon_days: int) -> list[Backtest]:
    """How each model did over all series, in the windows that it was tried on.

    Source: Hyndman, Koehler (2006), Another look at measures of forecast accuracy, equation 11; quantile
    loss weighted as in Makridakis and others (2022), The M5 uncertainty competition.
    """
    if not found.tested:
        return []
    known = counts[:, : found.origins[0]]
    scale = np.abs(known[:, DAILY.week :] - known[:, : -DAILY.week]).mean(axis=1)
    changing = scale > 0
    per_day = known[:, -_YEAR_DAYS:].mean(axis=1)
    heard = per_day >= BUSY_PER_DAY if (per_day >= BUSY_PER_DAY).any() else per_day > 0
    days = len(found.origins) * horizon_days
    whole = max(float(counts[:, -days:].sum()), 1.0)
    names, series = np.unique(found.model, return_counts=True)
    most = names[np.argmax(series)]
    return [
        Backtest(
            model=one.model,
            mase=round(float((one.error[changing] / days / scale[changing]).mean()) if changing.any() else 0.0, 6),
            wql=round(float(one.loss.sum()) / whole, 6),
            coverage_80=round(float(np.nanmean(one.inside[heard])) if heard.any() else 1.0, 6),
            origins=tuple(first + timedelta(days=at - 1) for at in found.origins),
            horizon_days=horizon_days,
            series=int(counts.any(axis=1).sum()),
            chosen=one.model == most,
        )
        for one in found.tested
    ]


def _frame(found: Ahead, services: Sequence[str], territories: Sequence[str], as_of: date) -> pl.DataFrame:
    series, horizon = found.distribution.mean.shape
    days = pl.date_range(as_of + timedelta(days=1), as_of + timedelta(days=horizon), eager=True)
    ranks = np.arange(series).repeat(horizon)
    quantiles = found.distribution.quantiles
    columns = {
        "service": pl.Series(services, dtype=pl.String).gather(ranks // len(territories)),
        "territory": pl.Series(territories, dtype=pl.String).gather(ranks % len(territories)),
        "day": days.gather(np.tile(np.arange(horizon), series)),
        "mean": found.distribution.mean.ravel().round(4),
        **{name: quantiles[:, :, LEVELS.index(level)].ravel().round(4) for name, level in _LEVEL_OF.items()},
        "low": found.low.ravel(),
        "high": found.high.ravel(),
        "model": pl.Series(found.model.tolist(), dtype=pl.String).gather(ranks),
    }
    return conform(pl.DataFrame(columns), FORECAST)

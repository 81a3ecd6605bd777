"""How the models, and the choice among them, would have done on a table of series."""

from __future__ import annotations

from datetime import datetime
from time import perf_counter
from typing import Final, Literal, NamedTuple

import numpy as np
import polars as pl

from cityward.anticipate.engine import Setting, ahead
from cityward.anticipate.features import Counts
from cityward.anticipate.floors import MEDIAN, Distribution
from cityward.anticipate.rhythm import RHYTHMS, Rhythm
from cityward.anticipate.spread import loss
from cityward.core.errors import UserError

CELLS_MAX: Final = 50_000_000
"""Series times steps: 400 MB as numbers, and a few times that while models learn."""

CHOSEN: Final = "chosen"


class Score(NamedTuple):
    """Scaled error of the median, weighted quantile loss, share inside the 80 % interval; NaN if nothing is known."""

    mase: float
    wql: float
    coverage_80: float


class Table(NamedTuple):
    """Series as (series, steps) from ``start`` on; NaN where nothing is known."""

    names: list[str]
    values: Counts
    start: datetime
    rhythm: Rhythm
    duplicates: int
    missing: Literal["zero", "gap"]


def score(past: Counts, future: Counts, found: Distribution, low: Counts, high: Counts, week: int = 7) -> Score:
    """Score a forecast on what came.

    Parameters
    ----------
    past, future : ndarray of float, shape (series, steps)
        Before the origin, and after it; NaN where unknown.
    found, low, high
        The forecast of ``future``, and its interval.
    week : int
        Steps of a week, the season of the naive forecast that scales errors.

    Notes
    -----
    Series that never changed from week to week have no scale and are left out of the scaled error; silent
    ones are left out of the coverage, which they would be given for nothing.
    Source: Hyndman, Koehler (2006), Another look at measures of forecast accuracy, equation 11; quantile
    loss over the nine tenths, weighted as in Makridakis and others (2022), The M5 uncertainty competition.
    """
    scale = _average(np.abs(past[:, week:] - past[:, :-week]))
    error = _average(np.abs(future - found.quantiles[..., MEDIAN]))
    changing = (scale > 0) & np.isfinite(error)
    alive = np.nansum(past, axis=1) > 0
    inside = np.where(np.isfinite(future), (future >= low) & (future <= high), np.nan)[alive]
    total = float(np.nansum(future))
    return Score(
        float((error[changing] / scale[changing]).mean()) if changing.any() else float("nan"),
        float(np.nansum(loss(future, found.quantiles))) / total if total > 0 else float("nan"),
        float(np.nanmean(inside)) if np.isfinite(inside).any() else float("nan"),
    )


def _average(values: Counts) -> Counts:
    known = np.isfinite(values).sum(axis=1)
    found: Counts = np.divide(np.nansum(values, axis=1), known, out=np.full(len(values), np.nan), where=known > 0)
    return found


def tabulate(
    frame: pl.DataFrame, *, series: str, time: str, value: str, freq: str, missing: str | None = None
) -> Table:
    """Lay rows (series, time, value) out as a `Table`.

    Rows of one series and step are added up, and counted in ``duplicates``. ``missing`` says what a step
    without a row is, between a series' first and the table's last: ``zero`` or ``gap``. Unless told, it is
    zero when the values are whole and none of them is zero (a table of what happened), else a gap.

    Raises
    ------
    UserError
        A column is not there or of the wrong kind, a value is negative, or the table is too large.
    """
    rhythm = RHYTHMS[freq]
    rows = _rows(frame, series, time, value, rhythm)
    if rows.is_empty():
        raise UserError("No row has a series, a time and a value.", "Check the columns that you named.")
    grouped = rows.group_by("series", "at").agg(pl.col("value").sum()).sort("series", "at")
    start, end = grouped["at"].min(), grouped["at"].max()
    assert isinstance(start, datetime)  # noqa: S101 (not empty)
    assert isinstance(end, datetime)  # noqa: S101
    hours = 24 // rhythm.day
    steps = int((end - start).total_seconds() // 3600 // hours) + 1
    names = grouped["series"].unique(maintain_order=True)
    if steps * len(names) > CELLS_MAX:
        raise UserError(
            f"{len(names):,} series over {steps:,} steps are more than {CELLS_MAX:,} values.",
            "Take a shorter period or fewer series; one row with a wrong year is enough to stretch the table.",
        )
    numbers = grouped["value"]
    if missing is None:
        whole = bool((numbers == numbers.round()).all()) and not bool((numbers == 0).any())
        missing = "zero" if whole else "gap"
    at = ((grouped["at"] - start).dt.total_hours() // hours).to_numpy()
    place = names.to_frame().with_row_index("row").join(grouped.select("series"), on="series", how="right")["row"]
    values = np.full((len(names), steps), np.nan)
    values[place.to_numpy(), at] = numbers.to_numpy()
    if missing == "zero":
        begun = np.maximum.accumulate(np.isfinite(values), axis=1)
        values[begun & ~np.isfinite(values)] = 0.0
    kind: Literal["zero", "gap"] = "zero" if missing == "zero" else "gap"
    return Table(names.to_list(), values, start, rhythm, rows.height - grouped.height, kind)


def _rows(frame: pl.DataFrame, series: str, time: str, value: str, rhythm: Rhythm) -> pl.DataFrame:
    for name in (series, time, value):
        if name not in frame.columns:
            raise UserError(f"There is no column '{name}'.", f"The columns are: {', '.join(frame.columns[:20])}.")
    if not frame[value].dtype.is_numeric():
        raise UserError(f"Column '{value}' holds no numbers.", "Name the column with the counts.")
    kind = frame[time].dtype
    stamps = pl.col(time)
    if kind == pl.String:
        stamps = stamps.str.to_datetime(strict=False)
    elif kind != pl.Date and not isinstance(kind, pl.Datetime):
        raise UserError(f"Column '{time}' holds no times.", "Use dates, times, or ISO 8601 text.")
    if isinstance(kind, pl.Datetime) and kind.time_zone:
        stamps = stamps.dt.replace_time_zone(None)  # the hour on the wall: people live by it
    rows = frame.select(
        series=pl.col(series).cast(pl.String),
        at=stamps.cast(pl.Datetime("us")).dt.truncate("1d" if rhythm.day == 1 else "1h"),
        value=pl.col(value).cast(pl.Float64),
    ).filter(pl.all_horizontal(pl.all().is_not_null()) & pl.col("value").is_finite())
    if (rows["value"] < 0).any():
        raise UserError(f"Column '{value}' has negative values.", "Counts are at least 0; remove or correct them.")
    return rows


def backtest(
    table: Table, *, horizon: int, origins: int, spacing: int | None = None, seed: int = 1, threads: int = 2
) -> dict[str, dict[str, float]]:
    """Score the floor, every model and the choice at rolling origins, the last ending with the table.

    Parameters
    ----------
    horizon, origins, spacing : int
        Steps ahead; how many origins; steps between them (``horizon`` unless told).

    Returns
    -------
    dict
        For each model, and for `CHOSEN`: ``mase``, ``wql``, ``coverage_80`` averaged over origins, and
        ``seconds`` in all. At each origin only what came before is known, to the choice as well.

    Raises
    ------
    UserError
        The series are too short for one origin after four weeks.
    """
    spacing = spacing or horizon
    end = table.values.shape[1] - horizon
    at = [end - spacing * back for back in range(origins - 1, -1, -1)]
    at = [origin for origin in at if origin >= table.rhythm.shortest]
    if not at:
        raise UserError(
            f"{table.values.shape[1]} steps are too few: four weeks come before an origin, {horizon} steps after it.",
            "Use a longer table or a shorter horizon.",
        )
    found: dict[str, list[tuple[float, ...]]] = {}
    setting = Setting(table.start, table.rhythm, seed=seed, threads=threads, every=True)
    for origin in at:
        past, future = table.values[:, :origin], table.values[:, origin : origin + horizon]
        began = perf_counter()
        one = ahead(past, horizon, setting)
        seconds = perf_counter() - began
        for name, (made, low, high) in one.others.items():
            tried = next((tested.seconds for tested in one.tested if tested.model == name), 0.0)
            found.setdefault(name, []).append((*score(past, future, made, low, high, table.rhythm.week), tried))
        scored = score(past, future, one.distribution, one.low, one.high, table.rhythm.week)
        found.setdefault(CHOSEN, []).append((*scored, seconds))
    return {name: _summary(scores) for name, scores in found.items()}


def _summary(scores: list[tuple[float, ...]]) -> dict[str, float]:
    table = np.array(scores)
    known = np.isfinite(table)
    means = np.divide(
        np.where(known, table, 0).sum(axis=0), known.sum(axis=0), out=np.full(4, np.nan), where=known.any(axis=0)
    )
    mase, wql, coverage = (round(float(mean), 6) for mean in means[:3])
    seconds = round(float(table[:, 3].sum()), 3)
    return {"mase": mase, "wql": wql, "coverage_80": coverage, "seconds": seconds, "origins": len(scores)}

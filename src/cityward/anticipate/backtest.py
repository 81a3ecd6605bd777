"""How the models, and the choice among them, would have done on a table of series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from time import perf_counter
from typing import Final, Literal, NamedTuple

import numpy as np
import polars as pl

from cityward.anticipate.engine import Ahead, Setting, ahead
from cityward.anticipate.features import NO_HOLIDAYS, Counts
from cityward.anticipate.floors import LEVELS, MEDIAN, Distribution
from cityward.anticipate.rhythm import RHYTHMS, Rhythm
from cityward.anticipate.spread import loss
from cityward.core.errors import UserError

CELLS_MAX: Final = 50_000_000
"""Series times steps: 400 MB as numbers, and a few times that while models learn."""

CHOSEN: Final = "chosen"

YEAR_FIRST: Final = r"^\s*\d{4}"
"""Where a text begins otherwise, its day and its month cannot be told apart."""

OFFSET: Final = r"(\d{2}:\d{2}.*?)\s*([+-]\d{2}:?\d{2}|Z)\s*$"
"""A time of day followed by an offset from UTC."""

PARTS: Final = 100.0
"""Fewest parts in the usual change from one week to the next: quantiles are then a hundredth of it fine."""


DEFINITIONS: Final = {
    "mase": "mean over series of: mean absolute error of the median, over the mean absolute difference of the "
    "history from one week (7 days) to the next; series that never changed so are left out; averaged over origins",
    "mase_mean": "the same, of the mean instead of the median",
    "wql": "twice the quantile loss at 0.1, 0.2, ... 0.9, averaged over these, summed over series and steps, over "
    "the sum of what came; averaged over origins",
    "coverage_80": "share of all known series and steps, silent ones too, that the 80 % interval holds, both ends "
    "in; averaged over origins. Its ends are whole numbers where the values are",
    "seconds": "of trying, choosing and forecasting, over all origins; of one model: of trying it",
}
"""What the figures are, word for word in the answer of 'cityward backtest'."""


class Score(NamedTuple):
    """Scaled error of median and mean, weighted quantile loss, share inside the 80 % interval; NaN if unknown."""

    mase: float
    mase_mean: float
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
    left_out: int = 0


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
    `DEFINITIONS` says what is computed. Series that never changed from week to week have no scale and are left
    out of the scaled error.
    Source: Hyndman, Koehler (2006), Another look at measures of forecast accuracy, equation 11; quantile
    loss over the nine tenths, weighted as in Makridakis and others (2022), The M5 uncertainty competition.
    """
    scale = _average(np.abs(past[:, week:] - past[:, :-week]))
    error = _average(np.abs(future - found.quantiles[..., MEDIAN]))
    error_of_mean = _average(np.abs(future - found.mean))
    changing = (scale > 0) & np.isfinite(error)
    inside = np.where(np.isfinite(future), (future >= low) & (future <= high), np.nan)
    total = float(np.nansum(future))
    return Score(
        float((error[changing] / scale[changing]).mean()) if changing.any() else float("nan"),
        float((error_of_mean[changing] / scale[changing]).mean()) if changing.any() else float("nan"),
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

    Rows of one series and step are added up, and counted in ``duplicates``; rows without a series, a time or a
    finite number are left out, and counted in ``left_out``. Times with a zone, or text with an offset from UTC,
    count by the clock they are written by: an hour that comes twice when clocks go back is added up, one that is
    skipped in spring is a step without a row. ``missing`` says what a step without a row is, between a series'
    first and the table's last: ``zero`` or ``gap``. Unless told, it is zero when the values are whole and begin
    with one (a table of what happened), else a gap: where hundreds come and never one, none would be no zero.

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
    start = start.replace(hour=0)  # a table begins with a day
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
        missing = "zero" if numbers.min() == 1 and _whole(numbers.to_numpy()) else "gap"
    at = ((grouped["at"] - start).dt.total_hours() // hours).to_numpy()
    place = names.to_frame().with_row_index("row").join(grouped.select("series"), on="series", how="right")["row"]
    values = np.full((len(names), steps), np.nan)
    values[place.to_numpy(), at] = numbers.to_numpy()
    if missing == "zero":
        begun = np.maximum.accumulate(np.isfinite(values), axis=1)
        values[begun & ~np.isfinite(values)] = 0.0
    kind: Literal["zero", "gap"] = "zero" if missing == "zero" else "gap"
    return Table(names.to_list(), values, start, rhythm, rows.height - grouped.height, kind, frame.height - rows.height)


def _rows(frame: pl.DataFrame, series: str, time: str, value: str, rhythm: Rhythm) -> pl.DataFrame:
    for name in (series, time, value):
        if name not in frame.columns:
            raise UserError(f"There is no column '{name}'.", f"The columns are: {', '.join(frame.columns[:20])}.")
    if not frame[value].dtype.is_numeric():
        raise UserError(f"Column '{value}' holds no numbers.", "Name the column with the counts.")
    kind = frame[time].dtype
    stamps = pl.col(time)
    if kind == pl.String:
        stamps = _read(frame[time])
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
    if rhythm.day > 1 and rows.height and (rows["at"].dt.hour() == 0).all():
        raise UserError(f"All times in column '{time}' are of midnight: these are days.", "Say '--freq D'.")
    return rows


def _read(texts: pl.Series) -> pl.Expr:
    """The times of texts, by the clock they are written by; null where they are none."""
    told = pl.col(texts.name)
    stamps = pl.when(told.str.contains(YEAR_FIRST)).then(told.str.replace(OFFSET, "${1}")).str.to_datetime(strict=False)
    read = texts.to_frame().select(stamps).to_series().count()
    if 2 * read < texts.count():
        raise UserError(
            f"Of {texts.count():,} texts in column '{texts.name}' only {read:,} are times that begin with the year.",
            "Write year-month-day, such as 2024-03-31 or 2024-03-31T14:00 (ISO 8601).",
        )
    return stamps


def _whole(values: Counts) -> bool:
    return bool((values == np.round(values)).all())


class Run(NamedTuple):
    """How to backtest: ``horizon`` steps ahead, ``origins`` that are ``spacing`` (or a horizon) apart, and the rest."""

    horizon: int
    origins: int
    spacing: int | None = None
    seed: int = 1
    threads: int = 2
    holidays: Mapping[date, str] = NO_HOLIDAYS
    outside: Callable[[Counts, int], Distribution] | None = None


class Tested(NamedTuple):
    """What a backtest gives: figures by model and of the choice, the steps it began at, and every forecast."""

    models: dict[str, dict[str, float]]
    origins: list[int]
    rows: pl.DataFrame


def origins_of(table: Table, run: Run) -> list[int]:
    """The steps at which forecasts begin, the last ending with the table.

    Raises
    ------
    UserError
        The series are too short for one origin after four weeks.
    """
    spacing = run.spacing or run.horizon
    end = table.values.shape[1] - run.horizon
    at = [end - spacing * back for back in range(run.origins - 1, -1, -1)]
    at = [origin for origin in at if origin >= table.rhythm.shortest]
    if not at:
        raise UserError(
            f"{table.values.shape[1]:,} steps are too few: four weeks come before an origin, {run.horizon:,} after it.",
            "Use a longer table or a shorter horizon.",
        )
    return at


def backtest(table: Table, run: Run) -> Tested:
    """Score every model and the choice at rolling origins.

    At each origin only what came before is known, to the choice as well. Figures are those of `DEFINITIONS`,
    averaged over origins; all but ``seconds`` are equal for an equal seed, with any number of threads.
    """
    at = origins_of(table, run)
    found: dict[str, list[tuple[float, ...]]] = {}
    rows = []
    setting = Setting(
        table.start,
        table.rhythm,
        run.holidays,
        seed=run.seed,
        threads=run.threads,
        every=True,
        outside=run.outside,
    )
    for origin in at:
        past, future = table.values[:, :origin], table.values[:, origin : origin + run.horizon]
        began = perf_counter()
        one = _counted(past, run.horizon, setting)
        seconds = perf_counter() - began
        for name, (made, low, high) in one.others.items():
            tried = next((tested.seconds for tested in one.tested if tested.model == name), 0.0)
            found.setdefault(name, []).append((*score(past, future, made, low, high, table.rhythm.week), tried))
        scored = score(past, future, one.distribution, one.low, one.high, table.rhythm.week)
        found.setdefault(CHOSEN, []).append((*scored, seconds))
        rows.append(_forecasts(table, origin, future, one))
    return Tested({name: _summary(scores) for name, scores in found.items()}, at, pl.concat(rows))


def _counted(past: Counts, horizon: int, setting: Setting) -> Ahead:
    """What `ahead` says of numbers that need not be whole: of parts of them, told in the numbers' own unit."""
    parts = _parts(past, setting.rhythm.week)
    one = ahead(past * parts, horizon, setting)

    def told(made: Distribution, low: Counts, high: Counts) -> tuple[Distribution, Counts, Counts]:
        return Distribution(made.mean / parts, made.quantiles / parts), low / parts, high / parts

    distribution, low, high = told(one.distribution, one.low, one.high)
    others = {name: told(*found) for name, found in one.others.items()}
    return one._replace(distribution=distribution, low=low, high=high, others=others)


def _parts(past: Counts, week: int) -> float:
    """In how many parts a one is counted, a power of ten: models count, and whole numbers are left alone.

    Other numbers (a share of places taken, a thousand cubic metres) are counted in parts that are small beside
    the usual change of the middle series from one week to the next, or else every quantile of a share is 0 or 1.
    """
    if _whole(past[np.isfinite(past)]):
        return 1.0
    changes = _average(np.abs(past[:, week:] - past[:, :-week]))
    changes = changes[changes > 0]
    return float(10 ** max(0.0, np.ceil(np.log10(PARTS / np.median(changes))))) if len(changes) else 1.0


def _forecasts(table: Table, origin: int, future: Counts, one: Ahead) -> pl.DataFrame:
    """What was chosen, step by step, beside what came."""
    series, horizon = future.shape
    hours = pl.duration(hours=24 // table.rhythm.day)
    return (
        pl.DataFrame(
            {
                "series": pl.Series(table.names, dtype=pl.String).gather(np.arange(series).repeat(horizon)),
                "step": np.tile(np.arange(origin, origin + horizon), series),
                "came": future.ravel(),
                "model": pl.Series(one.model.tolist(), dtype=pl.String).gather(np.arange(series).repeat(horizon)),
                "mean": one.distribution.mean.ravel(),
                **{
                    f"q{level * 100:02.0f}": one.distribution.quantiles[..., at].ravel()
                    for at, level in enumerate(LEVELS)
                },
                "low_80": one.low.ravel(),
                "high_80": one.high.ravel(),
            }
        )
        .select(
            "series",
            origin=pl.lit(table.start) + hours * origin,
            at=pl.lit(table.start) + hours * pl.col("step"),
            **{name: pl.col(name) for name in ("came", "model", "mean")},
            **{name: pl.col(name) for name in (*(f"q{level * 100:02.0f}" for level in LEVELS), "low_80", "high_80")},
        )
        .with_columns(pl.col("came").fill_nan(None))
    )


def _summary(scores: list[tuple[float, ...]]) -> dict[str, float]:
    table = np.array(scores)
    known = np.isfinite(table)
    means = np.divide(
        np.where(known, table, 0).sum(axis=0),
        known.sum(axis=0),
        out=np.full(table.shape[1], np.nan),
        where=known.any(axis=0),
    )
    told = {name: round(float(mean), 6) for name, mean in zip(Score._fields, means[:-1], strict=True)}
    return told | {"seconds": round(float(table[:, -1].sum()), 3), "origins": len(scores)}

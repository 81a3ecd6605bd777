"""Watches the streams up to a moment: every alert with its life, and the state of every sensor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from cityward.core.records import Alert
from cityward.know.sensing import faults
from cityward.know.sensing.events import corroborate
from cityward.know.sensing.hours import Flags, Hours, Matrix, by_hour, grid
from cityward.know.sensing.life import Episode, episodes
from cityward.know.sensing.rules import Limit, LimitRules
from cityward.know.sensing.telling import Telling
from cityward.know.sensing.unusual import Scores, score

CLOSE_SHARE = 0.9
"""A limit alert is kept until the mean is a tenth below the level: no flicker about it."""

ALARM_CLOSE = 0.5
"""An unusual score is kept open until it is half of what opened it."""

MOVED_DAYS = 7
"""So long the new place of a sensor is learned, and it is said that it moved."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What was found by a moment.

    Parameters
    ----------
    alerts : list of Alert
        By opening; cleared ones included.
    sensors : polars.DataFrame
        One row a stream: last value and when, its usual gap, and its ``state`` (``alive``, ``silent``, ``stuck``,
        ``implausible`` or ``new``).
    hours : Hours
    scores : Scores
    """

    alerts: list[Alert]
    sensors: pl.DataFrame
    hours: Hours
    scores: Scores


def watch(observations: pl.LazyFrame, rules: LimitRules, until: datetime, time_zone: str) -> Watched | None:
    """Watch observations up to ``until``; None when there are none.

    Parameters
    ----------
    observations : polars.LazyFrame
        `cityward.know.sensing.hours.COLUMNS`, none later than ``until``.
    rules : LimitRules
        The limits.
    until : datetime
        The moment of knowledge (UTC).
    time_zone : str
        Of hours of day.
    """
    hourly = by_hour(observations.filter(pl.col("observed_at") <= until))
    if not hourly.height:
        return None
    hours = grid(hourly, until)
    silences = faults.silences(hourly, until)
    silent = faults.silent_hours(hours, silences)
    too_long, constant = faults.stuck(hours)
    odd = faults.implausible(hours)
    present = hours.good + hours.bad > 0
    never = np.zeros_like(silent)
    stuck_lives = episodes(too_long, constant, present, silent, close_hours=2)
    odd_lives = episodes(odd, hours.bad >= np.maximum(hours.good, 1), present, silent, close_hours=6)
    stuck, implausible = (_flags(lives, silent.shape) for lives in (stuck_lives, odd_lives))
    blocked = silent | stuck | implausible
    moved = faults.moves(hours)
    scores = score(hours, ~stuck & ~implausible, moved, time_zone)
    telling = Telling(hours, until, rules)
    alerts = [telling.silence(row) for row in silences.iter_rows(named=True)]
    alerts += [telling.fault("stuck", life) for life in stuck_lives]
    alerts += [telling.fault("implausible", life) for life in odd_lives]
    alerts += [telling.moved(life) for life in _moves(moved, never)]
    for limit in rules.limits:
        mean, enough = running_mean(hours, limit, rules.min_coverage)
        applies = hours.streams["property"].to_numpy() == limit.property
        over = (mean > limit.level) & applies[:, None]
        kept = (mean > CLOSE_SHARE * limit.level) & applies[:, None]
        for life in episodes(over, kept, enough, blocked, close_hours=limit.hours // 4):
            alerts.append(telling.limit(limit, life, mean))
    alerts += _unusual(scores, hours, blocked, telling)
    alerts.sort(key=lambda alert: (alert.opened_at, alert.kind, alert.id))
    return Watched(alerts, _sensors(hourly, hours, silences, stuck, implausible, until), hours, scores)


def running_mean(hours: Hours, limit: Limit, min_coverage: float) -> tuple[Matrix, Flags]:
    """Mean of the last ``limit.hours`` hourly means, and whether enough of them and the last one are there."""
    here = ~np.isnan(hours.mean)
    sums = np.cumsum(np.where(here, hours.mean, 0.0), axis=1)
    counts = np.cumsum(here, axis=1).astype(float)
    for cells in (sums, counts):
        cells[:, limit.hours :] -= cells[:, : -limit.hours].copy() if cells.shape[1] > limit.hours else 0
    enough = here & (counts >= min_coverage * limit.hours)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(enough, sums / counts, np.nan), enough


def _unusual(scores: Scores, hours: Hours, blocked: Flags, telling: Telling) -> list[Alert]:
    """Jumps that neighbours share are events; others, and shifts, ask to check the sensor."""
    known = ~np.isnan(scores.jump) & np.isfinite(scores.jump_bound)
    size = np.where(known, np.abs(scores.jump), 0.0)
    high, half = size > scores.jump_bound, size > ALARM_CLOSE * scores.jump_bound
    shared, events = corroborate(scores, high & ~blocked, half & ~blocked)
    alone = high & ~shared
    lives = episodes(alone, half & ~shared, ~np.isnan(hours.mean), blocked, close_hours=6)
    found = [telling.event(event) for event in events]
    found += [telling.unusual(life, scores) for life in lives]
    told = ~np.isnan(scores.shift) & np.isfinite(scores.shift_bound)
    size = np.where(told, np.abs(scores.shift), 0.0)
    shifts = episodes(
        size > scores.shift_bound,
        size > ALARM_CLOSE * scores.shift_bound,
        told,
        blocked,
        open_hours=6,
        close_hours=12,
    )
    return found + [telling.shift(life, scores) for life in shifts]


def _flags(lives: list[Episode], shape: tuple[int, int]) -> Flags:
    """Hours in which an episode is open, the hour of its opening included."""
    flags = np.zeros(shape, dtype=bool)
    for life in lives:
        flags[life.stream, life.opened : life.cleared] = True
    return flags


def _moves(moved: np.ndarray, never: Flags) -> list[Episode]:
    step = np.zeros_like(never)
    step[:, 1:] = moved[:, 1:] != moved[:, :-1]
    return episodes(step, step, ~never, never, close_hours=24 * MOVED_DAYS)


def _sensors(
    hourly: pl.DataFrame, hours: Hours, silences: pl.DataFrame, stuck: Flags, implausible: Flags, until: datetime
) -> pl.DataFrame:
    """The last word of every stream, as told; its state says whether it may be taken for current."""
    keys = ["source", "sensor", "property", "unit"]
    last = hourly.group_by(keys, maintain_order=True).agg(
        pl.col("last_value").last().alias("value"),
        pl.col("last_at").last().alias("observed_at"),
        (pl.col("first_at") - pl.col("last_at").shift(1)).median().alias("usual_gap"),
        pl.len().alias("hours"),
        (pl.col("good") + pl.col("bad")).sum().cast(pl.Int64).alias("values"),
    )
    quiet = silences.filter(pl.col("cleared_at").is_null())
    keyed = hours.streams.select(
        whole=pl.struct("source", "sensor").is_in(
            quiet.filter(pl.col("property").is_null()).select(pl.struct("source", "sensor")).to_series().implode()
        ),
        single=pl.struct("source", "sensor", "property").is_in(
            quiet.select(pl.struct("source", "sensor", "property")).to_series().implode()
        ),
    )
    states = [
        ("silent", (keyed["whole"] | keyed["single"]).to_numpy()),
        ("implausible", implausible[:, -1]),
        ("stuck", stuck[:, -1]),
        ("new", np.asarray(last["hours"] <= faults.GAPS_MIN)),
    ]
    state = np.select([flag for _, flag in states], [name for name, _ in states], default="alive")
    return hours.streams.hstack(last.drop(keys)).with_columns(
        pl.Series("state", state.astype(str), dtype=pl.String),
        (pl.lit(until) - pl.col("observed_at")).alias("age"),
    )

"""What is known at an origin about the steps after it, as columns for a learner. Pure: arrays in, arrays out.

Everything is a ratio to a baseline, so that a service with a report a month and a square with ten
thousand passers-by an hour teach the same trees. Nothing at or after the origin is looked at, but for
the calendar.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cityward.anticipate.feasts import factors, surprises
from cityward.anticipate.rhythm import Rhythm

Floats = NDArray[np.float32]
Counts = NDArray[np.float64]

PRIOR_COUNTS: Final = 400.0
"""Counts in the memory at which a series' own weekday profile weighs as much as that of all together."""

LEVEL_PRIOR_COUNTS: Final = 0.5
"""Added to each series' sum, so that a series of zeros keeps a small positive level."""

RATIO_MAX: Final = 20.0
"""Ratios beyond it teach nothing more."""

_LAG_WEEKS: Final = (1, 2, 3, 4)
_LEVEL_DAYS: Final = (1, 3, 7, 14, 28, 56, 182, 365, 730)
_YEAR_SIDE_DAYS: Final = 10
"""Days around the same day a year ago that speak of the season."""

HOLIDAY_REACH_DAYS: Final = 8
"""A holiday further away than this is none."""

NO_HOLIDAYS: Final[Mapping[date, str]] = MappingProxyType({})


class History(NamedTuple):
    """Series with running sums: ``values`` (series, steps), ``sums`` with a leading zero column, and of all.

    ``known`` is false where a value was missing and the same hour of a week before stands for it. ``totals`` are
    those of whole days, ``surprise`` how unlike their weekday these were, and ``holidays`` names by date.
    """

    values: Counts
    known: NDArray[np.bool_]
    sums: Counts
    shared: Counts
    start: datetime
    rhythm: Rhythm
    holidays: Mapping[date, str]
    totals: Counts
    surprise: Counts

    def alive(self, origin: int) -> NDArray[np.bool_]:
        """Say which series have known values in the four weeks before ``origin``."""
        lately: NDArray[np.intp] = self.known[:, max(0, origin - self.rhythm.shortest) : origin].sum(axis=1)
        return lately > 0


def history(values: Counts, start: datetime, rhythm: Rhythm, holidays: Mapping[date, str] = NO_HOLIDAYS) -> History:
    """Prepare series for `features`: ``values`` (series, steps), at least 0; NaN where nothing is known."""
    known = np.isfinite(values)
    values = values.copy()
    for step in np.flatnonzero(~known.all(axis=0)):
        gaps = ~known[:, step]
        values[gaps, step] = values[gaps, step - rhythm.week] if step >= rhythm.week else 0.0
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    shared = np.concatenate([[0.0], np.cumsum(values.mean(axis=0))])
    days = values.shape[1] // rhythm.day
    totals = values[:, : days * rhythm.day].sum(axis=0).reshape(days, rhythm.day).sum(axis=1)
    return History(values, known, sums, shared, start, rhythm, holidays, totals, surprises(totals))


def baseline(past: History, origin: int, series: NDArray[np.intp], steps: NDArray[np.intp]) -> Counts:
    """Level of the last weeks times a weekday (and hour) profile, shape (series, steps); above 0."""
    week = past.rhythm.week
    recent = min(origin, 8 * week)
    level = (past.sums[series, origin] - past.sums[series, origin - recent] + LEVEL_PRIOR_COUNTS) / (
        recent + LEVEL_PRIOR_COUNTS
    )
    found: Counts = np.maximum(level[:, None] * profile(past, origin, series)[:, steps % week], 1e-4)
    return found


def profile(past: History, origin: int, series: NDArray[np.intp]) -> Counts:
    """Factors of the steps of a week, shape (series, week), averaging 1; a quiet series has that of all."""
    week = past.rhythm.week
    weeks = max(1, min(past.rhythm.memory_weeks, origin // week))
    own = past.values[series, origin - weeks * week : origin].reshape(len(series), weeks, week).sum(axis=1)
    shared = past.values[:, origin - weeks * week : origin].mean(axis=0).reshape(weeks, week).sum(axis=0)
    shared = shared / shared.mean() if shared.any() else np.ones(week)
    prior = PRIOR_COUNTS / week
    found: Counts = (own + prior * shared) / (own.mean(axis=1, keepdims=True) + prior)
    return found


def days_ahead(past: History, origin: int, steps: NDArray[np.intp]) -> NDArray[np.intp]:
    """The day of each step, 0 being that of the origin."""
    day = past.rhythm.day
    found: NDArray[np.intp] = (origin + steps) // day - origin // day
    return found


def feast(past: History, origin: int, steps: NDArray[np.intp]) -> Counts:
    """By what each step is to be multiplied because its day is a feast, shape of ``steps``."""
    days, of = np.unique(days_ahead(past, origin, steps), return_inverse=True)
    found = factors(past.surprise, past.start.date(), origin // past.rhythm.day, days, past.holidays)
    return found[of]


def features(past: History, origin: int, series: NDArray[np.intp], steps: NDArray[np.intp]) -> tuple[Floats, Counts]:
    """Columns for every (series, step), shape (series * steps, columns), and the baseline (series, steps).

    ``origin`` is the number of known steps; step 0 is the first unknown one. The baseline holds the feasts.
    """
    base, unlike = baseline(past, origin, series, steps), feast(past, origin, steps)
    shape = (len(series), len(steps), 1)
    blocks = [_own(past, origin, series), _seasons(past, origin, series, steps, base)]
    days = np.column_stack([_calendar(past, origin, steps), np.log(unlike)])
    calendar = np.broadcast_to(days[None], (*shape[:2], days.shape[1]))
    wide = [np.broadcast_to(blocks[0][:, None, :], (*shape[:2], blocks[0].shape[1])), blocks[1], calendar]
    columns = np.concatenate(wide, axis=2, dtype=np.float32)
    return columns.reshape(-1, columns.shape[2]), base * unlike


def _window(sums: Counts, first: int, last: int) -> Counts:
    """Average over steps ``first`` to ``last`` (excluded), cut to what is known."""
    first = max(first, 0)
    return (sums[..., last] - sums[..., first]) / max(last - first, 1)


def _own(past: History, origin: int, series: NDArray[np.intp]) -> Counts:
    """What does not depend on the step: recent levels over the level of eight weeks, own and of all."""
    week, day = past.rhythm.week, past.rhythm.day
    level = _window(past.sums, origin - 8 * week, origin)[series] + LEVEL_PRIOR_COUNTS / (8 * week)
    shared_level = max(float(_window(past.shared, origin - 8 * week, origin)), 1e-9)
    own = [_window(past.sums, origin - days * day, origin)[series] / level for days in _LEVEL_DAYS]
    shared = [
        np.full(len(series), float(_window(past.shared, origin - days * day, origin)) / shared_level)
        for days in _LEVEL_DAYS
    ]
    recent = past.values[series, max(0, origin - 8 * week) : origin]
    quiet = (recent == 0).mean(axis=1)
    wild = recent.std(axis=1) / level
    found: Counts = np.minimum(np.stack([np.log(level), quiet, wild, *own, *shared], axis=1), RATIO_MAX * 5)
    return found


def _seasons(
    past: History, origin: int, series: NDArray[np.intp], steps: NDArray[np.intp], base: Counts
) -> NDArray[np.float64]:
    """What the same hours of past weeks, and the same time of past years, were like."""
    week, year, side = past.rhythm.week, past.rhythm.year, _YEAR_SIDE_DAYS * past.rhythm.day
    blocks = []
    for weeks in _LAG_WEEKS:
        back = origin + steps - week * (steps // week + weeks)
        blocks.append(past.values[np.ix_(series, np.maximum(back, 0))] / base)
    last_year = origin + steps - year
    known = (last_year - side >= 0) & (last_year + side < origin)
    for sums, rows in ((past.sums, series), (past.shared[None, :], np.zeros(1, np.intp))):
        around = (
            sums[np.ix_(rows, np.clip(last_year + side, 0, origin))]
            - sums[np.ix_(rows, np.clip(last_year - side, 0, origin))]
        )
        first = max(origin - year - 8 * week, 0)
        before = (sums[rows, max(origin - year, 0)] - sums[rows, first] + LEVEL_PRIOR_COUNTS) / max(
            origin - year - first, 1
        )
        season = around / (2 * side) / before[:, None]
        blocks.append(np.broadcast_to(np.where(known, season, np.nan), base.shape))
    blocks.append(np.broadcast_to(_same_date(past, origin, steps), base.shape))
    found: Counts = np.minimum(np.stack(blocks, axis=2), RATIO_MAX)
    return found


def _same_date(past: History, origin: int, steps: NDArray[np.intp]) -> NDArray[np.float64]:
    """The whole a calendar year ago at the same date and hour, over its own weeks around: fixed feasts show."""
    back = origin + steps - 365 * past.rhythm.day
    week = past.rhythm.week
    whole = np.diff(past.shared)
    usual = np.mean([whole[np.clip(back + week * k, 0, origin - 1)] for k in (-2, -1, 1, 2)], axis=0)
    found = whole[np.clip(back, 0, origin - 1)] / np.maximum(usual, 1e-9)
    return np.where((back - 2 * week >= 0) & (back + 2 * week < origin), found, np.nan)


def _calendar(past: History, origin: int, steps: NDArray[np.intp]) -> NDArray[np.float64]:
    """Step, hour, weekday, season and holidays of each step, shape (steps, 11)."""
    hours = 24 // past.rhythm.day
    rows = []
    for step in steps:
        at = past.start + timedelta(hours=hours * int(origin + step))
        day, angle = at.date(), 2 * np.pi * at.timetuple().tm_yday / 365.25
        near = [
            n for n in range(-HOLIDAY_REACH_DAYS, HOLIDAY_REACH_DAYS + 1) if day + timedelta(days=n) in past.holidays
        ]
        closest = min(near, key=abs, default=HOLIDAY_REACH_DAYS + 1)
        rows.append(
            (
                step,
                at.hour,
                at.weekday(),
                at.weekday() * 24 + at.hour,
                np.sin(angle),
                np.cos(angle),
                at.day,
                0 in near,
                1 in near,
                -1 in near,
                closest,
            )
        )
    return np.array(rows, dtype=np.float64)

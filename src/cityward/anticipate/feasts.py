"""Days unlike their weekday: found in past years by date, by weekday of the month, or by a calendar's name. Pure.

Christmas empties a counter of garbage complaints in every city; no calendar is needed to see it once two
years have shown it. A calendar adds feasts that move, and ones seen only once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]

REACH_DAYS: Final = 21
"""A day is compared with the same weekday of three weeks before and after."""

CLEAR: Final = 4.5
"""A day that no calendar names is held for a feast from so many standard errors on, in two years or more."""

NARROWEST: Final = 0.05
"""Least spread believed of ordinary days, as a logarithm."""


def surprises(totals: Counts) -> Counts:
    """Logarithm of each day's total over that of its weekday around it; NaN where too little is around."""
    found = np.full(len(totals), np.nan)
    last = len(totals) - REACH_DAYS
    if last > REACH_DAYS:
        weeks = (-21, -14, -7, 7, 14, 21)
        around = np.mean([totals[REACH_DAYS + back : last + back] for back in weeks], axis=0)
        found[REACH_DAYS:last] = np.log((totals[REACH_DAYS:last] + 0.5) / (around + 0.5))
    return found


def factors(
    surprise: Counts, first: date, origin_day: int, ahead_days: NDArray[np.intp], names: Mapping[date, str]
) -> Counts:
    """By what the days ahead are to be multiplied; 1 on ordinary days.

    Parameters
    ----------
    surprise : ndarray, shape (days,)
        `surprises` of the history that begins on ``first``; only days before ``origin_day`` are looked at.
    ahead_days : ndarray of int
        Days after the origin, 0 being the first unknown one.
    names : mapping
        Holidays by date, past ones and coming ones; may be empty.

    Notes
    -----
    The mean of past years is drawn to nothing by its own uncertainty: the shrinkage of James and Stein (1961),
    one mean at a time.
    """
    past = surprise[: max(origin_day - REACH_DAYS, 0)]
    spread = [_spread(past[weekday::7]) for weekday in range(7)]
    found = np.ones(len(ahead_days))
    for place, day in enumerate(ahead_days):
        found[place] = _factor(first, first + timedelta(days=origin_day + int(day)), past, spread, names)
    return found


def _spread(some: Counts) -> float:
    some = some[np.isfinite(some)]
    return max(1.4826 * float(np.median(np.abs(some - np.median(some)))), NARROWEST) if len(some) >= 8 else np.inf


def _factor(first: date, day: date, past: Counts, spread: list[float], names: Mapping[date, str]) -> float:
    best, factor = 0.0, 1.0
    for anchors, named in _anchors(first, day, names):
        places = [(one - first).days for one in anchors]
        places = [place for place in places if 0 <= place < len(past) and np.isfinite(past[place])]
        seen = past[places]
        if len(seen) < (1 if named else 2):
            continue
        mean = float(seen.mean())
        error = float(np.sqrt(np.mean([spread[place % 7] ** 2 for place in places]) / len(seen)))
        clear = abs(mean) / error
        # Two feasts that fell on one day by chance, or one storm, are no feast of this day: each year must show it.
        every_year = bool((seen * np.sign(mean) > abs(mean) / 2).all())
        if clear > best and (named or (clear > CLEAR and every_year)):
            best, factor = clear, float(np.exp(mean * max(0.0, 1 - 1 / max(clear, 1e-9) ** 2)))
    return factor


def _anchors(first: date, day: date, names: Mapping[date, str]) -> list[tuple[list[date], bool]]:
    """Past days that may be the same feast: of the same name, the same date, the same weekday of the month."""
    dated, placed = [], []
    for year in range(day.year - 1, first.year - 1, -1):
        if (day.month, day.day) != (2, 29):
            dated.append(day.replace(year=year))
        begin = date(year, day.month, 1)
        same = begin + timedelta(days=(day.weekday() - begin.weekday()) % 7 + (day.day - 1) // 7 * 7)
        if same.month == day.month:
            placed.append(same)
    found = [(dated, False), (placed, False)]
    if day in names:
        found.append(([one for one, name in names.items() if name == names[day] and one < day], True))
    return found

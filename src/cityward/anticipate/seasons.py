"""Level and season: what a city's days do together, shared out by what each series lately brought. Pure.

The level of a series is slow, that of all series together is quicker, the season comes from past years, the
week from the profile that the trees start from, and feasts from `cityward.anticipate.feasts`. On series
of a report a day nothing learned is much better than this.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.anticipate.features import LEVEL_PRIOR_COUNTS, Counts, History, days_ahead, feast, profile

SHARE_HALF_LIFE_DAYS: Final = 90.0
"""How slowly a series' share of the whole changes."""

TOTAL_HALF_LIFE_DAYS: Final = 28.0
"""How slowly the whole changes."""

LEAST: Final = 1e-4

MEMORY_DAYS: Final = 728
SIDE_DAYS: Final = 14
"""Days on both sides of the same day a year ago that speak of its season."""

BEFORE_DAYS: Final = 56
"""What the season is compared with: the days before the same origin a year ago."""

YEARS: Final = (1, 2, 3)


def level_and_season(past: History, origin: int, series: NDArray[np.intp], steps: NDArray[np.intp]) -> Counts:
    """Return expected values of some series at some steps from ``origin``, shape (series, steps); above 0."""
    day = past.rhythm.day
    days = int(np.clip(origin // day, 1, MEMORY_DAYS))
    ends = origin - day * np.arange(days, -1, -1)
    if ends[0] < 0:  # not one whole day
        return np.repeat(np.maximum(past.sums[series, origin, None] / max(origin, 1), LEAST), len(steps), axis=1)
    daily = np.diff(past.sums[np.ix_(series, ends)], axis=1)
    slow, quick = (_weights(days, half) for half in (SHARE_HALF_LIFE_DAYS, TOTAL_HALF_LIFE_DAYS))
    whole = np.diff(past.shared[ends])
    # A series without any report keeps a small chance of one.
    level = daily @ slow + LEVEL_PRIOR_COUNTS / max(days, BEFORE_DAYS)
    level *= (whole @ quick) / max(float(whole @ slow), 1e-9)
    found = (level / day)[:, None] * profile(past, origin, series)[:, steps % past.rhythm.week]
    calm = _season(past, origin, days_ahead(past, origin, steps)) * feast(past, origin, steps)
    expected: Counts = np.maximum(found * calm, LEAST)
    return expected


def _weights(days: int, half_life: float) -> Counts:
    weights = 0.5 ** (np.arange(days)[::-1] / half_life)
    found: Counts = weights / weights.sum()
    return found


def _season(past: History, origin: int, days: NDArray[np.intp]) -> Counts:
    """The whole around the same day of past years, over that before the same origin."""
    origin_day = origin // past.rhythm.day
    found = []
    sums = np.concatenate([[0.0], np.cumsum(past.totals[:origin_day])])
    for year in YEARS:
        turn = origin_day - 364 * year
        if turn < BEFORE_DAYS:
            break
        before = past.totals[turn - BEFORE_DAYS : turn].mean()
        same = turn + days % 364
        first, last = np.maximum(same - SIDE_DAYS, 0), np.minimum(same + SIDE_DAYS + 1, origin_day)
        around = (sums[last] - sums[first]) / (last - first)
        if before > 0:
            found.append(np.clip(around / before, 0.2, 5.0))
    season: Counts = np.mean(found, axis=0) if found else np.ones(len(days))
    return season

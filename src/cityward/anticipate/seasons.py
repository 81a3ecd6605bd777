"""Level and season: what a city's days do together, shared out by what each series lately brought. Pure.

The share of a series is slow, corrected by its last weeks as far as these hold enough counts to be believed;
the level of all series together is quicker. The season comes from past years, a series' own as far as it has
enough counts, the week from the profile that the trees start from, and feasts from
`cityward.anticipate.feasts`. On series of a report a day nothing learned is much better than this.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.anticipate.features import LEVEL_PRIOR_COUNTS, Counts, History, days_ahead, feast, profile

SHARE_HALF_LIFE_DAYS: Final = 270.0
"""How slowly a series' share of the whole changes."""

TOTAL_HALF_LIFE_DAYS: Final = 14.0
"""How slowly the whole changes."""

RECENT_HALF_LIFE_DAYS: Final = 28.0
RECENT_PRIOR_COUNTS: Final = 10.0
"""Expected counts of the last weeks at which these weigh as much as the slow share: the gamma prior of a Poisson rate.

This and the half-lives were chosen on Chicago's origins of August 2013 to September 2014.
"""

SEASON_PRIOR_COUNTS: Final = 2.0
"""Added to what came and what was expected of a series around a day of a past year."""

HALF_YEAR_DAYS: Final = 182
AHEAD_DAYS: Final = 28
"""Days after the same day of past years that a series' own season is taken from, with `SIDE_DAYS` around."""

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
    slow, quick, recent = (
        _weights(days, half) for half in (SHARE_HALF_LIFE_DAYS, TOTAL_HALF_LIFE_DAYS, RECENT_HALF_LIFE_DAYS)
    )
    whole = np.diff(past.shared[ends])
    # A series without any report keeps a small chance of one.
    level = daily @ slow + LEVEL_PRIOR_COUNTS / max(days, BEFORE_DAYS)
    often = max(float(whole @ slow), 1e-9)
    believed = RECENT_PRIOR_COUNTS * recent[-1]  # a count of today weighs one
    level *= (daily @ recent + believed) / (level * (whole @ recent) / often + believed)
    level *= (whole @ quick) / often * _own_season(past, origin, series)
    found = (level / day)[:, None] * profile(past, origin, series)[:, steps % past.rhythm.week]
    calm = _season(past, origin, days_ahead(past, origin, steps)) * feast(past, origin, steps)
    expected: Counts = np.maximum(found * calm, LEAST)
    return expected


def _weights(days: int, half_life: float) -> Counts:
    weights = 0.5 ** (np.arange(days)[::-1] / half_life)
    found: Counts = weights / weights.sum()
    return found


def _own_season(past: History, origin: int, series: NDArray[np.intp]) -> Counts:
    """By how much more a series brings at this time of past years than its share of those years, shape (series,).

    Believed as far as years agree: of all series' deviations, the part that one year shares with another is
    season, the rest is chance of the year, and that of counts comes on top. One year alone shows no season.

    Source: Efron, Morris (1975), Data analysis using Stein's estimator and its generalizations, Journal of the
    American Statistical Association 70, with variances by moments.
    """
    day, last = past.rhythm.day, origin // past.rhythm.day
    came, expected = [], []
    for year in YEARS:
        turn = last - 364 * year
        if turn < HALF_YEAR_DAYS:
            break
        middle = turn + SIDE_DAYS
        window = np.array([turn - SIDE_DAYS, min(turn + AHEAD_DAYS + SIDE_DAYS, last)]) * day
        around = np.array([middle - HALF_YEAR_DAYS, min(middle + HALF_YEAR_DAYS, last)]) * day
        inside, outside = (past.sums[:, last] - past.sums[:, first] for first, last in (window, around))
        came.append(inside)
        expected.append(outside * inside.sum() / max(float(outside.sum()), 1e-9))
    if len(came) < 2:
        return np.ones(len(series))
    usual = np.array(expected) + SEASON_PRIOR_COUNTS
    away = np.array(came) / usual + SEASON_PRIOR_COUNTS / usual - 1
    weight = usual.mean(axis=0) / usual.mean(axis=0).sum()
    shared = max(float(((away.sum(axis=0) ** 2 - (away**2).sum(axis=0)) @ weight) / (len(came) * (len(came) - 1))), 0.0)
    chance = max(float((away**2).mean(axis=0) @ weight) - shared - float((1 / usual).mean(axis=0) @ weight), 0.0)
    own = away[:, series]
    noise = (chance + 1 / usual[:, series]).sum(axis=0) / len(came) ** 2
    found: Counts = np.maximum(1 + own.mean(axis=0) * shared / np.maximum(shared + noise, 1e-9), LEAST)
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

"""Early warning: will more be asked of a service in the next week than it can do?

Pure: arrays in, arrays out. The probability is made from the forecast of the week and from how far such
forecasts were off; it is tried on the weeks of the past two years, each seen only from what came before it,
and warnings are made of it only where that was clearly better than climatology.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cityward.anticipate.chance import (
    FEWEST_WEEKS,
    Flags,
    Numbers,
    brier,
    clearly_better,
    exceeds,
    recalibrated,
    recalibration,
)
from cityward.anticipate.floors import tsb

WEEK: Final = 7
"""Days that a warning looks ahead: whole weeks, so that weekdays weigh the same."""

CAPACITY_SHARE: Final = 0.75
"""What a service can do is taken to be what it closed, or less, in this share of the last year's weeks."""

YEAR_WEEKS: Final = 52
TRIED_WEEKS: Final = 156
TRIED_SERIES: Final = 40_000
"""Most nodes times weeks that are tried at each turn."""

MEMORY_DAYS: Final = 364
YOUNG_DAYS: Final = 26 * WEEK
"""Before half a year nothing can be said about what a service can do."""

LEARN_EVERY_WEEKS: Final = 4


class Tried(NamedTuple):
    """Past weeks, arrays (nodes, weeks), oldest first; NaN and False where a week could not be tried.

    ``chance`` was given before the week, ``raw`` is the same before recalibration, ``climatology`` how often
    it had happened until then, ``happened`` whether it did.
    """

    chance: Numbers
    raw: Numbers
    climatology: Numbers
    happened: Flags

    @property
    def known(self) -> Flags:
        """Which were tried."""
        found: Flags = np.isfinite(self.chance)
        return found


class Standing(NamedTuple):
    """How good probabilities were for some nodes: weeks, Brier scores, and whether they may warn."""

    weeks: int
    brier: float
    climatology: float
    warns: bool


class Outlook(NamedTuple):
    """For each node: reports a week that can be done (NaN: not known), probability, climatology, and spread."""

    capacity: Numbers
    estimated: Flags
    chance: Numbers
    climatology: Numbers
    wide: Numbers
    tried: Tried


def outlook(
    reports: Numbers,
    closings: Numbers,
    stated: Numbers,
    expected: Numbers,
    kinds: NDArray[np.intp],
) -> Outlook:
    """Say how likely each node is to be asked for more than it can do in the coming week.

    Parameters
    ----------
    reports, closings : ndarray, shape (nodes, days)
        Per day, the last being today. A closing counts on the day it was made.
    stated : ndarray, shape (nodes,)
        Reports a day that can be done, NaN where nobody said.
    expected : ndarray, shape (nodes,)
        Forecast of the reports of the next seven days together.
    kinds : ndarray of int, shape (nodes,)
        Nodes of one kind (cities, groups) are recalibrated together: what the sum of many tells of chance is
        not what a small place tells.

    Notes
    -----
    The past weeks are forecast by TSB, the floor that is cheap enough to be tried a hundred times at each
    turn. The forecast in use errs less, so its probabilities are, if anything, too cautious.
    """
    origins = _origins(reports.shape[1], len(reports))
    past = np.stack([_capacity(closings, stated, at) for at in origins], axis=1) if origins else _none(reports)
    capacity = _capacity(closings, stated, reports.shape[1])
    if not origins:
        nothing = np.full(len(reports), np.nan)
        tried = Tried(_none(reports), _none(reports), _none(reports), _none(reports) > 0)
        return Outlook(capacity, np.isnan(stated), nothing, nothing, np.zeros(len(reports)), tried)
    came = np.stack([reports[:, at : at + WEEK].sum(axis=1) for at in origins], axis=1)
    forecast = _past_forecasts(reports, origins)
    tried = _try(forecast, came, past, kinds)
    wide = _wide(forecast[:, -YEAR_WEEKS:], came[:, -YEAR_WEEKS:])
    chance = exceeds(expected, wide, capacity)
    for kind in np.unique(kinds):
        members = kinds == kind
        known = np.isfinite(tried.raw[members])
        if known.any():
            line = recalibration(tried.raw[members][known], tried.happened[members][known])
            chance[members] = recalibrated(chance[members], line)
    return Outlook(capacity, np.isnan(stated), chance, _rate(tried, past), wide, tried)


def standing(tried: Tried, members: Flags) -> Standing:
    """How good the probabilities of some nodes were, over all their weeks."""
    known = tried.known & members[:, None]
    if not known.any():
        return Standing(0, np.nan, np.nan, warns=False)
    week = np.broadcast_to(np.arange(known.shape[1]), known.shape)[known]
    chance, climatology, happened = tried.chance[known], tried.climatology[known], tried.happened[known]
    return Standing(
        len(np.unique(week)),
        brier(chance, happened),
        brier(climatology, happened),
        clearly_better(chance, climatology, happened, week),
    )


def reliability(chance: Numbers, happened: Flags, edges: Sequence[float]) -> list[tuple[float, float, int]]:
    """Return, for each step of probability that occurs, the mean given, the share that happened, and how many."""
    steps = np.digitize(chance, edges)
    return [
        (float(chance[steps == one].mean()), float(happened[steps == one].mean()), int((steps == one).sum()))
        for one in np.unique(steps)
    ]


def _none(reports: Numbers) -> Numbers:
    return np.full((len(reports), 0), np.nan)


def _origins(days: int, nodes: int) -> list[int]:
    weeks = int(np.clip(TRIED_SERIES // max(nodes, 1), 0, TRIED_WEEKS))
    return [days - WEEK * back for back in range(weeks, 0, -1) if days - WEEK * back >= YOUNG_DAYS]


def _capacity(closings: Numbers, stated: Numbers, at: int) -> Numbers:
    """Reports a week that could be done as of day ``at``: as stated, else from the closings of a year; else NaN."""
    weeks = min(YEAR_WEEKS, at // WEEK)
    last = closings[:, at - weeks * WEEK : at].reshape(len(closings), weeks, WEEK).sum(axis=2)
    usual = np.quantile(last, CAPACITY_SHARE, axis=1) if weeks else np.zeros(len(closings))
    found: Numbers = np.where(np.isnan(stated), np.where(usual > 0, usual, np.nan), stated * WEEK)
    return found


def _past_forecasts(reports: Numbers, origins: list[int]) -> Numbers:
    # One call for each: TSB shares its weekdays among the series of a call, and they must not be of later weeks.
    memory = min(MEMORY_DAYS, origins[0])
    return np.stack([tsb(reports[:, at - memory : at], WEEK).mean.sum(axis=1) for at in origins], axis=1)


def _wide(forecast: Numbers, came: Numbers) -> Numbers:
    """Variance of weeks around their forecasts beyond Poisson, as a share of the squared mean; by moments."""
    excess = np.maximum(((came - forecast) ** 2 - forecast).sum(axis=1), 0.0)
    found: Numbers = excess / np.maximum((forecast**2).sum(axis=1), 1e-9)
    return found


def _try(forecast: Numbers, came: Numbers, capacity: Numbers, kinds: NDArray[np.intp]) -> Tried:
    """Walk through the weeks: each is judged from those before it."""
    happened = came > capacity
    raw, climatology = np.full(forecast.shape, np.nan), np.full(forecast.shape, np.nan)
    chance = raw.copy()
    lines: dict[int, Numbers] = {}
    for week in range(FEWEST_WEEKS, forecast.shape[1]):
        before = slice(max(0, week - YEAR_WEEKS), week)
        wide = _wide(forecast[:, before], came[:, before])
        raw[:, week] = exceeds(forecast[:, week], wide, capacity[:, week])
        climatology[:, week] = _share(happened[:, before], capacity[:, before])
        climatology[np.isnan(capacity[:, week]), week] = np.nan
        if week < 2 * FEWEST_WEEKS:
            continue
        for kind in np.unique(kinds):
            members = kinds == kind
            if (week % LEARN_EVERY_WEEKS == 0) or kind not in lines:
                given = raw[members, :week]
                known = np.isfinite(given)
                lines[kind] = recalibration(given[known], happened[members, :week][known])
            chance[members, week] = recalibrated(raw[members, week], lines[kind])
    return Tried(chance, raw, climatology, happened & np.isfinite(capacity))


def _share(happened: Flags, capacity: Numbers) -> Numbers:
    """How often it happened, drawn a little to one half so that never is not impossible."""
    known = np.isfinite(capacity)
    found: Numbers = ((happened & known).sum(axis=1) + 0.5) / (known.sum(axis=1) + 1.0)
    return found


def _rate(tried: Tried, capacity: Numbers) -> Numbers:
    return _share(tried.happened[:, -YEAR_WEEKS:], capacity[:, -YEAR_WEEKS:])

"""How likely an open need is to grow: learned from past surges, or said to be no more than a rate. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cityward.anticipate.chance import (
    FEWEST_WEEKS,
    Flags,
    Numbers,
    brier,
    clearly_better,
    logistic,
    regress,
    share_interval,
)

WEEK: Final = 7
WINDOW_DAYS: Final = 14
BACKGROUND_DAYS: Final = 182
STRONG: Final = 3.0
"""Standard deviations above the expected from which two weeks of a place are a surge, like those scanned for."""

FEWEST_REPORTS: Final = 5
LEAST_EXPECTED: Final = 0.3
GROWS: Final = 0.1
"""A surge grows when the next week brings this share of its excess so far again, and more."""

FEWEST_SURGES: Final = 60
FEATURES: Final = 3


class Surges(NamedTuple):
    """Past surges: ``columns`` (surges, features), whether each ``grew``, and the ``week`` it was seen in."""

    columns: Numbers
    grew: Flags
    week: NDArray[np.int64]


class GrowthModel(NamedTuple):
    """What past surges teach: coefficients, their covariance, and the test; ``used`` only if clearly better."""

    middle: Numbers
    scale: Numbers
    coefficients: Numbers
    covariance: Numbers
    grew: int
    surges: int
    weeks: int
    brier: float
    climatology: float
    used: bool


def features(observed: Numbers, expected: Numbers, fresh: Numbers) -> Numbers:
    """What is known of a surge: how many times the expected, how much that is, and how new its excess is.

    ``fresh`` is the excess of its last week over its whole excess.
    """
    return np.column_stack([np.log(observed / expected), np.log(expected), np.clip(fresh, -1.0, 2.0)])


def past_surges(counts: Numbers) -> Surges:
    """Find surges in the past, week by week, and what became of each within a week.

    Parameters
    ----------
    counts : ndarray, shape (services, areas, days)
        Reports. Expected is the share of the area in its service's reports of the half year before, times
        the service's reports in the days looked at.
    """
    services, areas, days = counts.shape
    sums = np.concatenate([np.zeros((services, areas, 1)), counts.cumsum(axis=2)], axis=2)
    origins = range(days - WEEK, BACKGROUND_DAYS + WINDOW_DAYS - 1, -WEEK)
    parts: list[tuple[Numbers, Flags, int]] = []
    for week, at in enumerate(reversed(origins)):
        share = _shares(sums, at - WINDOW_DAYS)
        seen, usual = _window(sums, share, at - WINDOW_DAYS, at)
        fresh, fresh_usual = _window(sums, share, at - WEEK, at)
        later, later_usual = _window(sums, share, at, at + WEEK)
        excess = seen - usual
        surge = (excess >= STRONG * np.sqrt(usual + 1)) & (seen >= FEWEST_REPORTS)
        if surge.any():
            new = (fresh - fresh_usual)[surge] / excess[surge]
            grew = (later - later_usual)[surge] > GROWS * excess[surge]
            parts.append((features(seen[surge], usual[surge], new), grew, week))
    if not parts:
        return Surges(np.zeros((0, FEATURES)), np.zeros(0, dtype=bool), np.zeros(0, dtype=np.int64))
    return Surges(
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([np.full(len(part[1]), part[2], dtype=np.int64) for part in parts]),
    )


def learn(surges: Surges) -> GrowthModel:
    """Fit a logistic regression, test it week by week on later surges, and say whether it may be used."""
    count = len(surges.grew)
    middle = surges.columns.mean(axis=0) if count else np.zeros(FEATURES)
    scale = np.maximum(surges.columns.std(axis=0), 1e-9) if count else np.ones(FEATURES)
    columns = _columns(surges.columns, middle, scale)
    chance, climatology, tested = np.zeros(count), np.zeros(count), np.zeros(count, dtype=bool)
    for week in np.unique(surges.week):
        now, before = surges.week == week, surges.week < week  # a surge of the week before has its outcome
        if before.sum() >= FEWEST_SURGES:
            found = regress(columns[before], surges.grew[before], np.zeros(FEATURES + 1), weight=1.0)
            chance[now], tested[now] = logistic(columns[now] @ found), True
            climatology[now] = surges.grew[before].mean()
    outcomes = surges.grew[tested]
    coefficients = regress(columns, surges.grew, np.zeros(FEATURES + 1), weight=1.0)
    spread = logistic(columns @ coefficients)
    curvature: Numbers = (columns * (spread * (1 - spread))[:, None]).T @ columns + np.eye(FEATURES + 1)
    weeks = len(np.unique(surges.week[tested]))
    better = weeks >= FEWEST_WEEKS and clearly_better(
        chance[tested], climatology[tested], outcomes, surges.week[tested]
    )
    return GrowthModel(
        middle,
        scale,
        coefficients,
        np.asarray(np.linalg.inv(curvature), dtype=np.float64),
        int(surges.grew.sum()),
        count,
        weeks,
        brier(chance[tested], outcomes),
        brier(climatology[tested], outcomes),
        better,
    )


def likely(model: GrowthModel, columns: Numbers) -> list[tuple[float, float, float]]:
    """Return probability and 90 % interval for each row: from the model where it may be used, else the rate."""
    if not model.used:
        low, high = share_interval(model.grew, model.surges)
        rate = model.grew / model.surges if model.surges else 0.5
        return [(rate, low, high)] * len(columns)
    rows = _columns(columns, model.middle, model.scale)
    centre = rows @ model.coefficients
    half = 1.645 * np.sqrt(np.einsum("ij,jk,ik->i", rows, model.covariance, rows))
    return list(
        zip(
            logistic(centre).tolist(),
            logistic(centre - half).tolist(),
            logistic(centre + half).tolist(),
            strict=True,
        )
    )


def _columns(columns: Numbers, middle: Numbers, scale: Numbers) -> Numbers:
    return np.column_stack([np.ones(len(columns)), (columns - middle) / scale])


def _shares(sums: Numbers, end: int) -> Numbers:
    own = sums[:, :, end] - sums[:, :, end - BACKGROUND_DAYS]
    found: Numbers = own / np.maximum(own.sum(axis=1, keepdims=True), 1.0)
    return found


def _window(sums: Numbers, share: Numbers, start: int, end: int) -> tuple[Numbers, Numbers]:
    seen = sums[:, :, end] - sums[:, :, start]
    least = LEAST_EXPECTED * (end - start) / WINDOW_DAYS
    return seen, np.maximum(share * seen.sum(axis=1, keepdims=True), least)

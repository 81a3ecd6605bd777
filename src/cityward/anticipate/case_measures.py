"""How good an order of visits is: the share found in the first half, the days gained, and calibration.

All are independent of the order of rows: equal scores share their places.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.clock import rng

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS: Final = 10
RESAMPLES: Final = 1_000
SMALL: Final = 30
"""Below so many found cases a group's figures are flagged: one case more or less moves them by points."""


def _places(scores: Floats, values: Floats) -> Floats:
    """Give ``values`` (one a place, first place first) to rows by falling score; equal scores get their mean."""
    order = np.argsort(-scores, kind="stable")
    group = np.concatenate([[0], np.cumsum(np.diff(scores[order]) != 0)])
    mean = np.bincount(group, weights=values) / np.bincount(group)
    found = np.empty(len(scores))
    found[order] = mean[group]
    return found


def in_first_half(scores: Floats, lists: Ints | None = None) -> Floats:
    """Return how much of each row lies in the first half of its list, by falling score (0 to 1)."""
    found = np.empty(len(scores))
    for rows in _lists(len(scores), lists):
        found[rows] = _places(scores[rows], (np.arange(len(rows)) < len(rows) // 2).astype(float))
    return found


def gained_days(scores: Floats, days: Ints, lists: Ints | None = None) -> Floats:
    """Return by how many days each visit comes earlier when those of its list are made by falling score.

    As many visits as before are made on each day; only who is visited changes.
    Source: City of Chicago (2015), food-inspections-evaluation, the simulated date of the two-month test.
    """
    found = np.empty(len(scores))
    for rows in _lists(len(scores), lists):
        found[rows] = days[rows] - _places(scores[rows], np.sort(days[rows]).astype(float))
    return found


def _lists(count: int, lists: Ints | None) -> list[Ints]:
    if lists is None:
        return [np.arange(count)] if count else []
    return [np.flatnonzero(lists == one) for one in np.unique(lists)]


def first_half_share(outcome: Floats, scores: Floats, lists: Ints | None = None) -> float:
    """Share of what there is to find that lies in the first half of its list, by falling score."""
    return _mean_of_found(in_first_half(scores, lists), outcome)


def days_earlier(outcome: Floats, scores: Floats, days: Ints, lists: Ints | None = None) -> float:
    """Mean of `gained_days` over the cases where something was found."""
    return _mean_of_found(gained_days(scores, days, lists), outcome)


def _mean_of_found(values: Floats, outcome: Floats) -> float:
    total = outcome.sum()
    return float((values * outcome).sum() / total) if total else float("nan")


def auc(outcome: Floats, scores: Floats) -> float:
    """Chance that a case with the outcome has a higher score than one without; ties count half."""
    values, code, count = np.unique(scores, return_inverse=True, return_counts=True)
    del values
    rank = (np.cumsum(count) - (count - 1) / 2)[code]
    found = outcome.sum()
    other = len(outcome) - found
    return float((rank[outcome == 1].sum() - found * (found + 1) / 2) / (found * other)) if found and other else 0.5


def brier(outcome: Floats, probability: Floats) -> float:
    """Mean squared difference of probability and outcome."""
    return float(np.mean((probability - outcome) ** 2))


def calibration(outcome: Floats, probability: Floats, bins: int = BINS) -> list[dict[str, float]]:
    """Told and happened, in groups of equal size by probability: one row a group."""
    order = np.argsort(probability, kind="stable")
    return [
        {"told": float(probability[part].mean()), "happened": float(outcome[part].mean()), "cases": len(part)}
        for part in np.array_split(order, bins)
        if len(part)
    ]


def compared(
    outcome: Floats,
    days: Ints,
    scores: Mapping[str, Floats],
    *,
    against: str,
    seed: int,
    lists: Ints | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Both measures of each order, with 90 % bootstrap intervals, and of its difference to the order ``against``.

    Cases are drawn with replacement, the same for all orders (a paired bootstrap). With ``lists`` (the list of each
    case) every list is ordered for itself.
    """
    chance = rng(seed, "case-priority", "bootstrap")
    draws: dict[str, list[tuple[float, float, float]]] = {name: [] for name in scores}
    for _ in range(resamples):
        some = chance.integers(0, len(outcome), len(outcome))
        for name, score in scores.items():
            draws[name].append(
                _measures(outcome[some], days[some], score[some], None if lists is None else lists[some])
            )
    told = {}
    base = np.array(draws[against])
    for name, score in scores.items():
        point = _measures(outcome, days, score, lists)
        other = _measures(outcome, days, scores[against], lists)
        drawn = np.array(draws[name])
        told[name] = {
            measure: {
                "value": point[kind],
                "interval": _bounds(drawn[:, kind]),
                "difference": point[kind] - other[kind],
                "difference_interval": _bounds(drawn[:, kind] - base[:, kind]),
            }
            for kind, measure in enumerate(("first_half_share", "days_earlier", "auc"))
        }
    return told


def _measures(outcome: Floats, days: Ints, scores: Floats, lists: Ints | None) -> tuple[float, float, float]:
    half, gained = first_half_share(outcome, scores, lists), days_earlier(outcome, scores, days, lists)
    return half, gained, auc(outcome, scores)


def _bounds(drawn: Floats) -> list[float]:
    known = drawn[np.isfinite(drawn)]
    return [float(bound) for bound in np.quantile(known, (0.05, 0.95))] if len(known) else [float("nan")] * 2


def by_group(
    outcome: Floats, days: Ints, scores: Floats, groups: NDArray[np.str_], lists: Ints | None = None
) -> list[dict[str, Any]]:
    """For each group: its cases, what was found there, and how both measures of the whole order fall on it."""
    ranked, done = in_first_half(scores, lists), in_first_half(-days.astype(float), lists)
    gained = gained_days(scores, days, lists)
    told = []
    for name in np.unique(groups):
        member = groups == name
        found = outcome * member
        some = bool(found.sum())
        told.append(
            {
                "group": str(name),
                "cases": int(member.sum()),
                "found": int(found.sum()),
                "first_half_share": _mean_of_found(ranked, found) if some else None,
                "done_share": _mean_of_found(done, found) if some else None,
                "days_earlier": _mean_of_found(gained, found) if some else None,
                "visited_first_half": float(ranked[member].mean()),
                "small": bool(found.sum() < SMALL),
            }
        )
    return told

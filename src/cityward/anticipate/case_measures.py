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
CELLS_MAX: Final = 4_000_000
"""Cases times draws that are held at once: 32 MB a table."""

RESAMPLES_MIN: Final = 100
CASES_DRAWN_MAX: Final = 20_000_000
"""Cases drawn in all: many cases need fewer draws, as their figures move little."""

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
    resamples = min(resamples, max(RESAMPLES_MIN, CASES_DRAWN_MAX // max(len(outcome), 1)))
    step = max(1, CELLS_MAX // max(len(outcome), 1))
    drawn: dict[str, list[Floats]] = {name: [] for name in scores}
    for begin in range(0, resamples, step):
        counts = _draws(chance, len(outcome), min(step, resamples - begin))
        for name, score in scores.items():
            drawn[name].append(_measures(outcome, days, score, lists, counts))
    joined = {name: np.concatenate(parts) for name, parts in drawn.items()}
    once = np.ones((1, len(outcome)))
    points = {name: _measures(outcome, days, score, lists, once)[0] for name, score in scores.items()}
    return {
        name: {
            measure: {
                "value": float(points[name][kind]),
                "interval": _bounds(joined[name][:, kind]),
                "difference": float(points[name][kind] - points[against][kind]),
                "difference_interval": _bounds(joined[name][:, kind] - joined[against][:, kind]),
            }
            for kind, measure in enumerate(("first_half_share", "days_earlier", "auc"))
        }
        for name in scores
    }


def _draws(chance: np.random.Generator, count: int, draws: int) -> Floats:
    """How often each case is drawn, with replacement, shape (draws, count)."""
    return np.stack([np.bincount(chance.integers(0, count, count), minlength=count) for _ in range(draws)]).astype(
        float
    )


def _measures(outcome: Floats, days: Ints, scores: Floats, lists: Ints | None, counts: Floats) -> Floats:
    """Return the first-half share, the days earlier and the AUC when cases count so often, shape (draws, 3)."""
    half, gained = np.zeros(len(counts)), np.zeros(len(counts))
    for rows in _lists(len(scores), lists):
        in_half, earlier = _of_list(outcome[rows], days[rows] - days.min(), scores[rows], counts[:, rows])
        half += in_half
        gained += earlier
    total = counts @ outcome
    total = np.where(total > 0, total, np.nan)
    return np.column_stack([half / total, gained / total, _aucs(outcome, scores, counts)])


def _of_list(outcome: Floats, days: Ints, scores: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Sum over the found cases of a list: how much lies in its first half, and the days gained; shape (draws,) each.

    Equal scores share their places; a place's day is read off the days on which visits were made, in their order.
    """
    found, end = _by_score(outcome, scores, counts)
    begin = np.column_stack([np.zeros(len(counts)), end[:, :-1]])
    size = np.maximum(end - begin, 1)
    half = np.clip(end[:, -1:] // 2 - begin, 0, end - begin) / size
    values, first = np.unique(np.sort(days), return_index=True)
    made = np.add.reduceat(counts[:, np.argsort(days, kind="stable")], first, axis=1)
    visits = np.column_stack([np.zeros(len(counts)), np.cumsum(made, axis=1)])
    spent = np.column_stack([np.zeros(len(counts)), np.cumsum(made * values, axis=1)])
    to = np.stack(
        [np.interp(places, *known) for places, known in zip(end, zip(visits, spent, strict=True), strict=True)]
    )
    new = np.diff(to, axis=1, prepend=0.0) / size
    return (found * half).sum(axis=1), counts @ (outcome * days) - (found * new).sum(axis=1)


def _by_score(outcome: Floats, scores: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """By falling distinct score: how many found cases have it, and how many cases come up to its end."""
    order = np.argsort(-scores, kind="stable")
    first = np.flatnonzero(np.append(True, np.diff(scores[order]) != 0))
    weights = counts[:, order]
    return np.add.reduceat(weights * outcome[order], first, axis=1), np.cumsum(
        np.add.reduceat(weights, first, axis=1), axis=1
    )


def _aucs(outcome: Floats, scores: Floats, counts: Floats) -> Floats:
    """`auc` for each draw; a half where all or none were found."""
    found, end = _by_score(outcome, scores, counts)
    others = np.diff(end, axis=1, prepend=0.0) - found
    positive, negative = found.sum(axis=1), others.sum(axis=1)
    below = negative[:, None] - np.cumsum(others, axis=1) + others / 2
    return np.where(positive * negative > 0, (found * below).sum(axis=1) / np.maximum(positive * negative, 1), 0.5)


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

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


def first_half_share(outcome: Floats, scores: Floats) -> float:
    """Share of what there is to find that lies in the first half of the order by falling score."""
    first = _places(scores, (np.arange(len(scores)) < len(scores) // 2).astype(float))
    total = outcome.sum()
    return float((first * outcome).sum() / total) if total else float("nan")


def days_earlier(outcome: Floats, scores: Floats, days: NDArray[np.int64]) -> float:
    """Mean days by which a found case comes earlier when the same days' visits are made by falling score.

    As many visits as before are made on each day; only who is visited changes.
    Source: City of Chicago (2015), food-inspections-evaluation, the simulated date of the two-month test.
    """
    total = outcome.sum()
    gained = days - _places(scores, np.sort(days).astype(float))
    return float((gained * outcome).sum() / total) if total else float("nan")


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
    days: NDArray[np.int64],
    scores: Mapping[str, Floats],
    *,
    against: str,
    seed: int,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Both measures of each order, with 90 % bootstrap intervals, and of its difference to the order ``against``.

    Cases are drawn with replacement, the same for all orders (a paired bootstrap).
    """
    chance = rng(seed, "case-priority", "bootstrap")
    draws: dict[str, list[tuple[float, float, float]]] = {name: [] for name in scores}
    for _ in range(resamples):
        some = chance.integers(0, len(outcome), len(outcome))
        for name, score in scores.items():
            draws[name].append(_measures(outcome[some], days[some], score[some]))
    told = {}
    base = np.array(draws[against])
    for name, score in scores.items():
        point = _measures(outcome, days, score)
        other = _measures(outcome, days, scores[against])
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


def _measures(outcome: Floats, days: NDArray[np.int64], scores: Floats) -> tuple[float, float, float]:
    return first_half_share(outcome, scores), days_earlier(outcome, scores, days), auc(outcome, scores)


def _bounds(drawn: Floats) -> list[float]:
    known = drawn[np.isfinite(drawn)]
    return [float(bound) for bound in np.quantile(known, (0.05, 0.95))] if len(known) else [float("nan")] * 2


def by_group(
    outcome: Floats, days: NDArray[np.int64], scores: Floats, groups: NDArray[np.str_]
) -> list[dict[str, Any]]:
    """For each group: its cases, what was found there, and how both measures of the whole order fall on it."""
    first = _places(scores, (np.arange(len(scores)) < len(scores) // 2).astype(float))
    done = _places(-days.astype(float), (np.arange(len(scores)) < len(scores) // 2).astype(float))
    gained = days - _places(scores, np.sort(days).astype(float))
    told = []
    for name in np.unique(groups):
        member = groups == name
        found = outcome[member].sum()
        share = (first[member] * outcome[member]).sum() / found if found else None
        told.append(
            {
                "group": str(name),
                "cases": int(member.sum()),
                "found": int(found),
                "first_half_share": None if share is None else float(share),
                "done_share": float((done[member] * outcome[member]).sum() / found) if found else None,
                "days_earlier": float((gained[member] * outcome[member]).sum() / found) if found else None,
                "visited_first_half": float(first[member].mean()),
                "small": bool(found < SMALL),
            }
        )
    return told

"""What is shown of needs: the usual range of a day's count, why one ranks where it does, and other weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cityward.city.turn import Turn
from cityward.core.records import Need
from cityward.know.ranking import WEIGHTS, ranked, score

WEIGHT_MAX = 100
USUAL_SHARE = 0.9
PARTS = {
    "rarity": "How rare by chance",
    "excess": "How many more reports",
    "contrast": "How many times the expected",
    "people": "How many people live there",
    "growth": "Whether it grows",
}


def usual_range(mean: float, level: float = USUAL_SHARE) -> tuple[int, int]:
    """Return the equal-tailed range of a Poisson count: it lies inside on at least ``level`` of days.

    Parameters
    ----------
    mean : float
        Expected count (≥ 0).
    level : float
        Share, 0 to 1.
    """
    if mean <= 0:
        return 0, 0
    counts = np.arange(int(mean + 10 * math.sqrt(mean) + 20))
    steps = np.log(mean) - np.log(np.maximum(counts, 1))
    steps[0] = -mean
    below = np.cumsum(np.exp(np.cumsum(steps)))
    low, high = np.searchsorted(below, ((1 - level) / 2, (1 + level) / 2))
    return int(low), int(high)


def series_of(need: Need) -> list[tuple[Any, int, float, int, int]]:
    """Return (day, observed, expected, low, high) of a need, the last two bounding the usual range."""
    return [(day, observed, expected, *usual_range(expected)) for day, observed, expected in need.series]


def need_page(turn: Turn | None, need: Need) -> dict[str, Any]:
    """Return what a need's page shows beside its evidence; its state is that of the last turn."""
    current = [one for one in (*turn.needs, *turn.resting) if one.id == need.id] if turn else []
    need = current[0] if current else need
    order = [one.id for one in turn.needs] if turn else []
    heard = {place.territory: place for place in (turn.heard if turn else ())}
    return {
        "need": need,
        "series": series_of(need),
        "life": life(need, turn),
        "place": order.index(need.id) + 1 if need.id in order else None,
        "among": len(order),
        "points": 100 * score(need),
        "weights": {name: 100 * weight for name, weight in WEIGHTS.items()},
        "parts": PARTS,
        "areas": [(name, heard.get(area)) for area, name in zip(need.territories, need.names, strict=True)],
    }


def life(need: Need, turn: Turn | None) -> str:
    """Say how a need developed, in a sentence or two."""
    if not need.moments or turn is None:
        return f"It is {need.state}."
    first, last = need.moments[0], need.moments[-1]
    if need.state == "closed":
        return f"Closed: no turn has found it since {last.day:%-d %B %Y}."
    answer = " An action was approved for it." if need.state == "answered" else ""
    if last.day != turn.as_of:
        return f"It rests: the last turn that found it was that of {last.day:%-d %B %Y}.{answer}"
    if len(need.moments) == 1:
        return f"First found by the turn of {first.day:%-d %B %Y}.{answer}"
    before = need.moments[-2]
    change = f"{last.excess:,.0f} reports above the expected, after {before.excess:,.0f} on {before.day:%-d %B}"
    found = f"Found by {len(need.moments)} turns since {first.day:%-d %B %Y}"
    return f"{found}. {_TURNED.get(need.state, 'Now')}: {change}.{answer}"


_TURNED = {"growing": "It grows", "fading": "It fades", "opened": "It stays about as strong"}


def weighed(turn: Turn | None, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the needs of a turn in the order of the weights that a reader asks for.

    What is no number from 0 to `WEIGHT_MAX` is not used; ``notes`` says so, and what is used instead.
    """
    usual = {name: 100 * weight for name, weight in WEIGHTS.items()}
    weights, notes = dict(usual), []
    for name, value in usual.items():
        asked = _weight(query[name]) if name in query else value
        weights[name] = value if asked is None else asked
        if asked is None:
            notes.append(f"“{PARTS[name]}” must be a number from 0 to {WEIGHT_MAX}; {value:g} is used.")
    if not any(weights.values()):
        weights = dict(usual)
        notes.append("With every weight at 0 nothing ranks above anything; the usual weights are used.")
    return {
        "needs": ranked(turn.needs, weights) if turn else [],
        "weights": weights,
        "parts": PARTS,
        "reweighed": any(abs(weights[name] - usual[name]) > 1e-9 for name in usual),
        "notes": notes,
    }


def _weight(text: str) -> float | None:
    try:
        weight = float(text)
    except ValueError:
        return None
    return weight if 0 <= weight <= WEIGHT_MAX else None

"""What is shown of needs: the usual range of a day's count, why one ranks where it does, and other weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cityward.city.turn import Turn
from cityward.console.tongue import gettext, marked, say, say_many, significant
from cityward.console.words import day, number
from cityward.core.records import Need
from cityward.know.ranking import WEIGHTS, ranked, score

WEIGHT_MAX = 100
USUAL_SHARE = 0.9
PARTS = {
    "rarity": marked("How rare by chance"),
    "excess": marked("How many more reports"),
    "contrast": marked("How many times the expected"),
    "people": marked("How many people live there"),
    "growth": marked("Whether it grows"),
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
        return say("It is %(state)s.", state=gettext(need.state))
    first, last = need.moments[0], need.moments[-1]
    if need.state == "closed":
        return say("Closed: no turn has found it since %(day)s.", day=day(last.day))
    answer = " " + say("An action was approved for it.") if need.state == "answered" else ""
    if last.day != turn.as_of:
        return say("It rests: the last turn that found it was that of %(day)s.", day=day(last.day)) + answer
    if len(need.moments) == 1:
        return say("First found by the turn of %(day)s.", day=day(first.day)) + answer
    before = need.moments[-2]
    found = say("Found by %(turns)s turns since %(day)s.", turns=len(need.moments), day=day(first.day))
    change = say_many(
        "%(turned)s: %(num)s report above the expected, after %(before)s on %(day)s.",
        "%(turned)s: %(num)s reports above the expected, after %(before)s on %(day)s.",
        round(last.excess),
        turned=say(_TURNED.get(need.state, "Now")),
        before=number(before.excess),
        day=day(before.day),
    )
    return f"{found} {change}{answer}"


_TURNED = {"growing": marked("It grows"), "fading": marked("It fades"), "opened": marked("It stays about as strong")}


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
            notes.append(
                say(
                    "“%(part)s” must be a number from 0 to %(most)s; %(value)s is used.",
                    part=say(PARTS[name]),
                    most=WEIGHT_MAX,
                    value=significant(value, 6),
                )
            )
    if not any(weights.values()):
        weights = dict(usual)
        notes.append(say("With every weight at 0 nothing ranks above anything; the usual weights are used."))
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

"""Why a need stands where it stands: its rank is a weighted mean of parts that everybody can see."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from cityward.core.records import ALL_SERVICES, Need, RankPart

WEIGHTS: Final[dict[str, float]] = {"rarity": 0.3, "excess": 0.25, "contrast": 0.2, "people": 0.15, "growth": 0.1}
"""Of the parts; a reader may weigh otherwise. First how sure, then how much and how many times, then for how many
people, and whether it grows."""

FULL: Final[dict[str, float]] = {"rarity": 365e4, "excess": 300.0, "contrast": 9.0, "people": 500_000.0}
"""What counts fully: by chance once in ten thousand years, 300 reports above the expected, surely ten times the
expected, half a million people. Less counts by its logarithm, so that a small place is not drowned by large ones."""

STATES: Final[dict[str, float]] = {"growing": 1.0, "opened": 0.6, "answered": 0.2, "fading": 0.1}


def explained(need: Need) -> Need:
    """Return ``need`` with the parts of its rank."""
    excess = max(need.observed - need.expected, 0.0)
    parts = (
        RankPart(name="rarity", value=_grade("rarity", 1 / need.p_tail), because=f"It would come {need.chance}."),
        RankPart(
            name="excess", value=_grade("excess", excess), because=f"{excess:,.0f} more reports than were expected."
        ),
        RankPart(
            name="contrast",
            value=_grade("contrast", need.relative_risk_low - 1),
            because=f"At least {need.relative_risk_low:.1f} times as many as were expected.",
        ),
        RankPart(
            name="people",
            value=_grade("people", need.population or 0.0),
            because=f"{need.population:,.0f} people live there."
            if need.population
            else "How many live there is not known.",
        ),
        RankPart(name="growth", value=STATES.get(need.state, 0.0), because=f"The need is {need.state}."),
    )
    return msgspec.structs.replace(need, rank=parts)


def score(need: Need, weights: Mapping[str, float] = WEIGHTS) -> float:
    """Weighted mean of the parts of a need's rank, 0 to 1; 0 when no part has weight."""
    total = sum(max(weights.get(part.name, 0.0), 0.0) for part in need.rank)
    return sum(part.value * max(weights.get(part.name, 0.0), 0.0) for part in need.rank) / total if total > 0 else 0.0


def ranked(needs: Sequence[Need], weights: Mapping[str, float] = WEIGHTS) -> list[Need]:
    """Needs by their score, the highest first; those over all services last, because they repeat others."""
    return sorted(needs, key=lambda need: (need.service == ALL_SERVICES, -score(need, weights)))


def _grade(name: str, value: float) -> float:
    return min(math.log1p(max(value, 0.0)) / math.log1p(FULL[name]), 1.0)

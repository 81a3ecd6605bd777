"""What an audit says, as records; `docs/audits.md` tells them field by field, and JSON has the same names."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

import msgspec

Pair = tuple[float | None, float | None]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A rate against the rest, or against the reference: difference and ratio with limits, and how likely by chance."""

    against: float | None
    difference: float | None
    difference_interval: Pair
    ratio: float | None
    ratio_interval: Pair
    p: float | None
    p_holm: float | None
    q: float | None


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """A share of people. ``status`` is ``known``, ``small`` (flagged, not ranked) or ``not identifiable``.

    ``bounds`` are the lowest and highest value whatever the unknown outcomes are; None when there are none.
    """

    status: Literal["known", "small", "not identifiable"]
    value: float | None
    interval: Pair
    count: int | None
    out_of: int
    bounds: Pair | None = None
    compared: Compared | None = None


class ScoreBin(msgspec.Struct, frozen=True, kw_only=True):
    """People with scores in a range: how many, the mean of what was told, and what happened, with its limits."""

    scores: str
    people: int
    told: float
    happened: float
    interval: Pair


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """How well a score tells the outcome in a group.

    ``in_the_large`` is the share that happened less the mean score; it and ``brier`` need scores from 0 to 1.
    """

    auc: float | None
    auc_interval: Pair
    small: bool
    in_the_large: float | None
    in_the_large_interval: Pair
    brier: float | None
    brier_interval: Pair
    brier_of_base_rate: float | None
    bins: tuple[ScoreBin, ...]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group (``by`` and ``group`` are empty for everybody), its counts and rates.

    ``representation`` is its share among those picked, against its share in a random draw: among everybody, and among
    those without the outcome. The ratio of the two is how many times as often it is picked as a draw by lot would.
    """

    by: tuple[str, ...]
    group: tuple[str, ...]
    people: int
    counts: dict[str, int]
    rates: dict[str, Rate]
    score: Scored | None = None
    representation: Rate | None = None
    representation_without_outcome: Rate | None = None

    @property
    def name(self) -> str:
        """How it is called in a sentence."""
        return " and ".join(self.group) or "everybody"


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Largest difference and smallest ratio between groups that are large enough, and what chance alone would give."""

    by: tuple[str, ...]
    rate: str
    lowest: str
    highest: str
    difference: float
    difference_interval: Pair
    ratio: float | None
    ratio_interval: Pair
    by_chance: float


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was found in the data. ``leak``: figures with these rows or this column cannot be believed."""

    kind: str
    column: str
    says: str
    rows: int
    severity: Literal["leak", "check"]
    begins: date | None = None


class Without(msgspec.Struct, frozen=True, kw_only=True):
    """The same figures without the rows that a check found."""

    rows_left_out: int
    rows: int
    everybody: Group
    groups: tuple[Group, ...]


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """The whole audit; `finding` first."""

    finding: str
    rows: int
    rows_used: int
    left_out: dict[str, int]
    taken_as: dict[str, str]
    level: float
    min_n: int
    identifiable: bool
    because: str
    comparisons: int
    reference: str
    everybody: Group
    groups: tuple[Group, ...]
    intersections: tuple[Group, ...]
    intersections_left_out: dict[str, int]
    gaps: tuple[Gap, ...]
    checks: tuple[Check, ...]
    without: Without | None
    notes: tuple[str, ...]
    gate: Any = None

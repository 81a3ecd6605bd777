"""What a replay tells. A count that is None is of fewer people than may be told, or would tell such a count."""

from __future__ import annotations

from datetime import date
from typing import Final, Literal, TypeAlias

import msgspec

Direction: TypeAlias = Literal["better", "worse", "other", "undecided", "decided", "same"]
"""``other``: changed, and nobody said which is better. ``undecided``: the draft decides nothing where something was
decided; ``decided``: the other way round."""

DIRECTIONS: Final[tuple[Direction, ...]] = ("worse", "better", "other", "undecided", "decided", "same")

LEAST: Final = 5
"""Fewest people whose number is told (as the statistics of courts and health do)."""

SMALL: Final = 30
"""Below this number of cases a group is flagged: its interval says little, and it is not compared."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A part of some cases with its 95 % interval (Clopper and Pearson)."""

    cases: int | None
    share: float | None
    low: float | None
    high: float | None


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """From which outcome to which; None is that nothing is decided."""

    before: str | None
    after: str | None
    direction: Direction
    cases: int | None
    share: float | None
    low: float | None
    high: float | None


class GroupChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changes for some cases.

    ``net`` is the share that gains less the share that loses, with its interval. ``beside`` is the share that loses
    here less that of all others of the grouping, with its interval, and ``p`` the probability of such a difference by
    chance, corrected for the number of groups (Holm); both are None where nothing is compared. ``small`` flags a group
    of fewer than `SMALL` cases.
    """

    grouping: str
    group: str
    cases: int | None
    worse: Share
    better: Share
    other: Share
    undecided: Share
    decided: Share
    changed: Share
    net: float | None = None
    net_low: float | None = None
    net_high: float | None = None
    beside: float | None = None
    beside_low: float | None = None
    beside_high: float | None = None
    p: float | None = None
    small: bool = False


class CostChange(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over the cases of which both costs are known, and their difference with its 95 % interval."""

    unit: str
    cases: int
    unknown: int
    before: float
    after: float
    change: float
    low: float
    high: float
    how: str


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A draft on the cases of the past.

    ``whole`` are all cases; ``territories`` and ``groups`` parts of them. ``reasons`` say why the draft decides
    nothing, ``missing`` counts cases without an input, ``unreadable`` those whose inputs cannot be read. ``order`` is
    from best to worst; empty: nobody said. ``notes`` are what a reader has to know of how it was counted.
    """

    rule: str
    version: str
    digest: str
    against: str
    since: date | None
    until: date | None
    cases: int
    order: tuple[str, ...]
    order_told: str
    whole: GroupChange
    flows: tuple[Flow, ...]
    territories: tuple[GroupChange, ...]
    groups: tuple[GroupChange, ...]
    reasons: dict[str, int | None]
    missing: dict[str, int | None]
    unreadable: int | None
    cost: CostChange | None
    least: int
    notes: tuple[str, ...]

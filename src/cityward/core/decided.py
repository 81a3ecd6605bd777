"""Decisions of cases: one rule, applied to many at once, each settled by a person where it touches rights."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from cityward.core.records import Party, Record

DecisionState = Literal["waiting", "decided", "reversed"]
STATES: Final[tuple[DecisionState, ...]] = ("waiting", "decided", "reversed")
"""A decision waits for a person, counts, or counts otherwise since it was contested."""


class DecisionBatch(Record, frozen=True, kw_only=True):
    """Cases that were decided together: by one version of a system under one version of a rule, with one receipt.

    ``root`` is the Merkle root over the rows in the order of their identifiers (hexadecimal).
    """

    id: str
    system: str
    version: str
    rule: str
    rule_version: str
    decided_at: datetime
    cases: int
    waiting: int
    root: str
    receipt: int = -1


class CaseDecision(Record, frozen=True, kw_only=True):
    """One row of `cityward.core.frames.DECISION`, as a person reads it; ``inputs`` by the name of the rule's input."""

    id: str
    batch: str
    system: str
    version: str
    system_digest: str
    rule: str
    rule_version: str
    rule_digest: str
    case: str
    territory: str | None
    row: int | None
    recommended: str
    outcome: str | None
    state: DecisionState
    agreed: bool | None
    by: str
    competence: str
    because: str
    looked_seconds: float | None
    inputs: dict[str, Any]
    inputs_digest: str
    estimate: float | None
    low: float | None
    high: float | None
    cost: float | None
    decided_at: datetime
    changed_at: datetime


class Told(Record, frozen=True, kw_only=True):
    """A decision in plain words: what mattered, what would have changed it, who answers, and where to contest it."""

    decision: CaseDecision
    says: str
    law: str
    factors: tuple[str, ...]
    would_change: tuple[str, ...]
    uncertainty: str
    overseer: str
    parties: tuple[Party, ...]
    appeal: str
    receipt: int | None

"""Decisions held in memory, as far as appeals ask for them: each test says what was decided."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
import polars as pl

from cityward.core.clock import Clock
from cityward.core.decided import CaseDecision, Told
from cityward.core.errors import UnknownId
from cityward.core.frames import DECISION
from cityward.core.records import Party

PARTIES = tuple(
    Party(duty=duty, name=name, contact="city@city.example")
    for duty, name in (
        ("designer", "Some Designer"), ("manufacturer", "Some Maker"), ("owner", "Some Owner"),
        ("overseer", "Marta Kowalska"),
    )
)  # fmt: skip


class Decisions:
    """What `cityward.city.appealed.Deciding` asks."""

    def __init__(self, clock: Clock, *decisions: CaseDecision) -> None:
        self._clock = clock
        self.rows = {one.id: one for one in decisions}
        self.reversals: list[str] = []

    def get(self, identifier: str) -> CaseDecision:
        if identifier not in self.rows:
            raise UnknownId(f"There is no decision '{identifier[:40]}'.")
        return self.rows[identifier]

    def told(self, identifier: str) -> Told:
        decision = self.get(identifier)
        return Told(
            decision=decision, says=f"{decision.rule}, row {decision.row}, says {decision.recommended}.",
            law="article 7(1) of the tree by-law", factors=("height: 12 m (the rule asks > 10)",),
            would_change=("With a height of 10 or less the answer is allow.",), uncertainty="The rule reads facts alone.",
            overseer=decision.by, parties=PARTIES, appeal="Write to the ombudsperson.", receipt=None,
        )  # fmt: skip

    def reverse(self, identifier: str, outcome: str, *, by: str, because: str, appeal: str) -> CaseDecision:
        self.reversals.append(appeal)
        self.rows[identifier] = msgspec.structs.replace(
            self.get(identifier), outcome=outcome, state="reversed", by=by, because=because,
            changed_at=self._clock.now(),
        )  # fmt: skip
        return self.rows[identifier]

    def frame(self, columns: Sequence[str]) -> pl.DataFrame:
        rows = [{**msgspec.structs.asdict(one), "inputs": json.dumps(one.inputs)} for one in self.rows.values()]
        return pl.DataFrame(rows, schema_overrides=dict(DECISION)).select(columns)

    def outcomes(self, decision: CaseDecision) -> tuple[str, ...]:
        return ("allow", "refuse")

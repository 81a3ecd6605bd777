"""Decisions and appeals for tests, and the terms that most of them use."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from cityward.answerable import appeals as life
from cityward.core.appeals import RESIDENT, Appeal, Said
from cityward.core.decided import CaseDecision

NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)
TODAY = NOW.date()
TERMS = life.Terms(42, 28, "the law of appeals, article 1", "the law of answers, article 2")
DECIDER, OVERSEER, OTHER = "Ana Gómez", "Marta Kowalska", "Ben Okri"


def a_decision(number: int = 1, **changed: Any) -> CaseDecision:
    """A decision that was settled a day ago."""
    at = NOW - timedelta(days=1)
    decision = CaseDecision(
        id=f"D-{number:016x}", batch="B-1", system="tree-permits", version="1", system_digest="a" * 64,
        rule="fell-a-tree", rule_version="2", rule_digest="b" * 64, case=f"tree {number}", territory="64", row=3,
        recommended="refuse", outcome="refuse", state="decided", agreed=True, by=DECIDER, competence="clerk",
        because="the tree is healthy", looked_seconds=60.0, inputs={"height": 12.0, "kind": "oak", "ill": False},
        inputs_digest="c" * 64, estimate=None, low=None, high=None, cost=None, decided_at=at, changed_at=at,
    )  # fmt: skip
    return msgspec.structs.replace(decision, **changed)


def a_said(words: str = "The tree is ill.", *, at: datetime = NOW, about: str = "", by: str = RESIDENT) -> Said:
    """Something that was said; its digest stands for it."""
    return Said(at=at, by=by, words=words, digest=f"digest of {words}", about=about)


def an_appeal(decision: CaseDecision | None = None, before: tuple[Appeal, ...] = (), **asked: Any) -> Appeal:
    """An appeal against a decision, opened now."""
    given: dict[str, Any] = {
        "at": NOW, "today": TODAY, "told_on": date(2014, 6, 30), "terms": TERMS, "by": RESIDENT, "said": [a_said()],
    }  # fmt: skip
    return life.open_appeal(decision or a_decision(), before, **{**given, **asked})

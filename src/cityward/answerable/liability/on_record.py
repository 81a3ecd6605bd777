"""What stood on record before a decision, and to holders of which duties it was shown.

Nobody can tell from records what a person read. The file says what was there and where it was shown, and that it cannot
say more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import UTC, datetime, time
from typing import Final

from cityward.answerable.register.publish import metric_told
from cityward.answerable.register.shape import System
from cityward.core import words
from cityward.core.liability import OnRecord, SeriousIncident
from cityward.core.records import Alert, EarlyWarning, Need, Silence
from cityward.core.systems import SystemEvent

Seen = Mapping[str, tuple[int, datetime]]
"""By identifier the first entry of the ledger about it, and its moment."""

CONSOLE: Final = ("operator", "overseer")
REGISTER: Final = ("designer", "manufacturer", "owner", "operator", "overseer")
"""Everybody who holds a duty reads the register of systems; it is public."""

Found = EarlyWarning | Alert | Need | Silence
_KINDS: Final[dict[type, str]] = {
    EarlyWarning: "early warning",
    Alert: "alert",
    Need: "need",
    Silence: "silent place",
}


def of_findings(findings: Iterable[Found], seen: Seen, later: Set[str], moment: datetime) -> Iterator[OnRecord]:
    """Warnings, alerts, needs and silent places that the ledger tells of before a moment.

    ``later`` are those of which it tells after the moment too: their sentence is the newest, and this is said.
    """
    for one in findings:
        if one.id in seen and seen[one.id][1] <= moment:
            index, at = seen[one.id]
            says = f"In its newest words, after the decision: {one.sentence}" if one.id in later else one.sentence
            yield OnRecord(at=at, kind=_KINDS[type(one)], id=one.id, says=says, shown_to=CONSOLE, receipt=index)


def of_register(events: Iterable[SystemEvent], moment: datetime) -> Iterator[OnRecord]:
    """What happened to the system in the register before a moment: approvals, hand-overs, audits and others."""
    for one in events:
        if one.at > moment:
            continue
        what = f"{one.what} by {one.by}"
        if one.duty:
            to = f" to {one.taker}" if one.taker else ""
            what = f"duty of {one.duty} {one.what} by {one.party or one.by}{to}"
        changes = f" Changes: {'; '.join(one.changes)}." if one.changes else ""
        moved = " Judged substantial." if one.substantial and one.what == "modified" else ""
        why = f" Reason given: “{one.because}”" if one.because else ""
        yield OnRecord(
            at=one.at,
            kind="register",
            id=one.id,
            says=f"{one.system} {one.version}: {what}.{changes}{moved}{why}",
            shown_to=REGISTER,
            receipt=one.receipt,
        )


def of_card(system: System, moment: datetime) -> Iterator[OnRecord]:
    """Evaluations and incidents that the version itself tells of, of days before a moment."""
    for metric in system.evaluation:
        at = datetime.combine(metric.measured_on, time(), UTC)
        if at <= moment:
            says = f"Evaluation: {metric_told(metric)}"
            yield OnRecord(at=at, kind="evaluation", id=system.id, says=says, shown_to=REGISTER)
    for one in system.incidents:
        at = datetime.combine(one.day, time(), UTC)
        if at <= moment:
            told = f" Reported to {one.reported_to}." if one.reported_to else ""
            says = f"Incident of {words.day(one.day)}: {one.what} {one.done}{told}"
            yield OnRecord(at=at, kind="incident", id=system.id, says=says, shown_to=REGISTER)


def of_incidents(incidents: Iterable[SeriousIncident], moment: datetime) -> Iterator[OnRecord]:
    """Serious incidents of other decisions of the system that were known before a moment."""
    for one in incidents:
        if one.aware_at <= moment:
            yield OnRecord(
                at=one.aware_at,
                kind="incident",
                id=one.id,
                says=f"Serious incident after {one.decision}: {one.what}",
                shown_to=REGISTER,
                receipt=one.receipt,
            )


def in_order(found: Iterable[OnRecord]) -> tuple[OnRecord, ...]:
    """By moment."""
    return tuple(sorted(found, key=lambda one: (one.at, -1 if one.receipt is None else one.receipt, one.id)))

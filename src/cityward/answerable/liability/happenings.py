"""What happened, in sentences: of decisions, orders, outcomes and appeals, each with its entry in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from cityward.core.decided import CaseDecision, DecisionBatch
from cityward.core.liability import AppealSeen, Happening, Hold, SeriousIncident
from cityward.core.records import Decision, Outcome, Proposal
from cityward.core.work import WorkOrder

RULE_ALONE = "the rule alone"


def of_proposal(decision: Decision, proposal: Proposal | None, proposed_at: datetime | None) -> Iterator[Happening]:
    """A proposal and what a person decided about it."""
    if proposal is not None and proposed_at is not None:
        yield Happening(
            at=proposed_at,
            what=f"{decision.system} proposed “{proposal.title}”. {proposal.because}",
            by=decision.system,
            about=proposal.id,
        )
    option = ""
    if decision.option is not None:
        options = proposal.options if proposal else ()
        chosen = options[decision.option - 1] if 0 < decision.option <= len(options) else None
        which = "" if chosen is None else ", the recommended one" if chosen.recommended else ", not the recommended one"
        option = f", option {decision.option} “{decision.option_title}”{which}"
    yield Happening(
        at=decision.at,
        what=f"{decision.by} {decision.outcome} it{option}, under {decision.rule}. Reason given: “{decision.because}”",
        by=decision.by,
        about=decision.id,
        receipt=decision.receipt,
    )


def of_case(
    decision: CaseDecision, batch: DecisionBatch | None, versions: Iterable[dict[str, Any]]
) -> Iterator[Happening]:
    """A batch, and what became of one case in it; ``versions`` are its rows, oldest first, with ``receipt``."""
    together = f"{batch.cases:,} cases" if batch else "cases"
    waits = f"; {batch.waiting:,} of them waited for a person" if batch else ""
    yield Happening(
        at=decision.decided_at,
        what=(
            f"{decision.system} {decision.version} applied {decision.rule} {decision.rule_version} to {together} "
            f"at once{waits}. Of this case the rule said: {decision.recommended or 'nothing'}."
        ),
        by=f"{decision.system} {decision.version}",
        about=decision.batch,
        receipt=batch.receipt if batch else None,
    )
    for row in versions:
        if row["state"] == "waiting":
            continue
        by = row["by"] or RULE_ALONE
        verb = "decided anew" if row["state"] == "reversed" else "decided"
        agreed = {True: ", as the rule said", False: ", otherwise than the rule said", None: ""}[row["agreed"]]
        looked = row["looked_seconds"]
        time = (
            ""
            if not row["by"]
            else f" Looked for {looked:,.0f} s."
            if looked is not None
            else " How long was looked is not recorded."
        )
        view = f" Own view before the rule was shown: {row['own_view']}." if row.get("own_view") else ""
        competence = f" Competence: {row['competence'].rstrip('.')}." if row["competence"] else ""
        because = f" Reason given: “{row['because']}”" if row["because"] else ""
        yield Happening(
            at=row["changed_at"],
            what=f"{by} {verb}: {row['outcome']}{agreed}.{time}{view}{competence}{because}",
            by=by,
            about=decision.id,
            receipt=row.get("receipt"),
        )


def of_orders(orders: Iterable[WorkOrder]) -> Iterator[Happening]:
    """Steps of the orders that followed."""
    for order in orders:
        for event in order.events:
            why = f" {event.because}" if event.because else ""
            who = f" by {event.by}" if event.by else ""
            yield Happening(
                at=event.at,
                what=f"Order {order.id} became {event.state}{who}.{why}",
                by=event.by,
                about=order.id,
                receipt=event.receipt,
            )


def of_outcomes(outcomes: Iterable[Outcome], seen: dict[str, tuple[int, datetime]]) -> Iterator[Happening]:
    """What came of it, from the first time that it was told."""
    for one in outcomes:
        if one.id in seen:
            index, at = seen[one.id]
            yield Happening(at=at, what=f"Outcome: {one.sentence}", about=one.id, receipt=index)


def of_appeals(appeals: Iterable[AppealSeen]) -> Iterator[Happening]:
    """Steps of appeals; never what somebody said in one."""
    for appeal in appeals:
        for step in appeal.steps:
            told = {
                "opened": f"Appeal {appeal.id} was opened.",
                "assigned": f"Appeal {appeal.id} was given to {appeal.assigned_to or step.by}.",
                "upheld": (
                    f"Appeal {appeal.id} was answered by {step.by}: the decision stands. "
                    f"Reason given: “{appeal.because}”"
                ),
                "changed": (
                    f"Appeal {appeal.id} was answered by {step.by}: {appeal.before} was changed to {appeal.after}. "
                    f"Reason given: “{appeal.because}”"
                ),
            }
            says = told.get(step.what, f"Appeal {appeal.id}: {step.what}.")
            yield Happening(at=step.at, what=says, by=step.by, about=appeal.id, receipt=step.receipt)


def of_holds(holds: Iterable[Hold]) -> Iterator[Happening]:
    """Holds on evidence, placed and released."""
    for one in holds:
        why = f"Reason given: “{one.because}”"
        yield Happening(
            at=one.placed_at,
            what=f"{one.by} placed hold {one.id} on the evidence. {why}",
            by=one.by,
            about=one.id,
            receipt=one.receipt if one.stands else None,
        )
        if one.released_at is not None:
            why = f"Reason given: “{one.released_because}”"
            yield Happening(
                at=one.released_at,
                what=f"{one.released_by} released hold {one.id}. {why}",
                by=one.released_by,
                about=one.id,
                receipt=one.receipt,
            )


def of_incidents(incidents: Iterable[SeriousIncident]) -> Iterator[Happening]:
    """Serious incidents that were noted about it."""
    for one in incidents:
        yield Happening(
            at=one.aware_at,
            what=f"Awareness of incident {one.id}: {one.what}",
            by=one.by,
            about=one.id,
            receipt=one.receipt,
        )
        if one.told_at is not None:
            part = "an incomplete report" if one.incomplete else "a report"
            yield Happening(at=one.told_at, what=f"The authority was given {part} of {one.id}.", about=one.id)


def in_order(happenings: Iterable[Happening]) -> tuple[Happening, ...]:
    """By moment; what is of the same moment by its entry in the ledger."""
    return tuple(sorted(happenings, key=lambda one: (one.at, -1 if one.receipt is None else one.receipt, one.about)))

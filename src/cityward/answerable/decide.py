"""Decides: the only way from a proposal to an effect."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from cityward.answerable.registry import System
from cityward.answerable.rules import Rule
from cityward.core.errors import Refused, UserError
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.core.records import Decision, Party, Proposal, to_json

NAME_CHARS_MAX = 120
REASON_CHARS_MIN, REASON_CHARS_MAX = 10, 2_000


def decide(
    proposal: Proposal,
    *,
    outcome: Literal["approved", "rejected"],
    by: str,
    because: str,
    system: System | None,
    rule: Rule,
    at: datetime,
    append_receipt: Callable[[bytes], int],
) -> Decision:
    """Turn a proposal into a decision with rule, parties, explanation and receipt.

    Parameters
    ----------
    proposal : Proposal
        What is decided.
    outcome : {"approved", "rejected"}
        What the person says.
    by, because : str
        Who decides (first and last name) and why (`REASON_CHARS_MIN` to `REASON_CHARS_MAX` characters).
    system : System or None
        The registered system that proposed it; None when there is none.
    rule : Rule
        Decision table that must allow it.
    at : datetime.datetime
        The moment (UTC).
    append_receipt : callable
        Appends to the ledger and returns the index.

    Raises
    ------
    Refused
        The rule says no.
    UserError
        Name or reason is too long, or the outcome is unknown.
    """
    by, because = " ".join(by.split()), because.strip()
    if outcome not in ("approved", "rejected"):
        raise UserError(f"'{outcome}' is not an outcome.", "Say 'approved' or 'rejected'.")
    if len(by) > NAME_CHARS_MAX or len(because) > REASON_CHARS_MAX:
        raise UserError(
            f"A name has at most {NAME_CHARS_MAX} and a reason {REASON_CHARS_MAX} characters.", "Shorten it."
        )
    facts = {
        "system_registered": system is not None,
        "person_named": re.fullmatch(r"[^\W\d_][\w'’.-]*(?: [^\W\d_][\w'’.-]*)+", by) is not None,
        "reason_given": len(because) >= REASON_CHARS_MIN,
    }
    number, row = rule.evaluate(facts)
    if row.then == "refuse" or system is None:
        raise Refused(
            f"{rule.id} row {number}", f"{proposal.id} was not decided: {row.because}.", "Mend that and decide again."
        )
    verb = "approved" if outcome == "approved" else "rejected"
    decision = Decision(
        id=make_id("decision", proposal.id, outcome, by, at.isoformat()),
        proposal=proposal.id,
        outcome=outcome,
        by=by,
        because=because,
        rule=f"{rule.id} {rule.version}, row {number}",
        system=f"{system.id} {system.version}",
        parties=(
            *(party for party in system.named_parties() if party.duty != "overseer"),
            Party(duty="overseer", name=by),
        ),
        at=at,
        explanation=(
            f"{by} {verb} “{proposal.title}” because: {because} It was proposed because {proposal.because} "
            f"The rule allowed the decision because {row.because}."
        ),
        appeal=system.appeal,
        receipt=-1,
    )
    entry = receipt(
        "decision", decision.id, at, to_json(decision), outcome=outcome, proposal=proposal.id, rule=decision.rule
    )
    return msgspec.structs.replace(decision, receipt=append_receipt(entry))

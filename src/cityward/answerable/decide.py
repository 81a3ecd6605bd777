"""Decides: the only way from a proposal to an effect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Literal

import msgspec

from cityward.answerable.registry import System
from cityward.answerable.table import Table, write_form
from cityward.core.decided import text_digest
from cityward.core.errors import Refused, UserError
from cityward.core.identifiers import make_id
from cityward.core.person_names import NAME_CHARS_MAX, is_full_name
from cityward.core.receipts import receipt
from cityward.core.records import Decision, Party, Proposal, to_json

REASON_CHARS_MIN, REASON_CHARS_MAX = 10, 2_000


def decide(
    proposal: Proposal,
    *,
    outcome: Literal["approved", "rejected"],
    by: str,
    because: str,
    system: System | None,
    rule: Table,
    at: datetime,
    append_receipt: Callable[[bytes], int],
    option: int | None = None,
    as_of: date | None = None,
    caveats: Sequence[str] = (),
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
    rule : Table
        Rule that must allow it; what it does not decide is not allowed.
    at : datetime.datetime
        The moment (UTC).
    append_receipt : callable
        Appends to the ledger and returns the index.
    option : int, optional
        Number (from 1) of the option that is approved; default the recommended one, which is the first.
    as_of : datetime.date, optional
        Last day that was known when it was decided.
    caveats : sequence of str, optional
        What has to be said of the system with the decision, in sentences: that nobody accepted a duty, for example.

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
    chosen = _chosen(proposal, option) if outcome == "approved" else None
    facts = {
        "system_registered": system is not None,
        "person_named": is_full_name(by),
        "reason_given": len(because) >= REASON_CHARS_MIN,
        "option_known": option is None or outcome == "rejected" or chosen is not None,
    }
    answer = rule.trace(facts)
    if answer.outputs.get("outcome") != "allow" or system is None:
        raise Refused(
            f"{rule.id} row {answer.row}" if answer.row else rule.id,
            f"{proposal.id} was not decided: {answer.because or answer.says}.",
            "Mend that and decide again.",
        )
    decision = Decision(
        id=make_id("decision", proposal.id, outcome, at.isoformat()),  # no name: the ledger shows it
        proposal=proposal.id,
        outcome=outcome,
        by=by,
        because=because,
        rule=f"{rule.name}, row {answer.row}",
        system=f"{system.id} {system.version}",
        parties=(
            *(party for party in system.named_parties() if party.duty != "overseer"),
            Party(duty="overseer", name=by),
        ),
        at=at,
        explanation=(
            f"{by} {outcome} “{proposal.title}”{_told(proposal, chosen)} because: {because} "
            f"It was proposed because {proposal.because} The rule allowed the decision because {answer.because}."
            + "".join(f" {caveat}" for caveat in caveats)
        ),
        appeal=system.appeal,
        receipt=-1,
        option=chosen,
        option_title=proposal.options[chosen - 1].title if chosen else "",
        as_of=as_of,
    )
    # Which text of the rule decided: its file can change, and a name and a version alone do not tell.
    text = text_digest([write_form(rule, "toml")])
    facts_told = {"outcome": outcome, "proposal": proposal.id, "rule": decision.rule, "rule_digest": text}
    if chosen:
        facts_told["option"] = decision.option_title
    entry = receipt("decision", decision.id, at, to_json(decision), **facts_told)
    return msgspec.structs.replace(decision, receipt=append_receipt(entry))


def _chosen(proposal: Proposal, option: int | None) -> int | None:
    """Number of the option that is approved; None when there is none of that number, or none at all."""
    wanted = 1 if option is None else option
    return wanted if 1 <= wanted <= len(proposal.options) else None


def _told(proposal: Proposal, chosen: int | None) -> str:
    if not chosen:
        return ""
    option = proposal.options[chosen - 1]
    which = "the one that was recommended" if option.recommended else "not the one that was recommended"
    return f", option {chosen} of {len(proposal.options)} “{option.title}”, {which},"

"""Why a case was decided as it was, in plain words: from the rule as it was then, and what was asked of the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cityward.answerable.batch import NOTHING
from cityward.answerable.table import Table
from cityward.answerable.table.condition import write_value
from cityward.core.decided import CaseDecision, Told
from cityward.core.errors import CitywardError
from cityward.core.records import Party

CHANGES_TOLD: Final = 12
"""A list of what would have changed the answer that nobody reads to its end explains nothing."""

ERASED: Final = "What was asked of this case was erased; a keyed digest proves what it was."


def tell(
    decision: CaseDecision,
    rule: Table | None,
    *,
    parties: Sequence[Party],
    appeal: str,
    receipt: int | None,
    measured: str = "",
) -> Told:
    """Tell of a decision.

    Parameters
    ----------
    decision : CaseDecision
        What was decided.
    rule : Table or None
        The version of the rule by which it was; None when it is not kept any more.
    parties : sequence of Party
        Who answered for the system when it was decided.
    appeal : str
        How it is contested.
    receipt : int or None
        Index of the newest entry of the ledger about it.
    measured : str
        What is known of how often the system is right, in a sentence.
    """
    law, factors, changes = "", [], []
    if rule is not None:
        law = rule.sheet.reference
        if decision.row is not None and 1 <= decision.row <= len(rule.sheet.rows):
            law = rule.sheet.rows[decision.row - 1].law or law
        gone = not decision.inputs and bool(rule.sheet.inputs)
        factors = [ERASED] if gone else _factors(decision, rule)
        changes = [] if gone else _changes(decision, rule)
    overseers = [party.name for party in parties if party.duty == "overseer"]
    return Told(
        decision=decision,
        says=_says(decision, rule),
        law=law,
        factors=tuple(factors),
        would_change=tuple(changes),
        uncertainty=_uncertainty(decision, measured),
        overseer=decision.by or ", ".join(overseers),
        parties=tuple(parties),
        appeal=appeal,
        receipt=receipt,
    )


def _says(decision: CaseDecision, rule: Table | None) -> str:
    named = f"{decision.rule} {decision.rule_version}"
    if decision.row is None:
        said = f"{named}: {decision.because if decision.because.startswith(NOTHING) else 'the rule decides nothing'}."
    else:
        because = rule.sheet.rows[decision.row - 1].because.rstrip(".") if rule is not None else ""
        said = f"{named}, row {decision.row}, says {decision.recommended}{f' because {because}' if because else ''}."
    if decision.state == "waiting":
        return f"{said} Nothing is decided yet: it waits for a person."
    if not decision.by:
        return f"{said} That was decided by the rule alone."
    agreed = {True: "as the rule says", False: "not what the rule says", None: "where the rule says nothing"}
    who = f"{decision.by} ({decision.competence})" if decision.competence else decision.by
    verb = "decided otherwise" if decision.state == "reversed" else "decided"
    return f"{said} {who} {verb}: {decision.outcome}, {agreed[decision.agreed]}, because: {decision.because}"


def _label(rule: Table, name: str) -> str:
    return rule.sheet.inputs[name].label or name


def _valued(rule: Table, name: str, value: Any) -> str:
    if value is None:
        return "not known"
    unit = rule.sheet.inputs[name].unit
    return f"{write_value(value)}{f' {unit}' if unit and unit != '1' else ''}"


def _factors(decision: CaseDecision, rule: Table) -> list[str]:
    """What the row that decided asked, of which values; without one, all that was asked."""
    try:
        traced = rule.trace(_asked(decision.inputs, rule))
    except CitywardError:
        return [f"{_label(rule, name)}: {decision.inputs.get(name, 'not known')}" for name in rule.sheet.inputs]
    if decision.row is None or decision.row > len(traced.rows):
        return [f"{_label(rule, name)}: {_valued(rule, name, value)}" for name, value in traced.given.items()]
    words = {axis.name: axis.words(axis.segments(rule.condition(decision.row - 1, axis.name))) for axis in rule.axes}
    return [
        f"{_label(rule, one.input)}: {_valued(rule, one.input, one.value)} (the rule asks for {words[one.input]})"
        for one in traced.rows[decision.row - 1].asked
    ]


def _changes(decision: CaseDecision, rule: Table) -> list[str]:
    try:
        found = rule.why_not(_asked(decision.inputs, rule))
    except CitywardError:
        return []
    return [*(one.says for one in found.changes[:CHANGES_TOLD]), *(f"Not tried: {one}." for one in found.not_checked)]


def _asked(inputs: Mapping[str, Any], rule: Table) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if name in rule.sheet.inputs}


def _uncertainty(decision: CaseDecision, measured: str) -> str:
    if decision.estimate is None:
        told = "The system gave no number for this case"
        return f"{told}. {measured}".strip() if measured else f"{told}; the rule reads facts alone."
    between = (
        f", between {decision.low:g} and {decision.high:g}"
        if decision.low is not None and decision.high is not None
        else ", and it does not say how sure that is"
    )
    return f"The system computed {decision.estimate:g}{between}. {measured}".strip()

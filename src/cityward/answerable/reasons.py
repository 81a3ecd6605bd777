"""Why a case was decided as it was, in plain words: from the rule as it was then, and what was asked of the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cityward.answerable.batch import NOTHING
from cityward.answerable.register.publish import METRIC
from cityward.answerable.table import Table
from cityward.answerable.table.condition import write_value
from cityward.answerable.table.trace import ENGLISH as CHANGES
from cityward.answerable.table.trace import why_not
from cityward.core.decided import CaseDecision, Told
from cityward.core.errors import CitywardError
from cityward.core.records import Party

CHANGES_TOLD: Final = 12
"""A list of what would have changed the answer that nobody reads to its end explains nothing."""
ENGLISH: Final[Mapping[str, str]] = {
    **CHANGES,
    "unknown": "not known",
    "factor": "{name}: {value}",
    "asked": "{name}: {value} (the rule asks for {words})",
    "not_tried": "Not tried: {what}.",
    "erased": "What was asked of this case was erased; a keyed digest proves what it was.",
    "no_number": "The system gave no number for this case",
    "facts_alone": "{told}; the rule reads facts alone.",
    "computed": "The system computed {estimate}{between}.",
    "between": ", between {low} and {high}",
    "metric": METRIC,
    "how_sure": ", and it does not say how sure that is",
}
"""How a decision is told to whom it is about; another language has the same names with its own words."""


def tell(
    decision: CaseDecision,
    rule: Table | None,
    *,
    parties: Sequence[Party],
    appeal: str,
    receipt: int | None,
    measured: str = "",
    say: Mapping[str, str] = ENGLISH,
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
    say : mapping, optional
        The words of a language for the factors, the changes and how sure it is; the rest is English.
    """
    law, factors, changes = "", [], []
    if rule is not None:
        law = rule.sheet.reference
        if decision.row is not None and 1 <= decision.row <= len(rule.sheet.rows):
            law = rule.sheet.rows[decision.row - 1].law or law
        gone = not decision.inputs and bool(rule.sheet.inputs)
        factors = [say["erased"]] if gone else _factors(decision, rule, say)
        changes = [] if gone else _changes(decision, rule, say)
    overseers = [party.name for party in parties if party.duty == "overseer"]
    return Told(
        decision=decision,
        says=_says(decision, rule),
        law=law,
        factors=tuple(factors),
        would_change=tuple(changes),
        uncertainty=_uncertainty(decision, measured, say),
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


def _valued(rule: Table, name: str, value: Any, say: Mapping[str, str]) -> str:
    if value is None:
        return say["unknown"]
    if isinstance(value, bool):
        return say["yes" if value else "no"]
    unit = rule.sheet.inputs[name].unit
    return f"{write_value(value)}{f' {unit}' if unit and unit != '1' else ''}"


def _factors(decision: CaseDecision, rule: Table, say: Mapping[str, str]) -> list[str]:
    """What the row that decided asked, of which values; without one, all that was asked."""

    def factor(name: str, value: str) -> str:
        return say["factor"].format(name=_label(rule, name), value=value)

    try:
        traced = rule.trace(_asked(decision.inputs, rule))
    except CitywardError:
        return [factor(name, str(decision.inputs.get(name, say["unknown"]))) for name in rule.sheet.inputs]
    if decision.row is None or decision.row > len(traced.rows):
        return [factor(name, _valued(rule, name, value, say)) for name, value in traced.given.items()]
    row = decision.row - 1
    words = {axis.name: axis.words(axis.segments(rule.condition(row, axis.name)), say) for axis in rule.axes}
    return [
        say["asked"].format(
            name=_label(rule, one.input), value=_valued(rule, one.input, one.value, say), words=words[one.input]
        )
        for one in traced.rows[row].asked
    ]


def _changes(decision: CaseDecision, rule: Table, say: Mapping[str, str]) -> list[str]:
    try:
        found = why_not(rule, _asked(decision.inputs, rule), say=say)
    except CitywardError:
        return []
    return [
        *(one.says for one in found.changes[:CHANGES_TOLD]),
        *(say["not_tried"].format(what=one) for one in found.not_checked),
    ]


def _asked(inputs: Mapping[str, Any], rule: Table) -> dict[str, Any]:
    return {name: value for name, value in inputs.items() if name in rule.sheet.inputs}


def _uncertainty(decision: CaseDecision, measured: str, say: Mapping[str, str]) -> str:
    if decision.estimate is None:
        told = say["no_number"]
        return f"{told}. {measured}".strip() if measured else say["facts_alone"].format(told=told)
    between = (
        say["between"].format(low=f"{decision.low:g}", high=f"{decision.high:g}")
        if decision.low is not None and decision.high is not None
        else say["how_sure"]
    )
    return f"{say['computed'].format(estimate=f'{decision.estimate:g}', between=between)} {measured}".strip()

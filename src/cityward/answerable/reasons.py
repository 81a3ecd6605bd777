"""Why a case was decided as it was, in plain words: from the rule as it was then, and what was asked of the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from cityward.answerable.batch import NOTHING
from cityward.answerable.register.publish import METRIC
from cityward.answerable.table import Table
from cityward.answerable.table.condition import write_value
from cityward.answerable.table.trace import ENGLISH as CHANGES
from cityward.answerable.table.trace import why_not
from cityward.answerable.table.validity import is_valid, period
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

COUNTED: Final = frozenset({"day", "month", "year", "hour", "person"})
"""Units that people say in the plural: 312 days, 1 day."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that a decision rests on: its name in the rule, what people call it, and its value with its unit.

    ``value`` is empty where it is not known.
    """

    name: str
    label: str
    value: str


def facts(inputs: Mapping[str, Any], rule: Table | None) -> tuple[Fact, ...]:
    """What the rule asked of a case, as people say it; by the names of its inputs where the rule is not kept."""
    return tuple(Fact(name, _label(rule, name), _valued(rule, name, value)) for name, value in inputs.items())


def tell(
    decision: CaseDecision,
    rule: Table | None,
    *,
    parties: Sequence[Party],
    appeal: str,
    receipt: int | None,
    measured: str = "",
    say: Mapping[str, str] = ENGLISH,
    caveats: str = "",
    days: tuple[date, date] | None = None,
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
    caveats : str
        What had to be said of the system when it decided, in sentences.
    days : tuple of two datetime.date, optional
        The day in the city on which the rule was applied, and today: what is said of the rule's validity.
    """
    law, factors, changes = "", [], []
    if rule is not None:
        law = rule.sheet.reference
        if decision.row is not None and 1 <= decision.row <= len(rule.sheet.rows):
            law = rule.sheet.rows[decision.row - 1].law or law
        gone = not decision.inputs and bool(rule.sheet.inputs)
        factors = [say["erased"]] if gone else _factors(decision, rule, say)
        changes = [] if gone or decision.withheld else _changes(decision, rule, say)
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
        text=_text(decision, rule, days),
        caveats=caveats,
    )


def _text(decision: CaseDecision, rule: Table | None, days: tuple[date, date] | None) -> str:
    """Which text of the rule decided, and when it was valid."""
    named = f"{decision.rule} {decision.rule_version}, SHA-256 {decision.rule_digest}"
    if rule is None:
        return f"{named}: this text is not kept as it was, so that what mattered cannot be told from it."
    told = f"{named}, kept as it was. Valid {period(rule)}."
    if days is not None and not is_valid(rule, days[0]):
        return f"{told} It was not valid on {days[0]}, when it was applied."
    if days is not None and not is_valid(rule, days[1]):
        return f"{told} It is not valid today; a case is settled by the text that was valid when it was decided."
    return told


def _says(decision: CaseDecision, rule: Table | None) -> str:
    named = f"{decision.rule} {decision.rule_version}"
    if decision.withheld:
        return (
            f"{named} was applied. Nothing is decided yet: it waits for a person, who says a view of his own before "
            "being told what the rule says."
        )
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


def _label(rule: Table | None, name: str) -> str:
    given = rule.sheet.inputs.get(name) if rule is not None else None
    return (given.label if given is not None else "") or name.replace("_", " ")


def _valued(rule: Table | None, name: str, value: Any, say: Mapping[str, str] = ENGLISH) -> str:
    """A value with its unit as people say it, numbers as the rule writes them; empty where it is not known."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return say["yes" if value else "no"]
    if not isinstance(value, int | float | date):
        return str(value)
    given = rule.sheet.inputs.get(name) if rule is not None else None
    unit = given.unit if not isinstance(value, date) and given is not None and given.unit not in (None, "1") else ""
    plural = "s" if unit in COUNTED and value != 1 else ""
    return f"{write_value(value)} {unit}{plural}".rstrip()


def _factors(decision: CaseDecision, rule: Table, say: Mapping[str, str]) -> list[str]:
    """What the row that decided asked, of which values; without one, all that was asked."""
    every = [
        say["factor"].format(
            name=_label(rule, name), value=_valued(rule, name, decision.inputs.get(name), say) or say["unknown"]
        )
        for name in rule.sheet.inputs
    ]
    if decision.row is None:
        return every
    try:
        traced = rule.trace(_asked(decision.inputs, rule))
    except CitywardError:
        return every
    if decision.row > len(traced.rows):
        return every
    row = decision.row - 1
    words = {axis.name: axis.words(axis.segments(rule.condition(row, axis.name)), say) for axis in rule.axes}
    return [
        say["asked"].format(
            name=_label(rule, one.input),
            value=_valued(rule, one.input, one.value, say) or say["unknown"],
            words=words[one.input],
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

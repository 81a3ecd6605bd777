"""A liability file as a document that people read."""

from __future__ import annotations

from datetime import datetime

from cityward.answerable.document import Document, Section
from cityward.core import words
from cityward.core.awareness import told_left
from cityward.core.liability import LiabilityFile, SeriousIncident

STATES_ONLY = "It states duties and facts. What follows from them is not for this file to say."


def readable(file: LiabilityFile) -> Document:
    """Title, what it is, and a section for each question."""
    zone = file.time_zone
    sections = [
        Section(
            "What was decided",
            [
                file.says,
                *([file.explanation] if file.explanation else []),
                f"How to contest it: {file.appeal or 'not stated'}",
            ],
        ),
        Section("What happened", table=_happened(file)),
        _system(file),
        _rule(file),
        Section("Who held which duty at that moment", _unaccepted(file), _duties(file)),
        Section("What stood on record before", list(file.earlier), _on_record(file)),
        Section("What the rule asked of the case", _inputs(file)),
        Section("Evidence that is kept", _holds(file)),
        Section("Serious incidents", [told_incident(one, zone) for one in file.incidents] or ["None was noted."]),
        Section("What this file cannot say", list(file.cannot_say)),
    ]
    about = f"Liability file {file.id} of {file.city}, made {words.moment(file.made_at, zone)}. {STATES_ONLY}"
    return Document(f"Who answers for {file.decision}", about, sections)


def told_incident(one: SeriousIncident, zone: str, now: datetime | None = None) -> str:
    """An incident and its clock in a sentence; with ``now``, what is left of it."""
    aware = f"{one.id}, aware {words.moment(one.aware_at, zone)}. {one.what.rstrip('.')}."
    due = words.moment(one.due_at, zone)
    if one.told_at is not None:
        late = f", after the end of the time on {due}; reason given: “{one.late_because}”" if one.late else ""
        part = " with an incomplete report" if one.incomplete else ""
        return f"{aware} The authority was told on {words.moment(one.told_at, zone)}{part}{late} ({one.clause})."
    if one.closed_at is not None:
        return f"{aware} It was closed without a report; reason given: “{one.because}” ({one.clause})."
    left = "" if now is None else f" {told_left(one.hours_left(now))}"
    return f"{aware} The authority has to be told by {due} ({one.clause}).{left}"


def _happened(file: LiabilityFile) -> list[list[str]]:
    rows = [[words.moment(one.at, file.time_zone), one.what, _entry(one.receipt)] for one in file.happened]
    return [["When", "What", "Ledger"], *rows]


def _system(file: LiabilityFile) -> Section:
    system = file.system
    if system is None:
        return Section("Which version of the system", ["Not known: the system is not registered, or was not then."])
    approved = (
        f"Approved {words.moment(system.approved_at, file.time_zone)} by {system.approved_by}, "
        f"{_entry(system.receipt)}."
        if system.approved_at
        else "No approval before the decision is on record."
    )
    lines = [f"{system.name} ({system.id}), version {system.version}.", approved, f"Digest: {system.digest}."]
    return Section("Which version of the system", [*lines, *system.says, "Its whole text is in system.json."])


def _rule(file: LiabilityFile) -> Section:
    rule = file.rule
    if rule is None:
        return Section("Which version of the rule", ["Not known: no text of the rule is kept."])
    first = words.day(rule.valid_from) if rule.valid_from else "its beginning"
    last = words.day(rule.valid_until) if rule.valid_until else "further notice"
    lines = [f"{rule.id} {rule.version}, valid from {first} until {last}.", *rule.says]
    lines += [f"Law: {rule.law}."] if rule.law else []
    return Section("Which version of the rule", [*lines, f"Digest: {rule.digest}.", "Its whole text is in rule.toml."])


def _unaccepted(file: LiabilityFile) -> list[str]:
    if not file.duties:
        return ["No duties are known: no version of the system is."]
    lacking = file.unaccepted
    if lacking:
        return [f"Accepted by nobody at that moment: {', '.join(lacking)}."]
    return ["Every duty had been accepted at that moment."]


def _duties(file: LiabilityFile) -> list[list[str]]:
    rows = [[one.duty, one.means, one.party, one.contact, one.says, _entry(one.receipt)] for one in file.duties]
    return [["Duty", "What it is", "Party", "Contact", "At that moment", "Ledger"], *rows] if rows else []


def _on_record(file: LiabilityFile) -> list[list[str]]:
    zone = file.time_zone
    rows = [
        [words.moment(one.at, zone), one.kind, one.says, ", ".join(one.shown_to), _entry(one.receipt)]
        for one in file.on_record
    ]
    return [["When", "Kind", "What", "Shown to holders of", "Ledger"], *rows] if rows else []


def _inputs(file: LiabilityFile) -> list[str]:
    if file.inputs is not None:
        told = [f"{name}: {'not known' if value is None else value}" for name, value in file.inputs.items()]
        return [*told, f"Keyed digest: {file.inputs_digest}."]
    if file.inputs_digest:
        return [f"Not in this file: the grant does not cover them. Keyed digest: {file.inputs_digest}."]
    return ["The rule asked of the decision alone: registered system, named person, reason, known option."]


def _holds(file: LiabilityFile) -> list[str]:
    if not file.holds:
        return ["No hold is placed: what retention and erasure take away, they take away."]
    return [
        f"{one.id}, placed {words.moment(one.placed_at, file.time_zone)} by {one.by}: {one.orders} orders, "
        f"{one.interactions} reports and {one.decisions} decisions. Reason given: “{one.because}” "
        + ("It stands." if one.stands else f"Released by {one.released_by}. Reason given: “{one.released_because}”")
        for one in file.holds
    ]


def _entry(receipt: int | None) -> str:
    return "no entry" if receipt is None or receipt < 0 else f"entry {receipt}"

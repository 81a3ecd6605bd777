"""A liability file for tests: of a decision about a proposal, with a hold, an incident, and duties of all kinds."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from tests.answerable.register.making import a_system

from cityward.answerable.liability import duties_then
from cityward.answerable.liability import happenings as tell
from cityward.answerable.liability import on_record as record
from cityward.answerable.liability.duties import overseer_by_deciding, system_then
from cityward.answerable.liability.rule import rule_then
from cityward.answerable.register.shape import System
from cityward.answerable.register.versions import canonical, digest
from cityward.answerable.table import load_tables
from cityward.answerable.table.forms import write_form
from cityward.core.liability import Hold, LiabilityFile, SeriousIncident, incident_due
from cityward.core.records import Decision, EarlyWarning, Option, Party, Proposal
from cityward.core.systems import SystemEvent

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
BY, WHY = "Ana Gómez", "A crew is free on Tuesday."


def a_registered() -> System:
    """The system of `tests.answerable.register.making`."""
    with TemporaryDirectory() as folder:
        return a_system(Path(folder))


def an_event(system: System, number: int, what: str, **more: object) -> SystemEvent:
    """Something that happened to a system, ``number`` days after the first of February."""
    first = {"id": f"Y-{number:010x}", "system": system.id, "version": system.version, "digest": digest(system)}
    at = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(days=number)
    return msgspec.convert(
        {**first, "what": what, "at": at, "by": "Clara Roth", "receipt": number, **more}, SystemEvent
    )


def the_events(system: System) -> tuple[SystemEvent, ...]:
    """Approved; the owner accepted; the operator handed his duty over for a time; nobody else signed."""
    since = date(2026, 2, 5)
    return (
        an_event(system, 0, "approved", body=canonical(system)),
        an_event(system, 1, "accepted", duty="owner", party="Some Owner", valid_from=since),
        an_event(system, 2, "accepted", duty="operator", party="Some Operator", valid_from=since),
        an_event(
            system, 3, "handed over", duty="operator", party="Some Operator", taker="Night Shift", taker_key="none",
            valid_from=date(2026, 2, 20), valid_until=date(2026, 3, 10),
        ),
    )  # fmt: skip


def a_warning() -> EarlyWarning:
    """A warning that the ledger told of the day before."""
    return EarlyWarning(
        id="A-00000000aa", service="trees", territory="1", level="area", name="Centre", opened=date(2026, 3, 1),
        as_of=date(2026, 3, 1), horizon_days=7, probability=0.6, climatology=0.2, expected=9.0, low=5.0, high=14.0,
        capacity=7.0, capacity_from="the past year", open_cases=4, weeks=52, brier=0.1, brier_climatology=0.2,
        sentence="More trees than can be looked at are expected in Centre.",
    )  # fmt: skip


def a_decision(because: str = WHY) -> tuple[Decision, Proposal]:
    """A decision for the second of two options, and what it is about."""
    proposal = Proposal(
        id="P-00000000bb", about="N-00000000cc", service="trees", territories=("1",), title="Look at the oaks",
        because="Nine were reported in a week.", action="Inspect", effect="Fewer reports", system="tree-permits",
        options=(
            Option(title="Look", action="Inspect", effect="?", known_from="?", recommended=True),
            Option(title="Wait", action="Nothing", effect="?", known_from="?"),
        ),
    )  # fmt: skip
    decision = Decision(
        id="D-00000000dd", proposal=proposal.id, outcome="approved", by=BY, because=because,
        rule="proposal-approval 3, row 5", system="tree-permits 1", parties=(Party(duty="owner", name="Some Owner"),),
        at=AT, explanation="", appeal="Write to the ombudsperson.", receipt=40, option=2, option_title="Wait",
    )  # fmt: skip
    return decision, proposal


def a_file(because: str = WHY) -> LiabilityFile:
    """The whole file."""
    decision, proposal = a_decision(because)
    system = a_registered()
    events = the_events(system)
    table = next(one for one in load_tables() if one.id == "proposal-approval")
    hold = Hold(id="Z-00000000ee", decision=decision.id, placed_at=AT, by=BY, because="A claim was announced.")
    aware = AT + timedelta(days=1)
    incident = SeriousIncident(
        id="I-00000000ff", decision=decision.id, kind="death", aware_at=aware, due_at=incident_due("death", aware),
        what="A branch fell on a bench.", by=BY,
    )  # fmt: skip
    seen = {"A-00000000aa": (5, AT - timedelta(days=1))}
    happened = [
        *tell.of_proposal(decision, proposal, AT - timedelta(days=1)),
        *tell.of_holds([hold]),
        *tell.of_incidents([incident]),
    ]
    return LiabilityFile(
        id="LF-0000000011", decision=decision.id, kind="proposal", city="Small", time_zone="UTC",
        made_at=AT + timedelta(days=9), decided_at=AT, says="Ana Gómez approved “Look at the oaks”.", explanation="",
        appeal=decision.appeal, happened=tell.in_order(happened), system=system_then(system, events[0], system, ""),
        rule=rule_then(table, write_form(table, "toml"), 5, AT, "UTC", kept=False),
        duties=(*duties_then(system, events, AT, "UTC"), overseer_by_deciding(BY, AT.date(), 40)),
        on_record=record.in_order(
            [
                *record.of_findings([a_warning()], seen, set(), AT),
                *record.of_register(events, AT),
                *record.of_card(system, AT),
            ]
        ),
        earlier=("No earlier decision on proposals of tree-permits is on record.",), holds=(hold,),
        incidents=(incident,), inputs=None, inputs_digest="",
        cannot_say=("What follows from these duties and facts in law: that is for others to say.",), entries=(5, 40),
    )  # fmt: skip

"""No decision without a person, a reason, a system and a rule."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from cityward.answerable.decide import decide
from cityward.answerable.registry import FORBIDDEN, load_system, read_systems
from cityward.answerable.table import load_tables, make_table, write_form
from cityward.core.errors import Refused, SettingsError, UserError
from cityward.core.records import Decision, Option, Proposal, from_json, to_json

RULE = next(table for table in load_tables() if table.id == "proposal-approval")
NOW = datetime(2014, 7, 1, tzinfo=UTC)
PROPOSAL = Proposal(
    id="P-1",
    about="N-1",
    service="x",
    territories=("1",),
    title="Look into it",
    because="37 reports where 4 were expected.",
    action="Send an inspection",
    effect="Not known yet",
    system="cityward-need-scan",
)


def attempt(
    by="Ana Gómez", because="Crew is free on Tuesday", outcome="approved", system="cityward-need-scan", entries=None
):
    entries = [] if entries is None else entries
    return decide(
        PROPOSAL,
        outcome=outcome,
        by=by,
        because=because,
        system=read_systems(Path("nowhere")).systems.get(system),
        rule=RULE,
        at=NOW,
        append_receipt=lambda entry: entries.append(entry) or 7,
    )


def test_a_decision_names_everyone_and_its_receipt():
    entries: list[bytes] = []
    decision = attempt(entries=entries)
    assert decision.receipt == 7
    assert {party.duty for party in decision.parties} == {"designer", "manufacturer", "owner", "operator", "overseer"}
    assert next(party.name for party in decision.parties if party.duty == "overseer") == "Ana Gómez"
    assert "Ana Gómez approved" in decision.explanation
    assert "ombudsperson" in decision.appeal
    assert b"Ana" not in entries[0]  # the ledger holds a digest, not a name
    facts = msgspec.json.decode(entries[0])["facts"]
    assert facts["rule_digest"] == sha256(write_form(RULE, "toml").encode()).hexdigest()  # which text decided


@pytest.mark.parametrize("by", ["", "Ana", "A. G", "operator", "x" * 30, "1234 5678", "<script> alert"])
def test_a_role_or_half_a_name_is_refused_or_a_name_is_a_name(by):
    if by == "A. G":
        assert attempt(by=by).by == by
        return
    with pytest.raises(Refused, match="no person is named"):
        attempt(by=by)


@pytest.mark.parametrize("name", ["José Álvarez", "Anne-Marie O’Neil", "李 小龙", "Jan van der Berg"])
def test_names_of_the_world_are_names(name):
    assert attempt(by=name).by == name


def test_without_reason_or_system_nothing_is_decided():
    with pytest.raises(Refused, match="no reason"):
        attempt(because="ok")
    with pytest.raises(Refused, match="nobody answers for it"):
        attempt(system="unknown")
    with pytest.raises(UserError, match="outcome"):
        attempt(outcome="perhaps")
    with pytest.raises(UserError, match="at most"):
        attempt(because="x" * 3_000)


def test_a_rule_never_guesses_a_missing_fact():
    trace = RULE.trace({"system_registered": True})
    assert (trace.row, trace.reason, trace.outputs) == (None, "no row", {"outcome": None})
    with pytest.raises(UserError, match="no input"):
        RULE.trace({"sytem_registered": True})


def test_what_the_rule_does_not_decide_is_not_allowed():
    silent = make_table(msgspec.structs.replace(RULE.sheet, rows=RULE.sheet.rows[:1], tests=()), "silent")
    with pytest.raises(Refused, match="decides nothing: no row") as refused:
        decide(
            PROPOSAL,
            outcome="approved",
            by="Ana Gómez",
            because="Crew is free on Tuesday",
            system=read_systems(Path("nowhere")).systems["cityward-need-scan"],
            rule=silent,
            at=NOW,
            append_receipt=lambda entry: 7,
        )
    assert refused.value.rule == "proposal-approval"


SYSTEM = """
id = "a-system"
name = "A"
version = "1"
purpose = "Something that it does"
practice = "{practice}"
risk_class = "minimal"
data_used = "some"
oversight = "someone"
appeal = "somewhere"
"""
PARTIES = "".join(
    f'[[parties]]\nduty = "{duty}"\nname = "Some One"\n'
    for duty in ("designer", "manufacturer", "owner", "operator", "overseer")
)


@pytest.mark.parametrize(("practice", "clause"), FORBIDDEN.items())
def test_what_the_law_forbids_cannot_be_registered(tmp_path, practice, clause):
    path = tmp_path / "a.toml"
    path.write_text(SYSTEM.format(practice=practice) + PARTIES)
    with pytest.raises(Refused) as refused:
        load_system(path)
    assert clause in str(refused.value)


def test_every_duty_needs_a_name(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(SYSTEM.format(practice="other") + PARTIES.replace('"overseer"', '"owner"'))
    with pytest.raises(SettingsError, match="nobody is named as overseer"):
        load_system(path)


def options(*titles):
    made = [
        Option(title=title, action="…", effect="not known", known_from="nothing", recommended=at == 0)
        for at, title in enumerate(titles)
    ]
    return msgspec.structs.replace(PROPOSAL, options=tuple(made))


def choose(proposal, option, outcome="approved", entries=None):
    return decide(
        proposal,
        outcome=outcome,
        by="Ana Gómez",
        because="Crew is free on Tuesday",
        system=read_systems(Path("nowhere")).systems["cityward-need-scan"],
        rule=RULE,
        at=NOW,
        append_receipt=lambda entry: (entries if entries is not None else []).append(entry) or 7,
        option=option,
        as_of=NOW.date(),
    )


def test_the_option_that_is_approved_is_named_everywhere():
    entries: list[bytes] = []
    proposal = options("Inspect", "Do nothing")
    decision = choose(proposal, 2, entries=entries)
    assert (decision.option, decision.option_title, decision.as_of) == (2, "Do nothing", NOW.date())
    assert "option 2 of 2 “Do nothing”, not the one that was recommended," in decision.explanation
    assert b'"option":"Do nothing"' in entries[0]
    assert "option 1 of 2 “Inspect”, the one that was recommended," in choose(proposal, None).explanation
    assert choose(proposal, 1).rule == "proposal-approval 3, row 5"


@pytest.mark.parametrize("option", [0, -1, 3, 10**9])
def test_an_option_that_is_not_there_is_refused(option):
    with pytest.raises(Refused, match="no option of that number") as refused:
        choose(options("Inspect", "Do nothing"), option)
    assert refused.value.rule == "proposal-approval row 4"
    with pytest.raises(Refused, match="no option of that number"):
        choose(PROPOSAL, 1)


def test_what_is_rejected_has_no_option_and_what_has_none_needs_none():
    rejected = choose(options("Inspect", "Do nothing"), 2, outcome="rejected")
    assert (rejected.option, rejected.option_title) == (None, "")
    assert choose(PROPOSAL, None).option is None


def test_a_decision_of_before_options_is_still_read():
    old = msgspec.json.decode(to_json(choose(PROPOSAL, None)))
    for name in ("option", "option_title", "as_of"):
        del old[name]
    assert from_json(msgspec.json.encode(old), Decision).option is None

"""No decision without a person, a reason, a system and a rule."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cityward.answerable.decide import decide
from cityward.answerable.registry import FORBIDDEN, load_system, load_systems
from cityward.answerable.rules import load_rule
from cityward.core.errors import Defect, Refused, SettingsError, UserError
from cityward.core.records import Proposal

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
        system=load_systems(Path("nowhere")).get(system),
        rule=load_rule("proposal-approval"),
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
    with pytest.raises(Defect, match="not given"):
        load_rule("proposal-approval").evaluate({"system_registered": True})


SYSTEM = """
id = "a-system"
name = "A"
version = "1"
purpose = "Something that it does"
practice = "{practice}"
risk_class = "high"
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

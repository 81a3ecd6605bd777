"""Duties, rules, clocks and moments of a liability file, where they are odd."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.answerable.liability.making import AT, a_file, a_registered, the_events

from cityward.answerable.liability import duties_then, readable
from cityward.answerable.liability.duties import system_then, version_then
from cityward.answerable.liability.readable import told_incident
from cityward.answerable.liability.rule import rule_then, skew
from cityward.answerable.register.versions import digest
from cityward.answerable.table import load_tables
from cityward.core.liability import INCIDENT_DAYS, incident_due


def held(duty: str, day: int) -> tuple[str, bool, int | None]:
    """Party, acceptance and receipt of a duty so many days from the decision."""
    system = a_registered()
    found = duties_then(system, the_events(system), AT + timedelta(days=day), "UTC")
    one = next(one for one in found if one.duty == duty)
    return one.party, one.accepted is not None, one.receipt


def test_a_duty_is_told_for_its_moment() -> None:
    assert held("operator", 0) == ("Night Shift", True, 3)
    assert held("operator", 30) == ("Some Operator", True, 2)  # handed back
    assert held("operator", -12) == ("Some Operator", True, 2)
    assert held("owner", -27) == ("Some Owner", False, None)  # signed, but from a later day on
    assert held("designer", 0) == ("Some Designer", False, None)


def test_a_version_is_that_of_its_moment_and_digest() -> None:
    system = a_registered()
    events = the_events(system)
    assert version_then(system.id, "1", "", events, AT)[0] == system
    assert version_then(system.id, "1", digest(system), events, AT)[0] == system
    assert version_then(system.id, "1", "0" * 64, events, AT) == (None, None)
    assert version_then(system.id, "2", "", events, AT) == (None, None)
    assert version_then(system.id, "1", "", events, AT - timedelta(days=300)) == (None, None)


def test_a_file_edited_after_approval_is_told() -> None:
    system = a_registered()
    edited = msgspec.structs.replace(system, oversight="Nobody looks at anything any more.")
    told = system_then(system, the_events(system)[0], edited, "").says
    assert len(told) == 1
    assert "says something else under the same version 1" in told[0]
    assert any("Nobody had approved" in one for one in system_then(edited, None, edited, "").says)


def test_a_rule_out_of_its_time_is_told() -> None:
    table = next(one for one in load_tables() if one.id == "proposal-approval")
    sheet = msgspec.structs.replace(table.sheet, valid_from=date(2026, 4, 1), valid_until=date(2026, 5, 1))
    early = type(table)(sheet, table.conditions, table.outcomes)
    assert any("is valid from 1 April 2026" in one for one in rule_then(early, "", 1, AT, "UTC", kept=True).says)
    late = rule_then(early, "", 999, AT + timedelta(days=100), "UTC", kept=True).says
    assert any("was valid until 1 May 2026" in one for one in late)
    assert any("row 999, which this text does not have" in one for one in late)


@pytest.mark.parametrize(
    ("before", "after", "told"), [(0, 0, ""), (-1, 1, ""), (60, 90, "before it"), (-90, -60, "after it")]
)
def test_clocks_that_differ_are_told(before: int, after: int, told: str) -> None:
    said = skew(AT, AT + timedelta(minutes=before), AT + timedelta(minutes=after))
    assert (told in said) if told else not said


@given(st.sampled_from(sorted(INCIDENT_DAYS)), st.integers(0, 10_000), st.floats(0, 0.999))
def test_no_moment_before_the_end_is_late(kind: str, minutes: int, part: float) -> None:
    begun = AT + timedelta(minutes=minutes)
    due = incident_due(kind, begun)  # type: ignore[arg-type]
    assert begun + (due - begun) * part < due
    assert (due - begun).days == INCIDENT_DAYS[kind]  # type: ignore[index]


def test_an_incident_tells_its_clock() -> None:
    (one,) = a_file().incidents
    assert "13 Mar 2026, 10:00 UTC (AI Act, article 73(4): 10 days). 24 hours are left." in told_incident(
        one, "UTC", one.due_at - timedelta(hours=24)
    )
    assert "That time ended 5 hours ago." in told_incident(one, "UTC", one.due_at + timedelta(hours=5))
    done = msgspec.structs.replace(one, told_at=one.due_at + timedelta(hours=1), late_because="A flood.")
    assert "after the end of the time" in told_incident(done, "UTC")


def test_the_document_has_a_section_for_each_question() -> None:
    told = readable(a_file()).markdown()
    for words in (
        "Accepted by nobody at that moment: designer, manufacturer.",
        "Night Shift held the duty of operator: Some Operator had handed it over from 20 February 2026 until",
        "not the recommended one",
        "Evaluation: Share read within a week",
        "early warning",
        "It stands.",
    ):
        assert words in told, words

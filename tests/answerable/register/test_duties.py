"""Who holds which duty when; what is substantial, and what it moves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.answerable.register.making import a_system

from cityward.answerable.register.duties import duties, not_accepted, state_of
from cityward.answerable.register.shape import System
from cityward.answerable.register.versions import canonical, differences, digest, read_canonical, substantial
from cityward.core.systems import SystemEvent

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def event(what: str, system: System, *, days: float = 0, **told: Any) -> SystemEvent:
    return SystemEvent(
        id="Y-0", what=what, system=system.id, version=system.version, digest=digest(system),
        at=NOON + timedelta(days=days), by="Ana Gómez", **told,
    )  # fmt: skip


def approved(system: System, *, days: float = 0, what: str = "approved", **told: Any) -> SystemEvent:
    return event(what, system, days=days, body=canonical(system), **told)


def accepted(system: System, duty: str, party: str, *, days: float = 0) -> SystemEvent:
    since = (NOON + timedelta(days=days)).date()
    return event("accepted", system, days=days, duty=duty, party=party, valid_from=since)


def holder(system: System, events: list[SystemEvent], duty: str, days: float) -> tuple[str, bool, str]:
    found = next(one for one in duties(system, events, NOON + timedelta(days=days)) if one.duty == duty)
    return found.party, found.accepted is not None, found.basis


@pytest.fixture
def system(tmp_path: Path) -> System:
    return a_system(tmp_path)


def test_the_canonical_text_is_the_system(system: System) -> None:
    assert read_canonical(canonical(system)) == system
    assert digest(read_canonical(canonical(system))) == digest(system)
    assert digest(msgspec.structs.replace(system, appeal="Nowhere at all.")) != digest(system)


def test_nobody_has_accepted_before_it_is_signed(system: System) -> None:
    events = [approved(system), accepted(system, "owner", "Some Owner", days=2)]
    assert holder(system, events, "owner", 1) == ("Some Owner", False, "named")
    assert holder(system, events, "owner", 3) == ("Some Owner", True, "named")
    left = not_accepted(duties(system, events, NOON + timedelta(days=3)))
    assert left == ("designer", "manufacturer", "operator", "overseer")


def test_an_acceptance_by_somebody_else_counts_for_nothing(system: System) -> None:
    events = [approved(system), accepted(system, "owner", "Some Operator")]
    assert holder(system, events, "owner", 1) == ("Some Owner", False, "named")


def test_a_duty_that_was_handed_over_comes_back(system: System) -> None:
    first, last = date(2026, 3, 11), date(2026, 3, 20)
    over = event(
        "handed over", system, days=2, duty="operator", party="Some Operator", taker="Ben Okri", taker_key="k",
        valid_from=first, valid_until=last,
    )  # fmt: skip
    events = [approved(system), accepted(system, "operator", "Some Operator"), over]
    told = [holder(system, events, "operator", days)[0] for days in (5, 10, 19, 20)]
    assert told == ["Some Operator", "Ben Okri", "Ben Okri", "Some Operator"]


def test_the_days_of_a_duty_are_those_of_the_city(system: System) -> None:
    over = event(
        "handed over", system, duty="operator", party="Some Operator", taker="Ben Okri", valid_from=date(2026, 3, 2)
    )
    late = datetime(2026, 3, 2, 3, tzinfo=UTC)  # the evening of 1 March in Chicago
    events = [approved(system), accepted(system, "operator", "Some Operator"), over]
    told = {
        zone: {one.duty: one.party for one in duties(system, events, late, zone)} for zone in ("UTC", "America/Chicago")
    }
    assert told["UTC"]["operator"] == "Ben Okri"
    assert told["America/Chicago"]["operator"] == "Some Operator"


@pytest.mark.parametrize(
    ("change", "is_substantial"),
    [
        ({"purpose": "Decides which tree is felled."}, True),
        ({"data_used": "The income of the applicant."}, True),
        ({"oversight": "Nobody looks any more."}, True),
        ({"name": "Acme Tree Intelligence"}, True),
        ({"rights_affecting": False}, True),
        ({"risk_class": "annex III 5(a)"}, True),
        ({"appeal": "Write to the new ombudsperson."}, False),
        ({"ends": date(2998, 12, 31)}, False),
        ({"website": "https://city.example/trees"}, False),
        ({"version": "2"}, False),
    ],
)
def test_what_is_substantial_is_computed(system: System, change: dict[str, Any], is_substantial: bool) -> None:
    changes = differences(system, msgspec.structs.replace(system, **change))
    assert substantial(changes) is is_substantial
    assert bool(changes) is (set(change) != {"version"})
    assert all(one.says for one in changes)


def test_what_the_card_foresaw_is_not_substantial(system: System) -> None:
    assert system.model
    newer = msgspec.structs.replace(system.model, learnt_until=date(2026, 1, 1))
    assert substantial(differences(system, msgspec.structs.replace(system, model=newer)))
    foreseeing = msgspec.structs.replace(
        system, model=msgspec.structs.replace(system.model, foreseen="It learns again each month.")
    )
    renewed = msgspec.structs.replace(foreseeing.model, learnt_until=date(2026, 1, 1))
    assert not substantial(differences(foreseeing, msgspec.structs.replace(foreseeing, model=renewed)))
    other = msgspec.structs.replace(renewed, inputs="Also the income of the applicant.")
    assert substantial(differences(foreseeing, msgspec.structs.replace(foreseeing, model=other)))


def test_a_substantial_modification_makes_the_modifier_the_provider(system: System) -> None:
    """Article 25(1) and (2)."""
    new = msgspec.structs.replace(system, version="2", purpose="Says which applications are refused at once.")
    before = [
        approved(system),
        accepted(system, "manufacturer", "Some Manufacturer"),
        accepted(system, "owner", "Some Owner"),
    ]
    assert holder(system, before, "manufacturer", 1) == ("Some Manufacturer", True, "named")
    events = [*before, approved(new, days=5, what="modified", party="Some Owner", substantial=True)]
    assert holder(new, events, "manufacturer", 6) == ("Some Owner", False, "article 25")
    assert holder(new, events, "owner", 6) == ("Some Owner", False, "named")  # what was signed was another system
    events.append(accepted(new, "manufacturer", "Some Owner", days=7))
    assert holder(new, events, "manufacturer", 8) == ("Some Owner", True, "article 25")
    assert holder(system, events, "manufacturer", 1) == ("Some Manufacturer", True, "named")  # as it was then


def test_what_is_not_substantial_moves_nothing_and_keeps_signatures(system: System) -> None:
    new = msgspec.structs.replace(system, appeal="Write to the new ombudsperson.")
    events = [
        approved(system),
        accepted(system, "owner", "Some Owner"),
        approved(new, days=5, substantial=False),
    ]
    assert holder(new, events, "owner", 6) == ("Some Owner", True, "named")
    assert holder(new, events, "manufacturer", 6)[2] == "named"


def test_a_signature_under_another_text_does_not_count(system: System) -> None:
    edited = msgspec.structs.replace(system, appeal="Nowhere, it is final.")
    events = [approved(system), accepted(system, "owner", "Some Owner")]
    assert holder(edited, events, "owner", 1) == ("Some Owner", False, "named")


def test_the_state_of_a_system(system: System) -> None:
    edited = msgspec.structs.replace(system, appeal="Nowhere, it is final.")
    newer = msgspec.structs.replace(system, version="2")
    later = NOON + timedelta(days=9)
    assert state_of(system, [], later) == "not approved"
    events = [approved(system)]
    assert state_of(system, events, NOON - timedelta(days=1)) == "not approved"
    assert [state_of(one, events, later) for one in (system, edited, newer)] == [
        "approved",
        "edited after approval",
        "not approved",
    ]
    ended = [*events, event("ended", system, days=1, valid_from=date(2026, 3, 5))]
    assert state_of(system, ended, NOON + timedelta(days=2)) == "approved"
    assert state_of(system, ended, later) == "ended"
    assert state_of(system, [*ended, approved(system, days=8)], later) == "approved"
    assert state_of(msgspec.structs.replace(system, ends=date(2026, 3, 2)), events, later) == "ended"

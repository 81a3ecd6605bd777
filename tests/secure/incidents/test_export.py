"""What leaves the city: read by the libraries of those who get it, without names and without the city's own systems."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import stix2  # type: ignore[import-untyped]
from pymisp import MISPEvent

from cityward.secure.incidents.export import TLP, as_misp, as_stix
from cityward.secure.incidents.records import RuleSeen, SecurityIncident, Step, Touched, Trace

AT = datetime(2026, 11, 2, 9, tzinfo=UTC)
LATER = datetime(2026, 11, 3, 9, tzinfo=UTC)
TECHNIQUES = ("T1110.001", "T1078")
ONE = SecurityIncident(
    id="SI-0123456789",
    headline="Guessing: Mail server.",
    level="high",
    opened_at=AT,
    first=AT,
    last=AT,
    events=7,
    rules=(RuleSeen(id="r", title="Guessing", level="high", techniques=TECHNIQUES),),
    steps=(
        Step(
            rule="r",
            title="Guessing",
            level="high",
            techniques=TECHNIQUES,
            place="mail-7",
            first=AT,
            last=AT,
            events=7,
            actors=2,
        ),
    ),
    places=(Touched(id="mail-7", name="Mail server", how="id", owner="IT"),),
    traces=(
        Trace("r", "mail-7", "203.0.113.9", "person-12ab34cd56", 0, 1, 3),
        Trace("r", "mail-7", "2001:db8::1", "root", 0, 1, 3),
        Trace("r", "mail-7", "intranet-host", None, 0, 1, 1),
    ),
)


@pytest.mark.parametrize("tlp", TLP)
def test_stix_is_read_by_its_library_and_every_object_is_marked(tlp: str) -> None:
    made = as_stix(ONE, "Somewhere", tlp, LATER)
    bundle = stix2.parse(json.dumps(made), allow_custom=False)
    kinds = [one["type"] for one in bundle.objects]
    assert kinds.count("attack-pattern") == 2
    assert {one["value"] for one in bundle.objects if one["type"] in ("ipv4-addr", "ipv6-addr")} == {
        "203.0.113.9",
        "2001:db8::1",
    }
    (marking,) = (one for one in bundle.objects if one["type"] == "marking-definition")
    assert marking["name"] == f"TLP:{ {'clear': 'WHITE'}.get(tlp, tlp.upper()) }"
    assert all(one["object_marking_refs"] == [marking["id"]] for one in bundle.objects if one is not marking)
    ids = {one["id"] for one in bundle.objects}
    (group,) = (one for one in bundle.objects if one["type"] == "grouping")
    assert set(group["object_refs"]) <= ids
    assert as_stix(ONE, "Somewhere", tlp, LATER) == made


def test_misp_is_read_by_its_library() -> None:
    event = MISPEvent(strict_validation=True)
    event.load(as_misp(ONE, "Somewhere", "amber", LATER))
    assert {one.value for one in event.attributes if one.type == "ip-src"} == {"203.0.113.9", "2001:db8::1"}
    assert not any(one.to_ids for one in event.attributes)
    tags = {tag.name for tag in event.tags}
    assert tags == {
        "tlp:amber",
        'misp-galaxy:mitre-attack-pattern="Password Guessing - T1110.001"',
        'misp-galaxy:mitre-attack-pattern="Valid Accounts - T1078"',
    }


@pytest.mark.parametrize("form", [as_stix, as_misp])
def test_the_citys_own_systems_stay_here(form: object) -> None:
    text = json.dumps(form(ONE, "Somewhere", "red", LATER))  # type: ignore[operator]
    assert not [word for word in ("mail-7", "Mail server", "intranet-host", '"root"', "IT") if word in text.split('"')]
    assert "person-12ab34cd56" in text

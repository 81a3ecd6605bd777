"""The file as W3C PROV: every relation joins things that are there, and a reader of PROV-JSON finds what it expects."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import msgspec
import pytest
from tests.answerable.liability.making import AT, a_file

from cityward.answerable.liability import provenance

ENDS = {
    "used": {"activity": "activity", "entity": "entity"},
    "wasGeneratedBy": {"entity": "entity", "activity": "activity"},
    "wasAssociatedWith": {"activity": "activity", "agent": "agent", "plan": "entity"},
    "actedOnBehalfOf": {"delegate": "agent", "responsible": "agent", "activity": "activity"},
    "wasAttributedTo": {"entity": "entity", "agent": "agent"},
    "wasDerivedFrom": {"generatedEntity": "entity", "usedEntity": "entity"},
    "wasInformedBy": {"informed": "activity", "informant": "activity"},
}
"""Ends of each relation and what they lead to (Source: PROV-JSON, section 3)."""

XSD_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
"""Lexical form of xsd:dateTime (Source: XML Schema 1.1 part 2, section 3.3.7), with the zone that ours always have."""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    return json.loads(json.dumps(provenance(a_file())))


def test_every_end_of_a_relation_is_there(told: dict[str, Any]) -> None:
    relations = {name: part for name, part in told.items() if name in ENDS}
    assert set(relations) >= {"used", "wasGeneratedBy", "wasAssociatedWith", "actedOnBehalfOf", "wasDerivedFrom"}
    assert set(told) <= {"prefix", "entity", "activity", "agent", *ENDS}
    for name, part in relations.items():
        for one in part.values():
            ends = {key.removeprefix("prov:"): value for key, value in one.items() if key != "prov:time"}
            assert set(ends) <= set(ENDS[name])
            for end, value in ends.items():
                assert value in told[ENDS[name][end]], (name, end, value)


def test_names_are_qualified_and_values_have_types(told: dict[str, Any]) -> None:
    assert told["prefix"] == {"cw": "urn:cityward:"}
    for part in ("entity", "activity", "agent"):
        for name, one in told[part].items():
            assert name.startswith("cw:")
            assert " " not in name
            kind = one.get("prov:type")
            assert kind is None or (kind["type"] == "prov:QUALIFIED_NAME" and kind["$"].split(":")[0] in ("cw", "prov"))


def agent(told: dict[str, Any], label: str) -> str:
    (found,) = [name for name, one in told["agent"].items() if one["prov:label"].casefold() == label.casefold()]
    return found


def test_times_are_xsd_moments_with_a_zone_and_attributes_have_prefixes(told: dict[str, Any]) -> None:
    known = {"cw", "prov", "xsd"}
    for name, part in told.items():
        for one in () if name == "prefix" else part.values():
            assert {key.split(":")[0] for key in one} <= known
            for key in {"prov:time", "prov:startTime", "prov:endTime"} & set(one):
                assert XSD_MOMENT.fullmatch(one[key]), one[key]
    assert all(name.startswith("_:") for part in ENDS for name in told.get(part, {})), "relations have blank names"


def test_parties_in_any_script_stay_apart() -> None:
    file = a_file()
    first, second, *others = file.duties
    names = [msgspec.structs.replace(first, party="Δήμος"), msgspec.structs.replace(second, party="市役所")]
    told = provenance(msgspec.structs.replace(file, duties=(*names, *others)))
    assert agent(told, "Δήμος") != agent(told, "市役所")


def test_the_decision_comes_of_system_rule_and_person(told: dict[str, Any]) -> None:
    deciding = "cw:deciding-D-00000000dd"
    used = {one["prov:entity"] for one in told["used"].values() if one["prov:activity"] == deciding}
    assert used >= {"cw:system-tree-permits-1", "cw:rule-proposal-approval-3", "cw:A-00000000aa"}
    (made,) = [one for one in told["wasGeneratedBy"].values() if one["prov:entity"] == "cw:D-00000000dd"]
    assert made["prov:activity"] == deciding
    assert datetime.fromisoformat(made["prov:time"]) == AT
    joined = [one for one in told["wasAssociatedWith"].values() if one["prov:activity"] == deciding]
    assert {one["prov:agent"] for one in joined} == {agent(told, "Ana Gómez"), "cw:agent-tree-permits"}
    assert all(one["prov:plan"] == "cw:rule-proposal-approval-3" for one in joined)
    behalf = {(one["prov:delegate"], one["prov:responsible"]) for one in told["actedOnBehalfOf"].values()}
    assert (agent(told, "Ana Gómez"), agent(told, "Some owner")) in behalf
    assert (agent(told, "Night shift"), agent(told, "Some owner")) in behalf


def test_times_do_not_run_backwards(told: dict[str, Any]) -> None:
    begun = {name: datetime.fromisoformat(one["prov:startTime"]) for name, one in told["activity"].items()}
    for one in told["wasInformedBy"].values():
        assert begun[one["prov:informant"]] <= begun[one["prov:informed"]]
    made = {one["prov:entity"]: begun[one["prov:activity"]] for one in told["wasGeneratedBy"].values()}
    for one in told["used"].values():
        if one["prov:entity"] in made:
            assert made[one["prov:entity"]] <= begun[one["prov:activity"]]


def test_a_file_without_system_and_rule_is_still_told() -> None:
    told = provenance(msgspec.structs.replace(a_file(), system=None, rule=None, duties=(), on_record=()))
    assert "cw:D-00000000dd" in told["entity"]
    assert not [name for name in told["entity"] if name.startswith(("cw:system", "cw:rule"))]

"""Grants: what is wrong with one is named with file and line, and it grants nothing."""

from __future__ import annotations

from datetime import date

import pytest
from tests.guard.granted import grant

from cityward.city.granting import proposed
from cityward.private.grants import FIELDS, check_grants, sentences
from cityward.private.purposes import ARTICLE_6, ARTICLE_9, PURPOSES, basis_iri

TODAY = date(2014, 7, 1)


def line_of(key: str, text: str) -> int:
    return next(at for at, line in enumerate(text.splitlines(), start=1) if line.startswith(f"{key} ="))


@pytest.mark.parametrize(
    ("changed", "key", "told"),
    [
        ({"fields": ["service", "iris_code"]}, "fields", "interactions have no field 'iris_code'"),
        ({"purpose": "curiosity"}, "purpose", "'curiosity' is not a purpose"),
        ({"valid_until": date(2014, 6, 30)}, "valid_until", "it expired on 30 June 2014"),
        ({"lawful_basis": None}, "fields", "person lead to persons, and no lawful basis"),
        ({"lawful_basis": "6(1)(z)"}, "lawful_basis", "no clause of article 6"),
        ({"fields": ["service", "text"]}, "fields", "text can hold special categories"),
        ({"special_basis": "9(1)"}, "special_basis", "no clause of article 9"),
        ({"pseudonyms": "month"}, "pseudonyms", "beside a place shows where a person goes and whom he meets"),
        (
            {"pseudonyms": "year", "fields": ["person", "id"], "row_ids": "kept"},
            "pseudonyms",
            "whose places others see",
        ),
        ({"time": "hour"}, "fields", "shows who was where with whom"),
        ({"purpose": "incident-recognition", "time": "exact"}, "fields", "shows who was where with whom"),
        ({"fields": ["person", "lon", "lat"], "space": 5_000}, "fields", "person beside lat, lon in rows"),
        ({"valid_from": date(2016, 1, 1)}, "valid_from", "it begins after it ends"),
        ({"since": date(2014, 2, 1), "until": date(2014, 1, 1)}, "since", "begins after its end"),
        ({"fields": ["service", "lon"]}, "fields", "lon are finer than space = 'territory'"),
        ({"fields": ["service", "address"], "space": 500}, "fields", "an address cannot be coarsened"),
        ({"fields": ["stated_territory"], "space": "group"}, "fields", "finer than space = 'group'"),
        ({"fields": ["sequence"]}, "fields", "tell the order of rows more finely"),
        (
            {"table": "quarantine", "fields": ["reason"], "territories": ["8"]},
            "territories",
            "have no territory by which",
        ),
        ({"table": "observations", "fields": ["value"], "services": ["road"]}, "services", "have no service by which"),
        ({"table": "orders", "fields": ["service", "lon"]}, "fields", "lon are finer than space = 'territory'"),
        ({"table": "orders", "fields": ["steps"]}, "fields", "steps tell the order of rows more finely"),
        ({"table": "orders", "fields": ["day"], "time": "month"}, "fields", "day are finer than time = 'month'"),
        ({"table": "orders", "fields": ["words"], "time": "exact"}, "fields", "words can hold special categories"),
        ({"fields": ["month"], "time": "week"}, "fields", "month splits a week"),
        ({"lawful_basis": "6(1)(e)", "reader": "x"}, "reader", "reader"),
        ({"space": 0}, "space", "space"),
        ({"time": "minute"}, "time", "time"),
        ({"retention_days": -1}, "retention_days", "retention_days"),
    ],
)
def test_a_mistake_is_named_with_its_line(changed: dict[str, object], key: str, told: str) -> None:
    text = "# for review\n" + grant(**changed)
    found = check_grants({"one": text}, TODAY)
    assert len(found.problems) == 1
    problem = found.problems[0]
    assert (problem.file, problem.line) == ("one.toml", line_of(key, text))
    assert told in problem.what
    assert f"one.toml, line {problem.line}" in problem.what
    assert problem.remedy
    assert not found.in_force()


@pytest.mark.parametrize("key", ["retention_days", "valid_until", "replaces", "services", "territories", "fields"])
def test_what_is_missing_is_named(key: str) -> None:
    problem = check_grants({"one": grant(**{key: None})}, TODAY).problems[0]
    assert f"does not say '{key}'" in problem.what
    assert key in problem.remedy


def test_an_unknown_key_is_an_error() -> None:
    problem = check_grants({"one": grant(feilds=["service"])}, TODAY).problems[0]
    assert "unknown key 'feilds'" in problem.what
    assert "fields" in problem.remedy


def test_what_is_not_toml_breaks_no_other_grant() -> None:
    found = check_grants({"one": "this is = = not", "two": grant()}, TODAY)
    assert list(found.in_force()) == ["two"]
    assert found.problems[0].file == "one.toml"


def test_overlapping_grants_grant_nothing_and_a_replacement_does() -> None:
    both = check_grants({"one": grant(), "two": grant(time="month")}, TODAY)
    assert not both.in_force()
    assert {problem.file for problem in both.problems} == {"one.toml", "two.toml"}
    assert "overlaps with" in both.problems[0].what
    replaced = check_grants({"one": grant(), "two": grant(time="month", replaces="one")}, TODAY)
    assert list(replaced.in_force()) == ["two"]
    parted = check_grants(
        {"one": grant(valid_until=date(2014, 8, 1)), "two": grant(valid_from=date(2014, 8, 2))}, TODAY
    )
    assert not parted.problems


def test_measured_values_need_no_basis() -> None:
    text = grant(table="observations", fields=["sensor", "value", "lon", "lat"], lawful_basis=None)
    assert not check_grants({"one": text}, TODAY).problems


def test_the_grants_that_are_proposed_are_sound_and_end() -> None:
    texts = {name.removesuffix(".toml"): text for name, text in proposed(TODAY).items()}
    found = check_grants(texts, TODAY)
    assert not found.problems
    assert len(found.in_force()) == len(texts) == 19
    assert {one.valid_until for one in found.grants.values()} == {date(2016, 12, 31)}
    assert not check_grants(texts, date(2017, 1, 1)).in_force()


def test_a_grant_can_be_read_by_people() -> None:
    told = " ".join(sentences(check_grants({"one": grant()}, TODAY).grants["one"]))
    for words in (
        "reader-one reads service",
        "another one each day",
        "GDPR 6(1)(e)",
        "ends on 1 January 2015",
        "30 days",
    ):
        assert words in told


def test_terms_are_iris_of_the_vocabulary() -> None:
    assert {purpose.iri.split("#")[0] for purpose in PURPOSES.values()} == {"https://w3id.org/dpv"}
    assert basis_iri("6(1)(e)") == "https://w3id.org/dpv/legal/eu/gdpr#A6-1-e"
    assert basis_iri("9(2)(g)") == "https://w3id.org/dpv/legal/eu/gdpr#A9-2-g"
    assert len(ARTICLE_6) == 6
    assert len(ARTICLE_9) == 10
    assert set(FIELDS) == {"interactions", "observations", "quarantine", "orders", "decisions"}

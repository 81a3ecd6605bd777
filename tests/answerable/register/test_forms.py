"""Records in the forms of public registers hold to the field lists of those forms."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.answerable.register.making import a_system

from cityward.answerable.register.duties import duties
from cityward.answerable.register.forms import ALGORITMEREGISTER, ANNEX_VIII, ATRS, FORMS, faults
from cityward.answerable.register.publish import Published, readable, record_of
from cityward.answerable.register.shape import System

SCHEMA_1_0 = [
    "name", "description_short", "organization", "category", "status", "begin_date", "end_date", "contact_email",
    "website", "publication_category", "url", "goal", "proportionality", "human_intervention", "risks", "lawful_basis",
    "lawful_basis_grouping", "process_index_url", "impacttoetsen_grouping", "impacttoetsen", "source_data",
    "source_data_grouping", "methods_and_models", "provider", "publiccode", "lang", "standard_version", "source_id",
    "tags", "lars",
]  # fmt: skip
"""Properties of backend/app/schemas/config/v1_0.json of MinBZK/Algoritmeregister, in its order."""
REQUIRED_1_0 = {
    "name", "description_short", "organization", "status", "contact_email", "publication_category", "lang",
}  # fmt: skip


@pytest.fixture
def system(tmp_path: Path) -> System:
    return a_system(tmp_path)


def published(system: System, **told: str) -> Published:
    held = duties(system, [], datetime(2026, 3, 1, tzinfo=UTC))
    return Published(system, told.pop("state", "approved"), held, "Gemeente Noorderhaaks", **told)  # type: ignore[arg-type]


def test_the_fields_are_those_of_the_published_schema() -> None:
    assert list(ALGORITMEREGISTER) == SCHEMA_1_0
    assert {name for name, field in ALGORITMEREGISTER.items() if field.required} == REQUIRED_1_0
    assert ALGORITMEREGISTER["description_short"].chars_max == 350
    assert len(ANNEX_VIII) == 5
    assert len(ATRS) == 50


@pytest.mark.parametrize("form", FORMS)
def test_a_record_has_only_fields_of_its_form(system: System, form: str) -> None:
    assert set(record_of(form, published(system))) <= set(FORMS[form])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bare", [False, True])
def test_a_mandatory_field_is_filled_or_said_to_be_missing(system: System, form: str, *, bare: bool) -> None:
    less = {"model": None, "risks": "", "appeal": "", "website": "", "parties": ()} if bare else {}
    record = record_of(form, published(msgspec.structs.replace(system, **less)))
    told = faults(form, record)
    for name, field in FORMS[form].items():
        missing = f"{name} ({field.title}) must be filled in."
        assert bool(record.get(name)) != (missing in told) if field.required else missing not in told, name


def test_a_dutch_record_can_be_handed_in(system: System) -> None:
    dutch = msgspec.structs.replace(system, language="nld", theme="Natuur en milieu")
    record = record_of("algoritmeregister", published(dutch))
    assert faults("algoritmeregister", record) == ()
    assert record["publication_category"] == "Impactvolle algoritmes"
    assert record["contact_email"] == "owner@city.example"
    assert record["provider"] == "Some Manufacturer"


def test_what_stands_in_the_way_is_said(system: System) -> None:
    long = msgspec.structs.replace(system, purpose="x" * 351, theme="Trees")
    told = " ".join(faults("algoritmeregister", record_of("algoritmeregister", published(long))))
    assert "description_short (Korte omschrijving) has 351 characters, at most 350" in told
    assert "category (Thema) cannot be 'Trees'" in told
    assert "lang (Taal) cannot be 'eng'" in told
    assert faults("algoritmeregister", {"colour": "red"})[0] == "colour is no field of this form."
    assert len(faults("algoritmeregister", {})) == len(REQUIRED_1_0)


def test_a_high_risk_system_and_one_that_ended_say_so(system: System) -> None:
    high = msgspec.structs.replace(system, risk_class="annex III 5(a)")
    assert record_of("algoritmeregister", published(high))["publication_category"] == "Hoog-risico AI-systeem"
    ended = published(system, state="ended")
    assert record_of("algoritmeregister", ended)["status"] == "Buiten gebruik"
    assert record_of("atrs", ended)["2.4.1.2"] == "Retired"


def test_annex_viii_names_the_deployer_and_who_submits(system: System) -> None:
    whole = msgspec.structs.replace(system, eu_database_url="https://ec.example/1", fundamental_rights_summary="None.")
    record = record_of("annex-viii", published(whole, by="Ana Gómez"))
    assert record["1"] == "Some Owner, owner@city.example"
    assert faults("annex-viii", record) == ()
    assert len(faults("annex-viii", record_of("annex-viii", published(system)))) == 3


@pytest.mark.parametrize("form", [*FORMS, "json"])
def test_every_form_is_a_page_too(system: System, form: str) -> None:
    hostile = msgspec.structs.replace(system, oversight="<img src=x> a person | decides")
    page = readable(form, published(hostile), ["Something is wanting."])
    assert "Something is wanting." in page.markdown()
    assert "<img" not in page.html()
    assert hostile.name in page.html()

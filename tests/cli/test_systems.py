"""The register from the command line, as an operator and a party type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.answerable.register.making import PARTIES, a_text
from tests.typed import Told, typed

from cityward.city import init

WHY = ("--by", "Ana Gómez", "--because", "Read it line by line.")


def cityward(*words: str | Path, code: int = 0) -> Told:
    return typed("systems", *words, code=code)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    square = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": {"type": "Polygon", "coordinates": square}}
    areas = tmp_path / "areas.geojson"
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    return init(tmp_path / "city", name="Small", territories=areas, name_property="name")


def test_the_life_of_a_system(folder: Path, tmp_path: Path) -> None:
    city = ("--city", folder)
    keys = {duty: tmp_path / f"{duty}.key" for duty in (*PARTIES, "ben")}
    made = {
        duty: json.loads(cityward("key", file, "--name", f"Some {duty.title()}", "--json").stdout)["key"]
        for duty, file in keys.items()
    }
    assert made["owner"].startswith("some-owner+")
    assert "exists already" in cityward("key", keys["owner"], "--name", "X Y", code=2).stderr
    card = folder / "systems" / "tree-permits.toml"
    card.write_text(a_text(keys=made), encoding="utf-8")

    assert "can be approved" in cityward("check", card).stdout
    assert "not approved, minimal  not accepted: designer" in cityward("list", *city).stdout
    assert "Receipt: ledger entry 0." in cityward("approve", "tree-permits", *WHY, *city).stdout
    for duty in PARTIES[1:]:
        cityward("accept", "tree-permits", duty, "--key", keys[duty], *city)

    text, note = tmp_path / "text", tmp_path / "note"
    text.write_text(cityward("accept", "tree-permits", "designer", "--text", *city).stdout, encoding="utf-8")
    signed = cityward("sign", text, "--key", keys["designer"], "--name", "Some Designer").stdout
    note.write_text(signed, encoding="utf-8")
    cityward("accept", "tree-permits", "designer", "--note", note, *city)
    shown = json.loads(cityward("show", "tree-permits", *city, "--json").stdout)
    assert (shown["state"], shown["not_accepted"]) == ("approved", [])

    over = (
        "hand-over",
        "tree-permits",
        "operator",
        "--to",
        "Some Ben",
        "--to-key",
        made["ben"],
        "--until",
        "2999-01-01",
    )
    text.write_text(cityward(*over, "--text", *city).stdout, encoding="utf-8")
    note.write_text(
        cityward("sign", text, "--key", keys["operator"], "--name", "Some Operator").stdout, encoding="utf-8"
    )
    assert "needs both keys" in cityward(*over, "--note", note, *city, code=2).stderr
    note.write_text(cityward("sign", note, "--key", keys["ben"], "--name", "Some Ben").stdout, encoding="utf-8")
    cityward(*over, "--note", note, *city)
    told = cityward("show", "tree-permits", *city).stdout
    assert "operator: Some Ben, accepted from" in told
    assert "by handed over, before: Some Operator" in told

    changed = card.read_text("utf-8").replace("a clerk reads first", "a clerk refuses")
    card.write_text(changed.replace('version = "1"', 'version = "2"'), encoding="utf-8")
    assert "changed substantially" in cityward("approve", "tree-permits", *WHY, *city, code=2).stderr
    modified = cityward("modify", "tree-permits", "--party", "Some Owner", *WHY, *city).stdout
    assert "article 25(1)(c)" in modified
    assert "manufacturer: Some Owner, NOT accepted, by article 25" in cityward("show", "tree-permits", *city).stdout
    cityward("end", "tree-permits", *WHY, *city)
    assert "tree-permits 2  ended" in cityward("list", *city).stdout


def test_what_the_law_forbids_is_named_with_its_clause(tmp_path: Path) -> None:
    card = tmp_path / "tree-permits.toml"
    card.write_text(a_text(replace={'practice = "case-priority"': 'practice = "social-scoring"'}), encoding="utf-8")
    assert "article 5(1)(c)" in cityward("check", card, code=1).stderr
    card.write_text(a_text(replace={"reads first": "reads first by social scoring"}), encoding="utf-8")
    found = json.loads(cityward("check", card, "--json", code=1).stdout)
    assert not found["ready"]
    assert found["findings"][0]["rule"] == "ai-act-5(1)(c)"


def test_the_shipped_are_approved_at_once_and_exported(folder: Path) -> None:
    city = ("--city", folder)
    assert len(json.loads(cityward("approve", "--shipped", *WHY, *city, "--json").stdout)) == 5
    done = cityward("export", "cityward-planner", "--form", "algoritmeregister", *city, code=1)
    assert json.loads(done.stdout)["standard_version"] == "1.0"
    assert "contact_email (Contactgegevens) must be filled in." in done.stderr
    assert len(json.loads(cityward("export", "--form", "atrs", *city).stdout)) == 5
    page = cityward("export", "cityward-planner", "--as", "markdown", *city).stdout
    assert page.startswith("# Planning of crews, Small")
    assert "is not registered" in cityward("show", "nothing", *city, code=2).stderr
    assert cityward("approve", *WHY, *city, code=2).stderr


def test_who_sets_a_city_up_approves_what_is_shipped(folder: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    done = typed("init", new, "--name", "New", "--territories", tmp_path / "areas.geojson", "--by", "Ana Gómez")
    assert "Ana Gómez approved the 5 systems that come with cityward." in done.stdout
    found = json.loads(cityward("list", "--city", new, "--json").stdout)["systems"]
    assert {one["state"] for one in found} == {"approved"}
    why = json.loads(cityward("show", "cityward-planner", "--city", new, "--json").stdout)["events"][0]["because"]
    assert why == "Shipped with cityward; approved by the person who set the city up."

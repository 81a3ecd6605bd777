"""The worked examples of the docs, from a card and a rule to a decision that a person settled."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from cityward.answerable.registry import load_system
from cityward.city import City, init, open_city
from cityward.core.errors import Refused
from cityward.core.identifiers import slug
from cityward.secure.keys import create_signer, load_signer
from cityward.secure.signed_text import verifier_key

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
BECAUSE = "It was read together with the act, and the table says what the act says."


def register(city: City, name: str, keys: Path) -> None:
    """Put an example into the register: a key for each party, approved, every duty accepted."""
    text = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    head, *parties = text.split("[[parties]]")
    signed = [head]
    for party in parties:
        who = slug(re.findall(r'^name = "([^"]+)"$', party, re.MULTILINE)[0])
        file = keys / f"{who}.key"
        signer = load_signer(file) if file.exists() else create_signer(file)
        signed.append(party.rstrip() + f'\nkey = "{verifier_key(who, signer.public_key())}"\n\n')
    city.folder.systems.mkdir(exist_ok=True)
    (city.folder.systems / f"{name}.toml").write_text("[[parties]]".join(signed), encoding="utf-8")
    city.systems.approve(name, "Ana Ruiz", BECAUSE)
    for holding in city.systems.get(name).holdings:
        city.systems.accept(name, holding.duty, signer=load_signer(keys / f"{slug(holding.party)}.key"))


@pytest.fixture
def city(tmp_path: Path, chicago: Path):
    init(tmp_path / "city", name="Chicago", territories=chicago / "community_areas.geojson", time_zone="UTC")
    with open_city(tmp_path / "city") as opened:
        yield opened


def test_a_scholarship_waits_for_the_board_and_says_what_would_have_changed_it(city: City, tmp_path: Path):
    register(city, "scholarship-award", tmp_path / "keys")
    cases = pl.read_csv(EXAMPLES / "scholarship-cases.csv")
    batch = city.deciding.make("scholarship-award", "scholarship-award", cases)
    assert (batch.cases, batch.waiting) == (5, 5)
    by_case = {one.case: one for one in city.deciding.list()}
    assert by_case["S-5"].row is None
    told = city.deciding.told(by_case["S-4"].id, own_view="half")
    assert "1,200 EUR" in told.says
    assert any("grade" in one for one in told.would_change)
    with pytest.raises(Refused, match="overse"):
        settle(city, by_case["S-4"].id, "none", by="Somebody Else")
    settled = settle(city, by_case["S-4"].id, "half", by="Lucía Prado")
    assert (settled.state, settled.agreed) == ("decided", False)


def settle(city: City, identifier: str, outcome: str, *, by: str):
    return city.deciding.settle(
        identifier,
        outcome,
        by=by,
        competence="Sits on the board that the act names.",
        because="The household lost its income in May, which the declaration of last year cannot say.",
        looked_seconds=90.0,
    )


def test_a_control_of_benefits_keeps_an_arm_that_was_drawn_by_lot(city: City, tmp_path: Path):
    register(city, "benefit-control", tmp_path / "keys")
    city.deciding.make("benefit-control", "benefit-control", pl.read_csv(EXAMPLES / "benefit-cases.csv"))
    by_case = {one.case: one for one in city.deciding.list()}
    seen = city.deciding.get(by_case["F-1"].id, own_view="look at it again")
    assert (seen.row, seen.recommended) == (1, "look at it again")
    assert {one.state for one in by_case.values()} == {"waiting"}
    assert "lot" in city.deciding.told(seen.id, own_view="look at it again").says


def test_a_repair_of_a_street_light_counts_by_the_rule_alone(city: City, tmp_path: Path):
    register(city, "street-light-repair", tmp_path / "keys")
    lights = pl.DataFrame(
        {"case": ["L-1", "L-2"], "lights_out": [1, 3], "hazard": ["open wire", "none"], "reported": ["2026-05-02"] * 2}
    )
    city.deciding.make("street-light-repair", "street-light-repair", lights)
    assert {one.case: (one.state, one.outcome, one.by) for one in city.deciding.list()} == {
        "L-1": ("decided", "0", ""),
        "L-2": ("decided", "3", ""),
    }


def test_a_score_of_prisoners_cannot_be_registered_and_the_clause_is_named():
    with pytest.raises(Refused, match=r"5\(1\)\(d\)"):
        load_system(EXAMPLES / "parole-by-profile.toml")


def test_a_recommendation_on_parole_that_rests_on_a_score_alone_is_refused_by_the_rule(city: City, tmp_path: Path):
    register(city, "parole-recommendation", tmp_path / "keys")
    rows = {"case": ["A", "B"], "basis": ["score alone", "facts of the case"], "members_named": [3, 3]}
    complete = {name: [True, True] for name in ("heard", "evidence_listed", "reasons_written")}
    city.deciding.make("parole-recommendation", "parole-recommendation", pl.DataFrame({**rows, **complete}))
    said = dict(city.deciding.frame(("case", "recommended")).iter_rows())
    assert said == {"A": "refused", "B": "may be put before the court"}
    assert {one.state for one in city.deciding.list()} == {"waiting"}, "a table decides nothing here by itself"

"""``cityward decisions``: made from a file, settled by name, proved or named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cityward.answerable.table import load_tables, write_form
from cityward.city import init, open_city
from cityward.cli.main import group
from cityward.core.decided import Proof
from cityward.core.records import from_json
from cityward.secure.keys import load_public_key
from cityward.secure.proofs import check_proof

CASES = "case,income,grade,enrolled\na,100,6,true\nb,,8,true\nc,700,7,true\n"
ADA = ("--by", "Ada Lovelace", "--competence", "head of the office", "--because", "the papers say so")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["decisions", *arguments], catch_exceptions=True)


@pytest.fixture(scope="module")
def city(chicago: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decisions") / "city"
    init(folder, name="X", territories=chicago / "community_areas.geojson")
    own = next(table for table in load_tables() if table.id == "scholarship-award")
    text = write_form(own, "toml").split("[[tests]]")[0].replace("valid_from = 2026-01-01\n", "")
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules" / "own.toml").write_text(text, encoding="utf-8")  # valid whatever day it is
    with open_city(folder) as opened:
        opened.systems.approve_shipped("Ada Lovelace", "it is needed for the tests")
    (folder.parent / "cases.csv").write_text(CASES, encoding="utf-8")
    return folder


def test_the_whole_way_from_a_file_to_a_proof(city: Path) -> None:
    at = ("--city", str(city))
    assert "No case was decided yet" in run("list", *at).output
    assert "Nobody has settled" in run("watch", *at).output
    made = run(
        "make", str(city.parent / "cases.csv"), "--system", "cityward-planner", "--rule", "scholarship-award", *at
    )
    assert "3 cases decided by scholarship-award 1" in made.output
    assert "1 of them wait" in made.output
    told = json.loads(run("list", "--state", "waiting", "--json", *at).output)
    assert told["counts"] == {"waiting": 1, "decided": 2, "reversed": 0}
    name = told["decisions"][0]["id"]
    assert "1 case waits for a person" in run("list", *at).output
    shown = run("show", name, *at).output
    assert "Say what you would decide before you see what the rule says" in shown
    told = json.loads(run("show", name, "--json", *at).output)["told"]
    assert (told["decision"]["withheld"], told["decision"]["because"], told["would_change"]) == (True, "", [])
    assert run("show", "b", *at).output == shown  # by its case
    refused = run("prove", name, "--json", *at)
    assert "holds what the rule says" in str(refused.exception)
    assert "decides nothing" not in shown
    assert "decides nothing" in run("show", name, "--own-view", "full", *at).output
    settled = run("settle", name, "half", *ADA, "--own-view", "full", "--looked", "40", *at)
    assert "half, where the rule says nothing" in settled.output
    assert "Ada Lovelace (head of the office) decided: half" in run("show", name, *at).output
    assert "too few to say anything" in run("watch", *at).output
    assert "is row" in run("prove", name, *at).output
    proof = from_json(run("prove", name, "--json", *at).output, Proof)
    assert check_proof(proof, load_public_key(city / "keys" / "ledger.pub")) == ""
    assert "proves every decision" in run("prove", *at).output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "D-0123456789abcdef"), "There is no decision"),
        (("prove", "D-0123456789abcdef"), "There is no decision"),
        (("settle", "D-0123456789abcdef", "half", *ADA), "There is no decision"),
        (("settle", "D-0123456789abcdef", "half", *ADA[2:], "--by", "operator"), "No person is named"),
        (("make", "{folder}/nothing.csv", "--system", "cityward-planner", "--rule", "scholarship-award"), "not there"),
        (("make", "{folder}/cases.csv", "--system", "nobody", "--rule", "scholarship-award"), "not registered"),
        (("make", "{folder}/cases.csv", "--system", "cityward-planner", "--rule", "nothing"), "There is no rule"),
        (
            ("make", "{folder}/cases.csv", "--case", "x", "--system", "cityward-planner", "--rule", "benefit-control"),
            "no column 'x'",
        ),
        (
            (
                "make", "{folder}/cases.csv", "--system", "cityward-planner", "--rule", "scholarship-award",
                "--at", "2999-01-01T00:00+00:00",
            ),
            "ahead of the city's clock",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(city: Path, arguments: tuple[str, ...], says: str) -> None:
    told = run(*(one.format(folder=city.parent) for one in arguments), "--city", str(city))
    assert told.exit_code != 0
    assert says in str(told.exception)


def test_a_case_whose_inputs_are_missing_or_out_of_type_waits_and_says_which(city: Path) -> None:
    at = ("--city", str(city))
    rule = ("--system", "cityward-planner", "--rule", "scholarship-award")
    (city.parent / "odd.csv").write_text(
        "case,income,grade,enrolled\nodd-1,many,6,true\nodd-2,100,6,perhaps\nodd-3,-5,6,true\nodd-4,100,,true\n"
    )
    made = run("make", str(city.parent / "odd.csv"), *rule, *at)
    assert "4 of them wait" in made.output, made.exception
    named = {"odd-1": "income", "odd-2": "enrolled", "odd-3": "income", "odd-4": "no row"}
    for case, why in named.items():
        told = run("show", case, "--own-view", "none", *at).output
        assert why in told.split("the rule decides nothing")[1].split(".")[0]
    assert "not known" in run("show", "odd-4", *at).output
    (city.parent / "short.csv").write_text("case,income,enrolled\nshort-1,100,true\n")
    told = run("make", str(city.parent / "short.csv"), *rule, *at)
    assert told.exit_code != 0
    assert "grade" in str(told.exception)
    assert "odd-4" not in str(told.exception)


def test_a_rule_that_ended_settles_what_was_decided_by_it_and_nothing_new(city: Path) -> None:
    at = ("--city", str(city))
    ends, rule = city / "rules" / "ends.toml", ("--system", "cityward-planner", "--rule", "ends")
    text = (city / "rules" / "own.toml").read_text().replace('id = "scholarship-award"', 'id = "ends"')
    ends.write_text(text.replace('version = "1"', 'version = "1"\nvalid_until = 2026-03-31', 1))
    (city.parent / "one.csv").write_text("case,income,grade,enrolled\nends-1,,6,true\n")
    made = run("make", str(city.parent / "one.csv"), *rule, "--at", "2026-03-01T12:00+00:00", *at)
    assert made.exit_code == 0, made.exception
    told = run("make", str(city.parent / "one.csv"), *rule, *at)
    assert "No version of ends is valid" in str(told.exception)
    ends.unlink()
    assert "It is not valid today" in run("show", "ends-1", *at).output
    assert run("settle", "ends-1", "none", *ADA, "--own-view", "none", *at).exit_code == 0
    assert "entry" in run("prove", "ends-1", *at).output

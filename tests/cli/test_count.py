"""The commands count and opinions: what they print, what they never print, and what they say of mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.participate.small import file
from tests.typed import Told, typed

VOTERS = [("north", "a,b")] * 12 + [("south", "c")] * 9 + [("west", "b")] * 3 + [("east", "b")] * 6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = "".join(f"secret-{at};{vote};{place};{20 + at}\n" for at, (place, vote) in enumerate(VOTERS))
    (tmp_path / "e.pb").write_text(file(votes="voter_id;vote;neighborhood;age\n" + rows), encoding="utf-8")
    return tmp_path


def run(folder: Path, *more: str, code: int = 0) -> Told:
    return typed("count", *more, code=code, cwd=folder)


def test_a_count_is_one_json_document(folder: Path) -> None:
    told = json.loads(run(folder, "e.pb", "--json").stdout)
    assert told["rule"] == "greedy"
    assert [(one["id"], one["name"], one["cost"]) for one in told["winners"]] == [
        ("b", "Lights", 50),
        ("c", "Benches", 40),
    ]
    assert (told["total_cost"], told["budget"], told["left"]) == (90, 100, 10)
    assert told["ballots"]["received"] == told["ballots"]["counted"] + told["ballots"]["not_counted"] == 30
    assert told["representation"]["share"] == 1
    assert told["published"] is None
    assert len(told["digest"]) == 64


def test_small_groups_are_left_out_and_no_ballot_is_printed(folder: Path) -> None:
    done = run(folder, "e.pb", "--json", "--compare", "--explain", "a")
    groups = {
        one["group"]: one["voters"] for one in json.loads(done.stdout)["representation"]["groups"]["neighborhood"]
    }
    # Three are few, and the six tell with them what they are.
    assert groups == {"north": 12, "south": 9, "west": None, "east": None}
    for text in (done.stdout, run(folder, "e.pb", "--compare", "--explain", "a").stdout):
        assert "secret-" not in text


def test_two_ways_side_by_side(folder: Path) -> None:
    told = json.loads(run(folder, "e.pb", "--compare", "--json").stdout)
    assert told["compare"]["rule"] == "equal-shares/add1"
    assert set(told["compare"]["voters"]) == {"first", "second", "alike"}
    other = json.loads(run(folder, "e.pb", "--against", "phragmen", "--json").stdout)
    assert other["compare"]["rule"] == "phragmen"
    text = run(folder, "e.pb", "--compare").stdout
    assert "voters with a funded project" in text
    assert "Only by greedy" in text


def test_why_one_project_lost(folder: Path) -> None:
    told = json.loads(run(folder, "e.pb", "--explain", "a", "--json").stdout)["explain"]
    assert told["funded"] is False
    assert told["enough_budget"] == 110
    assert "A budget of 110 would have been enough" in run(folder, "e.pb", "--explain", "a").stdout
    assert "wins, 1. in order" in run(folder, "e.pb", "--explain", "b").stdout


def test_what_is_exported_reads_the_same_and_names_the_winners(folder: Path) -> None:
    first = json.loads(run(folder, "e.pb", "--rule", "equal-shares", "--export", "out.pb", "--json").stdout)
    again = json.loads(run(folder, "out.pb", "--json").stdout)
    assert again["digest"] == first["digest"]
    assert again["published"]["agrees"] is True
    assert [one["id"] for one in again["winners"]] == [one["id"] for one in first["winners"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("no.pb",), "is not there"),
        ((".",), "is a directory"),
        (("e.pb", "--explain", "zz"), "No project is called 'zz'"),
        (("e.pb", "--completion", "add1"), "belong to equal shares"),
        (("bad.pb",), "Line 1 is not UTF-8"),
        (("rule.pb",), "--rule"),
    ],
)
def test_mistakes_are_named(folder: Path, words: tuple[str, ...], said: str) -> None:
    (folder / "bad.pb").write_bytes(b"\xff\x00\xfe")
    (folder / "rule.pb").write_text(file(rule="unknown"))
    assert said in run(folder, *words, code=2).stderr


def test_opinions_of_few(tmp_path: Path) -> None:
    rows = "".join(f"secret-{at},s{number},agree\n" for at in range(8) for number in range(3))
    (tmp_path / "o.csv").write_text("voter,statement,vote\n" + rows)
    done = typed("opinions", "o.csv", "--json", cwd=tmp_path)
    told = json.loads(done.stdout)
    assert told["known"] is False
    assert "secret-" not in done.stdout
    assert "We do not know" in typed("opinions", "o.csv", cwd=tmp_path).stdout
    (tmp_path / "o.csv").write_text("statement,vote\ns,agree\n")
    assert "voter" in typed("opinions", "o.csv", code=2, cwd=tmp_path).stderr

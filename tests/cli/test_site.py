"""The command 'site' on graphs and tables: what it prints, and what it says of mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.typed import Told, typed

GRAPH = "4 4 1\n1 2 1.5\n2 3 2\n3 4 1\n4 1 9\n"
DEMAND = "place,people,lon,lat,group\na,10,0,0,x\nb,20,0.1,0,x\nc,30,0.3,0,y\nd,0,9,9,y\n"
SITES = "site,lon,lat,capacity,cost,open\ns1,0,0,60,5,yes\ns2,0.3,0,60,3,no\ns3,0.1,0,60,4,\n"
WAYS = "place,s1,s2,s3\na,0,30,10\nb,10,20,0\nc,30,,20\nd,1,1,1\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    texts = {"g.txt": GRAPH, "demand.csv": DEMAND, "sites.csv": SITES, "ways.csv": WAYS}
    texts["apart.txt"] = "5 3 1\n1 2 1\n3 4 1\n4 5 1\n"
    texts["long.csv"] = "place,site,minutes\n" + "".join(
        f"{place},s{site},{minutes}\n"
        for place, row in (("a", (0, 30, 10)), ("b", (10, 20, 0)), ("c", (30, "", 20)))
        for site, minutes in enumerate(row, start=1)
    )
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(files: Path, *words: str, code: int = 0) -> Told:
    return typed("site", *words, code=code, cwd=files)


def told(files: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run(files, *words, "--json").stdout)
    return found


def test_a_graph_with_decimals_is_proven_in_its_own_unit(files: Path) -> None:
    found = told(files, "g.txt", "--objective", "p-median")
    assert (found["value"], found["bound"], found["gap"], found["optimal"]) == (6.5, 6.5, 0.0, True)
    assert found["sites"] == [{"site": "2", "assigned": 4, "people": 4, "open_already": False}]
    centre = told(files, "g.txt", "--objective", "p-centre", "--p", "2")
    assert (centre["value"], len(centre["sites"])) == (1.5, 2)


def test_text_says_the_finding_first(files: Path) -> None:
    said = run(files, "apart.txt", "--objective", "p-median", "--p", "2").stdout
    assert said.startswith("p-median: 3 with 2 sites; proven: no choice is better, bound 3.")
    assert "not connected: it has 2 parts" in said


def test_tables_say_who_gains(files: Path) -> None:
    words = ("--demand", "demand.csv", "--sites", "sites.csv", "--travel", "ways.csv", "--objective", "p-median")
    found = told(files, *words, "--p", "2")
    assert found["value"] == 10 * 0 + 20 * 0 + 30 * 20
    assert [one["site"] for one in found["sites"]] == ["s1", "s3"]
    assert [one["open_already"] for one in found["sites"]] == [True, False]
    every, near, far = found["groups"]
    assert (every["mean"], far["mean"], far["mean_before"]) == (10.0, 20.0, 30.0)
    assert near["mean"] == 0.0
    assert found["notes"] == ["1 place without people left out."]
    assert told(files, *words[:5], "long.csv", *words[6:], "--p", "2")["value"] == found["value"]


def test_budgets_and_coverage_and_straight_lines(files: Path) -> None:
    words = ("--demand", "demand.csv", "--sites", "sites.csv", "--objective", "covering", "--radius", "5")
    found = told(files, *words, "--budget", "3")
    assert (found["value"], found["travel"]) == (40, "straight lines, km")
    assert [one["site"] for one in found["sites"]] == ["s1", "s2"]
    assert found["groups"][0]["served_share_before"] == pytest.approx(1 / 6)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--objective", "p-median"), "nothing to choose from"),
        (("g.txt", "--demand", "demand.csv", "--objective", "p-median"), "Both were given"),
        (("g.txt", "--objective", "covering"), "neither people"),
        (("g.txt", "--objective", "p-median", "--capacity", "3"), "neither people"),
        (("g.txt", "--objective", "p-median", "--p", "0"), "0 sites cannot be chosen among 4 nodes"),
        (("g.txt", "--objective", "p-median", "--p", "5"), "5 sites cannot be chosen"),
        (("none.txt", "--objective", "p-median"), "cannot be read"),
        (("apart.txt", "--objective", "p-median", "--p", "1"), "2 places with 2 people would be left out"),
        (("apart.txt", "--objective", "p-centre", "--p", "1"), "2 sites are enough"),
        (("--demand", "demand.csv", "--objective", "p-median"), "either --p or --budget"),
        (("--demand", "demand.csv", "--objective", "covering", "--p", "1"), "needs a radius"),
        (("--demand", "demand.csv", "--objective", "p-median", "--budget", "1"), "needs to know what sites cost"),
        (("--demand", "sites.csv", "--objective", "p-median", "--p", "1"), "has no column 'place'"),
        (("--demand", "demand.csv", "--travel", "ways.csv", "--objective", "p-median", "--p", "1"), "no ways to 3"),
        (
            ("--demand", "demand.csv", "--objective", "p-median", "--p", "2", "--capacity", "20"),
            "room for 20 is missing",
        ),
    ],
)
def test_a_mistake_is_said_in_one_line(files: Path, words: tuple[str, ...], said: str) -> None:
    done = run(files, *words, code=2)
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("place,people\na,x\n", "line 2: people is “x”"),
        ("place,people\na,-1\n", "line 2: people is “-1”"),
        ("place,people\na,1\na,1\n", "line 3: place stood there already"),
        ("place,people\n,1\n", "line 2: place is empty"),
        ("place,people\na,\n", "line 2: people is empty"),
        ("place,people\na,0\n", "Nobody lives"),
        ("place,people\n", "no lines but the first"),
        ("place,people,lon,lat\na,1,200,0\n", "line 2: lon is “200”"),
        ("place,people\na,1\n", "where places and sites are"),
        ("place,people\na,1,2,3\n", "more fields"),
    ],
)
def test_a_wrong_table_is_named_with_its_line(files: Path, text: str, said: str) -> None:
    (files / "wrong.csv").write_text(text, encoding="utf-8")
    assert said in run(files, "--demand", "wrong.csv", "--objective", "p-median", "--p", "1", code=2).stderr


def test_a_file_that_is_no_text_is_said(files: Path) -> None:
    (files / "bytes.txt").write_bytes(bytes(range(256)))
    assert "not a text" in run(files, "bytes.txt", "--objective", "p-median", code=2).stderr

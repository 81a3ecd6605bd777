"""The command 'rollout': what it tells, and what it says of mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.typed import Told, typed

PLACES = (
    "place,name,people,need,group\n"
    "a,Ash,1000,0.4,poor\nb,Birch,2000,0.2,rich\nc,Cedar,500,0.6,poor\nd,Dale,0,0.5,rich\n"
)
MEASURES = (
    "id,kind,places,cost,reach,effect,effect_low,effect_high,exclusive,requires\n"
    "m1,kiosk,a;c,100,900,0.5,0.3,0.6,,\n"
    "m2,training,a,50,500,0.4,0.2,0.5,,m1\n"
    "m3,connection,b,120,2000,0.6,0.5,0.7,line,\n"
    "m4,connection,b,60,1000,0.5,0.4,0.6,line,\n"
    "m5,mobile team,c;d,80,400,0.3,0.1,0.5,,\n"
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "measures.csv").write_text(MEASURES, encoding="utf-8")
    (tmp_path / "places.csv").write_text(PLACES, encoding="utf-8")
    return tmp_path


def run(files: Path, *more: str, code: int = 0) -> Told:
    return typed("rollout", "measures.csv", "--places", "places.csv", *more, code=code, cwd=files)


def test_a_plan_is_one_json_document_and_the_same_each_time(files: Path) -> None:
    words = ("--budget", "120,100", "--robust", "--max-min", "--json")
    told = json.loads(run(files, *words).stdout)
    assert told == json.loads(run(files, *words).stdout)
    assert [year["spent"] <= year["budget"] for year in told["years"]] == [True, True]
    assert told["benefit"] <= told["bound"] + 1e-6
    assert told["cost"] == sum(one["cost"] for one in told["choices"] if one["year"])
    years = {one["measure"]: one["year"] for one in told["choices"]}
    assert not (years["m3"] and years["m4"])
    assert not years["m2"] or years["m1"] <= years["m2"]
    assert told["robust"]["holds_at_90"] <= told["robust"]["expected"] * 1.3
    assert set(told["robust"]["sure"]) <= {name for name, year in years.items() if year}
    assert told["floor_price"]["at_least"] <= told["floor_price"]["price"] <= told["floor_price"]["at_most"]
    assert told["more_budget"]["at_least"] <= told["more_budget"]["gain"] <= told["more_budget"]["at_most"]
    benefits = [point["benefit"] for point in told["frontier"]]
    assert benefits == sorted(benefits, reverse=True)
    low, high = told["group_gap_interval"]
    assert low <= high
    assert "no people" in " ".join(told["notes"])


def test_it_says_what_closing_the_gap_costs_and_where_it_starts(files: Path) -> None:
    told = json.loads(run(files, "--close-gap", "0.5", "--budget", "60", "--years", "5", "--json").stdout)
    assert told["gap_after"] <= told["gap_asked"] + 1e-9 == pytest.approx(told["gap_before"] / 2)
    assert told["at_least"] <= told["cost"]
    assert told["begin"][0] == "m1"
    assert told["years"] == -(-int(told["cost"]) // 60)
    assert "Start with m1" in run(files, "--close-gap", "0.5").stdout


def test_a_person_reads_why(files: Path) -> None:
    told = run(files, "--budget", "170").stdout
    assert "people helped" in told.splitlines()[0]
    assert "would be lost" in told
    assert "Not chosen" in told


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "A roll-out needs a budget."),
        (("--budget", "0"), "A budget of 0 buys nothing."),
        (("--budget", "10"), "the cheapest costs 50"),
        (("--budget", "-5"), "is no amount of money"),
        (("--budget", "many"), "is no amount of money"),
        (("--budget", "1,2", "--years", "3"), "2 budgets are given for 3 years."),
        (("--budget", "100", "--floor", "0.2", "--max-min"), "one kind of equity"),
        (("--budget", "100", "--floor", "20"), "is no share"),
        (("--budget", "100", "--floor", "0.3", "--quick"), "It takes"),
        (("--budget", "100", "--floor", "0.99", "--quick"), "Not even all measures together reach it."),
        (("--budget", "100", "--bounded-gap", "0.0001", "--quick"), "the narrowest"),
        (("--close-gap", "1.5"), "--close-gap is a share"),
        (("--close-gap", "1"), "cannot be closed by 100%"),
        (("--budget", "100", "--need", "hunger"), "places.csv has no column 'hunger'"),
    ],
)
def test_a_mistake_is_said_with_what_would_do(files: Path, more: tuple[str, ...], said: str) -> None:
    done = run(files, *more, code=2)
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("m1,kiosk,a;c,100", "m1,kiosk,a;c,-100", "row 2: cost is “-100”"),
        ("m1,kiosk,a;c,100", "m1,kiosk,a;c,cheap", "row 2: cost is “cheap”"),
        ("0.5,0.3,0.6", "0.5,0.6,0.3", "upside down"),
        ("a;c,100", "a;nowhere,100", "“nowhere”"),
        ("a;c,100", "a;a,100", "Name each place once"),
        ("m2,training", "m1,training", "rows 2 and 3 have the same id"),
        (",m1\n", ",m9\n", "requires is “m9”"),
        ("c,100,900", "c,100,1;2;3", "reach has 3 numbers for 2 places"),
        ("0.5,0.3", "1.5,0.3", "effect is “1.5”"),
        ("m1,kiosk", "\x1b[2J,kiosk", "\x1b"),
    ],
)
def test_a_mistake_of_a_measure_names_its_row(files: Path, old: str, new: str, said: str) -> None:
    assert old in MEASURES
    (files / "measures.csv").write_text(MEASURES.replace(old, new, 1), encoding="utf-8")
    if said == "\x1b":
        run(files, "--budget", "170", "--quick", code=2)
    else:
        assert said in run(files, "--budget", "100", code=2).stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1000,0.4", "-1,0.4", "people is “-1”"),
        ("1000,0.4", "1000,400", "need is “400"),
        ("b,Birch", "a,Birch", "rows 2 and 3 have the same place"),
        ("place,name", "place,place", "two columns"),
    ],
)
def test_a_mistake_of_a_place_names_its_row(files: Path, old: str, new: str, said: str) -> None:
    (files / "places.csv").write_text(PLACES.replace(old, new, 1), encoding="utf-8")
    assert said in run(files, "--budget", "100", code=2).stderr


def test_a_budget_for_everything_says_so(files: Path) -> None:
    told = json.loads(run(files, "--budget", "1000000", "--quick", "--json").stdout)
    assert any("pays for all measures" in note for note in told["notes"])
    assert told["chosen"] == 4  # two exclude one another

"""The chain holds: each link uses what the one before found, and says what it does not prove."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.typed import typed

from cityward.city import init, open_city
from cityward.secure.drill.report import BACK, DrillReport, at_most

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "city-systems"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}
YEARS = ("--years", "2000")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city that was drilled once."""
    folder = tmp_path_factory.mktemp("chain")
    areas = folder / "areas.geojson"
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": SQUARE}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    made = init(folder / "city", name="Small", territories=areas, name_property="name")
    report = DrillReport(
        id="DR-0000000000", kind="ransomware", variant="samsam", seed=1, began_at=NOW - timedelta(minutes=1),
        ended_at=NOW, passed=True, headline="Every target was met.", targets=(at_most(BACK[0], 10.0, 60.0, "s"),),
        timeline=(), figures={},
    )  # fmt: skip
    with open_city(made) as city:
        city.keep("drill", report, {"drill": "ransomware"}, state="passed")
    return made


def test_each_link_follows_from_the_one_before(home: Path) -> None:
    told = json.loads(typed("chain", EXAMPLE, "--city", home, *YEARS, "--json").stdout)
    assert told["scenario"] == "rdp-ransomware"
    assert sum(one["cost_per_year"] for one in told["bought"]) <= told["budget"]
    assert "drills" in [one["id"] for one in told["bought"]]
    assert told["with_bought"]["scenario_money"]["value"] < told["before"]["scenario_money"]["value"]
    assert told["with_bought"]["citizen_hours"]["value"] < told["before"]["citizen_hours"]["value"]
    guessed = [one for one in told["fired"] if one["title"] == "Passwords guessed over SSH from one address"]
    assert [(one["sources"] > 100, one["seconds"] < 30) for one in guessed] == [(True, True)]
    assert told["unseen"] == ["T1133", "T1021.001", "T1486", "T1490"]
    assert told["playbook"] == "ransomware"
    assert len(told["steps"]) > 10
    assert told["drill"] == "DR-0000000000"
    assert [one["drills"] for one in told["measured"]] == [1]
    assert told["saved"]["value"] == pytest.approx(
        told["before"]["money"]["value"] - told["after"]["money"]["value"], rel=1e-6
    )


def test_the_links_are_told_in_order(home: Path) -> None:
    lines = typed("chain", EXAMPLE, "--city", home, *YEARS).stdout.splitlines()
    heads = [line[:10].strip() for line in lines if line[:10].strip()]
    assert list(dict.fromkeys(heads)) == ["Attack", "Risk", "Control", "Rule", "Playbook", "Drill", "± is the e"]
    assert heads.count("Risk") == 2


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--scenario", "nothing"), "There is no scenario 'nothing'. There are: rdp-ransomware"),
        (("--scenario", "substation"), "names no techniques"),
        (("--trace", "none.log"), "none.log"),
        (("--budget", "-1"), "-1"),
        (("--rules", "none"), "none"),
    ],
)
def test_a_mistake_says_what_to_write(home: Path, more: tuple[str, ...], says: str) -> None:
    assert says in typed("chain", EXAMPLE, "--city", home, *YEARS, *more, code=2).stderr


def test_without_money_nothing_is_bought_and_without_a_match_nothing_fired(home: Path, tmp_path: Path) -> None:
    quiet = tmp_path / "auth.log"
    quiet.write_text("Nov 30 08:00:01 gate sshd[1]: Server listening on 0.0.0.0 port 22.\n", encoding="utf-8")
    asked = ("--budget", "0", "--trace", quiet, "--json")
    told = json.loads(typed("chain", EXAMPLE, "--city", home, *YEARS, *asked).stdout)
    assert told["bought"] == []
    assert told["fired"] == []
    assert told["unseen"] == list(told["techniques"])

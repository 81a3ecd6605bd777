"""The divide within a city: read through the door, told once a turn, with what is not known said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.typed import typed

from cityward.api import create_app
from cityward.city import City, open_city
from cityward.console import mount_console


@pytest.fixture(scope="module")
def folder(acted_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(acted_folder, tmp_path_factory.mktemp("divide") / "acted")


@pytest.fixture(scope="module")
def city(folder: Path) -> Iterator[City]:
    with open_city(folder) as city:
        yield city


def test_days_until_closed_are_compared_for_every_grouping(city: City) -> None:
    told = city.divide.told()
    assert {one.by for one in told.symmetry} == {"internet", "income", "hardship"}
    waits = next(one for one in told.symmetry if one.name.startswith("median days") and not one.service)
    assert [one.group for one in waits.groups] == ["least internet", "middle internet", "most internet"]
    assert sum(one.areas for one in waits.groups) == 77
    assert waits.verdict == "differs"
    assert told.finding.startswith(waits.says)


def test_forecasts_of_earlier_turns_are_held_against_what_came(city: City) -> None:
    found = next(one for one in city.divide.told().symmetry if one.name.startswith("forecast error"))
    assert all((one.figure.value or 0) > 0 for one in found.groups)


def test_areas_stand_in_tiers_with_limits_of_ranks(city: City) -> None:
    index = city.divide.told().index
    assert index
    assert len(index.places) == 77
    assert all((one.rank_low or 0) <= (one.rank or 0) <= (one.rank_high or 0) for one in index.places)
    assert {one.id for one in index.indicators if one.column} == {
        "no_internet",
        "no_computer",
        "income",
        "use",
        "response",
    }


def test_it_is_read_once_a_turn_and_each_look_is_noted(city: City) -> None:
    city.divide.told()
    before = city.ledger_size
    assert city.divide.told() is city.divide.told()
    assert city.ledger_size == before


def test_without_its_grant_the_rest_is_told_and_the_remedy_is_named(folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(folder, tmp_path / "ungranted")
    (copy / "grants" / "symmetry.toml").unlink()
    with open_city(copy) as city:
        told = city.divide.told("household-internet")
    assert not any(one.name.startswith("median days") for one in told.symmetry)
    assert any("'cityward grants draft'" in note for note in told.notes)
    assert told.index


def test_the_command_and_the_page_say_the_same_first(folder: Path, city: City) -> None:
    told = json.loads(typed("divide", "--city", folder, "--json").stdout)
    assert told["finding"] == city.divide.told().finding
    assert typed("divide", "--city", folder, "--index", "none", code=2).stdout == ""
    app = create_app(city)
    mount_console(app, city)
    client = TestClient(app)
    page = client.get("/divide?by=income")
    assert "where there is the least internet" in page.text.split("</h1>")[0]
    assert "<strong>income</strong>" in page.text
    assert "style=" not in page.text.split("<main")[1]
    areas = client.get("/console/divide.json").json()["features"]
    assert {one["properties"]["shade"] for one in areas} <= {1, 2, 3, 4, 5}
    assert all("tier" in one["properties"]["told"] for one in areas)

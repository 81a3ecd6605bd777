"""Groups of areas from city.toml, and what a turn foresees: over the API, the commands and turn after turn."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import msgspec
import polars as pl
import pytest
from starlette.testclient import TestClient
from tests.typed import typed

from cityward.api import create_app
from cityward.city import City
from cityward.city.folder import load_territories
from cityward.city.foreseeing import city_tree, foresee
from cityward.city.settings import Settings, TerritorySection
from cityward.city.turn import found_before
from cityward.core.errors import TerritoryError, UnknownId
from cityward.core.frames import CUBE, FORECAST
from cityward.core.records import Territory

SQUARE = [[[0, 0], [0.01, 0], [0.01, 0.01], [0, 0.01], [0, 0]]]


def section(**keys: str) -> TerritorySection:
    return TerritorySection(level="area", file="areas.geojson", **keys)


def geojson(folder: Path, *properties: dict[str, object]) -> Path:
    features = [
        {"type": "Feature", "properties": one, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
        for one in properties
    ]
    path = folder / "areas.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def test_parents_come_from_a_property_and_may_be_missing(tmp_path: Path) -> None:
    geojson(tmp_path, {"id": "1", "quarter": " Old  Town "}, {"id": "2", "quarter": None}, {"id": "3", "quarter": 7})
    _, found = load_territories(tmp_path, section(parent="quarter"))
    assert [one.parent for one in found] == ["Old Town", None, "7"]


def test_a_parent_that_no_area_has_is_a_mistake(tmp_path: Path) -> None:
    geojson(tmp_path, {"id": "1"}, {"id": "2"})
    with pytest.raises(TerritoryError, match="no property 'quarter'"):
        load_territories(tmp_path, section(parent="quarter"))
    (tmp_path / "facts.csv").write_text("id,side\n1,West\n", encoding="utf-8")
    with pytest.raises(TerritoryError, match="no column 'quarter'"):
        load_territories(tmp_path, section(parent="quarter", attributes="facts.csv"))
    _, found = load_territories(tmp_path, section(parent="side", attributes="facts.csv"))
    assert [one.parent for one in found] == ["West", None]


@pytest.mark.parametrize("name", ["area", "id"])
def test_nobody_is_his_own_parent(tmp_path: Path, name: str) -> None:
    geojson(tmp_path, {"id": "1", "area": "1"})
    with pytest.raises(TerritoryError, match="cannot be its own"):
        load_territories(tmp_path, section(parent=name))


def test_a_region_of_cities_has_a_whole_of_another_name(tmp_path: Path) -> None:
    geojson(tmp_path, {"id": "1"}, {"id": "2"})
    level = TerritorySection(level="city", file="areas.geojson")
    settings = msgspec.convert({"city": {"name": "Region"}, "territories": [msgspec.to_builtins(level)]}, type=Settings)
    _, found = load_territories(tmp_path, level)
    assert city_tree(settings, found).ids == ("whole:Region",)


def test_a_city_whose_reports_are_nowhere_is_warned_of_nothing() -> None:
    settings = msgspec.convert({"city": {"name": "X"}, "territories": [{"level": "area", "file": "x"}]}, type=Settings)
    nothing = pl.DataFrame(
        schema={"service": pl.String, "territory": pl.String, "day": pl.Date, "closed_at": pl.Datetime("us", "UTC")}
    )
    found = foresee(
        pl.DataFrame(schema=CUBE),
        nothing,
        pl.DataFrame(schema=FORECAST),
        [Territory(id="1", name="One", level="area")],
        [],
        settings,
        as_of=date(2014, 6, 30),
    )
    assert (found.forecast.height, found.outlook.height, found.warnings, found.proposals) == (0, 0, [], [])


def test_the_turn_foresees_every_level(demo_copy: City) -> None:
    everything = demo_copy.forecast(level="all")
    assert set(everything["level"]) == {"area", "side", "city"}
    assert set(demo_copy.forecast()["level"]) == {"area"}
    sums = {
        level: demo_copy.forecast(level=level)
        .group_by("service", "day")
        .agg(pl.col("mean").sum().round(4))
        .sort("service", "day")
        for level in ("area", "side", "city")
    }
    assert sums["area"].equals(sums["side"])
    assert sums["area"].equals(sums["city"])
    assert demo_copy.forecast("Garbage in alley", "side:West Side").height == 28
    assert b"side:West Side" in demo_copy.export_csv("forecast")


def test_warnings_are_kept_explained_and_in_the_ledger(demo_copy: City) -> None:
    turn = demo_copy.turn()
    assert turn
    warning = demo_copy.warnings()[0]
    told = demo_copy.explain(warning.id)
    assert told.receipt is not None
    assert demo_copy.ledger_entries(told.receipt, 1)[0]["subject"] == warning.id
    assert ("state", "open") in told.evidence
    proposal = next(one for one in demo_copy.proposals("waiting") if one.about == warning.id)
    decision = demo_copy.decide(proposal.id, "approved", "Ana Gómez", "A crew is free next week")
    assert decision.system.startswith("cityward-early-warning")
    with pytest.raises(UnknownId):
        demo_copy.explain("A-0000000000")


def test_the_next_turn_finds_the_warnings_of_the_last(demo_copy: City) -> None:
    turn = demo_copy.turn()
    assert turn
    needs, warned = found_before(demo_copy.folder.turns, date(2014, 7, 5))
    assert [one.id for one in warned] == [one.id for one in turn.warnings]
    assert {need.id for need in needs} >= {need.id for need in turn.needs}
    assert found_before(demo_copy.folder.turns, turn.as_of) == ([], [])


def test_a_turn_of_an_older_version_is_still_shown(demo_copy: City) -> None:
    folder = demo_copy.turn_folder()
    assert folder
    old = demo_copy.forecast().drop("level")
    old.write_parquet(folder / "forecast.parquet")
    (folder / "outlook.parquet").unlink()
    assert demo_copy.outlook().height == 0
    assert demo_copy.forecast().height == old.height


def test_the_api_lists_warnings_beside_what_can_be_done(demo_copy: City) -> None:
    with TestClient(create_app(demo_copy, hosts=("127.0.0.1",)), base_url="http://127.0.0.1") as client:
        found = client.get("/api/warnings").json()
        assert [one["id"] for one in found["warnings"]] == [one.id for one in demo_copy.warnings()]
        assert len(found["outlook"]) == 50
        one = client.get("/api/warnings", params={"service": "Garbage in alley", "limit": 3}).json()
        assert {row["service"] for row in one["outlook"]} == {"Garbage in alley"}
        assert len(one["outlook"]) == 3
        assert client.get("/api/warnings", params={"service": "x" * 300}).status_code == 422


def test_the_command_tells_what_is_ahead(demo_copy: City) -> None:
    city = ("--city", str(demo_copy.path))
    told = typed("ahead", *city).stdout
    assert demo_copy.warnings()[0].sentence in told
    found = json.loads(
        typed("ahead", "--service", "Garbage in alley", "--territory", "side:West Side", "--json", *city).stdout
    )
    assert len(found["days"]) == 28
    assert [row["level"] for row in found["totals"]] == ["side"]
    assert {one["level"] for one in found["levels"]} == {"area", "side", "city"}
    typed("ahead", "--service", "Nothing", *city, code=2)
    typed("ahead", "--territory", "side:Nowhere", *city, code=2)

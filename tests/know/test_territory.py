"""Territories by point and by code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.core.errors import TerritoryError
from cityward.core.frames import INTERACTION, conform
from cityward.know.place import place
from cityward.know.territory import TerritoryIndex


def geojson(path: Path, polygons: dict[str, list]) -> Path:
    features = [
        {
            "type": "Feature",
            "properties": {"id": key, "name": key.upper()},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        for key, ring in polygons.items()
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def read(path: Path) -> TerritoryIndex:
    return TerritoryIndex.from_geojson(path, id_property="id", name_property="name", level="area")


SQUARE = [[0, 0], [0.02, 0], [0.02, 0.02], [0, 0.02], [0, 0]]
TRIANGLE = [[0.02, 0], [0.05, 0], [0.02, 0.03], [0.02, 0]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.01, 0.06), st.floats(-0.01, 0.04)), min_size=1, max_size=50))
def test_the_cell_table_agrees_with_the_exact_test(tmp_path_factory, points):
    index = read(geojson(tmp_path_factory.mktemp("t") / "t.geojson", {"a": SQUARE, "b": TRIANGLE}))
    lon, lat = (np.array(values) for values in zip(*points, strict=True))
    polygons = [shapely.Polygon(SQUARE), shapely.Polygon(TRIANGLE)]
    exact = [next((k for k, p in enumerate(polygons) if p.intersects(shapely.Point(x, y))), -1) for x, y in points]
    assert index.locate(lon, lat).tolist() == exact


def test_chicago_points_agree_with_the_stated_area(chicago: Path):
    index = TerritoryIndex.from_geojson(
        chicago / "community_areas.geojson", id_property="area", name_property="name", level="area"
    )
    rows = pl.read_parquet(chicago / "sanitation_requests.parquet").drop_nulls(["longitude", "community_area"])
    found = index.locate(rows["longitude"].to_numpy(), rows["latitude"].to_numpy())
    stated = rows["community_area"].cast(pl.Int64).cast(pl.String).to_numpy()
    inside = found >= 0
    assert len(index.ids) == 77
    assert (np.array(index.ids)[found[inside]] == stated[inside]).mean() >= 0.98


def test_chicago_tracts(chicago: Path):
    index = TerritoryIndex.from_geojson(
        chicago / "census_tracts.geojson", id_property="census_tract", name_property="census_tract", level="tract"
    )
    found = index.locate(index.centroids[:, 0], index.centroids[:, 1])
    assert len(index.ids) == 789
    assert (found == np.arange(789)).mean() > 0.99


def test_nowhere_is_nowhere(tmp_path: Path):
    index = read(geojson(tmp_path / "t.geojson", {"a": SQUARE}))
    far = np.array([np.nan, 500.0, -0.5, 0.01, np.inf])
    assert index.locate(far, np.array([0.01, 0.01, 0.01, np.nan, 0.01])).tolist() == [-1] * 5


def test_a_polygon_that_crosses_itself_is_mended_and_named(tmp_path: Path):
    bow_tie = [[0, 0], [0.02, 0.02], [0.02, 0], [0, 0.02], [0, 0]]
    index = read(geojson(tmp_path / "t.geojson", {"bow": bow_tie, "a": TRIANGLE}))
    assert index.mended == ("bow",)
    assert index.locate(np.array([0.019]), np.array([0.01])).tolist() == [0]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "not a GeoJSON"),
        ('{"features": []}', "no features"),
        (
            '{"features": [{"properties": {"id": 1}, "geometry": {"type": "Point", "coordinates": [0, 0]}}]}',
            "not a polygon",
        ),
        ('{"features": [{"properties": {}, "geometry": null}]}', "no property 'id'"),
    ],
)
def test_bad_files_are_told(tmp_path: Path, content: str, told: str):
    path = tmp_path / "t.geojson"
    path.write_text(content)
    with pytest.raises(TerritoryError, match=told):
        read(path)


def test_equal_identifiers_are_refused(tmp_path: Path):
    path = geojson(tmp_path / "t.geojson", {"a": SQUARE, "b": TRIANGLE})
    path.write_text(path.read_text().replace('"id": "b"', '"id": "a"'))
    with pytest.raises(TerritoryError, match="two features"):
        read(path)


def test_projected_coordinates_are_told(tmp_path: Path):
    path = geojson(tmp_path / "t.geojson", {"a": [[1e6, 1e6], [2e6, 1e6], [2e6, 2e6], [1e6, 1e6]]})
    with pytest.raises(TerritoryError, match="degrees"):
        read(path)


def test_a_point_wins_over_the_stated_code_which_wins_over_nothing(tmp_path: Path):
    index = read(geojson(tmp_path / "t.geojson", {"a": SQUARE, "b": TRIANGLE}))
    frame = pl.DataFrame(
        {"lon": [0.01, None, None, 9.0], "lat": [0.01, None, None, 9.0], "stated_territory": ["b", "b", "z", "a"]}
    )
    placed = place(conform(frame, INTERACTION), index)
    assert placed["territory"].to_list() == ["a", "b", None, "a"]
    assert placed["placed_by"].to_list() == ["point", "code", None, "code"]

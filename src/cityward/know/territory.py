"""Territory by point: a table of small cells, and the exact test where a cell lies on a border."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from cityward.core.errors import TerritoryError
from cityward.core.limits import TERRITORIES

CELL_DEGREES = 0.001
"""Side of a cell, about 100 m: few cells lie on a border, and the table of a city stays small."""

_CELLS_MAX = 16_000_000
_BLOCK_CELLS = 16
"""Side of a block of cells: one that a polygon holds whole, or does not touch, needs no look at its cells."""
_OUTSIDE, _BORDER = -1, -2


@dataclass(frozen=True, slots=True)
class TerritoryIndex:
    """Territories of one level; made by `from_geojson`.

    Attributes
    ----------
    ids, names : tuple of str
        In the order of the file.
    centroids : ndarray, shape (n, 2)
        Longitude and latitude in degrees.
    properties : list of dict
        The kept properties of each feature.
    mended : tuple of str
        Identifiers of polygons that crossed themselves and were mended.
    id_column : polars.Series
        `ids` and, last, a null: position -1 is nowhere.
    """

    level: str
    ids: tuple[str, ...]
    names: tuple[str, ...]
    centroids: NDArray[np.float64]
    properties: list[dict[str, Any]]
    mended: tuple[str, ...]
    _polygons: NDArray[Any] = field(repr=False)
    _cells: NDArray[np.int32] = field(repr=False)
    _origin: tuple[float, float, float] = field(repr=False)
    id_column: pl.Series = field(repr=False)
    _tree: shapely.STRtree = field(repr=False)

    @classmethod
    def from_geojson(
        cls, path: Path, *, id_property: str, name_property: str, level: str, keep: Sequence[str] = ()
    ) -> TerritoryIndex:
        """Read polygons from a GeoJSON FeatureCollection in WGS 84.

        Raises
        ------
        TerritoryError
            The file, a property or a geometry cannot be used; the message names the feature.
        """
        features = read_features(path)
        ids = [_text(feature, id_property, path, at) for at, feature in enumerate(features)]
        if len(set(ids)) != len(ids):
            twice = next(identifier for identifier in ids if ids.count(identifier) > 1)
            raise TerritoryError(
                f"{path.name}: two features have {id_property} '{twice}'.", "Each territory needs its own identifier."
            )
        names = [str(feature["properties"].get(name_property) or ids[at]) for at, feature in enumerate(features)]
        polygons, mended = _polygons(features, ids, path)
        cells, origin = _cell_table(polygons)
        points = shapely.point_on_surface(polygons)
        return cls(
            level=level,
            ids=tuple(ids),
            names=tuple(names),
            centroids=np.column_stack([shapely.get_x(points), shapely.get_y(points)]),
            properties=[{key: feature["properties"].get(key) for key in keep} for feature in features],
            mended=mended,
            _polygons=polygons,
            _cells=cells,
            _origin=origin,
            id_column=pl.Series([*ids, None], dtype=pl.String),
            _tree=shapely.STRtree(polygons),
        )

    def locate(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return for each point the position in `ids` of its territory, or -1 for nowhere.

        Parameters
        ----------
        lon, lat : ndarray, shape (n,)
            Degrees; NaN is nowhere. A point on a common border belongs to the first territory of the file.
        """
        west, south, step = self._origin
        rows, columns = self._cells.shape
        with np.errstate(invalid="ignore"):
            x = np.floor((lon - west) / step)
            y = np.floor((lat - south) / step)
            inside = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)
        found = np.full(lon.shape, _OUTSIDE, dtype=np.int32)
        found[inside] = self._cells[y[inside].astype(np.int64), x[inside].astype(np.int64)]
        border = np.flatnonzero(found == _BORDER)
        if border.size:
            found[border] = self._exact(lon[border], lat[border])
        return found

    def positions(self, codes: pl.Series) -> NDArray[np.int32]:
        """Return for each of ``codes`` (String) its position in `ids`, or -1 when it is none of them."""
        held = np.arange(len(self.ids), dtype=np.int32)
        return codes.replace_strict(self.id_column[:-1], held, default=-1, return_dtype=pl.Int32).to_numpy()

    def geojson(self, digits: int = 5) -> dict[str, Any]:
        """Return the polygons as a FeatureCollection with ``id`` and ``name`` only, rounded to ``digits``."""
        rounded = shapely.set_precision(self._polygons, 10.0**-digits)
        return {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": {"id": identifier, "name": name}, "geometry": json.loads(text)}
                for identifier, name, text in zip(self.ids, self.names, shapely.to_geojson(rounded), strict=True)
            ],
        }

    def _exact(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.int32]:
        points = shapely.points(lon, lat)
        which, territory = self._tree.query(points, predicate="intersects")
        found = np.full(lon.shape, len(self.ids), dtype=np.int32)
        np.minimum.at(found, which, territory.astype(np.int32))
        found[found == len(self.ids)] = _OUTSIDE
        return found


def read_features(path: Path) -> list[dict[str, Any]]:
    """Read the features of a GeoJSON FeatureCollection, each with a dict of ``properties``.

    Raises
    ------
    TerritoryError
        It is anything else, or holds none or too many.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        features = content["features"]
        if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
            raise TypeError
    except OSError as error:
        raise TerritoryError(f"{path.name} cannot be read ({error.strerror}).", "Check the path.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TerritoryError(
            f"{path.name} is not a GeoJSON FeatureCollection.", "Export the territories as GeoJSON."
        ) from None
    if not features:
        raise TerritoryError(f"{path.name} holds no features.", "Give a file with at least one polygon.")
    if len(features) > TERRITORIES:
        raise TerritoryError(
            f"{path.name} holds {len(features):,} features; the limit is {TERRITORIES:,}.", "Use a coarser level."
        )
    for feature in features:
        if not isinstance(feature.get("properties"), dict):
            feature["properties"] = {}
    return features


def _text(feature: dict[str, Any], key: str, path: Path, at: int) -> str:
    value = feature["properties"].get(key)
    if value is None or str(value).strip() == "":
        raise TerritoryError(
            f"{path.name}: feature {at + 1} has no property '{key}'.", "Name another property in city.toml."
        )
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()


def _polygons(features: list[dict[str, Any]], ids: list[str], path: Path) -> tuple[NDArray[Any], tuple[str, ...]]:
    texts = [json.dumps(feature.get("geometry")) for feature in features]
    polygons = shapely.from_geojson(texts, on_invalid="ignore")
    kinds = shapely.get_type_id(polygons)
    for at in np.flatnonzero((kinds != 3) & (kinds != 6)):
        raise TerritoryError(f"{path.name}: territory '{ids[at]}' is not a polygon.", "Give each territory an area.")
    bounds = shapely.total_bounds(polygons)
    if not np.isfinite(bounds).all() or bounds[0] < -180 or bounds[2] > 180 or bounds[1] < -90 or bounds[3] > 90:
        raise TerritoryError(
            f"{path.name} is not in degrees of longitude and latitude.", "Export it in WGS 84 (EPSG:4326)."
        )
    broken = ~shapely.is_valid(polygons)
    polygons[broken] = shapely.make_valid(polygons[broken], method="structure")
    shapely.prepare(polygons)
    return polygons, tuple(ids[at] for at in np.flatnonzero(broken))


def _cell_table(polygons: NDArray[Any]) -> tuple[NDArray[np.int32], tuple[float, float, float]]:
    """Return, for cells over all polygons, the territory that holds the whole cell, or border, or nowhere."""
    west, south, east, north = shapely.total_bounds(polygons)
    step = max(CELL_DEGREES, float(np.sqrt((east - west) * (north - south) / _CELLS_MAX)))
    columns, rows = int((east - west) / step) + 1, int((north - south) / step) + 1
    cells = np.full((rows, columns), _OUTSIDE, dtype=np.int32)
    for at, polygon in enumerate(polygons):
        x0, y0, x1, y1 = polygon.bounds
        columns_here = np.arange(int((x0 - west) / step), int((x1 - west) / step) + 1, _BLOCK_CELLS)
        rows_here = np.arange(int((y0 - south) / step), int((y1 - south) / step) + 1, _BLOCK_CELLS)
        x, y = (each.ravel() for each in np.meshgrid(columns_here, rows_here))
        held, border = _sorted_boxes(polygon, x, y, (west, south, step), _BLOCK_CELLS)
        for left, low in zip(x[held], y[held], strict=True):
            cells[low : low + _BLOCK_CELLS, left : left + _BLOCK_CELLS] = at
        inner = np.arange(_BLOCK_CELLS)
        u = np.repeat(x[border], _BLOCK_CELLS**2) + np.tile(inner, _BLOCK_CELLS * border.size)
        v = np.repeat(y[border], _BLOCK_CELLS**2) + np.tile(np.repeat(inner, _BLOCK_CELLS), border.size)
        there = (u < columns) & (v < rows)
        u, v = u[there], v[there]
        held, border = _sorted_boxes(polygon, u, v, (west, south, step), 1)
        cells[v[border], u[border]] = _BORDER
        cells[v[held], u[held]] = at
    return cells, (float(west), float(south), step)


def _sorted_boxes(
    polygon: Any, x: NDArray[np.int64], y: NDArray[np.int64], origin: tuple[float, float, float], side: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which boxes of ``side`` cells from cells ``x``, ``y`` on the polygon holds whole, and which it holds in part."""
    west, south, step = origin
    boxes = shapely.box(west + step * x, south + step * y, west + step * (x + side), south + step * (y + side))
    touched = np.flatnonzero(shapely.intersects(polygon, boxes))
    whole = shapely.contains_properly(polygon, boxes[touched])
    return touched[whole], touched[~whole]

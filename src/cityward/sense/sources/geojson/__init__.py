"""GeoJSON: features with properties; a point gives lon and lat, any other geometry its centroid.

The position is in the columns ``geometry.lon`` and ``geometry.lat``; it is used when the mapping names
no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
import shapely

from cityward.core.errors import SourceError
from cityward.core.limits import BATCH_ROWS
from cityward.sense.mapping import Reading
from cityward.sense.sources import Decoded, broken_rows, present, without_nul
from cityward.sense.sources.ndjson import ARRAY_BYTES, NESTED, table
from cityward.sense.text import blocks

LON: Final = "geometry.lon"
LAT: Final = "geometry.lat"


class _Feature(msgspec.Struct):
    properties: dict[str, Any] | None = None
    geometry: msgspec.Raw = msgspec.Raw(b"null")  # a union with None would take nothing but null


class _Collection(msgspec.Struct):
    features: list[msgspec.Raw]


_collections: Final = msgspec.json.Decoder(_Collection)
_features: Final = msgspec.json.Decoder(_Feature)


def read(path: Path, mapping: Reading) -> Iterator[Decoded]:
    """Yield decoded features, numbered from 1.

    Raises
    ------
    SourceError
        Not a FeatureCollection, cut short, too large, without features or without a mapped property.
    """
    features = load(path, mapping.encoding)
    if not features:
        raise SourceError(f"{path.name} has no features.", "Give a file with features.")
    for start in range(0, len(features), BATCH_ROWS):
        yield _decode(path.name, features[start : start + BATCH_ROWS], mapping, start + 1)


def with_position(mapping: Reading) -> Reading:
    """Return the mapping with lon and lat from the geometry, unless it names other columns for them."""
    if mapping.columns.lon is not None:
        return mapping
    return msgspec.structs.replace(mapping, columns=msgspec.structs.replace(mapping.columns, lon=LON, lat=LAT))


def load(path: Path, encoding: str | None = None) -> list[msgspec.Raw]:
    """Return the features of a file, each still as JSON."""
    parts, size = [], 0
    for block, too_long in blocks(path, encoding, whole=True):
        size += len(block)
        if size > ARRAY_BYTES or too_long:
            raise SourceError(
                f"{path.name} is a GeoJSON of more than {ARRAY_BYTES // 2**20} MB.", "Convert it to NDJSON or Parquet."
            )
        parts.append(block)
    try:
        return _collections.decode(b"".join(parts)).features
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SourceError(
            f"{path.name} is not a whole GeoJSON FeatureCollection; perhaps it was cut short.", "Fetch it again."
        ) from None


def points_of(geometries: list[msgspec.Raw]) -> tuple[np.ndarray, np.ndarray]:
    """Return lon and lat of each geometry (its centroid unless a point); NaN without one."""
    texts = np.array([bytes(raw).decode(errors="replace") for raw in geometries], dtype=object)
    texts[texts == "null"] = None
    shapes = shapely.from_geojson(texts, on_invalid="ignore")
    with np.errstate(over="ignore"):
        centres = shapely.centroid(shapes)
    centres[shapely.is_empty(centres)] = None  # an empty shape has no place, and GEOS would raise
    return shapely.get_x(centres), shapely.get_y(centres)


def _decode(name: str, features: list[msgspec.Raw], mapping: Reading, first: int) -> Decoded:
    rows, numbers, broken = [], [], {}
    single = set(mapping.sources().values())
    for number, raw in enumerate(features, start=first):
        try:
            row = _features.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            broken[number] = "The feature is not a GeoJSON object with properties."
            continue
        if any(isinstance(value, dict | list) for name, value in (row.properties or {}).items() if name in single):
            broken[number] = NESTED
            continue
        rows.append(row)
        numbers.append(number)
    if first == 1 and rows:
        present(name, sorted({LON, LAT}.union(*(row.properties or () for row in rows))), mapping)
    names = [column for column in mapping.wanted() if column not in (LON, LAT)]
    frame = table(names, [[(row.properties or {}).get(column) for row in rows] for column in names])
    lon, lat = points_of([row.geometry for row in rows])
    points = pl.DataFrame({LON: lon, LAT: lat}).fill_nan(None)
    wrong = broken_rows(list(broken), list(broken.values()))
    return without_nul(Decoded(frame.hstack(points), pl.Series(numbers, dtype=pl.Int64), wrong))

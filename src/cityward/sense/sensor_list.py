"""Where the sensors of a source stand, from a list beside its mapping."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cityward.core.errors import SettingsError
from cityward.sense.canonical import Source
from cityward.sense.files import decoded_of
from cityward.sense.mapping import ObservationMapping, SensorColumns, SensorReading


def load_sensor_list(folder: Path, mapping: ObservationMapping) -> pl.DataFrame:
    """Return sensor (text), lon and lat (degrees) of every sensor of the mapping's list.

    The list is CSV, Parquet, NDJSON, a JSON array or GeoJSON. A sensor without a position on the globe is left
    out; of one that is listed twice the last line counts.

    Raises
    ------
    SettingsError
        The list is missing.
    SourceError
        It cannot be read, or lacks a column that the mapping names.
    """
    told = mapping.sensors
    empty = pl.DataFrame(schema={"sensor": pl.String, "lon": pl.Float64, "lat": pl.Float64})
    if told is None:
        return empty
    path = folder / told.file
    if not path.is_file():
        raise SettingsError(f"The list of sensors '{told.file}' is missing.", "Put it beside the mapping.")
    columns = SensorColumns(sensor=told.sensor, lon=told.lon, lat=told.lat)
    parts = [empty]
    for decoded in decoded_of(path, SensorReading(source=mapping.source, columns=columns)):
        source = Source(columns.given(), decoded.frame.schema)
        parts.append(
            decoded.frame.select(
                source.text("sensor").alias("sensor"), *(source.number(name).alias(name) for name in ("lon", "lat"))
            )
        )
    known = pl.col("lon").is_between(-180, 180) & pl.col("lat").is_between(-90, 90)
    listed = pl.concat(parts).filter(known & ((pl.col("lon") != 0) | (pl.col("lat") != 0)))
    return listed.drop_nulls().unique("sensor", keep="last", maintain_order=True)


def with_places(frame: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Return observations with the position of their sensor where they state none."""
    if not listed.height:
        return frame
    joined = frame.join(listed, on="sensor", how="left", suffix="_listed", maintain_order="left")
    return joined.select(
        pl.coalesce(name, f"{name}_listed").alias(name) if name in ("lon", "lat") else pl.col(name)
        for name in frame.columns
    )

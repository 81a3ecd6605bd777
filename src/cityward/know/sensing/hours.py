"""Observations by the hour: one row a stream, one column an hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.properties import PROPERTIES

Matrix = NDArray[np.float64]
Flags = NDArray[np.bool_]

STREAM = ("source", "sensor", "property", "unit")
COLUMNS = (*STREAM, "observed_at", "value", "lon", "lat", "territory")
"""Columns of observations that are looked at."""

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Hours:
    """Streams by the hour.

    Parameters
    ----------
    streams : polars.DataFrame
        One row each, in the order of the matrices: `STREAM`, lon, lat and territory as last told, the place told
        first (first_lon, first_lat) and the first hour.
    first : datetime
        Start of the first hour (UTC).
    mean, low, high : ndarray, shape (streams, hours)
        Of values in the property's range; NaN in an hour without any.
    good, bad : ndarray, shape (streams, hours)
        Number of values in the range, and outside it.
    lon, lat : ndarray, shape (streams, hours)
        Where the sensor was; NaN where not told.
    """

    streams: pl.DataFrame
    first: datetime
    mean: Matrix
    low: Matrix
    high: Matrix
    good: Matrix
    bad: Matrix
    lon: Matrix
    lat: Matrix

    @property
    def count(self) -> int:
        """Number of hours."""
        return int(self.mean.shape[1])

    def ends(self, hour: int) -> datetime:
        """The moment at which an hour is known: its end."""
        return self.first + (hour + 1) * HOUR

    def local(self, time_zone: str) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return of each hour its local day, counted from the first, and its local hour of day."""
        stamps = pl.datetime_range(
            self.first, self.first + (self.count - 1) * HOUR, "1h", eager=True
        ).dt.convert_time_zone(str(ZoneInfo(time_zone)))
        days = stamps.dt.date().cast(pl.Int32).to_numpy()
        return (days - days[0]).astype(np.intp), stamps.dt.hour().to_numpy().astype(np.intp)


def by_hour(observations: pl.LazyFrame) -> pl.DataFrame:
    """Return one row for each stream and hour with a value, sorted.

    Parameters
    ----------
    observations : polars.LazyFrame
        `COLUMNS`.
    """
    names = list(PROPERTIES)
    edges = [[known.low, known.high] for known in PROPERTIES.values()]
    low, high = (
        pl.col("property").replace_strict(
            names, pl.Series([pair[at] for pair in edges], dtype=pl.Float64), default=edge, return_dtype=pl.Float64
        )
        for at, edge in enumerate((-np.inf, np.inf))
    )
    usable = pl.col("value").is_between(low, high)
    value = pl.col("value").filter(usable)
    grouped = observations.with_columns(hour=pl.col("observed_at").dt.truncate("1h")).group_by(*STREAM, "hour")
    return (
        grouped.agg(
            value.mean().alias("mean"),
            value.min().alias("low"),
            value.max().alias("high"),
            usable.sum().cast(pl.Float64).alias("good"),
            (~usable).sum().cast(pl.Float64).alias("bad"),
            pl.col("observed_at").min().alias("first_at"),
            pl.col("observed_at").max().alias("last_at"),
            pl.col("value").sort_by("observed_at").last().alias("last_value"),
            pl.col("lon", "lat", "territory").sort_by("observed_at").last(),
        )
        .sort(*STREAM, "hour")
        .collect()
    )


def grid(hourly: pl.DataFrame, until: datetime) -> Hours:
    """Return the hours that had ended by ``until`` as matrices.

    Parameters
    ----------
    hourly : polars.DataFrame
        Made by `by_hour`; not empty.
    until : datetime
        The moment of knowledge (UTC).
    """
    told = pl.col("lon").is_not_null() & pl.col("lat").is_not_null()
    streams = hourly.group_by(*STREAM, maintain_order=True).agg(
        pl.col("lon", "lat").filter(told).last(),
        pl.col("territory").drop_nulls().last(),
        pl.col("lon", "lat").filter(told).first().name.prefix("first_"),
        pl.col("hour").first().alias("first_hour"),
    )
    first: datetime = hourly["hour"].min()  # type: ignore[assignment]
    count = max(int((until - first) / HOUR), 1)
    at = hourly.join(streams.select(STREAM).with_row_index("row"), on=STREAM, how="left", maintain_order="left")
    column = ((at["hour"] - first).dt.total_hours()).to_numpy()
    inside = column < count
    row = at["row"].to_numpy()[inside]

    def matrix(name: str, empty: float) -> Matrix:
        cells = np.full((streams.height, count), empty)
        cells[row, column[inside]] = at[name].cast(pl.Float64).fill_null(empty).to_numpy()[inside]
        return cells

    return Hours(
        streams,
        first,
        *(matrix(name, np.nan) for name in ("mean", "low", "high")),
        *(matrix(name, 0.0) for name in ("good", "bad")),
        *(matrix(name, np.nan) for name in ("lon", "lat")),
    )

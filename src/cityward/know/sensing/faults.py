"""What is wrong with a sensor: silent, stuck, out of range, moved."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.know.sensing.hours import STREAM, Flags, Hours

GAPS = 96
"""Gaps between values from which the rhythm of a sensor is learned."""

GAPS_MIN = 4
"""Fewest gaps that show a rhythm."""

PATIENCE = 4.0
"""A sensor is silent after so many usual gaps, or twice its rarest (19 in 20 are shorter), whatever is longer."""

PATIENCE_MIN = timedelta(hours=1)
"""No sensor is called silent sooner."""

PATIENCE_NEW = timedelta(days=7)
"""Patience with a sensor whose rhythm is not known yet."""

BACK_HOURS = 3
"""Hours with values, no gap between them too long, after which a silent sensor is back."""

STUCK_HOURS = 8
"""Shortest constant run of a stream with a known past that is suspect; whole numbers repeat by chance."""

STUCK_HOURS_NEW = 24
"""The same of a stream without a past."""

PAST_HOURS = 168
"""Hours with values that are a past: a week."""

MOVED_METRES = 250.0
"""A step that no correction of a position explains."""

_US = 1_000_000


def silences(hourly: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """Return every silence: source, sensor, property, opened_at, cleared_at (null while it lasts), last_at, patience.

    The gap that is too long is learned from the gaps before it. A sensor that is silent as a whole is one silence,
    with a null property; a stream has its own only while its sensor goes on in another.

    Parameters
    ----------
    hourly : polars.DataFrame
        Made by `cityward.know.sensing.hours.by_hour`.
    until : datetime
        The moment of knowledge (UTC).
    """
    whole = _silent(hourly.with_columns(property=pl.lit(None, dtype=pl.String)), until)
    single = _silent(hourly, until)
    covered = single.join(whole, on=["source", "sensor"], suffix="_whole").filter(
        (pl.col("opened_at_whole") <= pl.col("opened_at"))
        & (pl.col("cleared_at_whole").is_null() | (pl.col("cleared_at_whole") > pl.col("opened_at")))
    )
    own = single.join(covered, on=["source", "sensor", "property", "opened_at"], how="anti")
    return pl.concat([whole, own]).sort("opened_at", "source", "sensor", "property")


def _silent(hourly: pl.DataFrame, until: datetime) -> pl.DataFrame:
    sensor = ("source", "sensor", "property")
    seen = hourly.group_by(*sensor, "hour").agg(pl.col("first_at").min(), pl.col("last_at").max()).sort(*sensor, "hour")
    gap = (pl.col("first_at") - pl.col("last_at").shift(1)).dt.total_microseconds().cast(pl.Float64)
    seen = seen.with_columns(gap.over(sensor).alias("gap"))
    past = pl.col("gap")
    usual = past.rolling_median(GAPS, min_samples=GAPS_MIN)
    rare = past.rolling_quantile(0.95, interpolation="lower", window_size=GAPS, min_samples=GAPS_MIN)
    patience = pl.max_horizontal(PATIENCE * usual, 2 * rare, pl.lit(PATIENCE_MIN.total_seconds() * _US))
    patience = (
        pl.when(usual.is_null())
        .then(PATIENCE_NEW.total_seconds() * _US)
        .otherwise(patience)
        .cast(pl.Int64)
        .cast(pl.Duration("us"))
    )
    seen = seen.with_columns(
        patience.over(sensor).alias("patience"), pl.col("first_at").shift(-1).over(sensor).alias("next_at")
    )
    quiet = (pl.col("next_at").fill_null(until) - pl.col("last_at")) > pl.col("patience")
    seen = seen.with_columns(quiet.alias("quiet"), pl.int_range(pl.len()).over(sensor).alias("at"))
    return _merged(seen, until)


def _merged(seen: pl.DataFrame, until: datetime) -> pl.DataFrame:
    """Silences with the moment of return; one that begins before a sensor is back goes on."""
    rows: list[tuple[object, ...]] = []
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "source": pl.String, "sensor": pl.String, "property": pl.String, "opened_at": pl.Datetime("us", "UTC"),
        "cleared_at": pl.Datetime("us", "UTC"), "last_at": pl.Datetime("us", "UTC"), "patience": pl.Duration("us"),
    }  # fmt: skip
    troubled = seen.filter(pl.col("quiet").any().over("source", "sensor", "property"))
    for (source, sensor, name), mine in troubled.group_by("source", "sensor", "property", maintain_order=True):
        starts, quiet = mine["first_at"].to_list(), mine["quiet"].to_list()
        last, patience = mine["last_at"].to_list(), mine["patience"].to_list()
        end = -1
        for at in np.flatnonzero(quiet):
            if at < end:
                continue
            back, steady = None, 0
            for later in range(at + 1, len(starts)):
                steady += 1
                if steady == BACK_HOURS:
                    back = later
                    break
                if quiet[later]:
                    steady = 0
            end = len(starts) if back is None else back
            cleared = None if back is None else starts[back]
            if last[at] + patience[at] <= until:
                rows.append((source, sensor, name, last[at] + patience[at], cleared, last[at], patience[at]))
    return pl.DataFrame(rows, schema=schema, orient="row")


def silent_hours(hours: Hours, found: pl.DataFrame) -> Flags:
    """Return of each stream and hour whether its sensor was silent at the hour's end."""
    flags = np.zeros(hours.mean.shape, dtype=bool)
    rows = hours.streams.select(STREAM).with_row_index("row").join(found, on=["source", "sensor"], suffix="_silent")
    rows = rows.filter(pl.col("property_silent").is_null() | (pl.col("property_silent") == pl.col("property")))
    for row, opened, cleared in rows.select("row", "opened_at", "cleared_at").iter_rows():
        start = int(np.ceil((opened - hours.first).total_seconds() / 3600)) - 1
        end = hours.count if cleared is None else int((cleared - hours.first).total_seconds() // 3600)
        flags[row, max(start, 0) : max(end, 0)] = True
    return flags


def stuck(hours: Hours) -> tuple[Flags, Flags]:
    """Return where a stream has been constant too long, and where it is constant at all.

    Too long is twice the longest constant run that it showed before without being stuck.
    """
    streams, count = hours.mean.shape
    too_long, constant = (np.zeros((streams, count), dtype=bool) for _ in range(2))
    run, longest, past = (np.zeros(streams, dtype=int) for _ in range(3))
    last = np.full(streams, np.nan)
    for hour in range(count):
        low, high = hours.low[:, hour], hours.high[:, hour]
        here = ~np.isnan(low)
        same = here & (low == high) & (high == last)
        fresh = here & ~same
        bound = np.where(past >= PAST_HOURS, np.maximum(STUCK_HOURS, 2 * longest + 2), STUCK_HOURS_NEW)
        # A run that was too long is no measure of what is usual.
        longest = np.where(fresh & (run < bound), np.maximum(longest, run), longest)
        run = np.where(same, run + 1, np.where(fresh, 1, run))
        past += here
        last = np.where(here, high, last)
        constant[:, hour] = same
        too_long[:, hour] = same & (run >= bound)
    return too_long, constant


def implausible(hours: Hours) -> Flags:
    """Return where at least half of the values lie outside what can be measured, two of them or two hours in a row."""
    present = hours.good + hours.bad > 0
    half = present & (hours.bad >= hours.good)
    before = np.zeros_like(half)
    previous = np.zeros(half.shape[0], dtype=bool)
    for hour in range(hours.count):
        before[:, hour] = previous
        previous = np.where(present[:, hour], half[:, hour], previous)
    return half & ((hours.bad >= 2) | before)


def moves(hours: Hours) -> NDArray[np.intp]:
    """Return of each stream and hour the last hour in which its sensor had moved; 0 where it never had."""
    moved = np.zeros(hours.mean.shape, dtype=np.intp)
    lon, lat = (np.full(hours.mean.shape[0], np.nan) for _ in range(2))
    since = np.zeros(hours.mean.shape[0], dtype=np.intp)
    for hour in range(hours.count):
        here = ~np.isnan(hours.lon[:, hour]) & ~np.isnan(hours.lat[:, hour])
        far = metres(lon, lat, hours.lon[:, hour], hours.lat[:, hour]) > MOVED_METRES
        since = np.where(here & far, hour, since)
        lon, lat = np.where(here, hours.lon[:, hour], lon), np.where(here, hours.lat[:, hour], lat)
        moved[:, hour] = since
    return moved


def metres(
    lon: NDArray[np.float64], lat: NDArray[np.float64], to_lon: NDArray[np.float64], to_lat: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance on the sphere by the equirectangular approximation: good to a per cent within a city."""
    across = np.radians(to_lon - lon) * np.cos(np.radians((lat + to_lat) / 2))
    return np.asarray(6_371_000.0 * np.hypot(across, np.radians(to_lat - lat)))

"""A day's timetable as columns: the rides from one stop to the next, from the tables of a GTFS feed.

**Source**: General Transit Feed Specification, Schedule reference: stops, trips, stop_times, calendar,
calendar_dates, frequencies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

from cityward.core.errors import UserError
from cityward.core.limits import GTFS_CONNECTIONS, YEAR_MAX, YEAR_MIN
from cityward.equitable.reach.walking import Floats, Ints, plane

DAY_SECONDS: Final = 86_400
DAYS_MAX: Final = 1_500
"""Days of a feed that are looked through for its fullest one."""

UNKNOWN, YES, NO = 0, 1, 2
"""Whether a wheelchair can get on: GTFS ``wheelchair_boarding`` and ``wheelchair_accessible``."""

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME: Final = r"^\s*(\d{1,3}):([0-5]\d):([0-5]\d)\s*$"
_NEEDED: Final = {
    "stops": ("stop_id", "stop_lat", "stop_lon"),
    "trips": ("trip_id", "service_id"),
    "stop_times": ("trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time"),
}
_OPTIONAL: Final = {"frequencies": ("trip_id", "start_time", "end_time", "headway_secs")}


@dataclass(frozen=True, slots=True)
class Timetable:
    """Rides of one day within some hours.

    Attributes
    ----------
    stops : tuple of str
    lon, lat : ndarray, shape (stops,)
    wheelchair_stop : ndarray of int, shape (stops,)
        `UNKNOWN`, `YES` or `NO`.
    departs, arrives : ndarray of int, shape (rides,)
        Seconds after midnight, the latest departure first; rides of a trip that depart together, the last first.
    from_stop, to_stop, trip : ndarray of int, shape (rides,)
    boards, alights : ndarray of bool, shape (rides,)
        Whether passengers may get on at its first stop and off at its last.
    wheelchair : ndarray of int, shape (rides,)
    trips : int
    left_out : dict
        How many trips or stops cannot be used, by reason.
    """

    stops: tuple[str, ...]
    lon: Floats
    lat: Floats
    wheelchair_stop: Ints
    departs: Ints
    arrives: Ints
    from_stop: Ints
    to_stop: Ints
    trip: Ints
    boards: np.ndarray
    alights: np.ndarray
    wheelchair: Ints
    trips: int
    day: date
    left_out: dict[str, int] = field(default_factory=dict)


def read_timetable(
    tables: Mapping[str, pl.DataFrame], day: date | None, first_second: int, last_second: int
) -> Timetable:
    """Return the rides of a day between two moments.

    Parameters
    ----------
    tables : mapping of str to polars.DataFrame
        By the name of their file without ``.txt``; every column is text.
    day : datetime.date, optional
        Default the first day on which most trips run.
    first_second, last_second : int
        After midnight of the day; a ride that departs before or arrives after is left out.

    Raises
    ------
    UserError
        A table or column is missing, no trip runs on the day, or there are too many rides.
    """
    for name, columns in (_NEEDED | {one: had for one, had in _OPTIONAL.items() if one in tables}).items():
        if name not in tables:
            raise UserError(f"The timetable has no {name}.txt.", "Give a GTFS feed with stops, trips and stop_times.")
        missing = [column for column in columns if column not in tables[name].columns]
        if missing:
            raise UserError(
                f"{name}.txt has no column '{missing[0]}'.", "GTFS requires it; ask who publishes the feed."
            )
    left_out: dict[str, int] = {}
    stops = _stops(tables["stops"], left_out)
    running = _running(tables)
    day = day or _fullest(tables["trips"], running)
    times = _stop_times(tables, stops, left_out)
    parts = []
    for before in (0, 1):  # a trip of yesterday may still run after midnight
        services = running(day - timedelta(days=before))
        mine = times.filter(pl.col("service").is_in(list(services)))
        shifted = _repeated(mine, tables.get("frequencies"))
        parts.append(
            shifted.with_columns(
                pl.col("arrives") - before * DAY_SECONDS,
                pl.col("departs") - before * DAY_SECONDS,
                pl.format("{}-{}", pl.lit(before), "run").alias("run"),
            )
        )
        if not before and not mine.height:
            raise UserError(
                f"No trip runs on {day} by the calendar of the feed.",
                f"Give another --date; most trips run on {_fullest(tables['trips'], running)}.",
            )
    return _rides(pl.concat(parts), stops, day, (first_second, last_second), left_out)


def _count(left_out: dict[str, int], why: str, many: int) -> None:
    if many:
        left_out[why] = left_out.get(why, 0) + many


def _stops(table: pl.DataFrame, left_out: dict[str, int]) -> pl.DataFrame:
    """Stops with their position; one inherits from its station whether wheelchairs can be used."""
    kind = pl.col("location_type") if "location_type" in table.columns else pl.lit(None, pl.String)
    parent = pl.col("parent_station") if "parent_station" in table.columns else pl.lit(None, pl.String)
    wheelchair = pl.col("wheelchair_boarding") if "wheelchair_boarding" in table.columns else pl.lit(None, pl.String)
    told = table.select(
        "stop_id",
        lon=pl.col("stop_lon").str.strip_chars().cast(pl.Float64, strict=False),
        lat=pl.col("stop_lat").str.strip_chars().cast(pl.Float64, strict=False),
        kind=kind.str.strip_chars().fill_null("0").replace("", "0"),
        parent=parent.fill_null(""),
        wheelchair=wheelchair.str.strip_chars().cast(pl.Int64, strict=False).fill_null(UNKNOWN),
    )
    if told["stop_id"].is_duplicated().any():
        _count(left_out, "stops with an identifier that another has", int(told["stop_id"].is_duplicated().sum()))
        told = told.unique("stop_id", keep="first", maintain_order=True)
    stations = told.select(parent="stop_id", inherited="wheelchair")
    told = told.join(stations, on="parent", how="left", maintain_order="left").with_columns(
        wheelchair=pl.when(pl.col("wheelchair") == UNKNOWN)
        .then(pl.col("inherited").fill_null(UNKNOWN))
        .otherwise("wheelchair")
    )
    told = told.filter(pl.col("kind") == "0")
    placed = told.filter(pl.col("lon").is_between(-180, 180), pl.col("lat").is_between(-90, 90))
    _count(left_out, "stops without a place on earth", told.height - placed.height)
    if not placed.height:
        raise UserError("stops.txt has no stop with a place.", "Check stop_lat and stop_lon.")
    return placed.with_row_index("stop").with_columns(pl.col("stop").cast(pl.Int64))


class _running:  # noqa: N801 (used as a function of a day)
    """The services that run on a day."""

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self.weekly: list[tuple[str, date, date, tuple[bool, ...]]] = []
        self.exceptions: dict[date, dict[str, bool]] = {}
        calendar, dates = tables.get("calendar"), tables.get("calendar_dates")
        if calendar is None and dates is None:
            raise UserError("The timetable has no calendar.txt and no calendar_dates.txt.", "One of them is needed.")
        for row in calendar.iter_rows(named=True) if calendar is not None else ():
            first, last = _day(row.get("start_date")), _day(row.get("end_date"))
            if first and last:
                week = tuple((row.get(name) or "").strip() == "1" for name in WEEKDAYS)
                self.weekly.append((row.get("service_id") or "", first, last, week))
        for row in dates.iter_rows(named=True) if dates is not None else ():
            day, kind = _day(row.get("date")), (row.get("exception_type") or "").strip()
            if day and kind in ("1", "2"):
                self.exceptions.setdefault(day, {})[row.get("service_id") or ""] = kind == "1"

    def __call__(self, day: date) -> set[str]:
        weekday = day.weekday()
        running = {name for name, first, last, week in self.weekly if first <= day <= last and week[weekday]}
        for name, added in self.exceptions.get(day, {}).items():
            running.add(name) if added else running.discard(name)
        return running

    def days(self) -> list[date]:
        """Days that the feed tells of, at most `DAYS_MAX` from its first on."""
        ends = [one for _, first, last, _ in self.weekly for one in (first, last)] + list(self.exceptions)
        if not ends:
            return []
        first, last = min(ends), max(ends)
        return [first + timedelta(days=at) for at in range(min(DAYS_MAX, (last - first).days + 1))]


def _day(text: str | None) -> date | None:
    found = re.fullmatch(r"\s*(\d{4})(\d\d)(\d\d)\s*", text or "")
    try:
        day = date(int(found[1]), int(found[2]), int(found[3])) if found else None
        return day if day and YEAR_MIN <= day.year <= YEAR_MAX else None
    except ValueError:
        return None


def _fullest(trips: pl.DataFrame, running: _running) -> date:
    """The first day on which most trips run."""
    sizes = dict(trips.group_by("service_id").len().iter_rows())
    days = running.days()
    if not days:
        raise UserError("The calendar of the timetable has no day.", "Check calendar.txt and calendar_dates.txt.")
    return max(days, key=lambda day: (sum(sizes.get(name, 0) for name in running(day)), -day.toordinal()))


def _seconds(column: str) -> pl.Expr:
    parts = pl.col(column).str.extract_groups(_TIME).struct
    hours, minutes, seconds = (parts.field(str(at)).cast(pl.Int64) for at in (1, 2, 3))
    return 3600 * hours + 60 * minutes + seconds


def _flag(table: pl.DataFrame, column: str) -> pl.Expr:
    """Whether passengers may get on (or off): 1 in ``pickup_type`` says no."""
    if column not in table.columns:
        return pl.lit(True)
    return pl.col(column).str.strip_chars().fill_null("0") != "1"


def _stop_times(tables: Mapping[str, pl.DataFrame], stops: pl.DataFrame, left_out: dict[str, int]) -> pl.DataFrame:
    """Rows of stop_times of usable trips in their order, every time known."""
    table, trips = tables["stop_times"], tables["trips"]
    wheelchair = (
        pl.col("wheelchair_accessible") if "wheelchair_accessible" in trips.columns else pl.lit(None, pl.String)
    )
    known = trips.unique("trip_id", keep="first", maintain_order=True).select(
        "trip_id",
        service="service_id",
        wheelchair=wheelchair.str.strip_chars().cast(pl.Int64, strict=False).fill_null(UNKNOWN),
    )
    rows = table.select(
        "trip_id",
        "stop_id",
        sequence=pl.col("stop_sequence").str.strip_chars().cast(pl.Int64, strict=False),
        arrives=_seconds("arrival_time"),
        departs=_seconds("departure_time"),
        boards=_flag(table, "pickup_type"),
        alights=_flag(table, "drop_off_type"),
    )
    rows = rows.with_columns(
        arrives=pl.col("arrives").fill_null(pl.col("departs")), departs=pl.col("departs").fill_null(pl.col("arrives"))
    )
    rows = rows.join(known, on="trip_id", how="left").join(
        stops.select("stop_id", "stop", "lon", "lat"), on="stop_id", how="left"
    )
    rows = rows.sort("trip_id", "sequence", maintain_order=True)
    trip = pl.col("trip_id")
    ends_known = pl.col("arrives").first().over(trip).is_not_null() & pl.col("arrives").last().over(trip).is_not_null()
    reasons = {
        "trips that trips.txt does not have": pl.col("service").is_null().any().over(trip),
        "trips with a stop that is not usable": pl.col("stop").is_null().any().over(trip),
        "trips without an order of their stops": pl.col("sequence").is_null().any().over(trip)
        | pl.struct("trip_id", "sequence").is_duplicated().any().over(trip),
        "trips without a time at their first and last stop": ~ends_known,
    }
    for why, bad in reasons.items():
        rows = rows.with_columns(bad=bad)
        _count(left_out, why, rows.filter("bad")["trip_id"].n_unique())
        rows = rows.filter(~pl.col("bad"))
    rows = _between(rows)
    back = (pl.col("departs") < pl.col("arrives")) | (
        pl.col("arrives") < pl.col("departs").shift(1).over("trip_id")
    ).fill_null(False)
    rows = rows.with_columns(bad=back.any().over("trip_id"))
    _count(left_out, "trips that go back in time", rows.filter("bad")["trip_id"].n_unique())
    return rows.filter(~pl.col("bad"))


def _between(rows: pl.DataFrame) -> pl.DataFrame:
    """Times at stops that have none: in proportion to the straight way between the stops that have one."""
    if not rows.height:
        return rows
    lat = rows["lat"].to_numpy()
    x, y = plane(rows["lon"].to_numpy(), lat, float(lat.mean()))
    code = rows["trip_id"].rle_id().to_numpy()
    step = np.hypot(np.diff(x, prepend=x[0]), np.diff(y, prepend=y[0])) + 1e-3
    way = np.cumsum(step)
    known = rows["arrives"].is_not_null().to_numpy()
    at = np.flatnonzero(known)
    before = at[np.maximum(np.searchsorted(at, np.arange(known.size), side="right") - 1, 0)]
    after = at[np.minimum(np.searchsorted(at, np.arange(known.size)), at.size - 1)]
    assert (code[before] == code).all()  # noqa: S101 (each trip begins and ends with a time)
    arrives = rows["arrives"].fill_null(0).to_numpy().astype(float)
    departs = rows["departs"].fill_null(0).to_numpy().astype(float)
    length = np.where(known, 1.0, way[after] - way[before])
    share = np.where(known, 0.0, (way - way[before]) / np.where(length > 0, length, 1.0))
    guess = np.round(departs[before] + share * (arrives[after] - departs[before])).astype(np.int64)
    return rows.with_columns(
        arrives=pl.when(pl.Series(known)).then("arrives").otherwise(pl.Series(guess)),
        departs=pl.when(pl.Series(known)).then("departs").otherwise(pl.Series(guess)),
    )


def _repeated(rows: pl.DataFrame, frequencies: pl.DataFrame | None) -> pl.DataFrame:
    """Runs of trips: one each, or as often as frequencies.txt says; adds ``run``."""
    once = rows.with_columns(run=pl.col("trip_id"))
    if frequencies is None or not frequencies.height:
        return once
    every = frequencies.select(
        "trip_id",
        begins=_seconds("start_time"),
        ends=_seconds("end_time"),
        headway=pl.col("headway_secs").str.strip_chars().cast(pl.Int64, strict=False),
    ).filter(pl.col("headway") > 0, pl.col("ends") > pl.col("begins"))
    runs = int(((every["ends"] - every["begins"]) // every["headway"] + 1).sum() or 0)
    if runs * max(1, rows.height // max(1, rows["trip_id"].n_unique())) > GTFS_CONNECTIONS:
        raise UserError(f"frequencies.txt makes {runs:,} runs of trips.", "Check headway_secs.")
    starts = every.select("trip_id", leaves=pl.int_ranges("begins", "ends", "headway")).explode("leaves")
    first = rows.group_by("trip_id").agg(first=pl.col("departs").first())
    again = (
        rows.join(starts, on="trip_id")
        .join(first, on="trip_id")
        .with_columns(
            arrives=pl.col("arrives") - pl.col("first") + pl.col("leaves"),
            departs=pl.col("departs") - pl.col("first") + pl.col("leaves"),
            run=pl.format("{}@{}", "trip_id", "leaves"),
        )
        .drop("leaves", "first")
    )
    repeated = every["trip_id"].unique()
    return pl.concat([once.filter(~pl.col("trip_id").is_in(repeated.to_list())), again])


def _rides(
    rows: pl.DataFrame, stops: pl.DataFrame, day: date, span: tuple[int, int], left_out: dict[str, int]
) -> Timetable:
    """Rides from each stop to the next, in the order in which they are looked at."""
    rows = rows.sort("run", "sequence", maintain_order=True)
    rides = rows.with_columns(
        to_stop=pl.col("stop").shift(-1).over("run"),
        reaches=pl.col("arrives").shift(-1).over("run"),
        off=pl.col("alights").shift(-1).over("run"),
        trip=pl.col("run").rle_id().cast(pl.Int64),
    ).filter(pl.col("to_stop").is_not_null(), pl.col("departs") >= span[0], pl.col("reaches") <= span[1])
    if rides.height > GTFS_CONNECTIONS:
        raise UserError(f"The timetable has {rides.height:,} rides in these hours.", "Give a smaller area or window.")
    rides = rides.sort(["departs", "trip", "sequence"], descending=True)
    return Timetable(
        stops=tuple(stops["stop_id"].to_list()),
        lon=stops["lon"].to_numpy(),
        lat=stops["lat"].to_numpy(),
        wheelchair_stop=stops["wheelchair"].to_numpy(),
        departs=rides["departs"].to_numpy(),
        arrives=rides["reaches"].to_numpy(),
        from_stop=rides["stop"].to_numpy(),
        to_stop=rides["to_stop"].to_numpy(),
        trip=rides["trip"].to_numpy(),
        boards=rides["boards"].to_numpy(),
        alights=rides["off"].to_numpy(),
        wheelchair=rides["wheelchair"].to_numpy(),
        trips=int(rides["trip"].n_unique()),
        day=day,
        left_out=left_out,
    )

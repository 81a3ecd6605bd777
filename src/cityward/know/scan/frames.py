"""From frames to a study: places with one position, intervals of time, and what the null hypothesis expects."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.errors import UserError
from cityward.core.limits import SCAN_CELLS
from cityward.know.scan.person_time import expected_cases
from cityward.know.scan.study import Counts, Floats, Model, Study

Unit = Literal["day", "month", "year"]

MONTHS_IN: dict[str, int] = {"month": 1, "year": 12}
DAYS_IN_WEEK = 7

FIRST_YEAR, LAST_YEAR = 1000, 9999
"""Dates beyond these cannot be told from mistakes, and intervals laid from the end would leave the calendar."""


@dataclass(frozen=True, slots=True)
class Table:
    """A study with what its positions mean.

    Attributes
    ----------
    study : Study
        Counts and null hypothesis.
    members : list of tuple of str
        Identifiers at each place; several when locations share their coordinates.
    edges : list of date
        First day of each interval, and the day after the last.
    people : ndarray, shape (places,)
        Mean population over the study; empty when the model has none.
    without_place, outside : int
        Cases (and controls) that were left out: at an unknown location; at another time.
    """

    study: Study
    members: list[tuple[str, ...]]
    edges: list[date]
    people: Floats
    without_place: int
    outside: int


def tabulate(
    cases: pl.DataFrame,
    places: pl.DataFrame,
    model: Model,
    *,
    start: date,
    end: date,
    unit: Unit = "day",
    every: int = 1,
    population: pl.DataFrame | None = None,
    controls: pl.DataFrame | None = None,
    weekday: bool = False,
    sphere: bool = True,
) -> Table:
    """Count cases by place and interval and work out what is expected.

    Parameters
    ----------
    cases : polars.DataFrame
        ``place`` (str), ``cases`` (int), ``time`` (date; missing in all rows for a purely spatial scan), and
        ``category`` (str) when there is a covariate.
    places : polars.DataFrame
        ``place`` (str), ``x`` and ``y`` (float): longitude and latitude in degrees, or plane coordinates.
    model : str
        ``space-time-permutation``, ``poisson`` or ``bernoulli``.
    start, end : date
        First and last day of the study.
    unit, every
        Length of an interval; intervals are laid from the end backwards, so that only the first may be
        shorter.
    population : polars.DataFrame, optional
        Poisson: ``place``, ``time`` (date), ``population`` (float) and ``category``. Without it all places
        count alike, at all times.
    controls : polars.DataFrame, optional
        Bernoulli: ``place``, ``controls`` and ``time``, as ``cases``.
    weekday : bool
        Adjust for the day of the week: within it (permutation), or so that each has the cases expected
        that it had (Poisson). Needs intervals of one day.
    sphere : bool
        Whether coordinates are degrees.

    Raises
    ------
    UserError
        What was given cannot be scanned; the message says why.

    Notes
    -----
    Locations at one point are one place. Places are in the order of their identifiers, which decides
    between equally strong clusters.
    """
    if start > end:
        raise UserError(f"The study begins on {start}, after its end on {end}.", "Exchange --from and --to.")
    edges = intervals(start, end, unit, every)
    at, members, x, y = _merged(places)
    if len(edges) * len(members) > SCAN_CELLS:
        raise UserError(
            f"{len(members):,} places by {len(edges) - 1:,} intervals are more than {SCAN_CELLS:,} counts.",
            "Sum to larger places or longer intervals.",
        )
    shape = (len(edges) - 1, len(members))
    rows, lost, outside = _locate(cases, "cases", at, edges, start, end)
    if model != "space-time-permutation":
        counts = _count(rows, shape)[None]
        if model == "poisson":
            base, people = _expected(rows, population, at, edges, shape, start, end)
            if weekday:
                base = _weekday_shares(base, counts[0], edges)
        else:
            if controls is None:
                raise UserError("The Bernoulli model compares cases with controls.", "Give them with --ctl.")
            others, lost_too, outside_too = _locate(controls, "controls", at, edges, start, end)
            lost, outside = lost + lost_too, outside + outside_too
            base = (counts[0] + _count(others, shape)).astype(np.float64)
            people = base.sum(axis=0)
    else:
        counts, base, people = _stratified(rows, shape, edges, weekday=weekday), np.zeros((0, 0)), np.zeros(0)
    return Table(Study(x, y, counts, model, base, sphere), members, edges, people, lost, outside)


def intervals(start: date, end: date, unit: Unit, every: int) -> list[date]:
    """First days of the intervals of a study, and the day after it."""
    if every < 1:
        raise UserError(f"An interval of {every} {unit}s has no length.", "Give 1 or more.")
    if not (start.year > FIRST_YEAR and end.year < LAST_YEAR):
        raise UserError(
            f"A study from {start} to {end} leaves the calendar.",
            f"Use years after {FIRST_YEAR} and before {LAST_YEAR}.",
        )
    every = min(every, (end - start).days + 1)  # longer is the whole study
    edges = [end + timedelta(days=1)]
    while edges[-1] > start:
        step = len(edges) * every
        earlier = edges[0] - timedelta(days=step) if unit == "day" else _months_before(edges[0], step * MONTHS_IN[unit])
        edges.append(max(earlier, start))
    return edges[::-1]


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    if year < 1:  # before any calendar, and so before the study
        return date.min
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _merged(places: pl.DataFrame) -> tuple[pl.DataFrame, list[tuple[str, ...]], Floats, Floats]:
    """Return the position of each identifier, the identifiers at each position, and its coordinates."""
    known = places.unique().sort("place")
    twice = known.filter(pl.col("place").is_duplicated())["place"]
    if twice.len():
        raise UserError(f"Location '{twice[0]}' has more than one position.", "Leave one line for each location.")
    if not known.height:
        raise UserError("There is no location.", "Give locations with coordinates.")
    if known["x"].is_infinite().any() or known["y"].is_infinite().any() or known["x"].is_nan().any():
        raise UserError("A coordinate is not a finite number.", "Correct the file of locations.")
    groups = known.group_by("x", "y", maintain_order=True).agg("place")
    at = groups.with_row_index("at").explode("place").select("place", pl.col("at").cast(pl.Int64))
    members = [tuple(ids) for ids in groups["place"].to_list()]
    return at, members, groups["x"].to_numpy().copy(), groups["y"].to_numpy().copy()


def _locate(
    frame: pl.DataFrame, value: str, at: pl.DataFrame, edges: Sequence[date], start: date, end: date
) -> tuple[pl.DataFrame, int, int]:
    """Rows with ``at`` and ``interval``; and how many were left out for their place, and for their time."""
    if (frame[value] < 0).any():
        raise UserError(f"A number of {value} is negative.", "Give 0 or more.")
    found = frame.rename({value: "count"}).join(at, on="place", how="left")
    lost = int(found.filter(pl.col("at").is_null())["count"].sum())
    found = found.filter(pl.col("at").is_not_null())
    if "time" not in found.columns:
        return found.with_columns(interval=pl.lit(0, pl.Int64)), lost, 0
    inside = pl.col("time").is_between(start, end)
    outside = int(found.filter(~inside)["count"].sum())
    cuts = np.array(edges, dtype="datetime64[D]")
    found = found.filter(inside)
    place_in_time = np.searchsorted(cuts, found["time"].to_numpy().astype("datetime64[D]"), side="right") - 1
    return found.with_columns(interval=pl.Series(place_in_time, dtype=pl.Int64)), lost, outside


def _count(rows: pl.DataFrame, shape: tuple[int, int]) -> Counts:
    counts = np.zeros(shape, dtype=np.int64)
    np.add.at(counts, (rows["interval"].to_numpy(), rows["at"].to_numpy()), rows["count"].to_numpy())
    return counts


def _stratified(rows: pl.DataFrame, shape: tuple[int, int], edges: Sequence[date], *, weekday: bool) -> Counts:
    """Counts by stratum: the categories, by weekday if asked."""
    parts = rows.partition_by("category") if "category" in rows.columns and rows.height else [rows]
    counts = np.stack([_count(part, shape) for part in parts])
    if not weekday:
        return counts
    days = _weekdays(edges)
    strata = [part * (days == day)[:, None] for part in counts for day in range(DAYS_IN_WEEK)]
    return np.stack([stratum for stratum in strata if stratum.any()] or [counts[0]])


def _weekdays(edges: Sequence[date]) -> NDArray[np.int64]:
    days = np.array([edge.weekday() for edge in edges[:-1]])
    if (edges[-1] - edges[0]).days != days.size:
        raise UserError("Weekdays need intervals of one day.", "Leave --weekday out, or scan by days.")
    return days


def _weekday_shares(base: Floats, cases: Counts, edges: Sequence[date]) -> Floats:
    """Expected cases, scaled so that each weekday expects what it had."""
    days, found = _weekdays(edges), base.copy()
    for day in range(DAYS_IN_WEEK):
        expected = base[days == day].sum()
        if expected > 0:
            found[days == day] *= cases[days == day].sum() / expected
    return found


def _expected(
    rows: pl.DataFrame,
    population: pl.DataFrame | None,
    at: pl.DataFrame,
    edges: Sequence[date],
    shape: tuple[int, int],
    start: date,
    end: date,
) -> tuple[Floats, Floats]:
    """Expected cases by interval and place, and mean population of the places."""
    if population is None:
        days = np.diff(np.array(edges, dtype="datetime64[D]")).astype(np.float64)
        share = np.outer(days / days.sum(), np.full(shape[1], 1 / shape[1]))
        return share * int(rows["count"].sum()), np.zeros(0)
    if (population["population"] < 0).any() or not population["population"].is_finite().all():
        raise UserError("A population is negative or not a number.", "Give 0 or more.")
    people = population.join(at, on="place", how="inner")
    return expected_cases(rows, people, edges, shape[1], start, end)

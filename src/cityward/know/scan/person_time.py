"""Expected cases from a population over time, by indirect standardisation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from cityward.core.errors import UserError
from cityward.know.scan.study import Floats

ALL = ""
"""The category of those who have none."""


def expected_cases(
    cases: pl.DataFrame, people: pl.DataFrame, edges: Sequence[date], places: int, start: date, end: date
) -> tuple[Floats, Floats]:
    """Return expected cases by interval and place, and the mean population of each place.

    Parameters
    ----------
    cases : polars.DataFrame
        ``count`` of the study, by ``category`` when there is one.
    people : polars.DataFrame
        ``at`` (place), ``time``, ``population`` and ``category`` when there is one. What is not told of a
        day on which others are counted is nobody.
    edges : sequence of date
        First day of each interval, and the day after the last.
    places : int
        Number of places.
    start, end : date
        First and last day of the study.

    Returns
    -------
    expected : ndarray, shape (intervals, places)
        In sum the observed cases.
    mean : ndarray, shape (places,)
        Population, averaged over the study.

    Raises
    ------
    UserError
        Cases of a category in which nobody lives.

    Notes
    -----
    Population is interpolated linearly between the days on which it is counted, and constant before and
    after. Each category has one risk, its cases per person and day in the whole study; a place expects the
    sum of risk times person-days (indirect standardisation; Kulldorff 1997, section 5).
    """
    if not people.height:
        raise UserError("No location has a population.", "Check that both files name locations alike.")
    if "category" not in people.columns:
        people = people.with_columns(category=pl.lit(ALL))
    if "category" not in cases.columns:
        cases = cases.with_columns(category=pl.lit(ALL))
    dates = people["time"].unique().sort().to_list()
    kinds = people["category"].unique().sort().to_list()
    positions = people.select(
        pl.col("time").replace_strict(dates, range(len(dates)), return_dtype=pl.Int64),
        pl.col("at"),
        pl.col("category").replace_strict(kinds, range(len(kinds)), return_dtype=pl.Int64),
        pl.col("population").cast(pl.Float64),
    )
    counted = np.zeros((len(dates), places, len(kinds)))
    cells = tuple(positions[name].to_numpy() for name in ("time", "at", "category"))
    np.add.at(counted, cells, positions["population"].to_numpy())
    weights = _weights(dates, edges)
    person_days = np.tensordot(weights, counted, axes=1)
    ill = dict(cases.group_by("category").agg(pl.col("count").sum()).iter_rows())
    observed = np.array([float(ill.get(kind, 0)) for kind in kinds])
    at_risk = person_days.sum(axis=(0, 1))
    nobody = [kind for kind, found in ill.items() if found and (kind not in kinds or at_risk[kinds.index(kind)] <= 0)]
    if nobody:
        named = f" of category '{nobody[0]}'" if nobody[0] != ALL else ""
        raise UserError(f"There are cases{named} but no population.", "Complete the population file.")
    risk = np.divide(observed, at_risk, out=np.zeros_like(at_risk), where=at_risk > 0)
    return person_days @ risk, person_days.sum(axis=(0, 2)) / ((end - start).days + 1)


def _weights(dates: Sequence[date], edges: Sequence[date]) -> Floats:
    """Person-days of each interval per person counted at each date, shape (intervals, dates)."""
    counted = np.array([day.toordinal() for day in dates], dtype=np.float64)
    cuts = np.array([day.toordinal() for day in edges], dtype=np.float64)
    grid = np.union1d(cuts, counted[(counted > cuts[0]) & (counted < cuts[-1])])
    # Interpolation is linear between the points of the grid, so that the trapezium rule is exact.
    values = np.stack([np.interp(grid, counted, unit) for unit in np.eye(counted.size)], axis=1)
    areas = (values[1:] + values[:-1]) / 2 * np.diff(grid)[:, None]
    sums = np.concatenate([np.zeros((1, counted.size)), np.cumsum(areas, axis=0)])
    at = np.searchsorted(grid, cuts)
    return np.asarray(sums[at[1:]] - sums[at[:-1]])

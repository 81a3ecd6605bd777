"""Trips and stays of persons, as rows that only a private release may count.

What leaves here still names pseudonyms: it goes to the contribution bound and the noise, never to a file. Who met whom
cannot be asked: no column tells of a second person.
"""

from __future__ import annotations

import polars as pl


def trips(rows: pl.LazyFrame, gap_hours: float = 24.0) -> pl.LazyFrame:
    """Return moves from one territory to the next: ``person``, ``at``, ``origin``, ``territory``.

    Parameters
    ----------
    rows : polars.LazyFrame
        ``person``, ``at``, ``territory``; rows that lack one are left out.
    gap_hours : float
        Two sightings farther apart are no trip.
    """
    following = _following(rows)
    return following.filter(
        pl.col("origin").is_not_null() & (pl.col("origin") != pl.col("territory")) & (pl.col("hours") <= gap_hours)
    ).select("person", "at", "origin", "territory")


def stays(rows: pl.LazyFrame, gap_hours: float = 24.0) -> pl.LazyFrame:
    """Return time between two sightings in one territory: ``person``, ``at``, ``territory``, ``value`` (hours)."""
    following = _following(rows)
    return following.filter((pl.col("origin") == pl.col("territory")) & (pl.col("hours") <= gap_hours)).select(
        "person", "at", "territory", value=pl.col("hours")
    )


def _following(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Each sighting with where the same person was seen before, and how many hours ago."""
    seen = rows.select("person", "at", "territory").drop_nulls().sort("person", "at", "territory")
    return seen.with_columns(
        origin=pl.col("territory").shift(1).over("person"),
        hours=(pl.col("at") - pl.col("at").shift(1).over("person")).dt.total_seconds(fractional=True) / 3600,
    )

"""What a release counts: rows of history as its kind asks for them. They stay behind the doors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from cityward.core.clock import end_of_day
from cityward.core.releases import ReleaseRequest
from cityward.private.trips import stays, trips

COLUMNS = ("person", "source", "service", "territory", "occurred_at", "closed_at")


def known_at(request: ReleaseRequest, zone: str) -> datetime | None:
    """As of when rows are read: ways and stays end with the last day asked for."""
    return end_of_day(request.last, zone) if request.kind in ("trips", "dwell") else None


def shaped(
    rows: pl.LazyFrame, request: ReleaseRequest, zone: str, sources: Sequence[str], *, only: bool
) -> pl.DataFrame:
    """Rows of the days of ``request``, shape (rows, person, territory, day and what its kind counts).

    Parameters
    ----------
    rows : polars.LazyFrame
        `COLUMNS` of history.
    zone : str
        IANA time zone of the days.
    sources : sequence of str
        Those of the group, or with ``only`` false those of all other groups, which are left out.
    """
    local = pl.col("occurred_at").dt.convert_time_zone(zone).dt.date()
    theirs = pl.col("source").is_in(list(sources))
    known = rows.filter(theirs if only else ~theirs, local.is_between(request.first, request.last))
    if request.kind in ("trips", "dwell"):
        seen = known.select("person", "territory", at=pl.col("occurred_at"))
        moved = trips(seen) if request.kind == "trips" else stays(seen)
        return moved.with_columns(day=pl.col("at").dt.convert_time_zone(zone).dt.date()).drop("at").collect()
    columns = [pl.col("person", "service", "territory"), local.alias("day")]
    if request.kind not in ("count", "persons"):
        known = known.filter(pl.col("closed_at").is_not_null())
        waited = (pl.col("closed_at") - pl.col("occurred_at")).dt.total_seconds(fractional=True) / 86_400
        columns.append(waited.alias("value"))
    return known.select(columns).collect()

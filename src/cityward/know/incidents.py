"""Incidents: reports of the same thing, at the same place, while it is open, are one incident."""

from __future__ import annotations

import polars as pl

CELL_DIGITS = 4
"""Coordinates are compared to 0.0001°, about 10 m: one address, not the next house."""

WINDOW_DAYS = 30
"""A case without a closing day is taken to live this long after its last report."""


def collapse(history: pl.DataFrame, *, window_days: int = WINDOW_DAYS) -> pl.DataFrame:
    """Return ``history`` with a column ``incident`` (UInt64), equal for reports of one incident.

    Parameters
    ----------
    history : polars.DataFrame
        With ``service``, ``lon``, ``lat``, ``occurred_at`` and ``closed_at``.
    window_days : int
        Longest life, after its last report, of a case that is not known to be closed.

    Notes
    -----
    Never across services. A report without a position is an incident of its own.
    """
    life = pl.duration(days=window_days)
    place = pl.struct("service", pl.col("lon").round(CELL_DIGITS), pl.col("lat").round(CELL_DIGITS))
    ordered = (
        history.with_row_index("_row")
        .with_columns(
            pl.when(pl.col("lon").is_null() | pl.col("lat").is_null())
            .then(pl.col("_row").cast(pl.UInt64))
            .otherwise(place.hash())
            .alias("_place"),
            pl.coalesce("closed_at", pl.col("occurred_at") + life).alias("_ends"),
        )
        .sort("_place", "occurred_at", "_row")
    )
    open_until = pl.col("_ends").cum_max().shift(1).over("_place")
    first = open_until.is_null() | (pl.col("occurred_at") > open_until)
    return (
        ordered.with_columns(first.cum_sum().cast(pl.UInt64).alias("incident"))
        .sort("_row")
        .drop("_row", "_place", "_ends")
    )

"""The day to which a city is known: one late row of one small source does not move it."""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

USUAL_DAYS: Final = 28
"""What a source usually brings is counted over so many days, up to the last one on which it was heard."""

SHARE_MIN: Final = 0.1
"""Sources heard on the last day bring at least a tenth of what all usually bring: otherwise the others were not read,
and everything that they did not say would look like quiet days."""


def last_day(heard: pl.DataFrame) -> date | None:
    """Return the last day on which enough of the city was heard; None where nothing was.

    Parameters
    ----------
    heard : polars.DataFrame
        ``source`` and ``day`` (the local one), a row for each interaction; days to come left out.
    """
    daily = heard.drop_nulls("day").group_by("source", "day").len()
    usual = (
        daily.with_columns(pl.col("day").max().over("source").alias("last"))
        .filter(pl.col("day") > pl.col("last") - pl.duration(days=USUAL_DAYS))
        .group_by("last")
        .agg(pl.col("len").sum())
        .sort("last", descending=True)
    )
    enough = usual.filter(pl.col("len").cum_sum() >= SHARE_MIN * pl.col("len").sum())
    return enough["last"].item(0) if enough.height else None

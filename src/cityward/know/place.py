"""Gives each interaction its territory: by point, else by the code that the source states."""

from __future__ import annotations

import numpy as np
import polars as pl

from cityward.core.frames import PLACED, conform
from cityward.know.territory import TerritoryIndex


def place(frame: pl.DataFrame, index: TerritoryIndex) -> pl.DataFrame:
    """Return ``frame`` with ``territory`` and ``placed_by`` (``point``, ``code`` or null).

    Parameters
    ----------
    frame : polars.DataFrame
        `cityward.core.frames.INTERACTION` columns.
    index : TerritoryIndex
        The level to place in.
    """
    lon, lat = (frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("lon", "lat"))
    found = index.locate(lon, lat)
    ids = pl.Series(index.ids, dtype=pl.String)
    positions = pl.Series(np.where(found < 0, 0, found), dtype=pl.UInt32)
    by_point = pl.Series(found >= 0)
    stated = frame["stated_territory"]
    by_code = ~by_point & stated.is_in(ids.implode()).fill_null(value=False)
    return conform(
        frame.with_columns(
            pl.when(by_point).then(ids.gather(positions)).when(by_code).then(stated).alias("territory"),
            pl.when(by_point).then(pl.lit("point")).when(by_code).then(pl.lit("code")).alias("placed_by"),
        ),
        PLACED,
    )

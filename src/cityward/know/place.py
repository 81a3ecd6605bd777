"""Gives each interaction or observation its territory: by point, else by the code that the source states."""

from __future__ import annotations

import numpy as np
import polars as pl

from cityward.core.frames import PLACED, PLACED_OBSERVATION, conform
from cityward.know.territory import TerritoryIndex

_POINT, _CODE, _NOWHERE = 0, 1, 2
_HOW = pl.Series(["point", "code", None], dtype=pl.String)


def place(frame: pl.DataFrame, index: TerritoryIndex) -> pl.DataFrame:
    """Return ``frame`` with ``territory`` and ``placed_by`` (``point``, ``code`` or null).

    Parameters
    ----------
    frame : polars.DataFrame
        `cityward.core.frames.INTERACTION` or `cityward.core.frames.OBSERVATION` columns.
    index : TerritoryIndex
        The level to place in.
    """
    lon, lat = (frame[name].cast(pl.Float64).to_numpy() for name in ("lon", "lat"))
    found = index.locate(lon, lat)
    how = np.where(found >= 0, _POINT, _NOWHERE)
    stated = frame["stated_territory"]
    if stated.null_count() < stated.len():
        unplaced = np.flatnonzero((found < 0) & stated.is_not_null().to_numpy())
        found[unplaced] = index.positions(stated.gather(unplaced))
        how[unplaced] = np.where(found[unplaced] >= 0, _CODE, _NOWHERE)
    placed = frame.with_columns(index.id_column.gather(found).alias("territory"), _HOW.gather(how).alias("placed_by"))
    return conform(placed, PLACED_OBSERVATION if "observed_at" in frame.columns else PLACED)

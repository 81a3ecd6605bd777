"""The cube: counts by (service, territory, day), written once for every engine."""

from __future__ import annotations

from typing import Any, TypeVar

import narwhals as nw

Frame = TypeVar("Frame")


def cube(frame: Frame) -> Frame:
    """Return counts of interactions and incidents by service, territory and day.

    Parameters
    ----------
    frame : Polars, DuckDB or PySpark frame
        With ``service``, ``territory``, ``day`` (a local date) and ``first_report``: whether a row is the first
        report of its incident, which counts where and when it was first reported.

    Returns
    -------
    frame of the same engine
        `cityward.core.frames.CUBE` columns, in no particular order.
    """
    table: Any = nw.from_native(frame)  # any engine that narwhals knows
    counts: Frame = (
        table.group_by("service", "territory", "day")
        .agg(nw.len().alias("interactions"), nw.col("first_report").cast(nw.Int64).sum().alias("incidents"))
        .select("service", "territory", "day", "interactions", "incidents")
        .to_native()
    )
    return counts

"""The cube: counts by (service, territory, day), written once for every engine."""

from __future__ import annotations

import narwhals as nw
from narwhals.typing import IntoFrameT


def cube(frame: IntoFrameT) -> IntoFrameT:
    """Return counts of interactions and incidents by service, territory and day.

    Parameters
    ----------
    frame : Polars, DuckDB or PySpark frame
        With ``service``, ``territory``, ``day`` (a local date) and ``incident``.

    Returns
    -------
    frame of the same engine
        `cityward.core.frames.CUBE` columns, in no particular order.
    """
    counts = (
        nw.from_native(frame)
        .group_by("service", "territory", "day")
        .agg(nw.len().alias("interactions"), nw.col("incident").n_unique().alias("incidents"))
        .select("service", "territory", "day", "interactions", "incidents")
    )
    return counts.to_native()

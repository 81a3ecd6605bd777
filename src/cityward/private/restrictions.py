"""Restriction and objection: rows that are kept, and left out of what their person did not agree to. Pure."""

from __future__ import annotations

from typing import Final

import polars as pl

RESTRICTIONS: Final = pl.Schema({"source": pl.String, "person": pl.String, "kind": pl.String})
"""Who is left out: the pseudonym within a source, and ``restriction`` or ``objection``."""

STILL_READ_FOR: Final[dict[str, frozenset[str]]] = {
    # What is restricted is stored and may serve legal claims (GDPR article 18(2)); nothing else reads it.
    "restriction": frozenset({"audit", "liability", "rights-fulfilment"}),
    # Who objects to being counted still wants his own case done.
    "objection": frozenset({"audit", "liability", "rights-fulfilment", "case-handling"}),
}
"""Purposes for which rows are read although their person asked for this."""


def without(rows: pl.LazyFrame, restricted: pl.DataFrame, purpose: str) -> pl.LazyFrame:
    """Return ``rows`` without those whose person is left out of ``purpose``.

    Parameters
    ----------
    rows : polars.LazyFrame
        With columns ``source`` and ``person``; a row without a person stays. Rows of a table that knows no persons
        are returned as they are.
    restricted : polars.DataFrame
        `RESTRICTIONS`.
    purpose : str
        What the rows are read for. A purpose that `STILL_READ_FOR` does not name is one that is left out.
    """
    still = [kind for kind, purposes in STILL_READ_FOR.items() if purpose in purposes]
    gone = restricted.filter(~pl.col("kind").is_in(still))
    if not gone.height or "person" not in rows.collect_schema():
        return rows
    return rows.join(gone.lazy().select("source", "person").unique(), on=["source", "person"], how="anti")

"""Evidence of a need: which interactions were counted, and a digest by which that can be checked later."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

import polars as pl

from cityward.core.records import ALL_SERVICES, Need

EVIDENCE: Final = pl.Schema({"key": pl.UInt64, "digest": pl.UInt64})
"""One interaction: ``key`` stands for its source and identifier, ``digest`` for these and its content."""


def evidence_of(reports: pl.DataFrame, need: Need) -> pl.DataFrame:
    """Return the first reports of the incidents that a need counts, `EVIDENCE` in the order of their keys.

    Parameters
    ----------
    reports : polars.DataFrame
        ``service``, ``territory``, ``day`` (local), ``first_report``, ``key`` and ``digest``.
    need : Need
        Its service, territories and period say which are counted.
    """
    rows = reports.filter(
        "first_report", pl.col("territory").is_in(need.territories), pl.col("day").is_between(need.starts, need.ends)
    )
    if need.service != ALL_SERVICES:
        rows = rows.filter(pl.col("service") == need.service)
    return rows.select(EVIDENCE.names()).sort("key")


def evidence_digest(rows: pl.DataFrame) -> str:
    """SHA-256 (hex) over the pairs of key and digest in the order of keys, each 8 bytes, the lowest first."""
    pairs = rows.sort("key").select(EVIDENCE.names()).to_numpy().astype("<u8", order="C")
    return sha256(pairs.tobytes()).hexdigest()

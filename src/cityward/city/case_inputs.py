"""What a rule is asked with when it decides ranked cases. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import polars as pl

from cityward.core.cases import Ranking

INPUTS: Final = pl.Schema(
    {
        "case": pl.String,
        "territory": pl.String,
        "lot": pl.Float64,
        "probability": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "usual": pl.Float64,
        "days_since_visit": pl.Float64,
    }
)
"""Columns of what is decided: the case and where it is, a lot in [0, 1), what the ranking says, and how long ago the
last visit was (days; null where there was none)."""


def inputs_of(ranking: Ranking, seed: int) -> pl.DataFrame:
    """Cases of a ranking as rows of `INPUTS`, in its order.

    The lot of a case is drawn from ``seed`` and the identifier of the case alone, so that whoever checks draws the
    same, and nothing about the case moves it.
    """
    cases = ranking.cases
    since = [None if one.waiting_since is None else float((ranking.known_to - one.waiting_since).days) for one in cases]
    columns = {
        "case": [one.id for one in cases],
        "territory": [one.territory for one in cases],
        "lot": [_lot(seed, one.id) for one in cases],
        "probability": [one.probability for one in cases],
        "low": [one.low for one in cases],
        "high": [one.high for one in cases],
        "usual": [one.usual for one in cases],
        "days_since_visit": since,
    }
    return pl.DataFrame(columns, schema=INPUTS)


def _lot(seed: int, case: str) -> float:
    drawn = blake2b(f"{seed}\x1f{case}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "big") * 10**6 // 2**64 / 10**6  # in millionths, as people can copy it

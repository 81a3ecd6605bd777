"""The list of persons whose rows are left out of most purposes, beside the history that it is about."""

from __future__ import annotations

from typing import Final

import polars as pl

from cityward.store.small_list import SmallList

_RESTRICTIONS: Final = SmallList(
    "restrictions", pl.Schema({"source": pl.String, "person": pl.String, "kind": pl.String})
)
"""``person`` is a pseudonym."""

read_restrictions = _RESTRICTIONS.read
write_restrictions = _RESTRICTIONS.write

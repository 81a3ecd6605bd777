"""The list of what must not be deleted for now, beside the history that it is about."""

from __future__ import annotations

from typing import Final

import polars as pl

from cityward.store.small_list import SmallList

HELD: Final = pl.Schema({"hold": pl.String, "kind": pl.String, "name": pl.String, "key": pl.UInt64})
"""``kind`` is ``order`` or ``decision``, told by its identifier, or ``interaction``, told by its key alone."""

_HOLDS: Final = SmallList("holds", HELD)

read_holds = _HOLDS.read
write_holds = _HOLDS.write

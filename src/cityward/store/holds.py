"""The list of what must not be deleted for now, beside the history that it is about."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Final

import polars as pl

from cityward.core.disk import durable, replace_file
from cityward.core.errors import StoreError

HELD: Final = pl.Schema({"hold": pl.String, "kind": pl.String, "name": pl.String, "key": pl.UInt64})
"""``kind`` is ``order`` or ``decision``, told by its identifier, or ``interaction``, told by its key alone."""


def read_holds(folder: Path) -> pl.DataFrame:
    """Return what is held.

    Raises
    ------
    StoreError
        The list is damaged: nothing is deleted then, rather than too much.
    """
    path = folder / "holds.parquet"
    if not path.exists():
        return pl.DataFrame(schema=HELD)
    try:
        return pl.read_parquet(path).cast(dict(HELD))  # type: ignore[arg-type]
    except (OSError, pl.exceptions.PolarsError):
        raise StoreError("The list of holds is damaged. Restore history/holds.parquet.") from None


@durable("keeping the list of holds")
def write_holds(folder: Path, rows: pl.DataFrame) -> None:
    """Put a new list in the place of the old one, durably."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    rows.cast(dict(HELD)).unique().sort("hold", "kind", "name", "key").write_parquet(buffer)  # type: ignore[arg-type]
    replace_file(folder / "holds.parquet", buffer.getbuffer())

"""The list of persons whose rows are left out of most purposes, beside the history that it is about."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import polars as pl

from cityward.core.disk import durable, replace_file
from cityward.core.errors import StoreError

_SCHEMA = pl.Schema({"source": pl.String, "person": pl.String, "kind": pl.String})


def read_restrictions(folder: Path) -> pl.DataFrame:
    """Return source, person (a pseudonym) and kind.

    Raises
    ------
    StoreError
        The list is damaged: nothing is read then, rather than too much.
    """
    path = folder / "restrictions.parquet"
    if not path.exists():
        return pl.DataFrame(schema=_SCHEMA)
    try:
        return pl.read_parquet(path).cast(dict(_SCHEMA))  # type: ignore[arg-type]
    except (OSError, pl.exceptions.PolarsError):
        raise StoreError("The list of restrictions is damaged. Restore history/restrictions.parquet.") from None


@durable("keeping the list of restrictions")
def write_restrictions(folder: Path, rows: pl.DataFrame) -> None:
    """Put a new list in the place of the old one, durably."""
    folder.mkdir(parents=True, exist_ok=True)
    buffer = BytesIO()
    # Smallest and largest values would be a second copy of pseudonyms.
    rows.cast(dict(_SCHEMA)).unique().sort("source", "person", "kind").write_parquet(buffer, statistics=False)  # type: ignore[arg-type]
    replace_file(folder / "restrictions.parquet", buffer.getbuffer())

"""A short list in one file beside history, replaced whole and durably."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import polars as pl

from cityward.core.disk import SUMS, durable, make_folder, replace_file
from cityward.core.errors import StoreError


@dataclass(frozen=True, slots=True)
class SmallList:
    """One list.

    Parameters
    ----------
    name : str
        Of its file, without ``.parquet``, and of what it lists.
    schema : polars.Schema
        Its columns, by which it is sorted.
    """

    name: str
    schema: pl.Schema

    def read(self, folder: Path) -> pl.DataFrame:
        """Return the rows; none where there is no file.

        Raises
        ------
        StoreError
            The file is damaged: whoever asks stops then, rather than do too much.
        """
        path = self._path(folder)
        if not path.exists():
            return pl.DataFrame(schema=self.schema)
        try:
            return pl.read_parquet(path).cast(dict(self.schema))  # type: ignore[arg-type]
        except (OSError, pl.exceptions.PolarsError):
            raise StoreError(f"The list of {self.name} is damaged. Restore history/{path.name}.") from None

    @durable("keeping a list beside history")
    def write(self, folder: Path, rows: pl.DataFrame) -> None:
        """Put a new list in the place of the old one."""
        make_folder(folder)
        buffer = BytesIO()
        # Smallest and largest values would be a second copy of pseudonyms.
        kept = rows.cast(dict(self.schema)).unique().sort(self.schema.names())  # type: ignore[arg-type]
        kept.write_parquet(buffer, statistics=False)
        replace_file(self._path(folder), buffer.getbuffer(), folder / SUMS)

    def _path(self, folder: Path) -> Path:
        return folder / f"{self.name}.parquet"

"""Reads the table that a command was given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from cityward.core.errors import UserError


def parquet_or_csv(file: Path) -> pl.DataFrame:
    """Read a table by the ending of its name."""
    return pl.read_csv(file, try_parse_dates=True) if file.suffix.lower() == ".csv" else pl.read_parquet(file)


def read_table(file: Path, read: Callable[[Path], pl.DataFrame] = parquet_or_csv) -> pl.DataFrame:
    """Read ``file`` by ``read``.

    Raises
    ------
    UserError
        It is not there, or is no such table.
    """
    try:
        return read(file)
    except FileNotFoundError as error:
        raise UserError(f"{file} is not there.", "Check the path.") from error
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(
            f"{file} cannot be read as Parquet or CSV.", "Check that it is whole, and its ending."
        ) from error

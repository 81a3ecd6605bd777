"""Parquet: only the wanted columns, streamed in batches, so that memory does not grow with the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from cityward.core.errors import SourceError
from cityward.core.limits import BATCH_ROWS
from cityward.sense.mapping import Reading
from cityward.sense.sources import Decoded, numbered, present

MAGIC = b"PAR1"


def read(path: Path, mapping: Reading) -> Iterator[Decoded]:
    """Yield decoded rows with the types of the file.

    Raises
    ------
    SourceError
        Damaged, cut short, without rows, or without a column that the mapping names.
    """
    try:
        file = pl.scan_parquet(path)
        schema = file.collect_schema()
        columns = present(path.name, schema.names(), mapping)
        _check_single(path.name, schema, mapping)
        first = 1
        for frame in file.select(columns).collect_batches(chunk_size=BATCH_ROWS, maintain_order=True):
            if frame.height:
                yield Decoded(frame, numbered(first, frame.height))
                first += frame.height
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        raise SourceError(
            f"{path.name} is not a whole Parquet file: it is damaged or was cut short ({type(error).__name__}).",
            "Fetch or write it again.",
        ) from None
    if first == 1:
        raise SourceError(f"{path.name} has columns but no rows.", "Give a file with rows.")


def _check_single(name: str, schema: pl.Schema, mapping: Reading) -> None:
    for canonical, source in mapping.sources().items():
        if schema[source].is_nested() or schema[source] in (pl.Binary, pl.Duration, pl.Object):
            raise SourceError(
                f"{name}: column '{source}' holds {schema[source]}, where {canonical} needs a single value.",
                "Map another column.",
            )

"""Keys of rows that were erased at a person's request: they must not come back with a file that is read again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cityward.core.disk import SUMS, durable, replace_file


def gone_path(folder: Path, table: str) -> Path:
    """Where the keys of a table's erased rows stand."""
    return folder / f"erased-{table}.keys"


@durable("noting which rows were erased")
def remember_gone(folder: Path, table: str, keys: NDArray[np.uint64]) -> None:
    """Note the keys of erased rows of ``table``, durably.

    A key is a 64-bit hash of the row's source and identifier; of a person it says nothing to whoever has not
    the row.
    """
    held = gone_keys(folder, table)
    every = np.union1d(held, keys)
    if every.size > held.size:
        replace_file(gone_path(folder, table), every.astype("<u8").tobytes(), folder / SUMS)


def gone_keys(folder: Path, table: str) -> NDArray[np.uint64]:
    """Keys of erased rows, ascending; empty when there are none."""
    try:
        return np.frombuffer(gone_path(folder, table).read_bytes(), dtype="<u8").astype(np.uint64)
    except FileNotFoundError:
        return np.empty(0, dtype=np.uint64)

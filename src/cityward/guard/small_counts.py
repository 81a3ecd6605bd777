"""Small counts on the way out: a table of counts that add up is published without those that tell of few people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from cityward.core.small_counts import Line, hide

SMALL: Final = 10
"""Counts below are left out where a city sets no other limit."""

ALL: Final = "all"
"""Name of the row and column of sums."""


def publishable(
    table: Mapping[str, Mapping[str, int]], columns: Sequence[str], below: int = SMALL
) -> dict[str, dict[str, int | None]]:
    """A table of counts as it may be published.

    Parameters
    ----------
    table : mapping of str to mapping of str to int
        Counts by row and column.
    columns : sequence of str
        Columns that add up.
    below : int
        Counts from 1 to less than this are left out.

    Returns
    -------
    dict of str to dict of str to int or None
        The rows and one of sums (`ALL`), each with its columns and their sum (`ALL`); None: left out.
    """
    inner = np.array([[table[row].get(column, 0) for column in columns] for row in table], dtype=np.int64)
    inner = inner.reshape(len(table), len(columns))
    cells = np.vstack([inner, inner.sum(axis=0)])
    cells = np.hstack([cells, cells.sum(axis=1, keepdims=True)])
    at = np.arange(cells.size).reshape(cells.shape)
    lines: list[Line] = [(places[:-1].tolist(), int(places[-1])) for places in (*at, *at.T)]
    hidden = hide(cells.ravel(), lines, below, together=True)
    told = [None if out else int(count) for count, out in zip(cells.flat, hidden, strict=True)]
    return {
        row: {column: told[at[i, j]] for j, column in enumerate((*columns, ALL))} for i, row in enumerate((*table, ALL))
    }

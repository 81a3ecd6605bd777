"""Small counts on the way out: a table of counts that add up is published without those that tell of few people.

A count from 1 to below the limit is left out. So is as much beside it as is needed that no sum gives it away: in every
row and column, what is left out is either nothing, or at least two counts that together reach the limit.

Source: Hundepool et al. 2012, Statistical Disclosure Control, chapter 4 (primary and secondary cell suppression).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

SMALL: Final = 10
"""Counts below are left out where a city sets no other limit."""

ALL: Final = "all"
"""Name of the row and column of sums."""

Cells = dict[tuple[str, str], int]


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
    rows = [*table, ALL]
    cells: Cells = {(row, column): table[row].get(column, 0) for row in table for column in columns}
    cells |= {(ALL, column): sum(cells[row, column] for row in table) for column in columns}
    cells |= {(row, ALL): sum(cells[row, column] for column in columns) for row in rows}
    hidden = {place for place, count in cells.items() if 0 < count < below}
    lines = [[(row, column) for column in (*columns, ALL)] for row in rows]
    lines += [[(row, column) for row in rows] for column in (*columns, ALL)]
    while any(_hide_more(line, cells, hidden, below) for line in lines):
        pass
    return {
        row: {column: None if (row, column) in hidden else cells[row, column] for column in (*columns, ALL)}
        for row in rows
    }


def _hide_more(line: Sequence[tuple[str, str]], cells: Cells, hidden: set[tuple[str, str]], below: int) -> bool:
    """Leave one count more out where what is left out of a line could be told; return whether one was."""
    *parts, total = line
    out = [place for place in line if place in hidden]
    left = sum(cells[place] for place in parts if place in hidden)
    shown = [place for place in parts if place not in hidden and cells[place]]
    if not out or (total in hidden and len(out) > 1) or (len(out) > 1 and left >= below):
        return False
    more = min(shown, key=lambda place: cells[place]) if shown else total
    if more in hidden or not cells[more]:
        return False
    hidden.add(more)
    return True

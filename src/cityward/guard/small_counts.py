"""Small counts on the way out: a table of counts that add up is published without those that tell of few people.

A count from 1 to below the limit is left out. So is as much beside it as is needed that no sum gives it away: in every
row and column, what is left out is either nothing, or at least two counts that together reach the limit. Lines can
give a count away together where none does alone: of each small count it is asked which values all of them, and that
nothing left out is zero, allow.

Source: Hundepool et al. 2012, Statistical Disclosure Control, chapter 4 (primary and secondary cell suppression, and
the intervals that an attacker can compute by linear programming).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

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
    while any(_hide_more(line, cells, hidden, below) for line in lines) or _hide_solved(lines, cells, hidden, below):
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


def _hide_solved(
    lines: Sequence[Sequence[tuple[str, str]]], cells: Cells, hidden: set[tuple[str, str]], below: int
) -> bool:
    """Leave one count more out where all lines together tell a small one; return whether one was."""
    out = sorted(hidden)
    if not out:
        return False
    at = {place: number for number, place in enumerate(out)}
    attack = _Attack(len(out))
    for line in lines:
        # Its parts less its sum are nothing; what of it is told stands on the other side.
        signed = {place: -1 if place == line[-1] else 1 for place in line}
        told = -sum(sign * cells[place] for place, sign in signed.items() if place not in at)
        attack.know({at[place]: sign for place, sign in signed.items() if place in at}, told)
    for place in out:
        if cells[place] < below and attack.width(at[place]) < 1:
            beside = [one for line in lines if place in line for one in line if one not in hidden and cells[one]]
            more = beside or [one for one in cells if one not in hidden and cells[one]]
            if more:
                hidden.add(min(more, key=lambda one: cells[one]))
                return True
    return False


class _Attack:
    """Who knows lines, and that nothing left out is zero, and computes what each count can be."""

    def __init__(self, count: int) -> None:
        import highspy

        from cityward.core.solver import Silent

        self._model = Silent()  # type: ignore[no-untyped-call]
        self._best = highspy.HighsModelStatus.kOptimal
        for _ in range(count):
            self._model.addVar(1.0, highspy.kHighsInf)

    def know(self, signs: Mapping[int, int], told: int) -> None:
        """Some counts, each with its sign, come to this."""
        index, values = np.array(list(signs), dtype=np.int32), np.array(list(signs.values()), dtype=np.float64)
        self._model.addRow(float(told), float(told), len(signs), index, values)

    def width(self, number: int) -> float:
        """How far the values lie apart that a count can have; infinite where there is no end."""
        ends = []
        for sign in (1.0, -1.0):
            self._model.changeColCost(number, sign)
            self._model.run()
            ends.append(sign * self._model.getInfo().objective_function_value)
            if self._model.getModelStatus() != self._best:
                ends = [0.0, np.inf]
                break
        self._model.changeColCost(number, 0.0)
        return float(ends[1] - ends[0])

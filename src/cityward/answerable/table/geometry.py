"""What a table leaves open, what is never reached, and where rows meet: exactly, over the cells of its inputs.

A table is gone through input by input. At each input the stretches between which the remaining rows change are taken
one by one, and stretches that leave the same rows are taken once; what was seen before is not seen again. That is a
decision diagram (Bryant 1986, with ranges for bits), and its size follows the structure of the table, not the number
of cases: ten thousand rows in a grid are small. A table without structure can be too large; then the limit is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from cityward.answerable.table.cells import Segment

if TYPE_CHECKING:
    from cityward.answerable.table.table import Table

STEPS_MAX: Final = 1_500_000
"""Most stretches, rows and sets of rows that are looked at for one table: some seconds, also of 10,000 rows."""

PAIR_ROWS_MAX: Final = 20_000
"""Most rows of a table whose rows are compared with each other."""

GAPS_TOLD: Final = 10

Box: TypeAlias = dict[str, tuple[Segment, ...]]
"""Cells by input; an input that is not there may be anything."""


@dataclass
class Explored:
    """What was found: open boxes (the first `GAPS_TOLD`) and how many, and the rows (from 0) that decide something.

    ``known`` are the rows that decide a case whose values are all given, ``missing`` those that decide one in which
    something is missing. ``whole`` is False when the table was too large to be gone through.
    """

    gaps: list[Box] = field(default_factory=list)
    gap_count: int = 0
    known: set[int] = field(default_factory=set)
    missing: set[int] = field(default_factory=set)
    whole: bool = True


class _TooLarge(Exception):
    """The limit of steps is reached."""


def explore(table: Table, steps_max: int = STEPS_MAX) -> Explored:
    """Go through a table; exact unless ``whole`` is False."""
    walk = _Walk(table, steps_max)
    try:
        walk.visit(0, (1 << len(table.order)) - 1, False, ())
    except _TooLarge:
        walk.found.whole = False
    return walk.found


class _Walk:
    """Bit *p* of a set of rows is the row that is asked as number *p*."""

    def __init__(self, table: Table, steps_max: int) -> None:
        self.axes = sorted(table.axes, key=lambda axis: -axis.cells)
        self.order = table.order
        self.ordered = table.sheet.hit in ("first", "priority")
        self.left = steps_max
        self.found = Explored()
        self.seen: set[tuple[int, int, bool]] = set()
        self.segments: list[dict[int, tuple[Segment, ...]]] = []
        self.asking: list[int] = []
        self.open_to_missing: list[int] = []
        for axis in self.axes:
            conditions = {at: table.condition(row, axis.name) for at, row in enumerate(table.order)}
            self.segments.append({at: axis.segments(one) for at, one in conditions.items() if not one.is_any})
            self.asking.append(_bits(self.segments[-1]))
            self.open_to_missing.append(_bits(at for at, one in conditions.items() if one.meets(None)))
        everything = (1 << len(table.order)) - 1
        self.full = [everything]
        for asking in reversed(self.asking):
            self.full.insert(0, self.full[0] & ~asking)

    def visit(self, at: int, active: int, missing: bool, path: tuple[tuple[int, tuple[Segment, ...]], ...]) -> None:
        """Go on with input number ``at`` and the rows that still may hold; ``path`` says how we came here."""
        self._step()
        if not active:
            if not missing:
                self._gap(path)
            return
        full = active & self.full[at]
        if full:
            lowest = full & -full
            if not self.ordered or active == lowest:
                self._reached(lowest, missing)
                return
            active &= (lowest << 1) - 1
            if active == lowest:
                self._reached(lowest, missing)
                return
        if (at, active, missing) in self.seen:
            return
        self.seen.add((at, active, missing))
        if not active & self.asking[at]:
            self.visit(at + 1, active, missing, path)
            return
        for child, stretches in self._children(at, active).items():
            self.visit(at + 1, child, missing, (*path, (at, tuple(stretches))))
        self.visit(at + 1, active & self.open_to_missing[at], True, path)

    def _step(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise _TooLarge

    def _children(self, at: int, active: int) -> dict[int, list[Segment]]:
        """The stretches of an input by the rows that hold there."""
        first, stop = self.axes[at].domain
        turns: dict[int, int] = {}
        for row in _each(active & self.asking[at]):
            for begin, end in self.segments[at][row]:
                begin, end = max(begin, first), min(end, stop)  # noqa: PLW2901
                if begin < end:
                    turns[begin] = turns.get(begin, 0) ^ (1 << row)
                    turns[end] = turns.get(end, 0) ^ (1 << row)
            self.left -= 1
        self._step(len(turns))
        children: dict[int, list[Segment]] = {}
        holding, begin = active & ~self.asking[at], first
        for edge in sorted({*turns, stop}):
            if edge > begin:
                stretches = children.setdefault(holding, [])
                if stretches and stretches[-1][1] == begin:
                    stretches[-1] = (stretches[-1][0], edge)
                else:
                    stretches.append((begin, edge))
            holding, begin = holding ^ turns.get(edge, 0), edge
        return children

    def _reached(self, row: int, missing: bool) -> None:
        (self.found.missing if missing else self.found.known).add(self.order[row.bit_length() - 1])

    def _gap(self, path: Sequence[tuple[int, tuple[Segment, ...]]]) -> None:
        self.found.gap_count += 1
        if len(self.found.gaps) < GAPS_TOLD:
            self.found.gaps.append({self.axes[at].name: stretches for at, stretches in path})


def _bits(rows: Mapping[int, object] | Iterator[int]) -> int:
    found = 0
    for row in rows:
        found |= 1 << row
    return found


def _each(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def meetings(table: Table) -> Iterator[tuple[int, np.ndarray]]:
    """For each row (from 0, in the order of asking) the earlier ones that can hold in the same case."""
    sides = [_Side(table, at) for at in range(len(table.axes))]
    order = np.array(table.order)
    for place in range(len(order)):
        earlier = np.ones(place, dtype=bool)
        for side in sides:
            if earlier.any():
                earlier &= side.meets(place)
        yield int(order[place]), order[:place][earlier]


class _Side:
    """The stretches of all rows in one input, as arrays."""

    def __init__(self, table: Table, at: int) -> None:
        axis = table.axes[at]
        self._by_row = [
            # A row that holds nowhere has one stretch all the same, and an empty one meets nothing.
            clipped(axis.segments(table.condition(row, axis.name)), axis.domain, axis.missing) or ((0, 0),)
            for row in table.order
        ]
        self._begins = np.cumsum([0, *(len(segments) for segments in self._by_row)])
        ends = np.array([one for segments in self._by_row for one in segments], dtype=np.int64).reshape(-1, 2)
        self._first, self._stop = ends[:, 0].copy(), ends[:, 1].copy()

    def meets(self, place: int) -> np.ndarray:
        """Which of the rows before a place share a cell with the one there."""
        before = self._begins[place]
        found = np.zeros(before, dtype=bool)
        for first, stop in self._by_row[place]:
            found |= (self._first[:before] < stop) & (self._stop[:before] > first)
        return found if before == place else np.logical_or.reduceat(found, self._begins[:place])


def clipped(segments: Sequence[Segment], domain: Segment, missing: int) -> tuple[Segment, ...]:
    """The part of some stretches that can occur: in the domain, and what is missing."""
    within = [(max(first, domain[0]), min(stop, domain[1])) for first, stop in segments]
    lost = [(missing, missing + 1) for first, stop in segments if first <= missing < stop]
    return tuple(one for one in [*within, *lost] if one[0] < one[1])


def shared(table: Table, one: int, two: int) -> Box:
    """The cells in which two rows (from 0) hold together, by input; empty stretches where they never do."""
    found: Box = {}
    for axis in table.axes:
        pair = (table.condition(one, axis.name), table.condition(two, axis.name))
        if all(condition.is_any for condition in pair):
            continue
        first, second = (clipped(axis.segments(condition), axis.domain, axis.missing) for condition in pair)
        found[axis.name] = tuple((max(a, c), min(b, d)) for a, b in first for c, d in second if max(a, c) < min(b, d))
    return found


def an_example(table: Table, box: Box) -> dict[str, object]:
    """A case of a box."""
    return {axis.name: axis.example(box.get(axis.name, (axis.domain,))[0][0]) for axis in table.axes}


def in_words(table: Table, box: Box) -> str:
    """A box in plain words."""
    told = [f"{axis.name} is {axis.words(box[axis.name])}" for axis in table.axes if axis.name in box]
    return " and ".join(told) or "nothing is asked"

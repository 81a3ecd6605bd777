"""Contribution bounds: how much of one person is counted at all, so that noise can hide it.

What is kept of a person depends on that person's rows and on a fixed seed alone. Were it to depend on how many others
there are (a row number, a draw from one shared stream), one person more could change what is kept of everybody else,
and the noise would hide too little.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.compiled import njit, prepare
from cityward.core.errors import UserError

CELLS_MAX: Final = 2**20
"""Most cells of one release: a person and a cell then fit into one number of 64 bits."""

BOUND_MAX: Final = 10_000
_PERSONS_MAX: Final = 2**43
_SHORT: Final = 32  # so few cells of a person are sorted sooner by insertion

Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """At most ``rows`` rows of a person in a cell, and at most ``cells`` cells of a person.

    Raises
    ------
    UserError
        A bound is missing, or not between 1 and `BOUND_MAX`.
    """

    rows: int
    cells: int

    def __post_init__(self) -> None:
        for name, value in (("rows", self.rows), ("cells", self.cells)):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= BOUND_MAX:
                raise UserError(
                    f"The bound of {name} a person is {value!r}; it must be a whole number from 1 to {BOUND_MAX:,}.",
                    f"Say how much of one person may count: --{name}-per-person, or {name}_per_person in city.toml.",
                )

    def l1(self, levels: int = 1) -> int:
        """Most rows that one person has in all cells of all levels together."""
        return self.rows * self.cells * levels

    def l2(self, levels: int = 1) -> float:
        """Most length of one person's vector of counts; on upper levels all cells may be one."""
        return self.rows * math.sqrt(self.cells + (levels - 1) * self.cells**2)


def person_codes(person: pl.Series) -> tuple[Whole, NDArray[np.uint64], NDArray[np.bool_]]:
    """Return a code a person, a number that depends on the person's identifier alone, and who has none.

    Codes (n,) are exact, so that two persons never share a bound; rows without an identifier have code -1.
    """
    nobody = person.is_null().to_numpy()
    if person.dtype.is_integer() and not nobody.any() and person.len():
        values = person.cast(pl.Int64).to_numpy()
        least = int(values.min())
        if int(values.max()) - least < _PERSONS_MAX:
            return values - least, values.view(np.uint64), nobody
    # The place of a person's first row is as good a code as any and needs no sorting of texts.
    text = person.cast(pl.String).rename("person").to_frame().with_row_index("place")
    first = pl.col("place").cast(pl.Int64).min().over("person")
    codes = text.select(pl.when(pl.col("person").is_null()).then(-1).otherwise(first)).to_series()
    return codes.cast(pl.Int64).to_numpy(), text["person"].hash(11).to_numpy(), nobody


def bounded_counts(codes: Whole, hashes: NDArray[np.uint64], cell: Whole, cells: int, bounds: Bounds) -> Whole:
    """Return the bounded count of every cell.

    Parameters
    ----------
    codes, hashes, cell : numpy.ndarray, shape (rows,)
        Of `person_codes`, and the cell of each row from 0; -1 for a row that lies in none.
    cells : int
        Number of cells, at most `CELLS_MAX`.
    bounds : Bounds
        What counts of a person.

    Returns
    -------
    numpy.ndarray of int64, shape (cells,)
    """
    check_cells(cells)
    prepare()
    inside = cell >= 0
    if not inside.all():
        codes, hashes, cell = codes[inside], hashes[inside], cell[inside]
    named = codes >= 0
    found = np.bincount(cell[~named], minlength=cells).astype(np.int64)
    if named.any():
        if not named.all():
            codes, hashes, cell = codes[named], hashes[named], cell[named]
        persons = int(codes.max()) + 1
        if persons > 4 * codes.size:
            _, codes = np.unique(codes, return_inverse=True)
            persons = int(codes.max()) + 1
        if bounds.cells == 1:
            found += _single(codes, hashes, cell, persons, cells, bounds.rows)
            return found
        own, begins, of = _grouped(codes, hashes, cell.astype(np.int32), persons)
        found += _count(own, begins, of, cells, bounds.rows, bounds.cells)
    return found


def bounded_rows(codes: Whole, hashes: NDArray[np.uint64], cell: Whole, cells: int, bounds: Bounds) -> Whole:
    """Return the places (kept,) of the rows that count, in order; arguments as of `bounded_counts`."""
    check_cells(cells)
    prepare()
    places = np.flatnonzero(cell >= 0)
    named = places[codes[places] >= 0]
    kept = [places[codes[places] < 0]]
    if named.size:
        pairs = (codes[named] << 20) | cell[named]
        order = np.argsort(pairs, kind="stable")
        keep = _keep(pairs[order], cell[named][order], hashes[named][order], bounds.rows, bounds.cells)
        kept.append(named[order[keep]])
    return np.sort(np.concatenate(kept))


def check_cells(cells: int) -> None:
    """Raise `UserError` unless so many cells fit."""
    if not 1 <= cells <= CELLS_MAX:
        raise UserError(
            f"This release would have {cells:,} cells; 1 to {CELLS_MAX:,} are possible.",
            "Ask for fewer services or territories, or longer periods.",
        )


@njit(cache=True)
def _mix(value: Any) -> Any:
    """Return a hash of 64 bits (Source: the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True)
def _single(codes: Any, hashes: Any, cell: Any, persons: int, cells: int, rows: int) -> Any:
    """Counts where each person has one cell, the one with the smallest hash: two passes, nothing is sorted."""
    least = np.full(persons, np.uint64(0xFFFFFFFFFFFFFFFF), dtype=np.uint64)
    chosen = np.full(persons, -1, dtype=np.int32)
    for row in range(codes.size):
        person = codes[row]
        rank = _mix(hashes[row] + np.uint64(cell[row]) * np.uint64(0x9E3779B97F4A7C15))
        if chosen[person] < 0 or rank < least[person]:
            least[person], chosen[person] = rank, cell[row]
    taken = np.zeros(persons, dtype=np.int32)
    if rows == 1:
        taken[:] = 1
    else:
        for row in range(codes.size):
            if cell[row] == chosen[codes[row]] and taken[codes[row]] < rows:
                taken[codes[row]] += 1
    counts = np.zeros(cells, dtype=np.int64)
    for person in range(persons):
        if chosen[person] >= 0:
            counts[chosen[person]] += taken[person]
    return counts


@njit(cache=True)
def _runs(cells: Any, begin: int, end: int, hash_: Any, starts: Any, most: int) -> int:
    """Find the ``most`` runs of equal cells with the smallest hashes; their starts go into ``starts``."""
    found = 0
    ranks = np.empty(most, dtype=np.uint64)
    at = begin
    while at < end:
        rank = _mix(hash_ + np.uint64(cells[at]) * np.uint64(0x9E3779B97F4A7C15))
        if found < most:
            ranks[found], starts[found] = rank, at
            found += 1
        else:
            worst = 0
            for other in range(1, most):
                if ranks[other] > ranks[worst]:
                    worst = other
            if rank < ranks[worst]:
                ranks[worst], starts[worst] = rank, at
        same = cells[at]
        while at < end and cells[at] == same:
            at += 1
    return found


@njit(cache=True)
def _grouped(codes: Any, hashes: Any, cell: Any, persons: int) -> Any:
    """Cells by person, sorted within each: cells, where each person's begin, and each person's hash."""
    begins = np.zeros(persons + 1, dtype=np.int64)
    of = np.zeros(persons, dtype=np.uint64)
    for row in range(codes.size):
        begins[codes[row] + 1] += 1
        of[codes[row]] = hashes[row]
    for person in range(persons):
        begins[person + 1] += begins[person]
    ends = begins[:-1].copy()
    cells = np.empty(codes.size, dtype=np.int32)
    for row in range(codes.size):
        cells[ends[codes[row]]] = cell[row]
        ends[codes[row]] += 1
    for person in range(persons):
        begin, end = begins[person], begins[person + 1]
        if end - begin > _SHORT:
            cells[begin:end].sort()
            continue
        for at in range(begin + 1, end):
            moved = cells[at]
            place = at
            while place > begin and cells[place - 1] > moved:
                cells[place] = cells[place - 1]
                place -= 1
            cells[place] = moved
    return cells, begins, of


@njit(cache=True)
def _count(own: Any, begins: Any, hashes: Any, cells: int, rows: int, most: int) -> Any:
    counts = np.zeros(cells, dtype=np.int64)
    starts = np.empty(most, dtype=np.int64)
    for person in range(hashes.size):
        begin, end = begins[person], begins[person + 1]
        if end == begin + 1:
            counts[own[begin]] += 1
        elif end > begin:
            for one in range(_runs(own, begin, end, hashes[person], starts, most)):
                at = starts[one]
                taken = 0
                while taken < rows and at + taken < end and own[at + taken] == own[at]:
                    taken += 1
                counts[own[at]] += taken
    return counts


@njit(cache=True)
def _keep(pairs: Any, cells: Any, hashes: Any, rows: int, most: int) -> Any:
    keep = np.zeros(pairs.size, dtype=np.bool_)
    starts = np.empty(most, dtype=np.int64)
    begin, size = 0, pairs.size
    while begin < size:
        person = pairs[begin] >> 20
        end = begin + 1
        while end < size and pairs[end] >> 20 == person:
            end += 1
        for one in range(_runs(cells, begin, end, hashes[begin], starts, most)):
            at = starts[one]
            taken = 0
            while taken < rows and at + taken < end and pairs[at + taken] == pairs[at]:
                keep[at + taken] = True
                taken += 1
        begin = end
    return keep

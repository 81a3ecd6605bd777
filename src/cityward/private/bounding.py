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
    """Return a code a person, a hash that depends on the person's identifier alone, and who has none.

    Codes (n,) are exact, so that two persons never share a bound; rows without an identifier have code -1.
    """
    nobody = person.is_null().to_numpy()
    if person.dtype.is_integer() and not nobody.any() and person.len():
        values = person.cast(pl.Int64).to_numpy()
        least = int(values.min())
        if int(values.max()) - least < _PERSONS_MAX:
            return values - least, person.hash(11).to_numpy(), nobody
    codes = person.cast(pl.String).rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    return codes, person.cast(pl.String).hash(11).to_numpy(), nobody


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
        spread = np.zeros(int(codes.max()) + 1, dtype=np.uint64) if codes.max() < 4 * codes.size else None
        if spread is None:
            _, codes = np.unique(codes, return_inverse=True)
            spread = np.zeros(int(codes.max()) + 1, dtype=np.uint64)
        spread[codes] = hashes
        pairs = np.sort((codes << 20) | cell)
        found += _count(pairs, spread, cells, bounds.rows, bounds.cells)
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
        keep = _keep(pairs[order], hashes[named][order], bounds.rows, bounds.cells)
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
def _runs(pairs: Any, begin: int, end: int, hash_: Any, starts: Any, most: int) -> int:
    """Find the ``most`` runs of equal pairs with the smallest hashes; their starts go into ``starts``."""
    found = 0
    ranks = np.empty(most, dtype=np.uint64)
    at = begin
    while at < end:
        rank = _mix(hash_ + np.uint64(pairs[at] & 0xFFFFF) * np.uint64(0x9E3779B97F4A7C15))
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
        same = pairs[at]
        while at < end and pairs[at] == same:
            at += 1
    return found


@njit(cache=True)
def _count(pairs: Any, hashes: Any, cells: int, rows: int, most: int) -> Any:
    counts = np.zeros(cells, dtype=np.int64)
    starts = np.empty(most, dtype=np.int64)
    begin, size = 0, pairs.size
    while begin < size:
        person = pairs[begin] >> 20
        end = begin + 1
        while end < size and pairs[end] >> 20 == person:
            end += 1
        if end == begin + 1:
            counts[pairs[begin] & 0xFFFFF] += 1
        else:
            for one in range(_runs(pairs, begin, end, hashes[person], starts, most)):
                at = starts[one]
                taken = 0
                while taken < rows and at + taken < end and pairs[at + taken] == pairs[at]:
                    taken += 1
                counts[pairs[at] & 0xFFFFF] += taken
        begin = end
    return counts


@njit(cache=True)
def _keep(pairs: Any, hashes: Any, rows: int, most: int) -> Any:
    keep = np.zeros(pairs.size, dtype=np.bool_)
    starts = np.empty(most, dtype=np.int64)
    begin, size = 0, pairs.size
    while begin < size:
        person = pairs[begin] >> 20
        end = begin + 1
        while end < size and pairs[end] >> 20 == person:
            end += 1
        for one in range(_runs(pairs, begin, end, hashes[begin], starts, most)):
            at = starts[one]
            taken = 0
            while taken < rows and at + taken < end and pairs[at + taken] == pairs[at]:
                keep[at + taken] = True
                taken += 1
        begin = end
    return keep

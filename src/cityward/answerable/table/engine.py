"""Decides whole frames: each value becomes the number of its cell, each cell knows the rows that hold there as bits.

The rows that hold for a case are the bits that all its cells share. Rows are taken in blocks, so that the bits of a
block stay in the processor's cache and what is compiled grows with the rows, not with their square; cases are taken
in chunks, so that memory is bounded by the frame and not by frame times rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from cityward.answerable.table.cells import Segment
from cityward.answerable.table.columns import DTYPES, cell_codes, take_columns
from cityward.answerable.table.condition import NOT_A, Kind

if TYPE_CHECKING:
    from cityward.answerable.table.table import Table

BLOCK_ROWS: Final = 1_024
CHUNK_CASES: Final = 65_536
CHUNK_PAIRS: Final = 8_000_000
"""Most pairs of case and row that are looked at in one step."""

NO_ROW, SEVERAL, DISAGREE = "no row", "several rows", "rows disagree"


def out_of_type(name: str, kind: Kind) -> str:
    """Reason why a case is not decided: one of its values is of another type."""
    return f"{name}: {NOT_A[kind]}"


def out_of_limits(name: str) -> str:
    """Reason why a case is not decided: one of its values cannot be."""
    return f"{name}: outside what the rule says can be"


@dataclass(frozen=True)
class _Block:
    """Rows from ``first`` on: for each input the local cell of each cell, and the bits of rows by local cell."""

    first: int
    local: tuple[np.ndarray, ...]
    bits: tuple[np.ndarray, ...]
    same: np.ndarray
    """Bits of the rows that say the same, by local class; class 0 has none."""
    classes: np.ndarray
    """Local class of each class of the table."""

    def holding(self, codes: Sequence[np.ndarray]) -> np.ndarray:
        """Bits of the rows that hold, of shape (cases, words)."""
        found = _taken(self.bits[0], self.local[0][codes[0]])
        for local, bits, code in zip(self.local[1:], self.bits[1:], codes[1:], strict=True):
            np.bitwise_and(found, _taken(bits, local[code]), out=found)
        return found


class Engine:
    """A table, compiled. ``order`` is the order in which rows are asked."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.axes = table.axes
        self.order = np.array(table.order, dtype=np.int64)
        outcomes = [tuple(table.outcomes[row].items()) for row in table.order]
        numbers = {outcome: at for at, outcome in enumerate(dict.fromkeys(outcomes))}
        self._class_of = np.array([numbers[outcome] for outcome in outcomes], dtype=np.int64)
        segments = [[axis.segments(table.condition(row, axis.name)) for axis in self.axes] for row in table.order]
        self._blocks = [
            self._compile(first, segments[first : first + BLOCK_ROWS]) for first in range(0, len(segments), BLOCK_ROWS)
        ]

    def _compile(self, first: int, segments: Sequence[Sequence[Sequence[Segment]]]) -> _Block:
        words = -(-len(segments) // 64)
        local, bits = [], []
        for at, axis in enumerate(self.axes):
            a, b = _row_bits([row[at] for row in segments], axis.wrong + 1, words)
            local.append(a)
            bits.append(b)
        classes = self._class_of[first : first + len(segments)]
        here, number = np.unique(classes, return_inverse=True)
        same = np.zeros((len(here) + 1, words), dtype=np.uint64)
        rows = np.arange(len(segments))
        np.bitwise_or.at(same, (number + 1, rows // 64), np.uint64(1) << (rows % 64).astype(np.uint64))
        lookup = np.zeros(int(self._class_of.max()) + 1, dtype=np.int64)
        lookup[here] = np.arange(1, len(here) + 1)
        return _Block(first, tuple(local), tuple(bits), same, lookup)

    def decide(self, frame: pl.DataFrame, units: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Decide every case of ``frame``; see `cityward.answerable.table.table.Table.decide`."""
        columns = take_columns(self.table.sheet.inputs, frame, units or {})
        codes = [cell_codes(axis, column) for axis, column in zip(self.axes, columns, strict=True)]
        return self.answer(codes, frame.height)

    def answer(self, codes: Sequence[np.ndarray], cases: int) -> pl.DataFrame:
        """Answers of cases that are given by the cells of their inputs, each of shape (cases,)."""
        wrong = self._wrong(codes, cases)
        if self.table.sheet.hit.startswith("collect"):
            return self._collected(codes, cases, wrong)
        first, reason = self._singled(codes, cases)
        reason = np.where(wrong > 0, wrong, reason)
        row = np.where(reason > 0, -1, self.order[first])
        at = pl.Series(row).replace(-1, None)
        answers = {
            name: pl.Series(name, [self._output(each, name) for each in range(len(self.order))], DTYPES[output.type])
            .gather(at)
            .alias(name)
            for name, output in self.table.sheet.outputs.items()
        }
        return pl.DataFrame([*answers.values(), (at + 1).cast(pl.UInt32).alias("row"), self._reasons(reason)])

    def _output(self, row: int, name: str) -> object:
        return self.table.outcomes[row].get(name)

    def _reasons(self, codes: np.ndarray) -> pl.Series:
        told: list[str | None] = [None, NO_ROW, SEVERAL, DISAGREE]
        for axis in self.axes:
            told += [out_of_type(axis.name, axis.given.type), out_of_limits(axis.name)]
        return pl.Series(told, dtype=pl.String).gather(pl.Series(codes)).alias("reason")

    def _wrong(self, codes: Sequence[np.ndarray], cases: int) -> np.ndarray:
        """Reason of the first input of each case that is wrong, else 0."""
        found = np.zeros(cases, dtype=np.int64)
        for at, axis in reversed(list(enumerate(self.axes))):
            if codes[at].size and int(codes[at].max()) > axis.missing:
                found[codes[at] == axis.wrong] = 4 + 2 * at
                found[codes[at] == axis.outside] = 5 + 2 * at
        return found

    def _singled(self, codes: Sequence[np.ndarray], cases: int) -> tuple[np.ndarray, np.ndarray]:
        """The row (in the order of asking) that decides each case, and the reason why none does."""
        first = np.full(cases, -1, dtype=np.int64)
        reason = np.zeros(cases, dtype=np.int64)
        for start in range(0, cases, CHUNK_CASES):
            part = slice(start, start + CHUNK_CASES)
            self._single(first[part], reason[part], [code[part] for code in codes])
        reason[(first < 0)] = 1
        return first, reason

    def _single(self, first: np.ndarray, reason: np.ndarray, codes: Sequence[np.ndarray]) -> None:
        """As `_singled` for one chunk, in place."""
        hit = self.table.sheet.hit
        for block in self._blocks:
            if hit not in ("unique", "any") and block.first:
                open_ = np.flatnonzero(first < 0)
                if open_.size:
                    first[open_] = _lowest(block.holding([code[open_] for code in codes]), block.first)
                continue
            bits = block.holding(codes)
            lowest = _lowest(bits, block.first)
            if hit == "unique":
                reason[((lowest >= 0) & (first >= 0)) | _more_than_one(bits)] = 2
            first[:] = np.where(first < 0, lowest, first)
            if hit == "any":
                same = block.same[block.classes[self._class_of[first]]]
                reason[(first >= 0) & (bits & ~same).any(axis=1)] = 3

    def _collected(self, codes: Sequence[np.ndarray], cases: int, wrong: np.ndarray) -> pl.DataFrame:
        step = int(np.clip(CHUNK_PAIRS // len(self.order), 64, CHUNK_CASES))
        parts = []
        for start in range(0, max(cases, 1), step):
            part = slice(start, min(start + step, cases))
            case, row = self._pairs([code[part] for code in codes])
            sound = wrong[part][case] == 0
            parts.append(self._gathered(case[sound], row[sound], wrong[part]))
        return pl.concat(parts)

    def _pairs(self, codes: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Every case with every row that holds, in the order of cases and then of rows."""
        found = []
        for block in self._blocks:
            bits = np.ascontiguousarray(block.holding(codes)).astype("<u8", copy=False)
            case, row = np.nonzero(np.unpackbits(bits.view(np.uint8), axis=1, bitorder="little"))
            found.append((case, row + block.first))
        case, row = (np.concatenate(parts) for parts in zip(*found, strict=True))
        in_order = np.argsort(case, kind="stable")
        return case[in_order], row[in_order]

    def _gathered(self, case: np.ndarray, row: np.ndarray, wrong: np.ndarray) -> pl.DataFrame:
        """Answers of ``len(wrong)`` cases under a collecting policy."""
        hit, cases = self.table.sheet.hit, len(wrong)
        pairs = {"case": case.astype(np.uint32), "rows": (row + 1).astype(np.uint32)}
        values = {
            name: pl.Series(
                name, [self._output(each, name) for each in range(len(self.order))], DTYPES[output.type]
            ).gather(row)
            for name, output in self.table.sheet.outputs.items()
        }
        frame = pl.DataFrame({**pairs, **values})
        lists = frame.group_by("case", maintain_order=True).agg(pl.all())
        every = pl.DataFrame({"case": np.arange(cases, dtype=np.uint32)}).join(
            lists, on="case", how="left", maintain_order="left"
        )
        some = every.get_column("rows").is_not_null().to_numpy()
        reason = np.where(wrong > 0, wrong, np.where(some, 0, 1))
        if hit != "collect":
            name = next(iter(values))
            told = _aggregate(hit, case, frame.get_column(name), cases)
            if hit == "collect-count":
                told = pl.select(pl.when(pl.lit(pl.Series(wrong)) == 0).then(told)).to_series()
            every = every.with_columns(told.alias(name))
        row_ = pl.col("rows").list.first().alias("row")
        return every.select(*values, row_, "rows").with_columns(self._reasons(reason))


def _row_bits(rows: Sequence[Sequence[Segment]], cells: int, words: int) -> tuple[np.ndarray, np.ndarray]:
    """Local cell of each cell, and the bits of the rows that hold in each local cell.

    A row's bit is turned where a stretch begins and where it ends; adding up the turns gives the bits in between.
    """
    row = np.array([at for at, segments in enumerate(rows) for _ in segments], dtype=np.int64)
    ends = np.array([segment for segments in rows for segment in segments], dtype=np.int64).reshape(-1, 2)
    edges = np.unique(np.concatenate([[0], ends.ravel()]))
    local = np.searchsorted(edges, np.arange(cells), side="right") - 1
    bits = np.zeros((len(edges), words), dtype=np.uint64)
    flags = np.uint64(1) << (row % 64).astype(np.uint64)
    for side in (0, 1):
        np.bitwise_xor.at(bits, (np.searchsorted(edges, ends[:, side]), row // 64), flags)
    return local.astype(np.int32), np.bitwise_xor.accumulate(bits, axis=0)


def _taken(bits: np.ndarray, at: np.ndarray) -> np.ndarray:
    return bits[:, 0].take(at).reshape(-1, 1) if bits.shape[1] == 1 else bits.take(at, axis=0)


def _lowest(bits: np.ndarray, first: int) -> np.ndarray:
    """Number of the lowest bit of each case, from ``first``; -1 where there is none."""
    word = np.zeros(len(bits), dtype=np.int64) if bits.shape[1] == 1 else (bits != 0).argmax(axis=1)
    held = bits[:, 0] if bits.shape[1] == 1 else bits[np.arange(len(bits)), word]
    lowest = held & (~held + np.uint64(1))
    # A power of two has an exact logarithm, which is quicker to ask of a float than to look for.
    bit = np.frexp(lowest.astype(np.float64))[1] - 1
    return np.where(held == 0, -1, first + 64 * word + bit)


def _more_than_one(bits: np.ndarray) -> np.ndarray:
    several = ((bits & (bits - np.uint64(1))) != 0) & (bits != 0)
    found: np.ndarray = several.any(axis=1) | ((bits != 0).sum(axis=1) > 1)
    return found


def _aggregate(hit: str, case: np.ndarray, values: pl.Series, cases: int) -> pl.Series:
    """Sum, minimum, maximum or number of the rows of each case; null where there is none, and a number of 0."""
    if hit == "collect-count":
        return pl.Series(np.bincount(case, minlength=cases)).cast(pl.Float64)
    known = values.is_not_null().to_numpy()
    case, held = case[known], values.drop_nulls().to_numpy()
    count = np.bincount(case, minlength=cases)
    if hit == "collect-sum":
        found = np.bincount(case, weights=held, minlength=cases).astype(np.float64)  # of nothing it makes whole numbers
    else:
        found = np.full(cases, np.inf if hit == "collect-min" else -np.inf)
        (np.minimum if hit == "collect-min" else np.maximum).at(found, case, held)
    return pl.Series(found).set(pl.Series(count == 0), None)

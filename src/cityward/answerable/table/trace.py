"""The trace of one case, and what would have changed its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import polars as pl

from cityward.answerable.table.cells import ENGLISH as VALUES
from cityward.answerable.table.cells import Axis
from cityward.answerable.table.columns import DTYPES, cell_codes, closest
from cityward.answerable.table.condition import CellError, Value, coerce, write_value
from cityward.answerable.table.judge import Answer, Told, holds, judge, settle
from cityward.answerable.table.shape import Sheet
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from cityward.answerable.table.table import Table

ENGLISH: Final[Mapping[str, str]] = {
    **VALUES,
    "changed": "{name} {words}",
    "with": "With {inputs} the answer would have been: {outputs}.",
    "output": "{name} {value}",
    "nothing": "nothing",
    "together": "{one} and {two} together: {count} combinations",
}
"""How changes are told; another language has the same names with its own words."""

PAIR_CELLS_MAX: Final = 250_000
"""Most combinations of two inputs that are tried; a larger pair is named as not looked at."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One condition of one row: what it asks, of which value, and whether that was met."""

    input: str
    condition: str
    value: Value | None
    met: bool


class RowTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One row: whether it holds, and why."""

    row: int
    holds: bool
    asked: tuple[Asked, ...]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """How a rule came to its answer in one case. ``row`` is the row that decided, or None and ``reason`` says why."""

    rule: str
    version: str
    reference: str
    given: dict[str, Value | None]
    rows: tuple[RowTrace, ...]
    outputs: dict[str, Told]
    row: int | None
    reason: str | None
    because: str
    law: str
    says: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A change of one input or two after which the answer is another, with one such case."""

    inputs: dict[str, str]
    example: dict[str, Value | None]
    outputs: dict[str, Told]
    row: int | None
    says: str


class WhyNot(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest changes that give another answer; ``not_checked`` names pairs that are too large to try."""

    outputs: dict[str, Told]
    reason: str | None
    changes: tuple[Change, ...]
    not_checked: tuple[str, ...]


def trace(table: Table, case: Mapping[str, object]) -> Trace:
    """Judge one case and keep what was asked.

    Raises
    ------
    cityward.core.errors.UserError
        The case names something that is no input, or is in a unit that is not accepted.
    """
    values, _ = settle(table, case)
    answer = judge(table, case)
    rows = tuple(_row_trace(table, row, values) for row in range(len(table.conditions)))
    deciding = None if answer.row is None else table.sheet.rows[answer.row - 1]
    return Trace(
        rule=table.id,
        version=table.version,
        reference=table.sheet.reference,
        given=values,
        rows=rows,
        outputs=answer.outputs,
        row=answer.row,
        reason=answer.reason,
        because=deciding.because if deciding else "",
        law=deciding.law if deciding else "",
        says=_says(table, answer),
    )


def _row_trace(table: Table, row: int, values: Mapping[str, Value | None]) -> RowTrace:
    asked = tuple(
        Asked(input=name, condition=str(condition), value=values[name], met=condition.meets(values[name]))
        for name, condition in table.conditions[row].items()
    )
    return RowTrace(row=row + 1, holds=holds(table, row, values), asked=asked)


def _says(table: Table, answer: Answer) -> str:
    if answer.row is None:
        rows = f" ({', '.join(map(str, answer.rows))})" if answer.rows else ""
        return f"{table.name} decides nothing: {answer.reason}{rows}."
    deciding = table.sheet.rows[answer.row - 1]
    because = f" because {deciding.because.rstrip('.')}" if deciding.because else ""
    law = f" ({deciding.law or table.sheet.reference})" if deciding.law or table.sheet.reference else ""
    return f"{table.name}, row {answer.row}: {told(table.sheet, answer.outputs)}{because}{law}."


def told(sheet: Sheet, outputs: Mapping[str, Told], say: Mapping[str, str] = ENGLISH) -> str:
    """Outputs in plain words: ``outcome grant, amount 300 EUR/month``; ``say`` has the words of a language."""
    parts = []
    for name, value in outputs.items():
        unit = sheet.outputs[name].unit
        values = value if isinstance(value, list) else [value]
        written = ", ".join(say["nothing"] if one is None else _written(one, say) for one in values)
        with_unit = f"{written}{f' {unit}' if unit and unit != '1' and value is not None else ''}"
        parts.append(say["output"].format(name=name, value=with_unit))
    return ", ".join(parts)


def _written(value: Value, say: Mapping[str, str]) -> str:
    return say["yes" if value else "no"] if isinstance(value, bool) else write_value(value)


def why_not(
    table: Table,
    case: Mapping[str, object],
    wanted: Mapping[str, object] | None = None,
    say: Mapping[str, str] = ENGLISH,
) -> WhyNot:
    """Say what would have changed the answer of a case: one input, or two where neither would alone.

    Parameters
    ----------
    case : mapping
        Values by input.
    wanted : mapping, optional
        Outputs that are hoped for; default any other answer.
    say : mapping, optional
        The words of a language, as `ENGLISH` has them.

    Notes
    -----
    Every cell of an input is tried, so what is not named does not exist: for one input always, for a pair unless
    ``not_checked`` names it. The nearest values below and above are named, near as the table counts cells.

    Raises
    ------
    cityward.core.errors.UserError
        The case names something that is no input, or ``wanted`` something that is no output or of another type.
    """
    values, reason = settle(table, case)
    answer = judge(table, case)
    if reason:
        return WhyNot(outputs=answer.outputs, reason=reason, changes=(), not_checked=())
    search = _Search(table, values, answer, _hoped(table, wanted or {}), say)
    changes: list[Change] = []
    alone: set[int] = set()
    for at in range(len(table.axes)):
        found = list(search.single(at))
        changes += found
        if found:
            alone.add(at)
    not_checked = []
    for pair in combinations((at for at in range(len(table.axes)) if at not in alone), 2):
        first, second = (table.axes[at] for at in pair)
        if first.cells * second.cells > PAIR_CELLS_MAX:
            count = f"{first.cells * second.cells:,}"
            not_checked.append(say["together"].format(one=first.name, two=second.name, count=count))
            continue
        changes += search.pair(*pair)
    return WhyNot(outputs=answer.outputs, reason=answer.reason, changes=tuple(changes), not_checked=tuple(not_checked))


def _hoped(table: Table, wanted: Mapping[str, object]) -> dict[str, object]:
    """The answer that is hoped for, typed."""
    outputs = table.sheet.outputs
    hoped: dict[str, object] = {}
    for name, value in wanted.items():
        if name not in outputs:
            raise UserError(f"'{name[:60]}' is no output of {table.id}.", closest(name, list(outputs)))
        try:
            hoped[name] = coerce(value, outputs[name].type)
        except CellError as error:
            raise UserError(f"The {name} that is hoped for {error}.", "Give a value of its type.") from None
    return hoped


class _Search:
    """Tries every cell of some inputs of a case while the others stay."""

    def __init__(
        self,
        table: Table,
        values: Mapping[str, Value | None],
        answer: Answer,
        wanted: dict[str, object],
        say: Mapping[str, str],
    ) -> None:
        self.table, self.answer, self.wanted, self.say = table, answer, wanted, say
        self.codes = [_code(axis, values[axis.name]) for axis in table.axes]

    def _good(self, cells: Mapping[int, np.ndarray]) -> tuple[np.ndarray, pl.DataFrame]:
        """Which of the tried cells give another (or the wanted) answer, and all answers."""
        cases = len(next(iter(cells.values())))
        codes = [cells.get(at, np.full(cases, code, dtype=np.int32)) for at, code in enumerate(self.codes)]
        answers = self.table.engine.answer(codes, cases)
        names = list(self.table.sheet.outputs)
        rows = answers.select(names).rows(named=True)
        decided = answers.get_column("row").is_not_null().to_list()
        good = [one and self._is_good(row) for one, row in zip(decided, rows, strict=True)]
        return np.array(good, dtype=bool), answers

    def _is_good(self, outputs: dict[str, Told]) -> bool:
        if self.wanted:
            return all(outputs.get(name) == value for name, value in self.wanted.items())
        return outputs != self.answer.outputs

    def single(self, at: int) -> Iterator[Change]:
        """The nearest changes of one input, below and above."""
        axis = self.table.axes[at]
        first, stop = axis.domain
        cells = np.arange(first, stop, dtype=np.int32)
        good, answers = self._good({at: cells})
        good &= cells != self.codes[at]
        if axis.given.type in ("text", "yes-no"):
            by_answer: dict[str, list[int]] = {}
            for found in np.flatnonzero(good):
                by_answer.setdefault(repr(self._outputs(answers, int(found))), []).append(int(found))
            for some in by_answer.values():
                yield self._change({at: [(first + one, first + one + 1) for one in some]}, answers, some[0])
            return
        below = np.flatnonzero(good & (cells < self.codes[at]))
        above = np.flatnonzero(good & (cells > self.codes[at]))
        for nearest in [*below[-1:], *above[:1]]:
            low, high = self._stretch(good, answers, int(nearest))
            yield self._change({at: [(first + low, first + high)]}, answers, int(nearest))

    def _stretch(self, good: np.ndarray, answers: pl.DataFrame, at: int) -> tuple[int, int]:
        """Cells around ``at`` that give the same answer."""
        wanted = self._outputs(answers, at)
        low, high = at, at + 1
        while low > 0 and good[low - 1] and self._outputs(answers, low - 1) == wanted:
            low -= 1
        while high < len(good) and good[high] and self._outputs(answers, high) == wanted:
            high += 1
        return low, high

    def _outputs(self, answers: pl.DataFrame, at: int) -> dict[str, Told]:
        row = answers.row(at, named=True)
        return {name: row[name] for name in self.table.sheet.outputs}

    def pair(self, one: int, two: int) -> list[Change]:
        """The nearest change of two inputs together, or none."""
        axes = [self.table.axes[at] for at in (one, two)]
        first = np.arange(*axes[0].domain, dtype=np.int32)
        second = np.arange(*axes[1].domain, dtype=np.int32)
        tried = {one: np.repeat(first, len(second)), two: np.tile(second, len(first))}
        good, answers = self._good(tried)
        for at in (one, two):
            good &= tried[at] != self.codes[at]
        if not good.any():
            return []
        steps = sum(_steps(self.table.axes[at], cells, self.codes[at]) for at, cells in tried.items())
        best = int(np.where(good, steps, np.inf).argmin())
        return [
            self._change({at: [(int(cells[best]), int(cells[best]) + 1)] for at, cells in tried.items()}, answers, best)
        ]

    def _change(self, cells: Mapping[int, Sequence[tuple[int, int]]], answers: pl.DataFrame, at: int) -> Change:
        changed = [(self.table.axes[number], stretches) for number, stretches in cells.items()]
        inputs = {axis.name: axis.words(stretches, self.say) for axis, stretches in changed}
        outputs = self._outputs(answers, at)
        say = self.say
        with_ = say["and"].join(
            say["changed"].format(name=self._label(name), words=words) for name, words in inputs.items()
        )
        return Change(
            inputs=inputs,
            example={axis.name: axis.example(stretches[0][0]) for axis, stretches in changed},
            outputs=outputs,
            row=answers.get_column("row")[at],
            says=say["with"].format(inputs=with_, outputs=told(self.table.sheet, outputs, say)),
        )

    def _label(self, name: str) -> str:
        return self.table.sheet.inputs[name].label or name


def _code(axis: Axis, value: Value | None) -> int:
    return int(cell_codes(axis, pl.Series([value], dtype=DTYPES[axis.given.type]))[0])


def _steps(axis: Axis, cells: np.ndarray, at: int) -> np.ndarray:
    """How far each cell is from where the case lies."""
    if axis.given.type in ("text", "yes-no") or at >= axis.cells:
        return np.ones(len(cells))
    away: np.ndarray = np.abs(cells - at)
    return away

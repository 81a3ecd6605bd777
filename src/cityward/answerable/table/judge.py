"""Judges one case by reading the rows one after the other, as a person would: slow, plain, and what a trace shows.

The engine must give the same answers; a property test compares them on random tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from cityward.answerable.table.columns import closest, unit_factor
from cityward.answerable.table.condition import CellError, Value, coerce, read_value
from cityward.answerable.table.engine import DISAGREE, NO_ROW, SEVERAL, out_of_limits, out_of_type
from cityward.answerable.table.shape import Input
from cityward.core.errors import UserError

if TYPE_CHECKING:
    from cityward.answerable.table.table import Table

Told: TypeAlias = Value | list[Value | None] | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a table says of one case, with the row (from 1) that decided and all rows that hold.

    Without a row the outputs are None and ``reason`` says why.
    """

    outputs: dict[str, Told]
    row: int | None
    rows: tuple[int, ...]
    reason: str | None


def settle(table: Table, case: Mapping[str, object]) -> tuple[dict[str, Value | None], str | None]:
    """The values of a case by input, in the input's units, and the reason why one of them cannot be, else None.

    A number may carry a unit: ``"1200 EUR/month"``. What the case does not name is missing.

    Raises
    ------
    UserError
        The case names something that is no input, or is in a unit that the input does not accept.
    """
    inputs = table.sheet.inputs
    unknown = [name for name in case if name not in inputs]
    if unknown:
        raise UserError(f"'{str(unknown[0])[:60]}' is no input of {table.id}.", closest(unknown[0], list(inputs)))
    values: dict[str, Value | None] = {}
    reason: str | None = None
    for name, given in inputs.items():
        try:
            values[name] = _valued(name, given, case.get(name))
        except CellError:
            values[name] = None
            reason = reason or out_of_type(name, given.type)
            continue
        if not _within_limits(given, values[name]):
            reason = reason or out_of_limits(name)
    return values, reason


def _valued(name: str, given: Input, value: object) -> Value | None:
    if given.type == "number" and isinstance(value, str):
        number, _, unit = value.strip().partition(" ")
        if unit.strip():
            known = read_value(number, "number")
            return known if known is None else float(known) * unit_factor(name, given, unit)  # type: ignore[arg-type]
    return coerce(value, given.type)


def _within_limits(given: Input, value: Value | None) -> bool:
    if value is None:
        return True
    if given.values:
        return value in given.values
    return (given.min is None or value >= given.min) and (given.max is None or value <= given.max)


def judge(table: Table, case: Mapping[str, object]) -> Answer:
    """Judge one case; raises as `settle`."""
    values, reason = settle(table, case)
    if reason:
        return _nothing(table, reason, ())
    return conclude(table, [row for row in table.order if holds(table, row, values)])


def holds(table: Table, row: int, values: Mapping[str, Value | None]) -> bool:
    """Whether all conditions of a row (from 0) hold."""
    return all(condition.meets(values[name]) for name, condition in table.conditions[row].items())


def conclude(table: Table, rows: Sequence[int]) -> Answer:
    """The answer of the rows (from 0, in the order in which they are asked) that hold."""
    hit, numbers = table.sheet.hit, tuple(row + 1 for row in rows)
    if hit.startswith("collect"):
        return _collected(table, rows)
    if not rows:
        return _nothing(table, NO_ROW, ())
    if hit == "unique" and len(rows) > 1:
        return _nothing(table, SEVERAL, numbers)
    if hit == "any" and any(table.outcomes[row] != table.outcomes[rows[0]] for row in rows):
        return _nothing(table, DISAGREE, numbers)
    told = table.outcomes[rows[0]]
    return Answer(
        outputs={name: told.get(name) for name in table.sheet.outputs}, row=numbers[0], rows=numbers, reason=None
    )


def _nothing(table: Table, reason: str, rows: tuple[int, ...]) -> Answer:
    return Answer(outputs=dict.fromkeys(table.sheet.outputs), row=None, rows=rows, reason=reason)


def _collected(table: Table, rows: Sequence[int]) -> Answer:
    hit = table.sheet.hit
    outputs: dict[str, Told] = {
        name: [table.outcomes[row].get(name) for row in rows] if rows else None for name in table.sheet.outputs
    }
    if hit != "collect":
        name = next(iter(outputs))
        outputs[name] = _aggregated(hit, [table.outcomes[row].get(name) for row in rows])
    numbers = tuple(row + 1 for row in rows)
    return Answer(outputs=outputs, row=numbers[0] if rows else None, rows=numbers, reason=None if rows else NO_ROW)


def _aggregated(hit: str, values: Sequence[Value | None]) -> float | None:
    if hit == "collect-count":
        return float(len(values))
    numbers = [float(value) for value in values if value is not None]  # type: ignore[arg-type]
    if not numbers:
        return None
    if hit == "collect-sum":
        # One after the other, as the engine adds; newer Pythons' own sum rounds otherwise.
        return float(reduce(add, numbers))
    return min(numbers) if hit == "collect-min" else max(numbers)

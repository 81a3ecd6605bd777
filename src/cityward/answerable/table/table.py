"""A rule: read, checked, compiled, and asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from cityward.answerable.table.cells import Axis, make_axis
from cityward.answerable.table.columns import closest
from cityward.answerable.table.condition import (
    ALLOWED,
    ANY,
    CellError,
    Condition,
    Value,
    coerce,
    read_condition,
    write_value,
)
from cityward.answerable.table.engine import Engine
from cityward.answerable.table.judge import Answer, judge
from cityward.answerable.table.shape import CELL, Example, Input, Output, Sheet, check_shape, limited
from cityward.core.errors import SettingsError

if TYPE_CHECKING:
    from cityward.answerable.table.trace import Trace, WhyNot


@dataclass(frozen=True)
class Table:
    """A rule as a decision table.

    Parameters
    ----------
    sheet : Sheet
        What its file says, every cell in its usual form.
    conditions : tuple of mapping of str to Condition
        For each row the conditions by input; an input that may be anything is not there.
    outcomes : tuple of mapping of str to value
        For each row what it says by output; an output of which it says nothing is not there.
    """

    sheet: Sheet
    conditions: tuple[Mapping[str, Condition], ...]
    outcomes: tuple[Mapping[str, Value], ...]

    @property
    def id(self) -> str:
        """Identifier of the rule, the same for all its versions."""
        return self.sheet.id

    @property
    def version(self) -> str:
        """Which version this is."""
        return self.sheet.version

    @property
    def name(self) -> str:
        """Identifier and version."""
        return f"{self.id} {self.version}"

    def condition(self, row: int, name: str) -> Condition:
        """What a row (from 0) asks of an input."""
        return self.conditions[row].get(name, ANY)

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The elementary cells of each input."""
        return tuple(
            make_axis(name, given, (row[name] for row in self.conditions if name in row))
            for name, given in self.sheet.inputs.items()
        )

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Rows (from 0) in the order in which they are asked: their own, or by priority the strongest first."""
        rows = range(len(self.conditions))
        if self.sheet.hit != "priority":
            return tuple(rows)
        ranked: dict[str, dict[Value | None, int]] = {
            name: {value: rank for rank, value in enumerate(output.values)}
            for name, output in self.sheet.outputs.items()
            if output.values
        }
        return tuple(
            sorted(
                rows,
                key=lambda row: [ranks.get(self.outcomes[row].get(name), len(ranks)) for name, ranks in ranked.items()],
            )
        )

    @cached_property
    def engine(self) -> Engine:
        """The compiled table."""
        return Engine(self)

    def decide(self, frame: pl.DataFrame, units: Mapping[str, str] | None = None) -> pl.DataFrame:
        """Decide every case of a frame.

        Parameters
        ----------
        frame : polars.DataFrame
            A column for each input, named as the input or as ``income [EUR/month]``; others are not looked at.
        units : mapping of str to str, optional
            Units of columns, by input. Another unit than the input's is converted by its ``accepts``, or refused.

        Returns
        -------
        polars.DataFrame
            As many rows: a column for each output, ``row`` (number from 1 of the row that decided, or null) and
            ``reason`` (null, or why none decided: ``no row``, ``several rows``, ``rows disagree``, or an input whose
            value is out of type or out of limits). Under a collecting policy outputs are lists or their aggregate,
            and ``rows`` lists all rows that hold.

        Raises
        ------
        cityward.core.errors.UserError
            A column is missing, or in a unit that is not accepted.
        """
        return self.engine.decide(frame, units)

    def judge(self, case: Mapping[str, object]) -> Answer:
        """Decide one case; raises UserError for what is no input."""
        return judge(self, case)

    def trace(self, case: Mapping[str, object]) -> Trace:
        """Decide one case and show every row and every condition; raises UserError for what is no input."""
        from cityward.answerable.table.trace import trace

        return trace(self, case)

    def why_not(self, case: Mapping[str, object], wanted: Mapping[str, object] | None = None) -> WhyNot:
        """What would have changed the answer: see `cityward.answerable.table.trace.why_not`."""
        from cityward.answerable.table.trace import why_not

        return why_not(self, case, wanted)


def load_table(path: str | Path) -> Table:
    """Read a rule from ``.toml``, ``.csv``, ``.json`` (GoRules) or ``.dmn`` (also ``.xml``).

    Raises
    ------
    cityward.core.errors.SettingsError
        Names the file, the row and the cell, what is wrong and what may be written instead.
    """
    from cityward.answerable.table.forms import read_form

    return read_form(Path(path))


def make_table(sheet: Sheet, name: str) -> Table:
    """Read the cells of a sheet; ``name`` is of its file, for messages."""
    check_shape(sheet, name)
    conditions: list[Mapping[str, Condition]] = []
    outcomes: list[Mapping[str, Value]] = []
    for number, row in enumerate(sheet.rows, start=1):
        where = f"{name}, row {number}"
        known(row.when, sheet.inputs, where, "input")
        known(row.then, sheet.outputs, where, "output")
        read = {column: _condition(text, sheet.inputs[column], column, where) for column, text in row.when.items()}
        conditions.append(
            {column: read[column] for column in sheet.inputs if column in read and not read[column].is_any}
        )
        told = {column: _outcome(value, sheet.outputs[column], column, where) for column, value in row.then.items()}
        outcomes.append({column: one for column in sheet.outputs if (one := told.get(column)) is not None})
    tests = tuple(_test(sheet, test, f"{name}, test {number}") for number, test in enumerate(sheet.tests, start=1))
    rows = tuple(
        msgspec.structs.replace(
            row,
            when={column: str(one) for column, one in read.items()},
            then=dict(told),
        )
        for row, read, told in zip(sheet.rows, conditions, outcomes, strict=True)
    )
    inputs = {column: _canonical(given) for column, given in sheet.inputs.items()}
    whole = msgspec.structs.replace(sheet, inputs=inputs, rows=rows, tests=tests)
    return Table(whole, tuple(conditions), tuple(outcomes))


def _canonical(given: Input) -> Input:
    """Its limits as values of its type."""
    low, high = (limited(limit, given.type, "limits") for limit in (given.min, given.max))
    return msgspec.structs.replace(given, min=low, max=high)


def known(given: Mapping[str, Any], columns: Mapping[str, Any], where: str, what: str) -> None:
    """Raise SettingsError unless all names are names of columns."""
    unknown = [column for column in given if column not in columns]
    if unknown:
        raise SettingsError(f"{where}: '{unknown[0][:60]}' is no {what}.", closest(unknown[0], list(columns)))


def _condition(text: CELL, given: Input, column: str, where: str) -> Condition:
    try:
        if not isinstance(text, str):
            values = text if isinstance(text, list) else [text]
            text = ", ".join(write_value(coerce(value, given.type), quoted=True) for value in values)
        condition = read_condition(text, given.type, given.unit)
    except CellError as error:
        raise SettingsError(f"{where}, {column}: {_named(text, error)}.", f"Allowed: {ALLOWED[given.type]}.") from None
    if given.values:
        _listed([term for term in condition.terms if isinstance(term, str)], given.values, f"{where}, {column}")
    return condition


def _named(value: object, error: CellError) -> str:
    told = str(error)
    return told if told.startswith("'") else f"'{str(value)[:60]}' {told}"


def _outcome(value: CELL, output: Output | Input, column: str, where: str) -> Value | None:
    try:
        found = coerce(value, output.type)
    except CellError as error:
        told = _named(value, error)
        raise SettingsError(f"{where}, {column}: {told}.", f"Give a value of type {output.type}.") from None
    if output.values and isinstance(found, str):
        _listed([found], output.values, f"{where}, {column}")
    return found


def _listed(values: list[str], listed: tuple[str, ...], where: str) -> None:
    unlisted = [value for value in values if value not in listed]
    if unlisted:
        raise SettingsError(
            f"{where}: '{unlisted[0][:60]}' is not one of its values.", closest(unlisted[0], list(listed))
        )


def _test(sheet: Sheet, test: Example, where: str) -> Example:
    """A test whose expectations are typed. What it gives may be wrong on purpose, and stays as it is."""
    known(test.given, sheet.inputs, where, "input")
    known(test.expect, sheet.outputs, where, "output")
    if sheet.hit.startswith("collect"):
        return test
    expect = {column: _outcome(value, sheet.outputs[column], column, where) for column, value in test.expect.items()}
    return msgspec.structs.replace(
        test, expect={column: value for column, value in expect.items() if value is not None}
    )

"""The shape of a rule as its file holds it, and the checks that one file allows by itself."""

from __future__ import annotations

import math
import re
from datetime import date
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from cityward.answerable.table.condition import CellError, Kind, Value, coerce
from cityward.core.errors import SettingsError
from cityward.core.limits import RULE_COLUMNS, RULE_ROWS

Hit: TypeAlias = Literal[
    "unique", "any", "first", "priority", "collect", "collect-sum", "collect-min", "collect-max", "collect-count"
]
"""How rows that hold together make one answer (Source: OMG DMN 1.5, clause 8.2.8, table 26).

``unique``: at most one row may hold. ``any``: several may, when they say the same. ``first``: the first in the order
of rows. ``priority``: the one whose output stands first in the output's list of values. ``collect``: all of them, in
the order of rows; with an aggregator their sum, minimum, maximum or number.
"""

CELL: TypeAlias = Any
"""A text, yes-no, number or date of TOML; which of them is checked with its column, where the message can name it."""

Name = Annotated[str, msgspec.Meta(pattern=r"^[^\W\d][\w-]{0,79}$")]
RESERVED: Final = frozenset({"row", "rows", "reason"})
"""Columns that an answer has beside its outputs."""


_UNSHOWN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of writing (Source: Unicode Technical Report 36, 2.10)."""


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A column of conditions.

    ``unit`` is obligatory for numbers, ``"1"`` for a pure number. ``min``, ``max`` (both included) and ``values`` say
    what can occur at all. ``accepts`` are other units that are converted: what one of them is in ``unit``, such as
    ``{ "EUR/year" = "1/12" }``.
    """

    type: Kind
    unit: str | None = None
    min: CELL = None
    max: CELL = None
    values: tuple[str, ...] = ()
    label: str = ""
    source: str = ""
    accepts: dict[str, float | str] = {}

    def factor(self, unit: str) -> float | None:
        """What one ``unit`` is in this input's unit; None when it is not accepted."""
        if unit == self.unit:
            return 1.0
        return float(Fraction(str(self.accepts[unit]))) if unit in self.accepts else None


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A column of answers. Under ``priority``, ``values`` is the order, the strongest first."""

    type: Kind
    values: tuple[str, ...] = ()
    unit: str | None = None
    label: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One row: all conditions of ``when`` must hold; an input that is not named may be anything."""

    when: dict[str, CELL] = {}
    then: dict[str, CELL] = {}
    because: str = ""
    law: str = ""


class Example(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A test beside the table: of ``given`` comes ``expect``. An empty ``expect``: no row decides."""

    given: dict[str, CELL] = {}
    expect: dict[str, CELL] = {}
    says: str = ""


class Sheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole file. Valid from ``valid_from`` to ``valid_until``, days of the city, both included.

    ``uses`` are rules whose outputs are inputs here. ``justified`` gives, by input, the article that allows an
    attribute which stands for people's origin or place (a proxy).
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{1,79}$")]
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    inputs: Annotated[dict[Name, Input], msgspec.Meta(min_length=1)]
    outputs: Annotated[dict[Name, Output], msgspec.Meta(min_length=1)]
    rows: Annotated[tuple[Row, ...], msgspec.Meta(min_length=1)]
    title: str = ""
    reference: str = ""
    hit: Hit = "unique"
    valid_from: date | None = None
    valid_until: date | None = None
    uses: tuple[str, ...] = ()
    justified: dict[str, str] = {}
    tests: tuple[Example, ...] = ()


def check_shape(sheet: Sheet, name: str) -> None:
    """Raise SettingsError for what one file says wrongly, but for the contents of its cells."""
    if len(sheet.rows) > RULE_ROWS or len(sheet.inputs) + len(sheet.outputs) > RULE_COLUMNS:
        raise SettingsError(
            f"{name} has {len(sheet.rows):,} rows and {len(sheet.inputs) + len(sheet.outputs)} columns; at most "
            f"{RULE_ROWS:,} and {RULE_COLUMNS} are read.",
            "Part it into rules that use each other ('uses').",
        )
    if sheet.valid_from and sheet.valid_until and sheet.valid_until < sheet.valid_from:
        raise SettingsError(
            f"{name} is valid until {sheet.valid_until}, before it begins on {sheet.valid_from}.", "Correct the days."
        )
    twice = (sheet.inputs.keys() & sheet.outputs.keys()) | (RESERVED & (sheet.inputs.keys() | sheet.outputs.keys()))
    if twice:
        raise SettingsError(
            f"{name}: '{sorted(twice)[0]}' cannot be the name of a column: it is an input and an output, or the name "
            "of a column that every answer has.",
            "Rename it.",
        )
    for column, given in sheet.inputs.items():
        _check_input(column, given, name)
    for column, output in sheet.outputs.items():
        if output.values and output.type != "text":
            raise SettingsError(f"{name}: outputs.{column} lists values, but is no text.", "Take 'values' away.")
    unknown = sheet.justified.keys() - sheet.inputs.keys()
    if unknown:
        raise SettingsError(f"{name} justifies '{min(unknown)}', which is no input.", "Correct the name.")
    if sheet.id in sheet.uses:
        raise SettingsError(f"{name} uses itself.", "Take it out of 'uses'.")
    _check_hit(sheet, name)
    _check_shown(sheet, name)


def _check_shown(sheet: Sheet, name: str) -> None:
    """Raise SettingsError for text that is not what it looks like, or cannot be shown: whoever signs has read it."""
    head = {"its head": [sheet.title, sheet.reference, sheet.version, *sheet.justified.values()]}
    sides: list[tuple[str, Input | Output]] = [*sheet.inputs.items(), *sheet.outputs.items()]
    columns = {f"column {key}": [key, one.label, one.unit or "", *one.values] for key, one in sides}
    rows = {
        f"row {number}": [row.because, row.law, *map(str, row.when.values()), *map(str, row.then.values())]
        for number, row in enumerate(sheet.rows, start=1)
    }
    tests = {f"test {number}": [test.says] for number, test in enumerate(sheet.tests, start=1)}
    for where, texts in (head | columns | rows | tests).items():
        if found := _UNSHOWN.search("\n".join(texts)):
            raise SettingsError(
                f"{name}, {where} holds the character U+{ord(found[0]):04X}, which is not shown or turns the text "
                "around, so that the rule reads otherwise than it decides.",
                "Take it out.",
            )


def _check_input(column: str, given: Input, name: str) -> None:
    where = f"{name}: inputs.{column}"
    if given.type == "number" and not (given.unit or "").strip():
        raise SettingsError(
            f"{where} is a number without a unit, so that nobody can tell what is compared.",
            f'Say it: unit = "EUR/month", and "1" for a pure number, under [inputs.{column}].',
        )
    if given.unit and given.type != "number":
        raise SettingsError(f"{where} has a unit, but is no number.", "Take the unit away, or make it a number.")
    if given.values and given.type != "text":
        raise SettingsError(f"{where} lists values, but is no text.", "Use min and max for numbers and dates.")
    low, high = (limited(limit, given.type, where) for limit in (given.min, given.max))
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        raise SettingsError(f"{where}: min is above max.", "Exchange them.")
    for unit, factor in given.accepts.items():
        try:
            sound = given.type == "number" and 0 < float(Fraction(str(factor))) < math.inf
        except (ValueError, ZeroDivisionError, OverflowError):
            sound = False
        if not sound:
            raise SettingsError(
                f"{where}: accepts '{unit}' without a factor above 0.", 'Write what one of it is: "EUR/year" = "1/12".'
            )


def limited(limit: object, kind: Kind, where: str) -> Value | None:
    """``min`` or ``max`` of an input as a value of its type; raises SettingsError."""
    if limit is None:
        return None
    if kind not in ("number", "date"):
        raise SettingsError(f"{where}: min and max are for numbers and dates.", "Use 'values' for texts.")
    try:
        return coerce(limit, kind)
    except CellError as error:
        raise SettingsError(f"{where}: its limit {error}.", "Correct min and max.") from None


def _check_hit(sheet: Sheet, name: str) -> None:
    if sheet.hit == "priority" and not any(output.values for output in sheet.outputs.values()):
        raise SettingsError(
            f"{name} decides by priority, but no output says which of its values comes first.",
            'List them, the strongest first: values = ["refuse", "grant"] under the output.',
        )
    if sheet.hit.startswith("collect-") and len(sheet.outputs) != 1:
        raise SettingsError(
            f"{name} has {len(sheet.outputs)} outputs, but {sheet.hit} is told of one alone.",
            "Use 'collect', or one rule for each output.",
        )
    only = next(iter(sheet.outputs.values()))
    if sheet.hit in ("collect-sum", "collect-min", "collect-max") and only.type != "number":
        raise SettingsError(f"{name}: {sheet.hit} needs a number as output.", "Use 'collect' or 'collect-count'.")

"""What exchange forms share: a rule's own facts, which travel along where other programs do not look."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal

import msgspec

from cityward.answerable.table.condition import CellError, Kind, coerce, read_condition
from cityward.answerable.table.shape import Sheet
from cityward.answerable.table.toml_form import fields
from cityward.core.errors import SettingsError
from cityward.core.limits import RULE_CELL_CHARS

Dialect = Literal["zen", "feel"]
_SAID: Final = ("version", "title", "reference", "valid_from", "valid_until", "hit", "uses", "justified")


def about(sheet: Sheet) -> dict[str, Any]:
    """What a sheet says beside its cells, as JSON can hold it."""
    told = {
        "id": sheet.id,
        **{key: value for key in _SAID if (value := getattr(sheet, key))},
        "inputs": {name: fields(column) for name, column in sheet.inputs.items()},
        "outputs": {name: fields(column) for name, column in sheet.outputs.items()},
        "tests": [fields(test) for test in sheet.tests],
    }
    return dict(msgspec.to_builtins(told))


def join(
    columns: Mapping[str, Mapping[str, dict[str, Any]]],
    rows: Sequence[dict[str, Any]],
    known: Mapping[str, Any],
    units: Mapping[str, str],
    name: str,
) -> Sheet:
    """Make a sheet of what a file shows and of what travelled along.

    Parameters
    ----------
    columns : mapping
        ``inputs`` and ``outputs``: fields by name, as the file shows them.
    rows : sequence of dict
        ``when``, ``then``, ``because`` and ``law``.
    known : mapping
        What `about` wrote, else what the file says in its own way; ``id`` at least.
    units : mapping of str to str
        Units of numbers by column, as the person who imports says them.

    Raises
    ------
    SettingsError
        A number has no unit, or the whole is no rule.
    """
    sheet: dict[str, Any] = {"version": "1", **{key: value for key, value in known.items() if key in ("id", *_SAID)}}
    for side in ("inputs", "outputs"):
        sheet[side] = {
            column: {
                **shown,
                **travelled(known, side, column),
                **({"unit": units[column]} if column in units else {}),
            }
            for column, shown in columns[side].items()
        }
    bare = [column for column, one in sheet["inputs"].items() if one.get("type") == "number" and not one.get("unit")]
    if bare:
        raise SettingsError(
            f"{name} does not say the unit of {', '.join(bare)}.",
            f"Say it: {' '.join(f'--unit {column}=…' for column in bare)} (a pure number has the unit 1).",
        )
    sheet["rows"] = rows
    sheet["tests"] = [_dated(test, sheet) for test in known.get("tests", ())]
    try:
        return msgspec.convert(sheet, Sheet, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name} is no rule: {error}.", "Correct it where it was made, and import again.") from None


def travelled(known: Mapping[str, Any], side: str, column: str) -> dict[str, Any]:
    """What travelled along of a column; empty when nothing did, or not in a shape that `about` writes."""
    columns = known.get(side)
    found = columns.get(column) if isinstance(columns, Mapping) else None
    return found if isinstance(found, dict) else {}


def _dated(test: Any, sheet: Mapping[str, Any]) -> dict[str, Any]:
    """A test of JSON, whose dates are texts, with dates."""
    if not isinstance(test, Mapping):
        return {}
    sides = {"given": sheet["inputs"], "expect": sheet["outputs"]}
    return {
        **test,
        **{
            side: {
                key: _day(value) if columns.get(key, {}).get("type") == "date" else value for key, value in told.items()
            }
            for side, columns in sides.items()
            if isinstance(told := test.get(side, {}), Mapping)
        },
    }


def _day(value: Any) -> Any:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return value


def kind_of(cells: Sequence[str]) -> Kind:
    """The type of a column, where a form does not say it: text where texts are quoted, else the first that fits."""
    asked = [cell for cell in cells if cell not in ("", "-", "null")]
    kinds: tuple[Kind, ...] = ("yes-no", "number", "date")
    for kind in kinds:
        if asked and all(_reads(cell, kind) for cell in asked):
            return kind
    if any('"' in cell for cell in asked):
        return "text"
    return next((kind for kind in kinds if any(_reads(cell, kind) for cell in asked)), "text")


def _reads(cell: str, kind: Kind) -> bool:
    try:
        read_condition(cell, kind)
    except CellError:
        return False
    return True


def literal(text: str, kind: Kind, where: str) -> Any:
    """The value of an output's cell; raises SettingsError for an expression, which no table holds."""
    text = text.strip()
    if text in ("", "-", "null"):
        return None
    check_quoted(text, kind, where)
    try:
        condition = read_condition(text, kind)
    except CellError:
        condition = None
    if condition is None or condition.negated or len(condition.terms) != 1:
        raise SettingsError(
            f"{where}: '{text[:60]}' is no value of type {kind}.",
            "A table holds values, no formulas: compute it before, as an input, or write a row for each case.",
        )
    try:
        return coerce(condition.terms[0], kind)
    except CellError:
        raise SettingsError(f"{where}: '{text[:60]}' is no single value.", "Give one value.") from None


def check_quoted(cell: str, kind: Kind, where: str) -> None:
    """Raise SettingsError when a cell of texts names something without quotes: elsewhere that is a variable."""
    if len(cell) > RULE_CELL_CHARS:
        raise SettingsError(f"{where} has more than {RULE_CELL_CHARS:,} characters.", "Part the row.")
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", cell)
    if kind == "text" and re.sub(r"\bnot\b|\bnull\b|[\s,()=!-]", "", bare):
        raise SettingsError(
            f"{where}: '{cell[:60]}' names something that is not in the table.",
            "Put texts in quotation marks; a value that is computed has to be an input of its own.",
        )


def column_name(text: str) -> str:
    """A name of another program as a name of a column: ``customer.income`` is ``customer_income``."""
    return re.sub(r"[^\w-]+", "_", text.strip()).strip("_")


def rule_id(text: str) -> str:
    """A name of another program as an identifier of a rule."""
    return (re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "rule")[:80].ljust(2, "-").replace("--", "-0")

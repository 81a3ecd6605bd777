"""A rule as CSV, for a spreadsheet: what is said of the rule, then one column for each input and output.

```
"rule","scholarship-award"
"hit","first"
"input.income.min","0"
"kind","when income [number, EUR/month]","then outcome [text]","because","law"
"row","< 1200","grant","the household has little","article 4(2)"
"test","900","grant","an ordinary case",""
```

A test stands among the rows: under the inputs what is given, under the outputs what is expected, under ``because``
why the case matters. A spreadsheet that writes dates in its own way has to be told to keep them as they are.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from cityward.answerable.table.condition import CellError, coerce, read_value, write_value
from cityward.answerable.table.exchange import rule_id
from cityward.answerable.table.shape import Sheet
from cityward.answerable.table.toml_form import fields
from cityward.core.errors import SettingsError
from cityward.core.neutral_csv import neutral_csv

_HEAD = re.compile(r"(when|then)\s+(\S+)\s*\[\s*(number|text|yes-no|date)\s*(?:,\s*(.+?)\s*)?\]")
_TEXTS = ("version", "title", "reference", "valid_from", "valid_until", "hit")
_WORDS = ("because", "law")
_HEAD_CHARS = 400
_FORMULA_AFTER = re.compile(r"'(?=[\s\u200b\ufeff]*[=+\-@＝＋－＠]|[\t\r])")


def write_csv(sheet: Sheet) -> str:
    """Write a sheet; `read_csv` reads the same again."""
    about: list[tuple[str, str]] = [
        *((key, str(value)) for key in _TEXTS if (value := getattr(sheet, key))),
        *((f"justified.{name}", law) for name, law in sheet.justified.items()),
        *((("uses", json.dumps(sheet.uses)),) if sheet.uses else ()),
    ]
    for part, columns in (("input", sheet.inputs), ("output", sheet.outputs)):
        for name, column in columns.items():
            told = {key: value for key, value in fields(column).items() if key not in ("type", "unit")}
            about += [(f"{part}.{name}.{key}", _about(value)) for key, value in told.items()]
    heads = [
        *(_head("when", name, column) for name, column in sheet.inputs.items()),
        *(_head("then", name, column) for name, column in sheet.outputs.items()),
        *_WORDS,
    ]
    lines = [_row_cells(sheet, row) for row in sheet.rows] + [_test_cells(sheet, test) for test in sheet.tests]
    columns_ = dict(zip(["kind", *heads], zip(*lines, strict=True), strict=True))
    above = pl.DataFrame(about, schema={"rule": pl.String, sheet.id: pl.String}, orient="row")
    return (neutral_csv(above) + neutral_csv(pl.DataFrame(columns_))).decode()


def _about(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _head(side: str, name: str, column: Any) -> str:
    return f"{side} {name} [{column.type}{f', {column.unit}' if column.unit else ''}]"


def _row_cells(sheet: Sheet, row: Any) -> list[str]:
    when = [row.when.get(name, "") for name in sheet.inputs]
    return ["row", *when, *(_cell(row.then.get(name)) for name in sheet.outputs), row.because, row.law]


def _test_cells(sheet: Sheet, test: Any) -> list[str]:
    given = [_cell(test.given.get(name)) for name in sheet.inputs]
    return ["test", *given, *(_cell(test.expect.get(name)) for name in sheet.outputs), test.says, ""]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, str) and (value in ("", "null") or value[0] in '"[' or value != value.strip()):
        return json.dumps(value, ensure_ascii=False)
    return write_value(value)


def read_csv(text: str, name: str, stem: str) -> Sheet:
    """Read a sheet; ``stem`` is its identifier when it says none. Raises SettingsError with line and column."""
    lines = _lines(text, name)
    at = next((number for number, line in enumerate(lines) if line and line[0].strip().casefold() == "kind"), None)
    if at is None:
        raise SettingsError(
            f"{name} has no line of headings.",
            'It begins with "kind" and names columns as "when income [number, EUR/month]" and "then outcome [text]".',
        )
    about = {
        line[0].strip(): line[1].strip() if len(line) > 1 else "" for line in lines[:at] if line and line[0].strip()
    }
    sheet: dict[str, Any] = {"id": about.pop("rule", rule_id(stem)), "version": "1", "inputs": {}, "outputs": {}}
    columns = [_column(head, number, name, sheet) for number, head in enumerate(lines[at][1:], start=2)]
    _tell(sheet, about, name)
    sheet["rows"], sheet["tests"] = [], []
    for number, line in enumerate(lines[at + 1 :], start=at + 2):
        if any(cell.strip() for cell in line):
            _take(sheet, columns, line, f"{name}, line {number}")
    try:
        return msgspec.convert(sheet, Sheet, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{name}: {error}.", "Correct it and run again.") from None


def _lines(text: str, name: str) -> list[list[str]]:
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count) if any(one in first for one in ",;\t") else ","
    try:
        lines = list(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))
    except csv.Error as error:
        raise SettingsError(f"{name} is no CSV: {error}.", "Save it as CSV in UTF-8.") from None
    return [
        [_FORMULA_AFTER.sub("", cell, count=1) if cell.startswith("'") else cell for cell in line] for line in lines
    ]


def _column(head: str, number: int, name: str, sheet: dict[str, Any]) -> tuple[str, str, str]:
    """Side, name and type of one column, which is added to the sheet."""
    if head.strip().casefold() in _WORDS or not head.strip():
        return "word", head.strip().casefold(), "text"
    match = _HEAD.fullmatch(head.strip()) if len(head) <= _HEAD_CHARS else None
    if not match:
        raise SettingsError(
            f"{name}: the heading of column {number}, '{head[:60]}', is not understood.",
            'Write "when NAME [TYPE, UNIT]" or "then NAME [TYPE]", with a type of number, text, yes-no or date.',
        )
    side, column, kind, unit = match.groups()
    part = sheet["inputs" if side == "when" else "outputs"]
    if column in part:
        raise SettingsError(f"{name}: the column '{column}' is there twice.", "Leave one of them.")
    part[column] = {"type": kind, **({"unit": unit} if unit else {})}
    return side, column, kind


def _tell(sheet: dict[str, Any], about: Mapping[str, str], name: str) -> None:
    """What is said above the table."""
    for key, value in about.items():
        part, _, rest = key.partition(".")
        column, _, field = rest.rpartition(".")
        columns = sheet.get(f"{part}s")
        if key in _TEXTS:
            sheet[key] = value
        elif key == "uses":
            sheet["uses"] = _parsed(value)
        elif part == "justified" and rest:
            sheet.setdefault("justified", {})[rest] = value
        elif isinstance(columns, dict) and column in columns and field:
            parsed = _parsed(value) if field in ("values", "accepts", "min", "max") else value
            columns[column][field] = parsed
        else:
            raise SettingsError(
                f"{name}: '{key[:60]}' is not understood.",
                f"Known above the table: rule, {', '.join(_TEXTS)}, uses, justified.INPUT, input.NAME.min and such.",
            )


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value


def _take(sheet: dict[str, Any], columns: Sequence[tuple[str, str, str]], line: Sequence[str], where: str) -> None:
    kind = line[0].strip().casefold()
    if kind not in ("row", "test"):
        raise SettingsError(f"{where} begins with '{line[0][:40]}'.", "Begin it with 'row' or 'test'.")
    record: dict[str, Any] = {"when": {}, "then": {}}
    for (side, column, type_), cell in zip(columns, line[1:], strict=False):
        if side == "word":
            record[column] = cell
        elif cell.strip() and side == "when" and kind == "row":
            record["when"][column] = cell.strip()
        elif cell.strip():
            record[side][column] = _value(cell.strip(), type_, side == "when", f"{where}, {column}")
    if kind == "row":
        sheet["rows"].append({key: value for key, value in record.items() if key})
    else:
        sheet["tests"].append({"given": record["when"], "expect": record["then"], "says": record.get("because", "")})


def _value(cell: str, kind: Any, lenient: bool, where: str) -> Any:
    """One value; what a test gives may be wrong on purpose and then stays a text."""
    if cell.startswith("["):
        return _parsed(cell)
    try:
        if kind == "text":
            return read_value(cell, kind) if cell.startswith('"') else coerce(cell, kind)
        return coerce(cell, kind)
    except CellError as error:
        if lenient:
            return cell
        raise SettingsError(f"{where}: {error}.", f"Give a value of type {kind}.") from None

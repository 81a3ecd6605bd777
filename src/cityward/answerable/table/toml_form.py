"""A rule as TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import msgspec

from cityward.answerable.table.condition import write_value
from cityward.answerable.table.shape import Sheet
from cityward.core.toml_text import decode_toml_text

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def read_toml(text: str, name: str) -> Sheet:
    """Read a sheet; raises SettingsError with the line."""
    return decode_toml_text(text, Sheet, name)


def write_toml(sheet: Sheet) -> str:
    """Write a sheet; `read_toml` reads the same again."""
    return "\n".join(_lines(sheet)) + "\n"


def _lines(sheet: Sheet) -> Iterator[str]:
    for key in ("id", "version", "title", "reference", "valid_from", "valid_until", "hit", "uses", "justified"):
        value = getattr(sheet, key)
        if value or key == "hit":
            yield f"{key} = {written(value)}"
    for part, columns in (("inputs", sheet.inputs), ("outputs", sheet.outputs)):
        for name, column in columns.items():
            yield from ("", f"[{part}.{_key(name)}]")
            yield from (f"{key} = {written(value)}" for key, value in fields(column).items())
    for part, records in (("rows", sheet.rows), ("tests", sheet.tests)):
        for record in records:
            yield from ("", f"[[{part}]]")
            yield from (f"{key} = {written(value)}" for key, value in fields(record).items())


def fields(record: msgspec.Struct) -> dict[str, Any]:
    """Fields of a part of a sheet that say something."""
    return {key: value for key, value in msgspec.structs.asdict(record).items() if value not in (None, "", (), {})}


def written(value: Any) -> str:
    """A value of TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | date):
        return write_value(value)
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_key(key)} = {written(one)}' for key, one in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(one) for one in value)}]"
    text = str(value)
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"  # a list of texts reads as it is, without a backslash before each quotation mark
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else json.dumps(name, ensure_ascii=False)

"""Rows with names that are written in text: attributes of XML, and tables with a head."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

ROWS_MIN: Final = 5
_CHARS: Final = 200_000
_TAG: Final = re.compile(r"<[\w:]{1,40}\s([^<>]{5,400})>")
_ATTRIBUTE: Final = re.compile(r"([\w:.-]{1,40})\s?=\s?[\"']([^\"']{0,60})[\"']")
_HEAD: Final = re.compile(r"[^\W\d][\w .()/-]{0,40}(?:([,;\t|])[ ]?[^\W\d][\w .()/-]{0,40}){1,60}")


def records(text: str) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of numbers and words that ``text`` has, with the name of each value."""
    part = text[:_CHARS]
    if "<" in part:
        tagged = [dict(_ATTRIBUTE.findall(match)) for match in _TAG.findall(part)]
        kept = [row for row in tagged if len(row) > 1]
        if len(kept) >= ROWS_MIN:
            most = max((frozenset(row) for row in kept[:50]), key=[frozenset(row) for row in kept].count)
            yield [{key: _value(row[key]) for key in row} for row in kept if frozenset(row) == most]
    head, _, rest = part.partition("\n")
    match = _HEAD.fullmatch(head.strip())
    if match:
        names = [name.strip() for name in head.split(match[1])]
        rows = [line.split(match[1]) for line in rest.splitlines() if line.strip()]
        if len(rows) >= ROWS_MIN and all(len(row) == len(names) for row in rows):
            yield [{name: _value(cell.strip()) for name, cell in zip(names, row, strict=True)} for row in rows]


def _value(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text

"""Small questions that are asked of numbers, texts and bytes before they are looked into."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np

from cityward.guard.content import points


def number_of(value: Any) -> float:
    """The number that a value is; not a number where it is none."""
    return float(value) if isinstance(value, int | float) else float("nan")


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number, however it is written."""
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < 1e18)


def read_json(text: str) -> Any:
    """What a text of JSON, of Python's literals or of JSON lines says; None where it is none."""
    for tried in (
        text,
        text.replace("'", '"').replace("None", "null").replace("True", "true").replace("False", "false"),
    ):
        try:
            return json.loads(f"[{tried[1:-1]}]" if tried[0] == "(" else tried)
        except ValueError:
            continue
        except RecursionError:
            return None
    lines = text.splitlines()
    if len(lines) > 1 and all(line.strip()[:1] in ("{", "[", "") for line in lines[:1000]):
        try:
            return [json.loads(line) for line in lines if line.strip()]
        except (ValueError, RecursionError):
            return None
    return None


def depth_of(text: str) -> int:
    """Deepest nesting of brackets, however many are closed."""
    raw = np.frombuffer(text.encode("utf-8", errors="replace"), dtype=np.uint8)
    steps = np.isin(raw, (91, 123)).astype(np.int32) - np.isin(raw, (93, 125)).astype(np.int32)
    return int(np.max(np.cumsum(steps), initial=0))


def printable(data: bytes) -> bool:
    """Whether the first bytes are signs that are written."""
    return all(byte >= 32 or byte in (9, 10, 13) for byte in data[:2000])


def as_text(data: bytes) -> str | None:
    """The text that bytes are, if they are one."""
    for encoding, start in (("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff"), ("utf-8", b"")):
        if not data.startswith(start):
            continue
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        odd = sum(character < " " and character not in "\t\r\n" for character in text[:4000])
        return text if odd <= len(text[:4000]) // 50 else None
    return None


def entropy(data: bytes) -> float:
    """Bits a byte."""
    counts = np.bincount(np.frombuffer(data, dtype=np.uint8), minlength=256)
    share = counts[counts > 0] / len(data)
    return float(-(share * np.log2(share)).sum())


def matrix_of(rows: list[list[str]]) -> points.Matrix | None:
    """Rows of numbers of one width as a matrix."""
    widths = {len(row) for row in rows}
    if len(widths) != 1 or any(a != b for a, b in pairwise(widths)):
        return None
    return np.array(rows, dtype=np.float64)

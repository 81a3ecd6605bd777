"""Bytes to a document, whoever wrote them: bounded, of one meaning, and without signs that hide others.

Source: RFC 8259 (JSON), sections 4 (names of an object should be unique) and 8.1 (UTF-8); RFC 7493 (I-JSON).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from cityward.secure.monitor.printable import printable
from cityward.secure.respond.limits import PLAYBOOK_BYTES, PLAYBOOK_DEPTH, PLAYBOOK_NODES, TEXT_CHARS
from cityward.secure.respond.problem import BadPlaybook, Problem

_HIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_LONE: Final = re.compile("[\ud800-\udfff]")
_PLACE_CHARS: Final = 60


def read_document(data: bytes, name: str) -> dict[str, Any]:
    """The JSON object in ``data``.

    Raises
    ------
    BadPlaybook
        It is too large or too deep, not UTF-8, not JSON, says a thing twice, or holds signs that hide others.
    """
    if len(data) > PLAYBOOK_BYTES:
        raise _bad(name, f"It has {len(data):,} bytes.", f"A playbook has at most {PLAYBOOK_BYTES:,}.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad(name, f"Byte {error.start:,} is not UTF-8.", "Save the file as UTF-8.") from None
    if _depth(text) > PLAYBOOK_DEPTH:
        raise _bad(name, f"It is nested more than {PLAYBOOK_DEPTH} deep.", "Write it flatter.")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        what = f"It is not JSON: {error.msg.lower()} in line {error.lineno}, column {error.colno}."
        raise _bad(name, what, "Mend that place.") from None
    except (_Unfit, ValueError, RecursionError) as error:
        what = str(error) if isinstance(error, _Unfit) else "A number in it is too long."
        raise _bad(name, what, "Mend that place.") from None
    if not isinstance(found, dict):
        raise _bad(name, "It is JSON, but no object.", "A playbook is one object.")
    problems = list(_hidden(found))
    if problems:
        raise BadPlaybook(name, problems)
    return found


class _Unfit(Exception):
    """JSON that means different things to different readers."""


def _bad(name: str, what: str, remedy: str) -> BadPlaybook:
    return BadPlaybook(name, [Problem(place="", what=what, remedy=remedy)])


def _depth(text: str) -> int:
    """Deepest nesting of brackets outside of strings: known before a parser is asked to follow it."""
    deepest = depth = 0
    for sign in re.findall(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', text, re.DOTALL):
        if sign in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif sign in "]}":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Unfit(f"The name '{printable(twice, _PLACE_CHARS)}' stands twice in one object.")
    return found


def _no_constant(text: str) -> Any:
    raise _Unfit(f"{text} is no number of JSON.")


def _hidden(found: Any) -> Iterator[Problem]:
    """Texts that are too long, or hold signs that a screen does not show as they are."""
    waiting: list[tuple[str, Any]] = [("", found)]
    seen = 0
    while waiting:
        place, value = waiting.pop()
        seen += 1
        if seen > PLAYBOOK_NODES:
            yield Problem(place="", what=f"It holds more than {PLAYBOOK_NODES:,} values.", remedy="Divide it.")
            return
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from _text(f"{place}/{printable(key, _PLACE_CHARS)}".lstrip("/"), key)
                waiting.append((f"{place}/{printable(key, _PLACE_CHARS)}".lstrip("/"), inner))
        elif isinstance(value, list):
            waiting += [(f"{place}/{at}", inner) for at, inner in enumerate(value)]
        elif isinstance(value, str):
            yield from _text(place, value)


def _text(place: str, text: str) -> Iterator[Problem]:
    if len(text) > TEXT_CHARS:
        yield Problem(place=place, what=f"The text has {len(text):,} signs.", remedy=f"Write at most {TEXT_CHARS:,}.")
    sign = _HIDDEN.search(text) or _LONE.search(text)
    if sign:
        yield Problem(
            place=place, what=f"The text holds U+{ord(sign[0]):04X}, which a screen hides.", remedy="Take it out."
        )

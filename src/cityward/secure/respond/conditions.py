"""Conditions: a small part of STIX patterning, read once and evaluated on the values of variables.

``__severity__:value >= 3 AND (__place__:value = 'water' OR NOT __known__:value IN ('yes', 'maybe'))``. Whatever else
STIX patterning can say (objects, LIKE, MATCHES, ISSUBSET, windows of time) is refused by name: nothing is guessed.

Source: STIX 2.1, section 9, patterning: comparison operators, AND before OR.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cityward.core.errors import UserError
from cityward.secure.monitor.printable import printable
from cityward.secure.respond.limits import CONDITION_CHARS, CONDITION_DEPTH, CONDITION_TERMS

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<variable>__[a-zA-Z_][a-zA-Z0-9_-]{0,199}?__):value|(?P<text>'(?:[^'\\]|\\['\\])*')"
    r"|(?P<number>[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?)(?![\w.])|(?P<word>[A-Za-z_][\w-]*)"
    r"|(?P<sign>==|!=|<=|>=|<>|[=<>(),\[\]])|(?P<other>\S))"
)
_COMPARES: Final = {"=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_REFUSED: Final = (
    "LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET", "EXISTS", "FOLLOWEDBY", "WITHIN", "REPEATS", "START", "STOP", "TIMES",
)  # fmt: skip
_NUMBERS: Final = ("integer", "long", "float")


class BadCondition(Exception):
    """A condition that is refused; its text says why."""


@dataclass(frozen=True, slots=True)
class Compare:
    """A variable against one literal, or several with ``IN``."""

    variable: str
    how: str
    literals: tuple[str, ...]
    number: bool


@dataclass(frozen=True, slots=True)
class Joined:
    """``AND``, ``OR`` or ``NOT`` of others."""

    how: str
    parts: tuple[Compare | Joined, ...]


Condition = Compare | Joined


def read_condition(text: str) -> Condition:
    """Read a condition; raises `BadCondition`."""
    if len(text) > CONDITION_CHARS:
        raise BadCondition(f"A condition has at most {CONDITION_CHARS:,} signs.")
    tokens = [(match.lastgroup or "", match[match.lastgroup or 0]) for match in _TOKEN.finditer(text)]
    return _Reader(tokens).whole()


def variables_of(condition: Condition) -> list[Compare]:
    """Every comparison in a condition."""
    if isinstance(condition, Compare):
        return [condition]
    return [one for part in condition.parts for one in variables_of(part)]


class _Reader:
    """Descends through the tokens; each step takes what it understands."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens, self._at, self._terms = tokens, 0, 0

    def whole(self) -> Condition:
        bracketed = bool(self._tokens) and self._tokens[0][1] == "["
        if bracketed:
            self._at = 1
        found = self._either(0)
        if bracketed:
            self._take("]")
        if self._at != len(self._tokens):
            raise BadCondition(f"'{self._told()}' was not expected.")
        return found

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _told(self) -> str:
        return printable(self._peek()[1] or "the end", 40)

    def _word(self, *words: str) -> bool:
        kind, text = self._peek()
        if kind == "word" and text.upper() in words:
            self._at += 1
            return True
        return False

    def _take(self, sign: str) -> None:
        if self._peek()[1] != sign:
            raise BadCondition(f"'{sign}' is missing before '{self._told()}'.")
        self._at += 1

    def _either(self, depth: int) -> Condition:
        parts = [self._both(depth)]
        while self._word("OR"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Joined("OR", tuple(parts))

    def _both(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self._word("AND"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Joined("AND", tuple(parts))

    def _one(self, depth: int) -> Condition:
        if depth > CONDITION_DEPTH:
            raise BadCondition(f"Brackets stand more than {CONDITION_DEPTH} deep.")
        if self._word("NOT"):
            return Joined("NOT", (self._one(depth + 1),))
        if self._peek()[1] == "(":
            self._at += 1
            found = self._either(depth + 1)
            self._take(")")
            return found
        return self._compare()

    def _compare(self) -> Compare:
        kind, text = self._peek()
        self._terms += 1
        if self._terms > CONDITION_TERMS:
            raise BadCondition(f"A condition compares at most {CONDITION_TERMS} times.")
        if kind != "variable":
            self._refuse()
            raise BadCondition(f"A comparison begins with __name__:value, not with '{self._told()}'.")
        self._at += 1
        if self._word("NOT"):
            if not self._word("IN"):
                raise BadCondition("After NOT stands IN.")
            return self._listed(text, "NOT IN")
        if self._word("IN"):
            return self._listed(text, "IN")
        _, sign = self._peek()
        if sign not in _COMPARES:
            self._refuse()
            raise BadCondition(f"'{self._told()}' is no comparison; =, !=, <, <=, >, >= and IN are.")
        self._at += 1
        literal, number = self._literal()
        return Compare(text, _COMPARES[sign], (literal,), number)

    def _refuse(self) -> None:
        word = self._peek()[1].upper()
        if word in _REFUSED:
            raise BadCondition(f"{word} of STIX patterning is not evaluated here.")

    def _listed(self, variable: str, how: str) -> Compare:
        self._take("(")
        found = [self._literal()]
        while self._peek()[1] == ",":
            self._at += 1
            found.append(self._literal())
        self._take(")")
        if len(found) > CONDITION_TERMS:
            raise BadCondition(f"A list has at most {CONDITION_TERMS} values.")
        return Compare(variable, how, tuple(one for one, _ in found), all(number for _, number in found))

    def _literal(self) -> tuple[str, bool]:
        kind, text = self._peek()
        if kind == "text":
            self._at += 1
            return re.sub(r"\\(.)", r"\1", text[1:-1]), False
        if kind == "number":
            self._at += 1
            return text, True
        if kind == "word" and text in ("true", "false"):
            self._at += 1
            return text, False
        raise BadCondition(f"A value is a number, true, false or a text in '…', not '{self._told()}'.")


def check_types(condition: Condition, kinds: Mapping[str, str]) -> None:
    """Raise `BadCondition` when a comparison asks of a variable what its type cannot answer."""
    for one in variables_of(condition):
        if one.variable not in kinds:
            raise BadCondition(f"{one.variable} is not defined.")
        kind = kinds[one.variable]
        if one.how in ("<", "<=", ">", ">=") and not (kind in _NUMBERS and one.number):
            raise BadCondition(f"{one.how} compares numbers, and {one.variable} is of type {kind}.")
        if one.number != (kind in _NUMBERS) and (one.number or kind in _NUMBERS):
            raise BadCondition(f"{one.variable} is of type {kind}, and is compared with something else.")


def holds(condition: Condition, values: Mapping[str, str]) -> bool:
    """Whether a condition holds; raises `UserError` when a variable has no value."""
    if isinstance(condition, Joined):
        if condition.how == "NOT":
            return not holds(condition.parts[0], values)
        every = condition.how == "AND"
        return (all if every else any)(holds(part, values) for part in condition.parts)
    value = values.get(condition.variable)
    if value is None:
        raise UserError(f"{condition.variable} has no value yet.", "Give it with --set, or with the step that sets it.")
    return _holds(condition, value)


def _holds(one: Compare, value: str) -> bool:
    if one.how in ("IN", "NOT IN"):
        return any(_same(one, value, literal) for literal in one.literals) == (one.how == "IN")
    if one.how in ("=", "!="):
        return _same(one, value, one.literals[0]) == (one.how == "=")
    left, right = float(value), float(one.literals[0])
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[one.how]


def _same(one: Compare, value: str, literal: str) -> bool:
    return float(value) == float(literal) if one.number else value == literal

"""Conditions: the small language of a cell, read, judged against one value, and written in its usual form.

``-`` any value, also a missing one; ``null`` a missing one; ``5``, ``< 5``, ``>= 2026-01-01``, ``[1..5)``,
``"a", "b"``, ``yes``, and ``not(…)`` around any of them. What is missing meets ``-`` and ``null`` alone.

**Source**: OMG DMN 1.5, clause 9 (S-FEEL), grammar rules 12 to 18 (unary tests) and table 47 (intervals).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from typing import Final, Literal, TypeAlias, cast

from cityward.core.limits import RULE_CELL_CHARS

Kind: TypeAlias = Literal["number", "text", "yes-no", "date"]
Value: TypeAlias = float | str | bool | date

YES_NO: Final = {"yes": True, "no": False, "true": True, "false": False}
ALLOWED: Final[dict[str, str]] = {
    "number": "5, < 5, >= 5, [1..5), lists such as 1, 2, [5..7], not(…), null, and - for any",
    "date": "2026-01-31, < 2026-01-31, [2026-01-01..2026-02-01), lists, not(…), null, and - for any",
    "text": '"a", lists such as "a", "b", not("a"), null, and - for any',
    "yes-no": "yes, no, null, and - for any",
}
"""What a cell of each type may say, for messages."""

_OPERATORS: Final = {"≤": "<=", "≥": ">=", "≠": "!="}
_COMPARED = re.compile(r"(<=|>=|!=|<|>|=|≤|≥|≠)\s*(.+)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
_NUMBER_AND_UNIT = re.compile(rf"({_NUMBER.pattern})\s+(\S.*)")
_DATE = re.compile(r'(?:d(?:ate)?\(\s*"?)?(\d{4}-\d{2}-\d{2})(?:"?\s*\))?')
_THOUSANDS = re.compile(r"\d,\d{3}(?!\d)")
_BARE = re.compile(r"[^\W_](?:[^\"<>=!\[\](),\n]*[^\"<>=!\[\](),\s])?")


class CellError(ValueError):
    """A cell does not say anything that its type allows; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Span:
    """Values from ``low`` to ``high`` (None: without end), with or without the ends themselves."""

    low: float | date | None
    high: float | date | None
    low_in: bool = False
    high_in: bool = False

    def holds(self, value: float | date) -> bool:
        """Whether a value lies in it."""
        above = self.low is None or value > self.low or (self.low_in and value == self.low)  # type: ignore[operator]
        below = self.high is None or value < self.high or (self.high_in and value == self.high)  # type: ignore[operator]
        return above and below

    def __str__(self) -> str:
        if self.low is None:
            return f"{'<=' if self.high_in else '<'} {write_value(self.high)}"
        if self.high is None:
            return f"{'>=' if self.low_in else '>'} {write_value(self.low)}"
        ends = f"{write_value(self.low)}..{write_value(self.high)}"
        return f"{'[' if self.low_in else '('}{ends}{']' if self.high_in else ')'}"


@dataclass(frozen=True, slots=True)
class Condition:
    """What one cell asks. ``terms`` are alternatives, None among them is ``null``; no terms: any value."""

    terms: tuple[Span | Value | None, ...] = ()
    negated: bool = False

    @property
    def is_any(self) -> bool:
        """Whether every value meets it, also a missing one."""
        return not self.terms

    def meets(self, value: Value | None) -> bool:
        """Whether ``value`` meets it; a missing one meets ``-`` and ``null`` alone."""
        if self.is_any:
            return True
        if value is None:
            return None in self.terms and not self.negated
        return any(_holds(term, value) for term in self.terms) is not self.negated

    def __str__(self) -> str:
        if self.is_any:
            return "-"
        terms = ", ".join(
            str(term) if isinstance(term, Span) else write_value(term, quoted=True) for term in self.terms
        )
        return f"not({terms})" if self.negated else terms


ANY: Final = Condition()


def _holds(term: Span | Value | None, value: Value) -> bool:
    if isinstance(term, Span):
        return term.holds(value)  # type: ignore[arg-type]
    return term is not None and term == value


def write_value(value: Value | None, *, quoted: bool = False) -> str:
    """A value as a cell writes it: ``1200``, ``yes``, ``2026-01-31``, ``grant`` (or ``"grant"``), ``null``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if quoted else value
    if isinstance(value, date):
        return value.isoformat()
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


@lru_cache(maxsize=65_536)
def read_condition(text: str, kind: Kind, unit: str | None = None) -> Condition:
    """Read one cell.

    Parameters
    ----------
    text : str
        What it says.
    kind : {"number", "text", "yes-no", "date"}
        Type of its input.
    unit : str, optional
        Unit of its input; a number may be followed by this unit and by no other.

    Raises
    ------
    CellError
        It says nothing that this type allows.
    """
    if len(text) > RULE_CELL_CHARS:
        raise CellError(f"has {len(text):,} characters; at most {RULE_CELL_CHARS:,} are read")
    inner, negated = text.strip(), False
    if inner in ("", "-", "–", "—"):
        return ANY
    if re.match(r"not\s*\(", inner) and inner.endswith(")"):
        inner, negated = inner[inner.index("(") + 1 : -1].strip(), True
    if kind == "number" and _THOUSANDS.search(inner):
        raise CellError(
            f"'{_short(text)}' could be one number or two: write 1200 without a comma, and a list with blanks: 1, 200"
        )
    parts = _parted(inner)
    if len(parts) == 1 and (match := re.fullmatch(r"(?:!=|≠)\s*(.+)", parts[0], re.DOTALL)):
        parts, negated = [match[1]], not negated
    terms = tuple(_term(part, kind, unit, text) for part in parts)
    return Condition(tuple(dict.fromkeys(terms)), negated)


def read_value(text: str, kind: Kind, unit: str | None = None) -> Value | None:
    """Read a single value, as `read_condition` reads it; ``null`` and an empty cell are None."""
    text = text.strip()
    if text in ("", "null"):
        return None
    return _literal(text, kind, unit, text)


def coerce(value: object, kind: Kind) -> Value | None:
    """Return a Python value as ``kind``; None when there is none.

    Raises
    ------
    CellError
        It is of another type, or a number that is not finite.
    """
    if value is None:
        return None
    if kind == "yes-no" and isinstance(value, bool):
        return value
    if kind == "text" and isinstance(value, str):
        return value
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    if kind == "date" and type(value) is date:
        return value
    if isinstance(value, str) and kind != "text":
        return read_value(value, kind)
    raise CellError(f"is {NOT_A[kind]}")


NOT_A: Final[dict[str, str]] = {
    "number": "not a number",
    "text": "not a text",
    "yes-no": "not yes or no",
    "date": "not a date such as 2026-01-31",
}
"""How a message says that something is out of type."""


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}…"


def _parted(text: str) -> list[str]:
    """Alternatives: the parts between commas that are not inside quotes."""
    parts, start, quoted, escaped = [], 0, False, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\" and quoted:
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            parts.append(text[start:at])
            start = at + 1
    if quoted:
        raise CellError(f"'{_short(text)}' has a quotation mark that is never closed")
    parts.append(text[start:])
    return [part.strip() for part in parts]


def _term(part: str, kind: Kind, unit: str | None, whole: str) -> Span | Value | None:
    if not part:
        raise CellError(f"'{_short(whole)}' has an empty alternative: a comma too many")
    if part == "null":
        return None
    compared = _COMPARED.fullmatch(part)
    low, between, high = part[1:-1].partition("..")
    if compared and _OPERATORS.get(compared[1], compared[1]) == "=":
        return _literal(compared[2], kind, unit, whole)
    if kind in ("text", "yes-no"):
        return _literal(part, kind, unit, whole)
    read = cast("Callable[[str], float | date]", partial(_literal, kind=kind, unit=unit, whole=whole))
    if compared:
        return _compared(_OPERATORS.get(compared[1], compared[1]), read(compared[2]), whole)
    if between and part[0] in "[](" and part[-1] in "[])":
        return _interval(read(low.strip()), read(high.strip()), part)
    return read(part)


def _interval(low: float | date, high: float | date, part: str) -> Span:
    span = Span(low, high, part[0] == "[", part[-1] == "]")
    if low > high or (low == high and not (span.low_in and span.high_in)):  # type: ignore[operator]
        raise CellError(f"'{_short(part)}' holds no value: it begins at or after its end")
    return span


def _compared(operator: str, value: float | date, whole: str) -> Span:
    if operator == "!=":
        raise CellError(f"'{_short(whole)}': != stands alone in a cell; write not(…) around a list")
    if operator[0] == "<":
        return Span(None, value, False, operator == "<=")
    return Span(value, None, operator == ">=", False)


def _literal(text: str, kind: Kind, unit: str | None, whole: str) -> Value:
    found: Value | None = None
    if kind == "number":
        found = _number(text, unit)
    elif kind == "date":
        found = _day(text)
    elif kind == "yes-no":
        found = YES_NO.get(text.strip('"').casefold())
    elif text.startswith('"'):
        found = _quoted(text)
    elif _BARE.fullmatch(text):
        found = text
    if found is None:
        raise CellError(f"'{_short(whole)}' is not understood as {kind}")
    return found


def _number(text: str, unit: str | None) -> float | None:
    if unit and (found := _NUMBER_AND_UNIT.fullmatch(text)):
        if found[2] != unit:
            raise CellError(f"'{_short(text)}' is in {found[2][:30]}, but this input is in {unit}: write it in {unit}")
        text = found[1]
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return (number or 0.0) if math.isfinite(number) else None


def _day(text: str) -> date | None:
    found = _DATE.fullmatch(text.strip('"'))
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        raise CellError(f"'{_short(text)}' is no day of the calendar") from None


def _quoted(text: str) -> str | None:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, str) else None

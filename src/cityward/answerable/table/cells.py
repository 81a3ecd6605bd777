"""Elementary cells: each input's values cut where any row's condition begins or ends.

Within a cell no condition can tell two values apart, so a table is a matter of whole numbers: the engine looks rows
up by cell, the checks go through cells, and counterfactuals try one value of each. Boundaries are where a stretch
begins: ``> 5`` begins at the next number that a machine can hold, which makes every stretch half-open and exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np

from cityward.answerable.table.condition import Condition, Span, Value, write_value
from cityward.answerable.table.shape import Input

Segment: TypeAlias = tuple[int, int]
"""Cells from the first to before the second."""

_EPOCH = date(1970, 1, 1)
ENGLISH: Final[Mapping[str, str]] = {
    "any": "any value",
    "other": "anything else",
    "others": "others",
    "missing": "not given",
    "yes": "yes",
    "no": "no",
    "or": " or ",
    "and": " and ",
    "either": "either {parts}",
    "above": "above {value}",
    "least": "{value} or more",
    "below": "below {value}",
    "most": "at most {value}",
    "since": "{value} or later",
    "until": "until {value}",
}
"""How values are told; another language has the same names with its own words."""

SHOWN_MAX = 8
"""Most values of a text that a sentence lists."""


@dataclass(frozen=True)
class Axis:
    """The cells of one input.

    Parameters
    ----------
    name : str
        The input.
    given : Input
        Its type and limits.
    starts : numpy.ndarray of float64, shape (cells - 1,)
        For numbers and dates (days since 1970): where each cell but the first begins.
    values : tuple of str
        For texts: the values that have a cell of their own.
    """

    name: str
    given: Input
    starts: np.ndarray
    values: tuple[str, ...] = ()

    @property
    def cells(self) -> int:
        """Number of cells; the cell of what is missing comes after them, then those of what cannot be."""
        if self.given.type == "text":
            return len(self.values) + (not self.given.values)
        return 2 if self.given.type == "yes-no" else len(self.starts) + 1

    @property
    def missing(self) -> int:
        """Cell of a missing value."""
        return self.cells

    @property
    def outside(self) -> int:
        """Cell of a value that the input's limits exclude; no row holds there."""
        return self.cells + 1

    @property
    def wrong(self) -> int:
        """Cell of a value that is out of type; no row holds there."""
        return self.cells + 2

    @cached_property
    def domain(self) -> Segment:
        """Cells that can occur: within min and max."""
        if self.given.type in ("text", "yes-no"):
            return 0, self.cells
        low, high = _place(self.given.min), _place(self.given.max)
        first = 0 if low is None else self._cell_from(low)
        return first, self.cells if high is None else self._cell_from(_next(high, self.given.type))

    def _cell_from(self, boundary: float) -> int:
        return int(np.searchsorted(self.starts, boundary, side="right"))

    @cached_property
    def _code_of(self) -> dict[str, int]:
        return {value: code for code, value in enumerate(self.values)}

    def segments(self, condition: Condition) -> tuple[Segment, ...]:
        """Cells whose values meet a condition, as disjoint stretches in order; the missing one too where it does."""
        if condition.is_any:
            return ((0, self.cells + 1),)
        found = _joined(self._segment(term) for term in condition.terms if term is not None)
        if condition.negated:
            return _complement(found, self.cells)
        return _joined([*found, (self.missing, self.missing + 1)]) if None in condition.terms else found

    def _segment(self, term: Span | Value) -> Segment:
        kind = self.given.type
        if isinstance(term, Span):
            low, high = _place(term.low), _place(term.high)
            first = 0 if low is None else self._cell_from(low if term.low_in else _next(low, kind))
            return first, self.cells if high is None else self._cell_from(_next(high, kind) if term.high_in else high)
        if isinstance(term, bool):
            return int(term), int(term) + 1
        if isinstance(term, str):
            # A value that the input does not list is found when the table is read.
            code = self._code_of[term]
            return code, code + 1
        at = _place(term)
        assert at is not None  # noqa: S101 - for the type checker: a term that is no Span has a place
        return self._cell_from(at), self._cell_from(_next(at, kind))

    def example(self, cell: int) -> Value | None:
        """A value of a cell, as round as the cell allows."""
        kind = self.given.type
        if cell >= self.cells:
            return None
        if kind == "yes-no":
            return bool(cell)
        if kind == "text":
            return self.values[cell] if cell < len(self.values) else _unlisted(self.values)
        low = -math.inf if cell == 0 else float(self.starts[cell - 1])
        high = math.inf if cell == len(self.starts) else float(self.starts[cell])
        return _day(_within(low, high - 1, whole=True)) if kind == "date" else _within(low, high)

    def words(self, cells: Sequence[Segment], say: Mapping[str, str] = ENGLISH) -> str:
        """A set of cells in plain words: ``below 1200 EUR/month``; ``say`` has the words of a language."""
        told = [self._stretch(first, stop, say) for first, stop in cells]
        return say["either"].format(parts=say["or"].join(told)) if len(told) > 1 else told[0]

    def _stretch(self, first: int, stop: int, say: Mapping[str, str]) -> str:
        if self.given.type in ("text", "yes-no"):
            shown = [self._told(cell, say) for cell in range(first, min(stop, first + SHOWN_MAX))]
            return say["or"].join([*shown, *([say["others"]] if stop > first + SHOWN_MAX else [])])
        if first == self.missing:
            return say["missing"]
        unit = f" {self.given.unit}" if self.given.unit and self.given.unit != "1" else ""
        low = None if first <= self.domain[0] else float(self.starts[first - 1])
        high = None if stop >= self.domain[1] else float(self.starts[stop - 1])
        if low is not None and high is not None and _next(low, self.given.type) == high:
            return f"{self._write(low)}{unit}"
        parts = []
        if low is not None:
            before = math.nextafter(low, -math.inf)
            sharp = self.given.type == "number" and len(repr(before)) < len(repr(low))
            at = f"{self._write(before if sharp else low)}{unit}"
            key = "above" if sharp else "since" if self.given.type == "date" else "least"
            parts.append(say[key].format(value=at))
        if high is not None:
            before = self._before(high)
            sharp = self.given.type == "date" or len(repr(before)) < len(repr(high))
            at = f"{self._write(before if sharp else high)}{unit}"
            key = "until" if self.given.type == "date" else "most" if sharp else "below"
            parts.append(say[key].format(value=at))
        return say["and"].join(parts) or say["any"]

    def _told(self, cell: int, say: Mapping[str, str]) -> str:
        if cell >= self.cells:
            return say["missing"]
        value = self.example(cell)
        if isinstance(value, bool):
            return say["yes" if value else "no"]
        return (
            say["other"] if self.given.type == "text" and cell >= len(self.values) else write_value(value, quoted=True)
        )

    def _before(self, place: float) -> float:
        return place - 1 if self.given.type == "date" else math.nextafter(place, -math.inf)

    def _write(self, place: float) -> str:
        return write_value(_day(place) if self.given.type == "date" else place)


def make_axis(name: str, given: Input, conditions: Iterable[Condition]) -> Axis:
    """Cut one input where any of its conditions, or its own limits, begin or end."""
    if given.type == "yes-no":
        return Axis(name, given, np.empty(0))
    terms = {term for condition in conditions for term in condition.terms if term is not None}
    if given.type == "text":
        return Axis(name, given, np.empty(0), given.values or tuple(sorted(str(term) for term in terms)))
    cuts: set[float] = set()
    for term in terms | {Span(given.min, given.max, True, True)}:
        span = term if isinstance(term, Span) else Span(term, term, True, True)  # type: ignore[arg-type]
        for end, within, is_high in ((span.low, span.low_in, False), (span.high, span.high_in, True)):
            place = _place(end)
            if place is not None:
                cuts.add(_next(place, given.type) if within is is_high else place)
    return Axis(name, given, np.array(sorted(cuts), dtype=np.float64))


def _place(value: object) -> float | None:
    """Where a number or day lies on its line."""
    if isinstance(value, date):
        return float((value - _EPOCH).days)
    return None if value is None else float(value)  # type: ignore[arg-type]


def _next(place: float, kind: str) -> float:
    return place + 1 if kind == "date" else math.nextafter(place, math.inf)


def _day(place: float) -> date:
    return date.fromordinal(min(max(int(place) + _EPOCH.toordinal(), 1), date.max.toordinal()))


def _within(low: float, high: float, *, whole: bool = False) -> float:
    """A round number from ``low`` to below ``high`` (``whole``: up to ``high``)."""
    if low == -math.inf:
        below = 0.0 if high == math.inf else high if whole else math.ceil(high) - 1.0
        return below if below < high or whole else math.nextafter(high, -math.inf)
    if whole:
        return low
    before = math.nextafter(low, -math.inf)
    if len(repr(before)) >= len(repr(low)):
        return low  # the cell begins with a round number
    for digits in (0, 1, 2, 4, 8):
        rounded = round(math.floor(low * 10**digits) / 10**digits + 10**-digits, digits)
        if low <= rounded < high:
            return rounded
    return low


def _unlisted(values: Sequence[str]) -> str:
    name = "another"
    while name in values:
        name += " one"
    return name


def _joined(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    found: list[Segment] = []
    for first, stop in sorted(segments):
        if first >= stop:
            continue
        if found and first <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((first, stop))
    return tuple(found)


def _complement(segments: Sequence[Segment], cells: int) -> tuple[Segment, ...]:
    edges = [0, *(edge for segment in segments for edge in segment), cells]
    return tuple((first, stop) for first, stop in zip(edges[::2], edges[1::2], strict=True) if first < stop)

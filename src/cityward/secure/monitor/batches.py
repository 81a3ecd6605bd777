"""Events on their way to the rules: gathered by kind, and looked at as columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cityward.secure.monitor.logsources import Fields, Kind

BATCH_EVENTS = 20_000
"""Events of one batch: many enough to be columns, few enough to stay in the caches of a processor."""

LINE = "@line"
"""Column of the text of an event, where it is a line."""


@dataclass(slots=True)
class Batch:
    """Events of one kind; either ``rows`` (one mapping an event) or ``frame`` (lower-case columns of text) is given.

    ``at_us`` are microseconds since 1970 (None where an event has no time that can be read), ``source`` the number
    of the file and ``record`` the line or record in it.
    """

    kind: Kind
    at_us: Sequence[int | None]
    source: Sequence[int]
    record: Sequence[int]
    rows: list[Fields] | None = None
    frame: pl.DataFrame | None = None

    def __len__(self) -> int:
        return len(self.at_us)

    def names(self) -> set[str]:
        """Fields that some event has."""
        if self.frame is not None:
            return set(self.frame.columns)
        return set().union(*(row.keys() for row in self.rows or ()))

    def column(self, name: str) -> pl.Series | None:
        """Values of a field by event: text, or lists of text where an event has several."""
        if self.frame is not None:
            return self.frame[name] if name in self.frame.columns else None
        values: list[Any] = [row.get(name) for row in self.rows or ()]
        try:
            return pl.Series(name, values, dtype=pl.String, strict=True)
        except (TypeError, pl.exceptions.PolarsError):
            several = [value if isinstance(value, list) or value is None else [value] for value in values]
            return pl.Series(name, several, dtype=pl.List(pl.String))

    def first(self, name: str, rows: list[int]) -> list[str | None]:
        """The first value of a field in some events."""
        if self.frame is not None:
            if name not in self.frame.columns:
                return [None] * len(rows)
            return self.frame[name].gather(rows).to_list()
        held = self.rows or []
        return [_first(held[row].get(name)) for row in rows]

    def text(self) -> pl.Series:
        """The whole text of each event."""
        if self.frame is not None:
            if LINE in self.frame.columns:
                return self.frame[LINE]
            return self.frame.select(pl.concat_str(pl.all(), separator="\n", ignore_nulls=True)).to_series()
        return pl.Series(["\n".join(_all(row)) for row in self.rows or ()], dtype=pl.String)

    def event(self, row: int) -> dict[str, str]:
        """Fields of one event, several values joined."""
        if self.frame is not None:
            return {name: value for name, value in self.frame.row(row, named=True).items() if value is not None}
        held = (self.rows or [])[row]
        return {name: value if isinstance(value, str) else ", ".join(value) for name, value in held.items()}


def _first(value: str | list[str] | None) -> str | None:
    return value if value is None or isinstance(value, str) else value[0] if value else None


def _all(row: Fields) -> list[str]:
    return [part for value in row.values() for part in ((value,) if isinstance(value, str) else value)]


@dataclass(slots=True)
class Gatherer:
    """Gathers events of all files by kind, and hands on whole batches."""

    hand_on: Callable[[Batch], None]
    _held: dict[Kind, Batch] = field(default_factory=dict)

    def add(self, kind: Kind, at_us: int | None, source: int, record: int, fields: Fields) -> None:
        """Take in one event."""
        held = self._held.get(kind)
        if held is None:
            held = self._held[kind] = Batch(kind, [], [], [], rows=[])
        held.at_us.append(at_us)  # type: ignore[attr-defined]
        held.source.append(source)  # type: ignore[attr-defined]
        held.record.append(record)  # type: ignore[attr-defined]
        held.rows.append(fields)  # type: ignore[union-attr]
        if len(held.at_us) >= BATCH_EVENTS:
            del self._held[kind]
            self.hand_on(held)

    def finish(self) -> None:
        """Hand on what is left."""
        for held in self._held.values():
            self.hand_on(held)
        self._held.clear()

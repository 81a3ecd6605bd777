"""What became of a file, and moments in the many forms that logs write them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(slots=True)
class Reading:
    """A file: its form, how many lines or records were received and read, and why the others were not."""

    file: str
    form: str = ""
    received: int = 0
    not_read: Counter[str] = field(default_factory=Counter)
    no_time: int = 0
    in_future: int = 0
    """Events that were read and bear no time that can be read: rules about one event see them, correlations do not."""

    @property
    def read(self) -> int:
        """Events that rules looked at."""
        return self.received - self.not_read.total()

    def refuse(self, why: str, count: int = 1) -> None:
        """Count what was received and not read."""
        if count:
            self.received += count
            self.not_read[why] += count


@dataclass(frozen=True, slots=True)
class Reckoning:
    """How times without a zone or a year are read; ``year`` is that of the first line, ``last`` of the last."""

    zone: tzinfo
    year: int | None
    last: datetime


def micros(value: Any, zone: tzinfo = UTC) -> int | None:
    """Microseconds since 1970 of a moment: ISO 8601 text, or seconds, milliseconds … since 1970; None if it is none."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            return _number(value)
        try:
            return ((moment.replace(tzinfo=zone) if moment.tzinfo is None else moment) - EPOCH) // _MICROSECOND
        except OverflowError:
            return None
    return _number(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _number(value: Any) -> int | None:
    try:
        number = float(value)
    except ValueError:
        return None
    if not 0 < number < 1e19:
        return None
    for most, factor in ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0)):
        if number < most:
            return round(number * factor)
    return round(number / 1e3)

"""Time and randomness, injected: no other module asks the machine for either.

One seed and one clock reproduce a whole run, byte for byte.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars as pl

from cityward.core.errors import UserError
from cityward.core.limits import YEAR_MAX, YEAR_MIN

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware moment."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment_of(microseconds: int) -> datetime:
    """The moment (UTC) of a number of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=microseconds)


def _system_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """The current time in UTC, never running backwards as seen by one holder.

    Parameters
    ----------
    read : callable
        Returns an aware UTC datetime.
    """

    read: Callable[[], datetime] = _system_now
    _last: list[datetime] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the time now (UTC, microseconds); repeats the last value if the source steps back."""
        current = self.read().astimezone(UTC)
        if self._last and current < self._last[0]:
            return self._last[0]
        self._last[:] = [current]
        return current

    @classmethod
    def fixed(cls, moment: datetime) -> Clock:
        """A clock that stands still: the clock of ``--as-of`` and of tests."""
        return cls(lambda: moment)


def monotonic() -> float:
    """Seconds of a clock that only measures durations (never stored, never compared across runs)."""
    return time.monotonic()


def pause(seconds: float) -> None:
    """Sleep; here so that tests can see every place that waits."""
    time.sleep(seconds)


def local_day(moment: datetime, time_zone: str) -> date:
    """Return the day of a moment (aware) in a time zone (IANA name)."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def end_of_day(day: date, time_zone: str = "UTC") -> datetime:
    """Last microsecond of the local ``day``, in UTC: what ``--as-of DATE`` means; raises as `believable`."""
    believable(day)
    following = day + timedelta(days=1)
    midnight = datetime(following.year, following.month, following.day, tzinfo=ZoneInfo(time_zone))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)


def believable(day: date) -> None:
    """Raise `UserError` unless a day that somebody asks for lies in the years that rows can have."""
    if not YEAR_MIN <= day.year <= YEAR_MAX:
        raise UserError(f"Nothing is known of the year {day.year}.", f"Years from {YEAR_MIN} to {YEAR_MAX} are kept.")


def is_time_zone(name: str) -> bool:
    """Whether both Python and Polars know a time zone; each knows some that the other does not."""
    try:
        ZoneInfo(name)
        pl.Series([date(2000, 1, 1)]).cast(pl.Datetime("us")).dt.replace_time_zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError, pl.exceptions.PolarsError):
        return False
    return True


def rng(seed: int, *purpose: str | int) -> np.random.Generator:
    """Return an independent random stream for ``purpose``.

    Parameters
    ----------
    seed : int
        The run's seed.
    *purpose : str or int
        What the stream is for (``"scan", "garbage-in-alley"``); equal purposes give equal streams,
        and adding a new purpose never disturbs another.
    """
    digest = blake2b(repr((seed, *purpose)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))

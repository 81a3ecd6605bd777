"""A clock that starts when somebody becomes aware of something, and by whose end an authority has to be told."""

from __future__ import annotations

from datetime import datetime, timedelta

from cityward.core.records import Record

_HOURS_BEFORE_DAYS = 72
"""Spans shorter than this are told in hours; no law sets it."""


class Clocked(Record, frozen=True, kw_only=True):
    """What a record of such a clock has in common with the others.

    ``aware_at`` starts the clock and ``due_at`` ends it (UTC). ``what`` is in plain words and names nobody. ``told_at``
    is when the authority was told first; ``late_because`` why that was after the end; ``because`` what was done, or
    why nobody had to be told, once it is closed.
    """

    id: str
    aware_at: datetime
    due_at: datetime
    what: str
    by: str
    told_at: datetime | None = None
    late_because: str = ""
    closed_at: datetime | None = None
    because: str = ""
    receipt: int = -1

    @property
    def clause(self) -> str:
        """Which words of a law set the time."""
        raise NotImplementedError

    @property
    def facts(self) -> dict[str, str | int]:
        """What an entry in the ledger says of it in the open, beside its state and its end."""
        return {}

    @property
    def runs(self) -> bool:
        """Whether the authority has still to be told."""
        return self.told_at is None and self.closed_at is None

    @property
    def late(self) -> bool:
        """Whether the authority was told after the end."""
        return self.told_at is not None and self.told_at > self.due_at

    def hours_left(self, now: datetime) -> float:
        """Hours until the end; below 0 it is over."""
        return (self.due_at - now) / timedelta(hours=1)


def told_left(hours: float) -> str:
    """What is left of a clock, as a sentence."""
    if hours < 0:
        return f"That time ended {_span(-hours)} ago."
    return f"{_span(hours).capitalize()} are left."


def _span(hours: float) -> str:
    return f"{hours:.0f} hours" if hours < _HOURS_BEFORE_DAYS else f"{hours / 24:.0f} days"

"""Records of what people asked about themselves, and of breaches. Neither ever holds a person's data."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, datetime
from typing import Final, Literal

from msgspec import field

from cityward.core.awareness import Clocked
from cityward.core.records import Record

Right = Literal["access", "rectify", "erase", "object", "restrict"]
"""GDPR articles 15 (access), 16 (rectification), 17 (erasure), 21 (objection) and 18 (restriction)."""


class PersonRequest(Record, frozen=True, kw_only=True):
    """One request of a person about himself, from its arrival to its end.

    ``due_on`` is the last day of GDPR article 12(3): a month after its arrival, or three where the person was told on
    ``told_on``, within the first month, that it takes longer, and why (``extended_because``). ``subject`` is a keyed
    digest of who asked, kept only while the request is open, so that one that was interrupted is found again.
    ``counts`` is what was found or done, by name.
    """

    id: str
    right: Right
    state: Literal["open", "done"]
    made_at: datetime
    due_on: date
    by: str
    proof: str
    done_at: datetime | None = None
    subject: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    receipt: int | None = None
    extended_because: str = ""
    told_on: date | None = None


class Retained(Record, frozen=True, kw_only=True):
    """What one retention job deleted, and what is the oldest that it left.

    ``deleted`` and ``oldest`` are by what was limited (``interactions``, ``free_text``, …); ``limits`` in days.
    ``quarantine_upto`` is the newest row in quarantine at that time: it dates rows that carry no time. ``held`` counts
    what is past its limit and stays as evidence under a hold.
    """

    id: str
    at: datetime
    limits: dict[str, int]
    deleted: dict[str, int]
    oldest: dict[str, str]
    quarantine_upto: int
    receipt: int | None = None
    held: dict[str, int] = field(default_factory=dict)


def months_after(day: date, months: int) -> date:
    """The day that ends a period of months: the same number, or the last day of a shorter month.

    Source: Regulation (EEC, Euratom) 1182/71, article 3(2)(c).
    """
    years, before = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, before + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


BREACH_HOURS: Final = 72
"""From the moment that the city is aware until the authority is told (GDPR article 33(1))."""


class Breach(Clocked, frozen=True, kw_only=True):
    """A personal data breach and its clock.

    ``affected`` are estimates by what was ``counted``; ``high_risk`` decides whether people are told.
    """

    state: Literal["open", "assessed", "notified", "closed"] = "open"
    affected: dict[str, int] = field(default_factory=dict)
    counted: str = ""
    high_risk: bool | None = None

    @property
    def clause(self) -> str:
        """GDPR article 33(1)."""
        return f"{BREACH_HOURS} hours, GDPR article 33(1)"

    @property
    def facts(self) -> dict[str, str | int]:
        """How many are concerned, by what they are."""
        return {f"affected_{name.replace(' ', '_')}": count for name, count in self.affected.items()}

"""Records of work: jobs that wait, crews, who goes where on which day, and orders that left the house."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from cityward.core.records import Record


class Job(Record, frozen=True, kw_only=True):
    """Something at one place that waits for a visit.

    ``about`` is the identifier of what it comes from (a need, case, proposal, or the incident of a report);
    ``minutes`` the work on the spot; ``skill`` what a crew must be able to do; ``priority`` the probability
    that a visit finds what it looks for, or another urgency from 0 to 1.
    """

    id: str
    about: str
    service: str
    title: str
    territory: str | None
    lon: float
    lat: float
    minutes: int
    skill: str
    waiting_since: date
    priority: float = 0.5


class Crew(Record, frozen=True, kw_only=True):
    """People who go out together: their skills, where they start, and their shift (minutes after midnight)."""

    id: str
    name: str
    skills: tuple[str, ...]
    lon: float
    lat: float
    shift_begins_minutes: int
    shift_minutes: int


class Visit(Record, frozen=True, kw_only=True):
    """A job in a plan: which crew, on which day, in which place of its tour, arriving when (minutes)."""

    job: str
    crew: str
    day: date
    place: int
    arrives_minutes: int


OrderState = Literal["planned", "sent", "accepted", "done", "confirmed", "reopened", "cancelled"]
"""``done`` is the worker's word; only the resident (or, without one, a named person) makes it ``confirmed``."""


class OrderEvent(Record, frozen=True, kw_only=True):
    """One step in the life of an order: what it became, when, by whom, why, and the ledger entry that proves it."""

    state: OrderState
    at: datetime
    by: str
    because: str
    receipt: int | None = None


class WorkOrder(Record, frozen=True, kw_only=True):
    """A job that was given to somebody. ``decision`` is what allowed it; ``state`` is that of its last event."""

    id: str
    job: Job
    decision: str
    crew: str | None
    day: date | None
    instructions: str
    state: OrderState
    events: tuple[OrderEvent, ...]

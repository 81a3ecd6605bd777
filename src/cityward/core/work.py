"""Records of work: jobs that wait, crews, who goes where on which day, and orders that left the house."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final, Literal

from cityward.core.records import Record

DO_NOTHING: Final = "Do nothing"
"""The option of every proposal with which nothing is given out."""

THIS_PLAN: Final = "This plan"
"""The option of a plan with which it is given out as it is."""


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


RESIDENT: Final = "a resident"
"""Who took a step that a resident's answer was: nobody by name."""


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


class GroupWaiting(Record, frozen=True, kw_only=True):
    """How long the jobs of a group of territories wait, expected, in days from their report to their visit.

    ``ratio`` is ``mean_days`` over the city's mean in the same plan; with fewer than five jobs it is ``small``.
    """

    group: str
    jobs: int
    visited: int
    mean_days: float
    ratio: float
    small: bool = False


class FloorPrice(Record, frozen=True, kw_only=True):
    """What a floor costs: a plan's waiting with it, and how many days more in all than without one.

    ``floor`` is None without one; ``worst_ratio`` is that of the group that waits longest. ``met`` is False where
    no plan holds it: then the figures are those of the plan that comes nearest.
    """

    floor: float | None
    waiting_days: float
    extra_days: float
    worst_ratio: float
    worst_group: str
    visited: int
    met: bool = True


class Unplanned(Record, frozen=True, kw_only=True):
    """A job that waits on, and why."""

    job: str
    because: str


class Move(Record, frozen=True, kw_only=True):
    """A job that a person gave to another crew, and why."""

    job: str
    from_crew: str | None
    crew: str
    by: str
    because: str
    at: datetime


class WorkPlan(Record, frozen=True, kw_only=True):
    """Who goes where on which day, and how good that is.

    ``objective`` is what was minimised: expected days of waiting, weighted by priority and age, and travel;
    ``bound`` is proven: no plan has less. ``gap`` is their difference over the objective. ``waiting_days`` is the
    plain sum of the days from report to visit over all jobs, and ``travel_minutes`` that of all tours. Of the tours
    ``exact_tours`` are proven shortest for their stops. ``way`` is ``least waiting`` or ``first come``.
    """

    id: str
    made_on: date
    first_day: date
    days: int
    way: str
    floor: float | None
    jobs: tuple[Job, ...]
    crews: tuple[Crew, ...]
    visits: tuple[Visit, ...]
    unplanned: tuple[Unplanned, ...]
    objective: float
    bound: float | None
    gap: float | None
    waiting_days: float
    travel_minutes: int
    tours: int
    exact_tours: int
    groups: tuple[GroupWaiting, ...]
    prices: tuple[FloorPrice, ...] = ()
    caveats: tuple[str, ...] = ()
    moves: tuple[Move, ...] = ()


MessageState = Literal["waiting", "delivered", "stopped", "withdrawn"]
"""``stopped`` was tried long enough, or refused for good; a person may start it again."""


class Message(Record, frozen=True, kw_only=True):
    """Something that leaves the house, once. ``way`` names the table of ``city.toml`` by which it goes.

    ``due_at`` is when it is tried next or, once delivered, asked after next. ``reference`` is what the
    receiver calls it.
    """

    key: str
    order: str
    kind: str
    way: str
    body: str
    made_at: datetime
    due_at: datetime
    state: MessageState = "waiting"
    attempts: int = 0
    first_try_at: datetime | None = None
    error: str | None = None
    reference: str | None = None
    delivered_at: datetime | None = None

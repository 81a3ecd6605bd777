"""The life of a work order: which step follows which, and whose word it takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from cityward.core import words
from cityward.core.errors import UserError
from cityward.core.identifiers import make_id
from cityward.core.work import Job, OrderEvent, OrderState, WorkOrder

Role = Literal["city", "worker", "resident", "system"]
"""Whose word it is: a named person of the city, whoever does the work, a resident, or cityward itself."""

_STEPS: Final[tuple[tuple[OrderState, OrderState, tuple[Role, ...]], ...]] = (
    ("planned", "sent", ("system", "city")),
    ("planned", "accepted", ("worker", "city")),
    ("planned", "done", ("worker", "city")),
    ("planned", "cancelled", ("city",)),
    ("sent", "accepted", ("worker", "city")),
    ("sent", "done", ("worker", "city")),
    ("sent", "cancelled", ("city",)),
    ("accepted", "done", ("worker", "city")),
    ("accepted", "cancelled", ("city",)),
    ("done", "confirmed", ("resident", "city")),
    ("done", "reopened", ("resident", "city")),
    ("confirmed", "reopened", ("resident", "city")),
    ("reopened", "confirmed", ("resident",)),
    ("reopened", "sent", ("system", "city")),
    ("reopened", "accepted", ("worker", "city")),
    ("reopened", "done", ("worker", "city")),
    ("reopened", "cancelled", ("city",)),
)
ALLOWED: Final[Mapping[tuple[OrderState, OrderState], frozenset[Role]]] = MappingProxyType(
    {(before, after): frozenset(roles) for before, after, roles in _STEPS}
)
"""Who may take an order from one state to another. A worker ends with ``done``: nobody confirms his own work."""

STATES: Final[tuple[OrderState, ...]] = (
    "reopened",
    "done",
    "planned",
    "sent",
    "accepted",
    "confirmed",
    "cancelled",
)
"""All states, those first in which somebody waits for the city."""

_PROGRESS: Final[Mapping[str, int]] = MappingProxyType({"sent": 1, "accepted": 2, "done": 3})
_SETTLED: Final = frozenset({"done", "confirmed", "cancelled"})


def issue(
    job: Job, *, decision: str, crew: str | None, day: date | None, at: datetime, by: str, who: str = ""
) -> WorkOrder:
    """Return the order of a job. The same job under the same decision is the same order.

    Parameters
    ----------
    job : Job
        What is to be done; its title becomes the instructions.
    decision : str
        Identifier of what allowed it.
    crew, day : optional
        Who goes, and when; None while nobody has planned it.
    at : datetime.datetime
        The moment (UTC).
    by : str
        Who decided.
    who : str, optional
        The crew's name as people know it; its identifier otherwise.
    """
    because = "Nobody is planned for it yet." if crew is None else f"Planned for {_who(who or crew, day)}."
    return WorkOrder(
        id=make_id("order", decision, job.id),
        job=job,
        decision=decision,
        crew=crew,
        day=day,
        instructions=job.title,
        state="planned",
        events=(OrderEvent(state="planned", at=at, by=by, because=because),),
    )


def _who(crew: str, day: date | None) -> str:
    return f"{crew} on {words.day(day)}" if day else crew


def advance(
    order: WorkOrder, state: OrderState, *, role: Role, by: str, because: str, at: datetime, receipt: int | None = None
) -> WorkOrder:
    """Return the order after one step.

    Raises
    ------
    UserError
        The step is not one of `ALLOWED`, or whoever says that it is fixed is the one who did the work.
    """
    if role not in ALLOWED.get((order.state, state), ()):
        raise UserError(f"{order.id} is {order.state} and cannot become {state} {_WORD_OF[role]}.", _way_on(order))
    if state == "confirmed" and role == "city" and by.casefold() == worked_by(order).casefold():
        raise UserError(
            f"{by} reported that {order.id} is done, so somebody else has to confirm it.",
            "Ask the resident, or let another person look.",
        )
    event = OrderEvent(state=state, at=at, by=by, because=because, receipt=receipt)
    return msgspec.structs.replace(order, state=state, events=(*order.events, event))


_WORD_OF: Final = {
    "city": "by hand",
    "worker": "by the word of whoever does the work",
    "resident": "by an answer of a resident",
    "system": "by being sent",
}


def _way_on(order: WorkOrder) -> str:
    onward = sorted({after for before, after in ALLOWED if before == order.state})
    return f"From here it can become {' or '.join(onward)}." if onward else "It is over; a new order would be needed."


def noted(order: WorkOrder, because: str, *, by: str, at: datetime) -> WorkOrder:
    """Return the order with something said about the state in which it is and stays."""
    event = OrderEvent(state=order.state, at=at, by=by, because=because)
    return msgspec.structs.replace(order, events=(*order.events, event))


def planned_for(
    order: WorkOrder, crew: str, day: date | None, *, decision: str, by: str, at: datetime, who: str = ""
) -> WorkOrder:
    """Return an order that waits to go out (``planned`` or ``reopened``), given to a crew by ``decision``.

    Parameters as those of `issue`.
    """
    because = f"Planned for {_who(who or crew, day)}, by {decision}."
    return msgspec.structs.replace(noted(order, because, by=by, at=at), crew=crew, day=day)


def is_late(order: WorkOrder, state: OrderState, at: datetime | None = None) -> bool:
    """Whether a worker's report says nothing new: the order is as far or further, or was reopened after ``at``."""
    if state not in _PROGRESS:
        return False
    again = last(order, "reopened")
    if again is not None and at is not None and at < again.at:
        return True
    return order.state in _SETTLED or _PROGRESS.get(order.state, 0) >= _PROGRESS[state]


def last(order: WorkOrder, state: OrderState) -> OrderEvent | None:
    """The newest event of a kind, or None."""
    return next((event for event in reversed(order.events) if event.state == state), None)


def worked_by(order: WorkOrder) -> str:
    """Who said last that it is done; empty while nobody has."""
    done = last(order, "done")
    return done.by if done else ""


def round_of(order: WorkOrder) -> int:
    """Which try it is, from 1: each reopening begins another, and messages and reports name theirs."""
    states = [event.state for event in order.events]
    return 1 + sum(after == "reopened" != before for before, after in pairwise(states))


def reopenings(order: WorkOrder) -> int:
    """How often it was done and not fixed. An answer that was taken back before more work was done does not count."""
    settled, pending = 0, 0
    for event in order.events:
        if event.state == "done":
            settled, pending = settled + pending, 0
        elif event.state in ("reopened", "confirmed"):
            pending = int(event.state == "reopened")
    return settled + pending


def is_escalated(order: WorkOrder, after: int) -> bool:
    """Whether it came back so often that a person has to look before it goes out again."""
    return order.state == "reopened" and reopenings(order) >= after


def is_unconfirmed(order: WorkOrder, now: datetime, answer_days: int) -> bool:
    """Whether the time for an answer passed without one. It is shown as not confirmed, never as confirmed."""
    return order.state == "done" and now - order.events[-1].at > timedelta(days=answer_days)


def may_answer(order: WorkOrder, now: datetime, answer_days: int) -> bool:
    """Whether a resident can still say if it is fixed, or say otherwise than before."""
    done = last(order, "done")
    if order.state == "done":
        return True
    if done is None or order.state not in ("confirmed", "reopened"):
        return False
    return now - done.at <= timedelta(days=answer_days)


def standing(order: WorkOrder, now: datetime, *, answer_days: int, escalate_after: int) -> str:
    """Say in a few words how an order stands."""
    if is_unconfirmed(order, now, answer_days):
        return "not confirmed: nobody has answered"
    if order.state == "done":
        return "done, by the word of whoever did it; waits for a resident's answer"
    if is_escalated(order, escalate_after):
        return f"reopened for the {_ordinal(reopenings(order))} time: a person has to look"
    return _STANDING[order.state]


_STANDING: Final = {
    "planned": "planned, not sent yet",
    "sent": "sent, not accepted yet",
    "accepted": "accepted",
    "confirmed": "confirmed as fixed",
    "reopened": "reopened: it was done, and is not fixed",
    "cancelled": "cancelled",
}


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"

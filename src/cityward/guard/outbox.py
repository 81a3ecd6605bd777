"""Work orders and messages as the layers above see them: read under a grant, moved with a receipt for each step.

What is read is what the grant of the reader covers, as `cityward.guard.consult` says; the rest is empty. A step is a
write: what it needs of an order is handed to whoever takes it (`held`), and the step itself is what the ledger tells.
Nothing is given out and no message leaves unless `cityward.guard.mandates` finds a decision for it that the ledger
proves; it is asked here, so that nobody above can forget it. See `cityward.store.outbox` for what each step keeps.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec
import polars as pl

from cityward.core.clock import Clock
from cityward.core.errors import Unproved
from cityward.core.frames import ORDERED
from cityward.core.limits import PAGE_ROWS
from cityward.core.records import Decision
from cityward.core.work import RESIDENT, Job, Message, OrderEvent, WorkOrder
from cityward.guard.consult import Opened, Reading
from cityward.guard.mandates import LOOK as LOOK_AT_IT
from cityward.guard.mandates import Mandates
from cityward.guard.registers import Transaction
from cityward.private.grants import ALL
from cityward.store import outbox as store

LOOK: Final = timedelta(minutes=1)
"""For so long a look stays open: a page reads orders a dozen times and is one consult. Then the grant is asked anew."""

_LEAST: Final = ("id", "state", "steps")
"""Without these an order is none."""


class Outbox:
    """Orders, messages and reports; every method is one transaction, or part of one that is handed on.

    Parameters
    ----------
    held : cityward.store.outbox.Outbox
        Where they lie.
    reading : Reading
        Of orders, by whoever reads here.
    clock : Clock
        The time.
    mandates : Mandates
        Which work a decision allows.
    """

    __slots__ = ("_clock", "_inside", "_look", "_mandates", "_reading")

    def __init__(self, held: store.Outbox, reading: Reading, clock: Clock, mandates: Mandates) -> None:
        self._inside = held
        self._mandates = mandates
        self._reading = reading
        self._clock = clock
        self._look: tuple[datetime, Opened] | None = None

    # -- reading under a grant; all raise Refused where there is none --------------------------------

    def get(self, identifier: str) -> WorkOrder | None:
        """One order, or None."""
        return next(iter(self._seen([self._inside.get(identifier)])), None)

    def by_token(self, digest: str) -> WorkOrder | None:
        """The order whose secret link has this digest, or None."""
        return next(iter(self._seen([self._inside.by_token(digest)])), None)

    def orders(self, states: Sequence[str] | None = None, limit: int | None = None) -> list[WorkOrder]:
        """Orders, newest first, optionally only of some states."""
        return self._seen(self._inside.orders(states, limit))

    def counts(self) -> dict[str, int]:
        """How many orders are in each state."""
        grant = self._opened().grant
        if ALL in grant.services and ALL in grant.territories:
            return self._inside.counts()
        return dict(Counter(order.state for order in self.orders()))

    def messages(self, order: str | None = None, states: Sequence[str] | None = None) -> list[Message]:
        """Messages, oldest first, optionally of one order or of some states; at most a page. Never what they say."""
        self._opened("messages")
        found = self._inside.messages(order, states)
        about = (self._inside.get(name) for name in {message.order for message in found})
        covered = {one.id for one, _ in self._shown(about, ("id",))}
        return [msgspec.structs.replace(message, body="") for message in found if message.order in covered]

    def message_counts(self) -> dict[str, int]:
        """How many messages are in each state."""
        self._opened("messages")
        return self._inside.message_counts()

    def _opened(self, *more: str) -> Opened:
        now = self._clock.now()
        if self._look is None or not timedelta(0) <= now - self._look[0] < LOOK:
            self._look = (now, self._reading.opened(_LEAST))
        look = self._look[1]
        if not set(more) <= set(look.grant.fields):
            self._reading.opened(more)  # refuses, and notes that it did
        return look

    def _shown(
        self, orders: Iterable[WorkOrder | None], columns: Sequence[str]
    ) -> list[tuple[WorkOrder, dict[str, Any]]]:
        """Those of ``orders`` that the grant covers, each with ``columns`` as finely as it allows."""
        held = [order for order in orders if order is not None]
        rows = pl.LazyFrame(_columns(held, ORDERED_BY), schema={name: ORDERED[name] for name in ORDERED_BY})
        shown = self._opened().shown(rows.with_row_index(_PLACE), (*columns, _PLACE))
        return [(held[row.pop(_PLACE)], row) for row in shown.iter_rows(named=True)]

    def _seen(self, orders: Iterable[WorkOrder | None]) -> list[WorkOrder]:
        fields = self._opened().grant.fields
        return [
            _with(order, row, fields)
            for order, row in self._shown(orders, [one for one in ORDERED_BY if one in fields])
        ]

    # -- moving orders -----------------------------------------------------------------------------

    def held(self, identifier: str) -> WorkOrder | None:
        """One order as it is kept, or None, for whoever moves it: `move` needs the order before the step."""
        return self._inside.get(identifier)

    def held_by_token(self, digest: str) -> WorkOrder | None:
        """As `held`, for a resident who answers: the order whose secret link has this digest."""
        return self._inside.by_token(digest)

    def held_of(self, jobs: Sequence[str]) -> list[WorkOrder]:
        """As `held`, for whoever gives out jobs: their orders, oldest first."""
        return self._inside.by_jobs(jobs)

    def holds(self, identifier: str) -> bool:
        """Whether there is such an order."""
        return self._inside.holds(identifier)

    def put_new(
        self,
        transaction: Transaction | None,
        orders: Sequence[tuple[WorkOrder, str]],
        messages: Sequence[Message] = (),
    ) -> None:
        """Keep new orders (each with the digest of its secret link) and their messages; those held already stay.

        Raises
        ------
        Unproved
            No decision that the ledger proves allows one of them; nothing was kept.
        """
        self._mandates.must_give_out([order for order, _ in orders], messages, transaction)
        self._inside.put_new(transaction._inside if transaction else None, orders, messages)

    def move(
        self,
        before: WorkOrder,
        after: WorkOrder,
        messages: Sequence[Message] = (),
        *,
        report: tuple[str, datetime] | None = None,
        withdraw: bool = False,
        instead: bool = False,
        delivered: tuple[str, str | None, datetime, datetime] | None = None,
        decision: str | None = None,
        transaction: Transaction | None = None,
    ) -> None:
        """As `cityward.store.outbox.Outbox.move`, within ``transaction`` or one of its own.

        A step that gives the order to a crew names the ``decision`` that did; as `put_new`, it raises `Unproved`, and
        so does one that sends the order out.
        """
        self._mandates.must_move(before, after, messages, decision, transaction)
        self._inside.move(
            before,
            after,
            messages,
            report=report,
            withdraw=withdraw,
            instead=instead,
            delivered=delivered,
            connection=transaction._inside if transaction else None,
        )

    # -- what the ledger proves --------------------------------------------------------------------

    def must_approve(self, orders: Sequence[WorkOrder], decision: Decision) -> None:
        """Ask, before new orders are told to the ledger, whether this is a decision and approved them.

        Raises
        ------
        Unproved
            It is none that the ledger proves, or it is about something else.
        """
        self._mandates.must_approve(orders, decision)

    def why_not(self, orders: Sequence[WorkOrder]) -> dict[str, str]:
        """Of each of some orders that may not be sent, why: no decision that the ledger proves allows it."""
        return self._mandates.why_not(orders)

    def unproved(self, states: Sequence[str] = ("planned", "reopened")) -> dict[str, str]:
        """As `why_not`, for the newest orders of some states."""
        return self.why_not(self._inside.orders(states, PAGE_ROWS))

    def must_be_proved(self, order: WorkOrder) -> None:
        """Ask before a step that sends an order out is told to the ledger; raises `Unproved`."""
        problem = self.why_not([order]).get(order.id)
        if problem:
            raise Unproved(f"{order.id} is not sent: {problem}.", LOOK_AT_IT)

    def work(self, order: WorkOrder) -> str:
        """What the ledger is told of the work of an order: a keyed digest."""
        return self._mandates.work(order)

    # -- sending -----------------------------------------------------------------------------------

    def claim(self, ways: Sequence[str], now: datetime, lease: timedelta) -> Message | None:
        """Take the oldest message of some ways that is due, to send it; until the lease ends nobody else gets it.

        Raises
        ------
        Unproved
            No decision that the ledger proves allows it. It is stopped, with the reason; the next may be asked for.
        """
        self._opened("messages")
        message = self._inside.claim(ways, now, lease)
        if message is None:
            return None
        problem = self._mandates.why_not_sent(message, self._inside.get(message.order))
        if problem:
            self._inside.failed(message.key, f"Not sent: {problem}.", None)
            raise Unproved(f"{message.order[:60]} is not sent: {problem}.", LOOK_AT_IT)
        return message

    def anything_due(self, now: datetime) -> bool:
        """Whether a message waits to be tried."""
        return self._inside.anything_due(now)

    def delivered(self, key: str, reference: str | None, at: datetime, due: datetime) -> bool:
        """Write down a delivery; False when it was written down already."""
        return self._inside.delivered(key, reference, at, due)

    def failed(self, key: str, error: str, due: datetime | None) -> None:
        """Write down what went wrong and when it is tried next; without a next time it stops."""
        self._inside.failed(key, error, due)

    def retry(self, key: str, at: datetime) -> bool:
        """Let a message that waits or stopped be tried at once; the time for which it is tried begins anew."""
        return self._inside.retry(key, at)

    def to_ask_after(self, ways: Sequence[str], now: datetime, limit: int = 50) -> list[Message]:
        """Delivered messages of some ways whose receiver is to be asked again how it stands."""
        found = self._inside.to_ask_after(ways, now, limit)
        if found:
            self._opened("messages")
        return found

    def ask_after(self, key: str, due: datetime, reference: str | None = None) -> None:
        """Note when a receiver is asked next, and what it calls the order if that is news."""
        self._inside.ask_after(key, due, reference)

    def ways(
        self, kind: str, order: str | None = None, *, state: str | None = None, tried: bool = False
    ) -> dict[str, str]:
        """As `cityward.store.outbox.Outbox.ways`: by which ways messages go, by their keys."""
        return self._inside.ways(kind, order, state=state, tried=tried)

    # -- reports -----------------------------------------------------------------------------------

    def was_reported(self, key: str) -> bool:
        """Whether a report with this key was taken already."""
        return self._inside.was_reported(key)

    def put_report(self, order: str, key: str, at: datetime) -> None:
        """Note a report that changed nothing."""
        self._inside.put_report(order, key, at)


# -- rows --------------------------------------------------------------------------------------------


ORDERED_BY: Final = tuple(name for name, kind in ORDERED.items() if not kind.is_nested())
"""Fields of which an order has one value each."""

_PLACE: Final = "\x00place"
_JOB: Final = tuple(name for name in Job.__struct_fields__ if name != "id")
_EMPTY: Final[Mapping[str, Any]] = {
    "crew": None,
    "day": None,
    "territory": None,
    "lon": math.nan,
    "lat": math.nan,
    "minutes": 0,
    "priority": math.nan,
    "waiting_since": date.min,
}
"""What stands for a field that a grant does not cover; for others an empty text."""


def every_order(held: store.Outbox) -> pl.LazyFrame:
    """All orders with what was sent about each, newest first, as rows of `ORDERED`."""
    orders, about = held.orders(), dict[str, list[dict[str, Any]]]()
    for message in held.every_message():
        about.setdefault(message.order, []).append(msgspec.structs.asdict(message))
    nested = {
        "steps": [[_step(event) for event in order.events] for order in orders],
        "people": [[event.by for event in order.events] for order in orders],
        "words": [[event.because for event in order.events] for order in orders],
        "messages": [about.get(order.id, []) for order in orders],
    }
    return pl.LazyFrame({**_columns(orders, ORDERED_BY), **nested}, schema=ORDERED)


def _columns(orders: Sequence[WorkOrder], names: Sequence[str]) -> dict[str, list[Any]]:
    jobs = [order.job for order in orders]
    return {
        name: [job.id for job in jobs]
        if name == "job"
        else [getattr(one, name) for one in (jobs if name in _JOB else orders)]
        for name in names
    }


def _step(event: OrderEvent) -> dict[str, Any]:
    return {"state": event.state, "at": event.at, "receipt": event.receipt, "by_resident": event.by == RESIDENT}


def _with(order: WorkOrder, row: Mapping[str, Any], fields: Sequence[str]) -> WorkOrder:
    """What a reader is given of an order: the values of ``row``, and of its steps what is among ``fields``."""
    events = order.events
    if not {"people", "words"} <= set(fields):
        people, words = "people" in fields, "words" in fields
        events = tuple(
            msgspec.structs.replace(
                event,
                by=event.by if people or event.by == RESIDENT else "",
                because=event.because if words else "",
            )
            for event in events
        )
    job = Job(id=row.get("job", ""), **{name: row.get(name, _EMPTY.get(name, "")) for name in _JOB})
    told = {name: row.get(name, _EMPTY.get(name, "")) for name in ("decision", "crew", "day", "instructions")}
    return WorkOrder(id=row["id"], job=job, state=row["state"], events=events, **told)

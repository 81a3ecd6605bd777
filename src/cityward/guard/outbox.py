"""Work orders and messages as the layers above see them; see `cityward.store.outbox` for what each step keeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from cityward.core.work import Message, WorkOrder
from cityward.guard.registers import Transaction
from cityward.store import outbox as store


class Outbox:
    """Orders, messages and reports; every method is one transaction, or part of one that is handed on."""

    __slots__ = ("_inside",)

    def __init__(self, held: store.Outbox) -> None:
        self._inside = held

    # -- orders ------------------------------------------------------------------------------------

    def put_new(
        self,
        transaction: Transaction | None,
        orders: Sequence[tuple[WorkOrder, str]],
        messages: Sequence[Message] = (),
    ) -> None:
        """Keep new orders (each with the digest of its secret link) and their messages; those held already stay."""
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
        transaction: Transaction | None = None,
    ) -> None:
        """As `cityward.store.outbox.Outbox.move`, within ``transaction`` or one of its own."""
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

    def get(self, identifier: str) -> WorkOrder | None:
        """One order, or None."""
        return self._inside.get(identifier)

    def by_token(self, digest: str) -> WorkOrder | None:
        """The order whose secret link has this digest, or None."""
        return self._inside.by_token(digest)

    def by_job(self, job: str) -> list[WorkOrder]:
        """Orders of a job, oldest first."""
        return self._inside.by_job(job)

    def orders(self, states: Sequence[str] | None = None, limit: int | None = None) -> list[WorkOrder]:
        """Orders, newest first, optionally only of some states."""
        return self._inside.orders(states, limit)

    def counts(self) -> dict[str, int]:
        """How many orders are in each state."""
        return self._inside.counts()

    # -- messages ----------------------------------------------------------------------------------

    def claim(self, ways: Sequence[str], now: datetime, lease: timedelta) -> Message | None:
        """Take the oldest message of some ways that is due; for the length of the lease nobody else gets it."""
        return self._inside.claim(ways, now, lease)

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
        return self._inside.to_ask_after(ways, now, limit)

    def ask_after(self, key: str, due: datetime, reference: str | None = None) -> None:
        """Note when a receiver is asked next, and what it calls the order if that is news."""
        self._inside.ask_after(key, due, reference)

    def messages(self, order: str | None = None, states: Sequence[str] | None = None) -> list[Message]:
        """Messages, oldest first, optionally of one order or of some states; at most a page."""
        return self._inside.messages(order, states)

    def message_counts(self) -> dict[str, int]:
        """How many messages are in each state."""
        return self._inside.message_counts()

    # -- reports -----------------------------------------------------------------------------------

    def was_reported(self, key: str) -> bool:
        """Whether a report with this key was taken already."""
        return self._inside.was_reported(key)

    def put_report(self, order: str, key: str, at: datetime) -> None:
        """Note a report that changed nothing."""
        self._inside.put_report(order, key, at)

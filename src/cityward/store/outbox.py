"""Work orders and the messages about them: a step and what it sends out are one transaction.

A message is kept before anything leaves, is claimed before it is tried, and is done with only once its
delivery is written down; so a death at any point loses none. One that was delivered a moment before a
death is tried again under the same key, by which whoever receives it knows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import sqlalchemy as sql

from cityward.core.clock import micros, moment_of
from cityward.core.errors import CityBusy
from cityward.core.limits import PAGE_ROWS
from cityward.core.records import from_json, to_json
from cityward.core.work import Message, WorkOrder
from cityward.store.engine import Database, answering, make_tables, rewrite_bodies, upsert

ERROR_CHARS: Final = 500
KEY_CHARS: Final = 200
_NAMED: Final = 10_000
"""Most values that one statement names; SQLite takes 32,766."""

_META = sql.MetaData()
_ORDERS = sql.Table(
    "orders",
    _META,
    sql.Column("ordinal", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("id", sql.String(16), unique=True, nullable=False),
    sql.Column("state", sql.String(12), nullable=False, index=True),
    sql.Column("job", sql.String(16), nullable=False, index=True),
    sql.Column("decision", sql.String(16), nullable=False, index=True),
    sql.Column("token_digest", sql.String(64), unique=True, nullable=False),
    sql.Column("steps", sql.Integer, nullable=False),
    sql.Column("body", sql.Text, nullable=False),
)
_MESSAGES = sql.Table(
    "outbox",
    _META,
    sql.Column("ordinal", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("key", sql.String(KEY_CHARS), unique=True, nullable=False),
    sql.Column("order", sql.String(16), nullable=False, index=True),
    sql.Column("kind", sql.String(16), nullable=False),
    sql.Column("way", sql.String(200), nullable=False),
    sql.Column("body", sql.Text, nullable=False),
    sql.Column("state", sql.String(12), nullable=False),
    sql.Column("made_us", sql.BigInteger, nullable=False),
    sql.Column("due_us", sql.BigInteger, nullable=False),
    sql.Column("attempts", sql.Integer, nullable=False, default=0),
    sql.Column("first_try_us", sql.BigInteger),
    sql.Column("error", sql.Text),
    sql.Column("reference", sql.Text),
    sql.Column("delivered_us", sql.BigInteger),
    sql.Index("outbox_by_due", "state", "due_us"),
)
_REPORTS = sql.Table(
    "order_reports",
    _META,
    sql.Column("key", sql.String(KEY_CHARS), primary_key=True),
    sql.Column("order", sql.String(16), nullable=False),
    sql.Column("at_us", sql.BigInteger, nullable=False),
)


class Outbox(Database):
    """Orders, messages and reports in the database of the registers; every method is one transaction."""

    def __init__(self, engine: sql.Engine) -> None:
        super().__init__(engine)
        make_tables(engine, _META)

    # -- orders ------------------------------------------------------------------------------------

    def put_new(
        self,
        connection: sql.Connection | None,
        orders: Sequence[tuple[WorkOrder, str]],
        messages: Sequence[Message] = (),
    ) -> None:
        """Keep new orders (each with the digest of its secret link) and their messages; those held already stay.

        With a connection it is part of that transaction.
        """
        if connection is None:
            with answering(), self._engine.begin() as own:
                self.put_new(own, orders, messages)
            return
        upsert(connection, _ORDERS, [_order_row(order, digest) for order, digest in orders], "id", ())
        _put_messages(connection, messages)

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
        connection: sql.Connection | None = None,
    ) -> None:
        """Keep the next step of an order, with everything that follows from it.

        Parameters
        ----------
        before, after : WorkOrder
            As it was read, and as it is now.
        messages : sequence of Message
            What goes out because of it.
        report : (key, moment), optional
            The report that caused it, so that the same report again causes nothing.
        withdraw : bool
            Messages about it that still wait do not go out any more.
        instead : bool
            Messages about it that were never tried give way to these.
        delivered : (key, reference, moment, due), optional
            The message whose delivery it is.
        connection : sqlalchemy.Connection, optional
            The transaction of which it is part; default its own.

        Raises
        ------
        CityBusy
            Somebody else moved it in between; nothing was kept.
        """
        if connection is None:
            with answering(), self._engine.begin() as own:
                self.move(
                    before,
                    after,
                    messages,
                    report=report,
                    withdraw=withdraw,
                    instead=instead,
                    delivered=delivered,
                    connection=own,
                )
            return
        changed = (
            sql.update(_ORDERS)
            .where(_ORDERS.c.id == before.id, _ORDERS.c.steps == len(before.events))
            .values(state=after.state, steps=len(after.events), body=to_json(after).decode())
        )
        if connection.execute(changed).rowcount != 1:
            raise CityBusy(f"{before.id} was changed by somebody else just now.", "Look at it again.")
        if withdraw:
            waiting = (_MESSAGES.c.order == before.id, _MESSAGES.c.state.in_(("waiting", "stopped")))
            connection.execute(sql.update(_MESSAGES).where(*waiting).values(state="withdrawn"))
        if instead:
            untried = (_MESSAGES.c.order == before.id, _MESSAGES.c.state == "waiting", _MESSAGES.c.attempts == 0)
            connection.execute(sql.delete(_MESSAGES).where(*untried))
        if delivered:
            connection.execute(_delivery(*delivered))
        if report:
            _put_report(connection, before.id, *report)
        _put_messages(connection, messages)

    def get(self, identifier: str) -> WorkOrder | None:
        """One order, or None."""
        return self._one(_ORDERS.c.id == identifier)

    def by_token(self, digest: str) -> WorkOrder | None:
        """The order whose secret link has this digest, or None."""
        return self._one(_ORDERS.c.token_digest == digest)

    def by_jobs(self, jobs: Sequence[str]) -> list[WorkOrder]:
        """Orders of some jobs, oldest first."""
        parts = [jobs[start : start + _NAMED] for start in range(0, len(jobs), _NAMED)]
        return [order for part in parts for order in self._orders(_ORDERS.c.job.in_(part))]

    def holds(self, identifier: str) -> bool:
        """Whether there is such an order."""
        return bool(self._rows(sql.select(_ORDERS.c.id).where(_ORDERS.c.id == identifier)))

    def _one(self, condition: Any) -> WorkOrder | None:
        rows = self._rows(sql.select(_ORDERS.c.body).where(condition))
        return from_json(rows[0][0], WorkOrder) if rows else None

    def _orders(self, condition: Any) -> list[WorkOrder]:
        rows = self._rows(sql.select(_ORDERS.c.body).where(condition).order_by(_ORDERS.c.ordinal))
        return [from_json(body, WorkOrder) for (body,) in rows]

    def orders(self, states: Sequence[str] | None = None, limit: int | None = None) -> list[WorkOrder]:
        """Orders, newest first, optionally only of some states."""
        statement = sql.select(_ORDERS.c.body).order_by(_ORDERS.c.ordinal.desc())
        if states is not None:
            statement = statement.where(_ORDERS.c.state.in_(list(states)))
        return [from_json(body, WorkOrder) for (body,) in self._rows(statement.limit(limit) if limit else statement)]

    def counts(self) -> dict[str, int]:
        """How many orders are in each state."""
        statement = sql.select(_ORDERS.c.state, sql.func.count()).group_by(_ORDERS.c.state)
        return {state: int(count) for state, count in self._rows(statement)}

    # -- messages ----------------------------------------------------------------------------------

    def claim(self, ways: Sequence[str], now: datetime, lease: timedelta) -> Message | None:
        """Take the oldest message of some ways that is due; for the length of the lease nobody else gets it.

        A message whose holder died is due again when the lease is over.
        """
        due = (_MESSAGES.c.state == "waiting", _MESSAGES.c.due_us <= micros(now), _MESSAGES.c.way.in_(list(ways)))
        while rows := self._rows(sql.select(_MESSAGES).where(*due).order_by(_MESSAGES.c.ordinal).limit(1)):
            row, message = rows[0], _message(rows[0])
            first = message.first_try_at or now
            mine = (
                sql.update(_MESSAGES)
                .where(_MESSAGES.c.key == row.key, _MESSAGES.c.due_us == row.due_us, _MESSAGES.c.state == "waiting")
                .values(due_us=micros(now + lease), attempts=row.attempts + 1, first_try_us=micros(first))
            )
            with answering(), self._engine.begin() as connection:
                if connection.execute(mine).rowcount == 1:
                    return msgspec.structs.replace(message, attempts=row.attempts + 1, first_try_at=first)
        return None

    def anything_due(self, now: datetime) -> bool:
        """Whether a message waits to be tried."""
        due = (_MESSAGES.c.state == "waiting", _MESSAGES.c.due_us <= micros(now))
        return bool(self._rows(sql.select(_MESSAGES.c.key).where(*due).limit(1)))

    def delivered(self, key: str, reference: str | None, at: datetime, due: datetime) -> bool:
        """Write down a delivery; False when it was written down already."""
        with answering(), self._engine.begin() as connection:
            return connection.execute(_delivery(key, reference, at, due)).rowcount == 1

    def failed(self, key: str, error: str, due: datetime | None) -> None:
        """Write down what went wrong and when it is tried next; without a next time it stops."""
        change = {"error": error[:ERROR_CHARS], **({"due_us": micros(due)} if due else {"state": "stopped"})}
        statement = sql.update(_MESSAGES).where(_MESSAGES.c.key == key, _MESSAGES.c.state == "waiting").values(**change)
        with answering(), self._engine.begin() as connection:
            connection.execute(statement)

    def retry(self, key: str, at: datetime) -> bool:
        """Let a message that waits or stopped be tried at once; the time for which it is tried begins anew."""
        statement = (
            sql.update(_MESSAGES)
            .where(_MESSAGES.c.key == key, _MESSAGES.c.state.in_(("waiting", "stopped")))
            .values(state="waiting", due_us=micros(at), made_us=micros(at))
        )
        with answering(), self._engine.begin() as connection:
            return connection.execute(statement).rowcount == 1

    def to_ask_after(self, ways: Sequence[str], now: datetime, limit: int = 50) -> list[Message]:
        """Delivered messages of some ways whose receiver is to be asked again how it stands."""
        conditions = (
            _MESSAGES.c.way.in_(list(ways)),
            _MESSAGES.c.state == "delivered",
            _MESSAGES.c.kind == "dispatch",
            _MESSAGES.c.due_us <= micros(now),
        )
        statement = sql.select(_MESSAGES).where(*conditions).order_by(_MESSAGES.c.due_us).limit(limit)
        return [_message(row) for row in self._rows(statement)]

    def ask_after(self, key: str, due: datetime, reference: str | None = None) -> None:
        """Note when a receiver is asked next, and what it calls the order if that is news."""
        values: dict[str, Any] = {"due_us": micros(due), **({"reference": reference} if reference else {})}
        with answering(), self._engine.begin() as connection:
            connection.execute(sql.update(_MESSAGES).where(_MESSAGES.c.key == key).values(**values))

    def messages(self, order: str | None = None, states: Sequence[str] | None = None) -> list[Message]:
        """Messages, oldest first, optionally of one order or of some states; at most a page."""
        statement = sql.select(_MESSAGES).order_by(_MESSAGES.c.ordinal).limit(PAGE_ROWS)
        if order is not None:
            statement = statement.where(_MESSAGES.c.order == order)
        if states is not None:
            statement = statement.where(_MESSAGES.c.state.in_(list(states)))
        return [_message(row) for row in self._rows(statement)]

    def every_message(self) -> list[Message]:
        """All messages, oldest first."""
        return [_message(row) for row in self._rows(sql.select(_MESSAGES).order_by(_MESSAGES.c.ordinal))]

    def ways(
        self, kind: str, order: str | None = None, *, state: str | None = None, tried: bool = False
    ) -> dict[str, str]:
        """The ways of the messages of a kind by their keys; never what they say.

        Parameters
        ----------
        kind : str
            Of messages.
        order : str, optional
            Only of this order.
        state : str, optional
            Only of this state.
        tried : bool
            Only those that were tried to be sent.
        """
        named = ((_MESSAGES.c.kind, kind), (_MESSAGES.c.order, order), (_MESSAGES.c.state, state))
        wanted = [column == value for column, value in named if value is not None]
        wanted += [_MESSAGES.c.attempts > 0] if tried else []
        return dict(self._rows(sql.select(_MESSAGES.c.key, _MESSAGES.c.way).where(*wanted)))

    def message_counts(self) -> dict[str, int]:
        """How many messages are in each state."""
        statement = sql.select(_MESSAGES.c.state, sql.func.count()).group_by(_MESSAGES.c.state)
        return {state: int(count) for state, count in self._rows(statement)}

    # -- what residents said -----------------------------------------------------------------------

    def rewrite_orders(
        self, change: Callable[[WorkOrder], WorkOrder], only: str | None = None, token_digest: str | None = None
    ) -> int:
        """Keep orders as ``change`` makes them, without a step; return how many changed.

        Parameters
        ----------
        change : callable
            Takes an order, returns what is kept of it (the same number of events).
        only : str, optional
            The one order that is meant; default all.
        token_digest : str, optional
            With it the link of the order that is meant becomes another.
        """
        meant = [] if only is None else [_ORDERS.c.id == only]
        also = {"token_digest": token_digest} if only is not None and token_digest is not None else {}
        with answering(), self._engine.begin() as connection:
            return rewrite_bodies(connection, _ORDERS, WorkOrder, change, meant, also)

    def delete_messages(self, holds: Callable[[Message], bool], order: str | None = None) -> int:
        """Delete the messages (of an order, or all) of which ``holds`` says true; return how many."""
        statement = sql.select(_MESSAGES)
        if order is not None:
            statement = statement.where(_MESSAGES.c.order == order)
        keys = [row.key for row in self._rows(statement) if holds(_message(row))]
        with answering(), self._engine.begin() as connection:
            for key in keys:
                connection.execute(sql.delete(_MESSAGES).where(_MESSAGES.c.key == key))
        return len(keys)

    # -- reports -----------------------------------------------------------------------------------

    def was_reported(self, key: str) -> bool:
        """Whether a report with this key was taken already."""
        return bool(self._rows(sql.select(_REPORTS.c.key).where(_REPORTS.c.key == key[:KEY_CHARS])))

    def put_report(self, order: str, key: str, at: datetime) -> None:
        """Note a report that changed nothing."""
        with answering(), self._engine.begin() as connection:
            _put_report(connection, order, key, at)


def _order_row(order: WorkOrder, digest: str) -> dict[str, Any]:
    return {
        "id": order.id,
        "state": order.state,
        "job": order.job.id,
        "decision": order.decision,
        "token_digest": digest,
        "steps": len(order.events),
        "body": to_json(order).decode(),
    }


def _put_messages(connection: sql.Connection, messages: Sequence[Message]) -> None:
    rows = [
        {
            **{name: getattr(message, name) for name in ("key", "order", "kind", "way", "body", "state", "attempts")},
            "made_us": micros(message.made_at),
            "due_us": micros(message.due_at),
        }
        for message in messages
    ]
    upsert(connection, _MESSAGES, rows, "key", ())


def _put_report(connection: sql.Connection, order: str, key: str, at: datetime) -> None:
    upsert(connection, _REPORTS, [{"key": key[:KEY_CHARS], "order": order, "at_us": micros(at)}], "key", ())


def _delivery(key: str, reference: str | None, at: datetime, due: datetime) -> sql.Update:
    values = {
        "state": "delivered",
        "reference": reference,
        "delivered_us": micros(at),
        "due_us": micros(due),
        "error": None,
    }
    return sql.update(_MESSAGES).where(_MESSAGES.c.key == key, _MESSAGES.c.state != "delivered").values(**values)


def _message(row: Any) -> Message:
    return Message(
        **{name: getattr(row, name) for name in ("key", "kind", "way", "body", "state", "attempts")},
        order=row._mapping["order"],
        made_at=moment_of(row.made_us),
        due_at=moment_of(row.due_us),
        first_try_at=None if row.first_try_us is None else moment_of(row.first_try_us),
        error=row.error,
        reference=row.reference,
        delivered_at=None if row.delivered_us is None else moment_of(row.delivered_us),
    )

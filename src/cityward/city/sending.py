"""Sends what waits in the outbox, and takes in what receivers report."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec

from cityward.act import orders as life
from cityward.act.send import NotDelivered, Open, Report, Way, kinds, open_way
from cityward.act.send.signing import Unsigned, check, key_of
from cityward.city.settings import SendSection
from cityward.core.clock import rng
from cityward.core.errors import CityBusy, LedgerError, SettingsError, UnknownId, Unproved, UserError
from cityward.core.receipts import receipt
from cityward.core.records import Record, to_json
from cityward.core.work import Message, OrderState, WorkOrder
from cityward.guard.mandates import LOOK
from cityward.private.redact import redact_text

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.city.orders import Orders

LEASE: Final = timedelta(minutes=5)
"""Longer than any exchange may take: 3 times the longest time-out of `SendSection`, and writing it down."""

FIRST_WAIT_SECONDS: Final = 30.0
LONGEST_WAIT_SECONDS: Final = 6 * 3600.0
TRIED_FOR: Final = timedelta(hours=72)
"""A message is tried for three days: a weekend in which nobody mends a server."""

ASK_AFTER: Final = timedelta(minutes=15)
"""How often a receiver that does not report is asked."""

FAILURES_A_PASS: Final = 3
"""After so many failures of a way its other messages wait for the next pass, so that one dead server stops none."""

REPORT_CHARS_MAX: Final = 1_000
REPORT_BYTES_MAX: Final = 64 * 2**10
REPORTED: Final[tuple[OrderState, ...]] = ("accepted", "done")
"""What whoever does the work can say."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a status that a receiver sends; it names the order, so that it cannot be used for another."""

    order: Annotated[str, msgspec.Meta(max_length=40)]
    state: Annotated[str, msgspec.Meta(max_length=40)]
    by: Annotated[str, msgspec.Meta(max_length=200)] = ""
    because: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    round: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Taken(Record, frozen=True, kw_only=True):
    """What became of a report; ``changed`` is False when it said nothing new."""

    order: str
    state: OrderState
    changed: bool
    note: str


class Dispatch(Record, frozen=True, kw_only=True):
    """What a pass did: deliveries, failures, reports that moved an order, and troubles in words."""

    delivered: int = 0
    failed: int = 0
    reports: int = 0
    troubles: tuple[str, ...] = ()


class Sender:
    """The ways of ``city``, opened when they are needed."""

    def __init__(self, city: City, orders: Orders) -> None:
        self._city = city
        self._orders = orders

    # -- ways --------------------------------------------------------------------------------------

    @cached_property
    def sections(self) -> dict[str, SendSection]:
        """Tables of ``city.toml`` by name, in their order."""
        return {section.name: section for section in self._city.settings.send}

    def way(self, section: SendSection) -> Way:
        """A table with its secret read; raises `SettingsError`."""
        return Way(
            name=section.name,
            adapter=section.adapter,
            folder=self._city.folder.orders,
            now=self._city.clock.now,
            url=section.url,
            secret=_secret(section, self._city.path),
            allow_private=section.allow_private,
            timeout_seconds=section.timeout_seconds,
            options=dict(section.options),
        )

    @contextmanager
    def _opened(self) -> Iterator[tuple[dict[str, Open], list[str]]]:
        """The ways that can be used, and what is wrong with the others."""
        ways: dict[str, Open] = {}
        troubles = []
        try:
            for section in self.sections.values():
                try:
                    ways[section.name] = open_way(self.way(section))
                except SettingsError as error:
                    troubles.append(f"{error.what} {error.remedy}")
            yield ways, troubles
        finally:
            for way in ways.values():
                way.close()

    def message(self, order: WorkOrder, kind: str, facts: Mapping[str, Any]) -> list[Message]:
        """The message about an order by the first way that takes it; none when there is no such way."""
        section = next((one for one in self.sections.values() if one.takes(kind, order.job.service)), None)
        if section is None:
            return []
        now, number = self._city.clock.now(), life.round_of(order)
        data = {"order": order.id, "round": number, "service": order.job.service, **facts}
        body = to_json({"type": f"order.{kind}", "timestamp": now, "data": data}).decode()
        return [
            Message(
                key=f"{order.id}.{number}.{kind}.{section.name}",
                order=order.id,
                kind=kind,
                way=section.name,
                body=body,
                made_at=now,
                due_at=now,
            )
        ]

    # -- out ---------------------------------------------------------------------------------------

    def dispatch(self) -> Dispatch:
        """One pass: send what is due, ask after what was sent, take in what lies ready.

        Raises
        ------
        cityward.core.errors.CityBusy
            Another process writes to this city, and does this too.
        """
        if not self.sections:
            return Dispatch()
        with self._opened() as (ways, troubles):
            delivered, failed = self._drain(ways, troubles)
            reports = self._ask_after(ways, troubles) + self._collect(ways)
        return Dispatch(delivered=delivered, failed=failed, reports=reports, troubles=tuple(troubles))

    def _drain(self, ways: Mapping[str, Open], troubles: list[str]) -> tuple[int, int]:
        delivered, failures, stopped = 0, dict.fromkeys(ways, 0), 0
        if not self._orders.for_crews.anything_due(self._city.clock.now()):
            return 0, 0
        with self._city.writing():
            pass  # what could not be written down afterwards must not be sent
        while able := [name for name, count in failures.items() if count < FAILURES_A_PASS]:
            try:
                message = self._orders.for_crews.claim(able, self._city.clock.now(), LEASE)
            except Unproved as problem:
                stopped += 1  # for good, so that each is told once here and stays among those that failed
                troubles.append(f"{problem.what} {problem.remedy}")
                continue
            if message is None:
                break
            if self._try(ways[message.way], message):
                delivered += 1
            else:
                failures[message.way] += 1
        return delivered, stopped + sum(failures.values())

    def _try(self, way: Open, message: Message) -> bool:
        """Send one claimed message and write down what came of it."""
        try:
            if message.kind not in way.kinds:
                raise NotDelivered(f"This way cannot carry '{message.kind}'.", again=False)
            reference = way.send(self._addressed(message))
        except NotDelivered as problem:
            self._orders.for_crews.failed(message.key, problem.words, self._next_try(message, problem))
            return False
        self._was_delivered(message, reference)
        return True

    def _addressed(self, message: Message) -> Message:
        """The message, with the secret link in it where it asks: what is kept never holds one."""
        if message.kind != "ask":
            return message
        body = msgspec.json.decode(message.body)
        body["data"]["link"] = self._orders.ask(message.order)
        return msgspec.structs.replace(message, body=to_json(body).decode())

    def _next_try(self, message: Message, problem: NotDelivered) -> datetime | None:
        """When to try again: twice as late each time, a little scattered, and not before the receiver allows."""
        now = self._city.clock.now()
        if not problem.again or now - message.made_at > TRIED_FOR:
            return None
        scatter = rng(self._city.settings.city.seed, "outbox", message.key, message.attempts).uniform(0.8, 1.2)
        wait = min(FIRST_WAIT_SECONDS * 2 ** min(message.attempts - 1, 20), LONGEST_WAIT_SECONDS) * scatter
        return now + timedelta(seconds=max(wait, problem.after_seconds or 0.0))

    def _was_delivered(self, message: Message, reference: str | None) -> None:
        """One transaction: the delivery, its receipt, and the order that is sent by it."""
        with self._city.writing():
            now = self._city.clock.now()
            entry = receipt(
                "delivery", message.order, now, message.body.encode(), message=message.key, attempts=message.attempts
            )
            self._city.writable_ledger().append([entry])
            order = self._orders.held(message.order)
            delivered = (message.key, reference, now, now + ASK_AFTER)
            current = message.key.startswith(f"{order.id}.{life.round_of(order)}.")
            if message.kind == "dispatch" and current and order.state in ("planned", "reopened"):
                because = f"Sent by {message.way}."
                self._orders.step(order, "sent", role="system", by="cityward", because=because, delivered=delivered)
                return
            self._orders.for_crews.delivered(*delivered)
            if message.kind == "dispatch" and order.state in ("cancelled", "confirmed"):
                self._orders.for_crews.put_new(None, [], self._orders.cancel_of(order))

    # -- back in -----------------------------------------------------------------------------------

    def _ask_after(self, ways: Mapping[str, Open], troubles: list[str]) -> int:
        """Ask receivers that do not report by themselves."""
        asking, moved = [name for name, way in ways.items() if way.asks], 0
        if not asking:
            return 0
        for message in self._orders.for_crews.to_ask_after(asking, self._city.clock.now()):
            next_time = self._city.clock.now() + ASK_AFTER
            order = self._orders.for_crews.get(message.order)
            if order is None or order.state not in ("sent", "accepted"):
                self._orders.for_crews.ask_after(message.key, next_time + timedelta(days=1))
                continue
            try:
                report, renamed = ways[message.way].ask(message)
            except NotDelivered as problem:
                troubles.append(f"{message.way}, asked after {message.order}: {problem.words}")
                self._orders.for_crews.ask_after(message.key, next_time)
                continue
            self._orders.for_crews.ask_after(message.key, next_time, renamed)
            if report is not None:
                moved += self.take(report, message.way).changed
        return moved

    def _collect(self, ways: Mapping[str, Open]) -> int:
        """Take in reports that lie ready; what cannot be used is told to where it came from."""
        moved = 0
        for name, way in ways.items():
            for report, refuse in way.collect():
                try:
                    moved += self.take(report, name).changed
                except CityBusy:
                    raise
                except UserError as error:
                    refuse(f"{error.what} {error.remedy}".strip())
        return moved

    def callback(self, identifier: str, headers: Mapping[str, str], body: bytes) -> Taken:
        """Take a signed status about the order ``identifier``.

        Raises
        ------
        Unsigned
            It does not prove that it comes from a receiver of this city.
        UnknownId, UserError
            It is signed, and still cannot be used.
        """
        way, key = self._signer(headers, body)
        try:
            status = msgspec.json.decode(body, type=Status)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise UserError(
                f"The status cannot be read: {error}.", 'Send {"order": "W-…", "state": "accepted" or "done"}.'
            ) from None
        if status.order != identifier:
            raise UserError("The status names another order than its address.", "Send it to the order that it names.")
        report = Report(
            key=f"{way}:{key}",
            order=status.order,
            state=status.state,
            by=status.by,
            because=status.because,
            at=status.at,
            round=status.round,
        )
        return self.take(report, way)

    def _signer(self, headers: Mapping[str, str], body: bytes) -> tuple[str, str]:
        """The way whose secret a message is signed with, and the message's own identifier."""
        wrong = Unsigned("webhook-signature", "This city takes no signed messages.", "Add a [[send]] table.")
        for section in self.sections.values():
            if section.adapter != "webhook":
                continue
            try:
                key = key_of(self.way(section).required_secret())
                return section.name, check(key, headers, body, self._city.clock.now())
            except Unsigned as error:
                wrong = error
            except SettingsError:
                continue
        raise wrong

    def take(self, report: Report, way: str) -> Taken:
        """Take a report of whoever does the work. The same one twice, or one that comes late, changes nothing.

        Raises
        ------
        UnknownId, UserError
            No such order, not sent by this way, or not a state that a worker can report.
        """
        if report.state not in REPORTED:
            raise UserError(
                f"'{report.state[:40]}' cannot be reported by whoever does the work.", f"States: {', '.join(REPORTED)}."
            )
        state: OrderState = next(one for one in REPORTED if one == report.state)
        with self._city.writing():
            order, now = self._orders.held(report.order), self._city.clock.now()
            if way not in self._orders.for_crews.ways("dispatch", order.id, tried=True).values():
                raise UnknownId(f"{order.id} was not sent by '{way}'.", "Report only what you were sent.")
            if self._orders.for_crews.was_reported(report.key):
                return Taken(order=order.id, state=order.state, changed=False, note="Known already.")
            number = life.round_of(order)
            if (report.round or number) != number or life.is_late(order, state, report.at):
                self._orders.for_crews.put_report(order.id, report.key, now)
                return Taken(order=order.id, state=order.state, changed=False, note=f"The order is {order.state}.")
            by = " ".join(report.by.split())[:200] or way
            because = redact_text(report.because.strip()[:REPORT_CHARS_MAX]) or f"Reported by {way}."
            after = self._orders.step(order, state, role="worker", by=by, because=because, report=(report.key, now))
            return Taken(order=after.id, state=after.state, changed=True, note="Taken.")

    # -- health ------------------------------------------------------------------------------------

    def health(self) -> dict[str, Any]:
        """Counts of messages by state, those in trouble, and what is wrong with the tables."""
        outbox = self._orders.outbox
        open_messages = outbox.messages(states=("waiting", "stopped"))
        troubles = []
        for section in self.sections.values():
            try:
                if section.adapter not in kinds():
                    raise SettingsError(f"'{section.adapter}' is no way that cityward knows.", "")
                _secret(section, self._city.path)
            except SettingsError as error:
                troubles.append(f"{section.name}: {error.what} {error.remedy}".strip())
        lost = sorted({one.way for one in open_messages} - self.sections.keys())
        troubles += [f"city.toml has no [[send]] table '{name}' any more; its messages wait." for name in lost]
        try:
            troubles += [f"{name} is not sent: {why}. {LOOK}" for name, why in outbox.unproved().items()]
        except LedgerError as error:
            troubles.append(f"Nothing is sent: {error}")
        return {
            "ways": list(self.sections.values()),
            "counts": dict.fromkeys(("waiting", "delivered", "stopped", "withdrawn"), 0) | outbox.message_counts(),
            "failing": [one for one in open_messages if one.error or one.state == "stopped"],
            "troubles": troubles,
        }


def _secret(section: SendSection, folder: Path) -> str | None:
    """Read the secret of a table from its file or from the environment."""
    if section.secret_environment:
        value = os.environ.get(section.secret_environment)
        if value is None:
            raise SettingsError(
                f"city.toml: the variable of the way '{section.name}' is not set.",
                "Set what secret_environment names for the program that serves this city.",
            )
        return value.strip()
    if section.secret_file:
        try:
            return (folder / section.secret_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"city.toml: the secret of the way '{section.name}' cannot be read ({type(error).__name__}).",
                "Put it into the file that secret_file names, readable to nobody else.",
            ) from None
    return None

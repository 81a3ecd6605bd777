"""Work orders of a city: given out, reported on, asked about, and closed by whoever they were done for."""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import msgspec

from cityward.act import orders as life
from cityward.city.crew_names import crew_namer
from cityward.city.sending import Dispatch, Sender
from cityward.core.errors import UnknownId, UserError
from cityward.core.person_names import is_full_name
from cityward.core.receipts import receipt
from cityward.core.records import Decision, Record, to_json
from cityward.core.work import RESIDENT, Job, Message, OrderState, WorkOrder
from cityward.guard.outbox import Outbox
from cityward.private.pseudonym import load_or_create_key
from cityward.private.redact import redact_text

if TYPE_CHECKING:
    from cityward.city.city import City

Assignment = tuple[Job, str | None, date | None]
"""A job, the crew that goes, and the day; both None while nobody is planned."""

REASON_CHARS_MIN: Final = 10
WORDS_CHARS_MAX: Final = 1_000
ANSWERS_MAX: Final = 20
"""Most answers about one order; a link that is passed around must not fill the registers."""

_CLOSED: Final = ("confirmed", "cancelled")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")


class Asked(Record, frozen=True, kw_only=True):
    """What a resident is shown of an order: nothing of a person, no address."""

    order: str
    service: str
    area: str
    waiting_since: date
    state: OrderState
    done_on: datetime | None
    tries: int
    may_answer: bool
    by_resident: bool


class Orders:
    """The orders of ``city``; reached as ``city.orders``."""

    def __init__(self, city: City) -> None:
        self._city = city

    @cached_property
    def outbox(self) -> Outbox:
        """Orders and messages as the city's own people see them."""
        return self._city.keeper.outbox("cityward-operator", "case-handling")

    @cached_property
    def for_crews(self) -> Outbox:
        """As whoever sends them to crews sees them: without what residents answered."""
        return self._city.keeper.outbox("cityward-dispatch", "case-handling")

    @cached_property
    def for_residents(self) -> Outbox:
        """As a resident is told of them: no place, no name, no words."""
        return self._city.keeper.outbox("cityward-resident", "resident-information")

    @cached_property
    def sender(self) -> Sender:
        """The ways out and back in."""
        return Sender(self._city, self)

    # -- giving out --------------------------------------------------------------------------------

    def issue(self, assignments: Sequence[Assignment], decision_id: str) -> list[WorkOrder]:
        """Give out jobs that a decision approved; return their orders. The same again changes nothing.

        A job that has an open order gets no second one; where that order has not gone out yet, it gets its crew.

        Raises
        ------
        Unproved
            There is no such decision that the ledger proves, or it is not about one of these jobs.
        """
        with self._city.writing():
            issued, keep = self.prepare(assignments, self._city.keeper.mandates.decision(decision_id))
            keep(None)
        return issued

    def prepare(
        self, assignments: Sequence[Assignment], decision: Decision
    ) -> tuple[list[WorkOrder], Callable[[Any], None]]:
        """Return the orders of jobs, and a function that keeps them as part of a transaction.

        The receipts are in the ledger already: they say what is about to be kept. What keeps them asks whether the
        decision, as that transaction sees it, is proved and approved them. For a holder of ``writing``.
        """
        now, new, old, held = self._city.clock.now(), [], [], []
        called, known = crew_namer(self._city), dict[str, list[WorkOrder]]()
        for before in self._proved_of(assignments):
            known.setdefault(before.job.id, []).append(before)
        for job, crew, day in assignments:
            under_way = [order for order in known.get(job.id, []) if order.state not in _CLOSED]
            who = called(crew) if crew else ""
            order = life.issue(job, decision=decision.id, crew=crew, day=day, at=now, by=decision.by, who=who)
            same = next((one for one in known.get(job.id, []) if one.id == order.id), None)
            if same is not None:
                held.append(same)
            elif not under_way:
                new.append(order)
            elif crew is not None and self._waits(under_way[-1]):
                waits = under_way[-1]
                after = life.planned_for(waits, crew, day, decision=decision.id, by=decision.by, at=now, who=who)
                old.append((waits, after))
            else:
                held.append(under_way[-1])
        changed = [order for _, order in old]
        self.outbox.must_approve([*new, *changed], decision)
        receipted = self._receipted([*new, *changed])
        fresh, planned = receipted[: len(new)], receipted[len(new) :]
        messages = [message for order in receipted if self._goes_out(order) for message in self.dispatch_of(order)]

        def keep(transaction: Any) -> None:
            own = {order.id for order in fresh}
            rows = [(order, self._digest(order.id)) for order in fresh]
            self.outbox.put_new(transaction, rows, [message for message in messages if message.order in own])
            for (before, _), after in zip(old, planned, strict=True):
                moved = [message for message in messages if message.order == after.id]
                self.outbox.move(before, after, moved, instead=True, decision=decision.id, transaction=transaction)

        return [*held, *receipted], keep

    def _proved_of(self, assignments: Sequence[Assignment]) -> list[WorkOrder]:
        """Orders of jobs, oldest first; one that no decision allows can never be sent, and holds no job up."""
        held = self.outbox.held_of([job.id for job, _, _ in assignments])
        going = [order for order in held if order.state not in _CLOSED]
        why = self.outbox.why_not(going) if going else {}
        return [order for order in held if order.id not in why]

    def _waits(self, order: WorkOrder) -> bool:
        """Whether it can still be given to another crew: nothing about this round has been tried to be sent."""
        key = f"{order.id}.{life.round_of(order)}.dispatch."
        tried = any(sent.startswith(key) for sent in self.outbox.ways("dispatch", order.id, tried=True))
        return order.state in ("planned", "reopened") and not tried

    def _goes_out(self, order: WorkOrder) -> bool:
        """Whether it leaves now: it has a crew, or this city does not plan crews of its own."""
        return order.crew is not None or self._city.settings.work.crews is None

    def _receipted(self, orders: Sequence[WorkOrder], before: Sequence[WorkOrder] = ()) -> list[WorkOrder]:
        """The orders, each with the ledger entry of its last event in it.

        Of one that was not proved ``before`` the entry says so: a step must not make work of what somebody altered.
        """
        if not orders:
            return []
        why = self.outbox.why_not(before) if before else {}
        entries = [
            (
                order.id,
                receipt(
                    "order",
                    order.id,
                    order.events[-1].at,
                    to_json(order.events[-1]),
                    state=order.state,
                    round=life.round_of(order),
                    decision=order.decision,
                    work="" if order.id in why else self.outbox.work(order),
                ),
            )
            for order in orders
        ]
        with self._city.writing():
            indexes = self._city.enter(entries)
        done = []
        for order, index in zip(orders, indexes, strict=True):
            last = msgspec.structs.replace(order.events[-1], receipt=index)
            done.append(msgspec.structs.replace(order, events=(*order.events[:-1], last)))
        return done

    def jobs(self) -> list[Job]:
        """Jobs of orders that wait for a crew: planned without one, or reopened with no way to send them again."""
        waiting = []
        sent = {key.rsplit(".dispatch.", 1)[0] for key in self.for_crews.ways("dispatch")}
        for order in self.for_crews.orders(["planned", "reopened"]):
            under_way = f"{order.id}.{life.round_of(order)}" in sent
            if (order.state == "planned" and order.crew is None and not under_way) or (
                order.state == "reopened" and not under_way and not self.is_escalated(order)
            ):
                waiting.append(order.job)
        return waiting

    def dispatch(self) -> Dispatch:
        """Send what is due and take in what was reported; see `cityward.city.sending.Sender.dispatch`."""
        return self.sender.dispatch()

    # -- steps -------------------------------------------------------------------------------------

    def report(self, identifier: str, state: OrderState, by: str, because: str = "") -> WorkOrder:
        """Record a step by hand, as a named person of the city; return the order.

        Raises
        ------
        UnknownId, UserError
            No such order; no name or, for a step back, no reason; the order cannot become that.
        """
        by, because = " ".join(by.split()), redact_text(because.strip()[:WORDS_CHARS_MAX])
        if not is_full_name(by):
            raise UserError("A step by hand needs a first and a last name.", "Write both, not a role or an initial.")
        if state in ("cancelled", "confirmed", "reopened") and len(because) < REASON_CHARS_MIN:
            raise UserError(
                f"To make an order {state} by hand needs a reason of at least {REASON_CHARS_MIN} characters.",
                "Say why.",
            )
        if state not in life.STATES:
            raise UserError(f"'{state[:40]}' is no state of an order.", f"States: {', '.join(life.STATES)}.")
        with self._city.writing():
            order = self.held(identifier)
            if order.state == state and order.events[-1].by == by:
                return order  # pressed twice
            return self.step(order, state, role="city", by=by, because=because or "By hand.")

    def send_again(self, identifier: str, by: str) -> WorkOrder:
        """Send out an order that waits for a person: one without a crew, or one that came back too often."""
        by = " ".join(by.split())
        if not is_full_name(by):
            raise UserError("To send an order needs a first and a last name.", "Write both.")
        with self._city.writing():
            order = self.held(identifier)
            messages = self.dispatch_of(order)
            if order.state not in ("planned", "reopened"):
                raise UserError(f"{order.id} is {order.state}; there is nothing to send.", "Look at it again.")
            if not messages:
                raise UserError(
                    f"No [[send]] table of city.toml takes orders of {order.job.service}.",
                    "Hand it on yourself, then press 'Accepted'.",
                )
            self.outbox.must_be_proved(order)
            noted = self._receipted([life.noted(order, "Sent out by hand.", by=by, at=self._city.clock.now())])[0]
            self.outbox.move(order, noted, messages)
            return noted

    def step(
        self,
        order: WorkOrder,
        state: OrderState,
        *,
        role: life.Role,
        by: str,
        because: str,
        **kept: Any,
    ) -> WorkOrder:
        """Take one step with its receipt and messages, in one transaction. For a holder of ``writing``."""
        now = self._city.clock.now()
        after = life.advance(order, state, role=role, by=by, because=because, at=now)
        follows = self._follows(order, after)
        after = self._receipted([after], [order])[0]
        self.outbox.move(order, after, follows, withdraw=state != "sent", **kept)
        return after

    def _follows(self, before: WorkOrder, after: WorkOrder) -> list[Message]:
        """Messages that a step sends out."""
        if after.state == "reopened" and not self.is_escalated(after):
            # That a resident is not content is kept either way; `Sender.health` tells why nobody goes.
            return [] if self.outbox.why_not([before]) else self.dispatch_of(after)
        if after.state == "cancelled" or (before.state, after.state) == ("reopened", "confirmed"):
            return self.cancel_of(before)
        if after.state == "done":
            return self.sender.message(after, "ask", {"area": self.area(after)})
        return []

    def dispatch_of(self, order: WorkOrder) -> list[Message]:
        """The message that sends an order out; none when no table takes it."""
        job = order.job
        facts = {name: getattr(job, name) for name in ("title", "territory", "lon", "lat", "minutes", "skill")}
        more = {"instructions": order.instructions, "crew": order.crew, "day": order.day, "decision": order.decision}
        return self.sender.message(order, "dispatch", {**facts, **more})

    def cancel_of(self, order: WorkOrder) -> list[Message]:
        """The message that takes an order back, if it was sent in this round."""
        sent = set(self.outbox.ways("dispatch", order.id, state="delivered").values())
        return [message for message in self.sender.message(order, "cancel", {}) if message.way in sent]

    # -- residents ---------------------------------------------------------------------------------

    @cached_property
    def _key(self) -> bytes:
        return load_or_create_key(self._city.folder.residents_key)

    def _token(self, identifier: str) -> str:
        """The secret of an order's link: derived, so that nothing that is kept holds it."""
        return urlsafe_b64encode(hmac.digest(self._key, identifier.encode(), "sha256")[:24]).decode()

    def secret_of(self, identifier: str) -> str:
        """The secret that a link of this order would have, whether there is such an order or not."""
        return self._token(identifier)

    def _digest(self, identifier: str) -> str:
        return sha256(self._token(identifier).encode()).hexdigest()

    def ask(self, identifier: str) -> str:
        """The link by which a resident says whether it is fixed; whoever has it can answer."""
        if not self.outbox.holds(identifier):
            raise _unknown(identifier)
        return f"{(self._city.settings.orders.public_url or '').rstrip('/')}/r/{self._token(identifier)}"

    def asked(self, token: str) -> Asked:
        """What a resident is shown; raises `UnknownId` when it is no link of this city."""
        order = _of_link(self.for_residents.by_token, token)
        done = life.last(order, "done")
        return Asked(
            order=order.id,
            service=order.job.service,
            area=self.area(order),
            waiting_since=order.job.waiting_since,
            state=order.state,
            done_on=done.at if done else None,
            tries=life.round_of(order),
            may_answer=self.may_answer(order),
            by_resident=order.events[-1].by == RESIDENT,
        )

    def answer(self, token: str, fixed: bool, words: str = "") -> WorkOrder:
        """Take a resident's answer: fixed closes the order, not fixed reopens it.

        Raises
        ------
        UnknownId, UserError
            Not a link of this city; nothing to answer yet, or not any more.
        """
        words = redact_text(" ".join(words.split())[:WORDS_CHARS_MAX])
        state: OrderState = "confirmed" if fixed else "reopened"
        said = f"A resident says that it is {'fixed' if fixed else 'not fixed'}{f': {words}' if words else '.'}"
        with self._city.writing():
            order = _of_link(self.outbox.held_by_token, token)
            if order.state == state and (not words or order.events[-1].because == said):
                return order
            if not self.may_answer(order):
                raise UserError("This cannot be answered now.", "Read on this page how it stands.")
            if sum(event.by == RESIDENT for event in order.events) >= ANSWERS_MAX:
                raise UserError("This was answered many times already.", "Please call the city.")
            if order.state != state:
                return self.step(order, state, role="resident", by=RESIDENT, because=said)
            noted = self._receipted([life.noted(order, said, by=RESIDENT, at=self._city.clock.now())], [order])[0]
            self.outbox.move(order, noted)
            return noted

    # -- reading -----------------------------------------------------------------------------------

    def get(self, identifier: str) -> WorkOrder:
        """One order; raises `UnknownId`."""
        found = self.outbox.get(identifier)
        if found is None:
            raise _unknown(identifier)
        return found

    def held(self, identifier: str) -> WorkOrder:
        """One order for whoever moves it (see `cityward.guard.outbox.Outbox.held`); raises `UnknownId`."""
        found = self.outbox.held(identifier)
        if found is None:
            raise _unknown(identifier)
        return found

    def confirmed_of(self, jobs: Sequence[str]) -> dict[str, datetime]:
        """When the work for each of these jobs was confirmed, where it was; nothing else of an order is told."""
        held = self.outbox.held_of(jobs) if jobs else []
        return {order.job.id: order.events[-1].at for order in held if order.state == "confirmed"}

    def link_of(self, jobs: Sequence[str]) -> str:
        """Secret of the resident's page of the newest order for one of these jobs; empty when there is none."""
        held = self.outbox.held_of(jobs)
        return self.secret_of(held[-1].id) if held else ""

    def list(self, state: str | None = None) -> list[WorkOrder]:
        """Orders, newest first, optionally of one state."""
        if state is not None and state not in life.STATES:
            raise UserError(f"'{state[:40]}' is no state of an order.", f"States: {', '.join(life.STATES)}.")
        return self.outbox.orders(None if state is None else [state])

    def area(self, order: WorkOrder) -> str:
        """Name of the territory of an order."""
        return self._city.area_names.get(order.job.territory or "", "the city")

    def standing(self, order: WorkOrder) -> str:
        """How an order stands, in words."""
        return life.standing(
            order,
            self._city.clock.now(),
            answer_days=self._city.settings.orders.answer_days,
            escalate_after=self._city.settings.orders.escalate_after,
        )

    def is_escalated(self, order: WorkOrder) -> bool:
        """Whether it came back so often that a person has to look."""
        return life.is_escalated(order, self._city.settings.orders.escalate_after)

    def is_unconfirmed(self, order: WorkOrder) -> bool:
        """Whether the time for an answer passed without one."""
        return life.is_unconfirmed(order, self._city.clock.now(), self._city.settings.orders.answer_days)

    def may_answer(self, order: WorkOrder) -> bool:
        """Whether a resident can still answer, or answer otherwise."""
        return life.may_answer(order, self._city.clock.now(), self._city.settings.orders.answer_days)


def _unknown(identifier: str) -> UnknownId:
    return UnknownId(f"There is no order '{identifier[:60]}'.", "'cityward orders' lists them.")


def _of_link(by_token: Callable[[str], WorkOrder | None], token: str) -> WorkOrder:
    """The order of a secret link; raises `UnknownId`."""
    found = by_token(sha256(token.encode()).hexdigest()) if _TOKEN.fullmatch(token) else None
    if found is None:
        raise UnknownId("This link is not right.", "Check that you copied all of it.")
    return found

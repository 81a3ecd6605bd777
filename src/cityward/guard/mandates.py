"""Whether a decision that the ledger proves allows a piece of work: asked before anything is kept or sent.

What enters is identifiers, orders and messages; what leaves is a reason why not, or nothing. No decision is ever handed
in: it is looked up in the registers, its bytes are digested anew, and the digest must be the one that an entry of the
ledger holds, which a signed checkpoint covers. So a decision that somebody made up, altered or wrote into the database
gives out nothing, and neither does an order that somebody wrote there.

An order is proved by its own entry too: that it was given out under that decision, and as what. The entry holds a keyed
digest of the work, because the place of a report can be guessed and the ledger cannot forget.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, TypeVar

import msgspec

from cityward.core.errors import Unproved
from cityward.core.identifiers import kind_of, make_id
from cityward.core.records import Decision, Proposal, from_json, to_json
from cityward.core.work import DO_NOTHING, THIS_PLAN, Job, Message, WorkOrder, WorkPlan
from cityward.guard.registers import Transaction
from cityward.secure.proved import ProvedEntries
from cityward.secure.receipts import read_receipt
from cityward.store.registers import Registers

R = TypeVar("R", Decision, Proposal, WorkPlan)

LOOK: Final = "Look at it, cancel it, and approve the work anew if it is needed. 'cityward verify' checks the ledger."
_DECIDE: Final = "Decide on a proposal; then work goes out."
_CALLED_BACK: Final = ("cancelled", "confirmed")
_ALWAYS: Final = ("title", "territory", "lon", "lat", "minutes", "skill")


class Mandates:
    """Decisions of one city, and what each allows.

    Parameters
    ----------
    registers : cityward.store.registers.Registers
        Where decisions, proposals and plans lie.
    proved : ProvedEntries
        The ledger.
    key : callable
        The secret with which works are digested.
    """

    __slots__ = ("_inside", "_key", "_proved")

    def __init__(self, registers: Registers, proved: ProvedEntries, key: Callable[[], bytes]) -> None:
        self._inside = registers
        self._proved = proved
        self._key = key

    # -- decisions -----------------------------------------------------------------------------------

    def decision(self, identifier: str) -> Decision:
        """The decision of this identifier, which the ledger proves and which approved something.

        Raises
        ------
        Unproved
            There is none, the ledger does not prove it, or it approved nothing.
        """
        if not isinstance(identifier, str):
            raise Unproved("Nothing is given out: a decision is named, not handed in.", _DECIDE)
        found, why = self._decisions([identifier], None)
        if identifier in why:
            raise Unproved(f"Nothing is given out: {why[identifier]}.", _DECIDE)
        return found[identifier]

    def _decisions(
        self, identifiers: Sequence[str], within: Transaction | None
    ) -> tuple[dict[str, Decision], dict[str, str]]:
        """Proved approvals among some decisions, and of each of the others why it is none."""
        kept = self._inside.bodies("decision", identifiers, within._inside if within else None)
        return self._proved_of(identifiers, {name: body for name, (body, _) in kept.items()})

    def _proved_of(
        self, identifiers: Sequence[str], kept: Mapping[str, str]
    ) -> tuple[dict[str, Decision], dict[str, str]]:
        read = {name: _read(body, Decision) for name, body in kept.items()}
        told = self._told({one.receipt for one in read.values() if one})
        found, why = {}, {}
        for name in identifiers:
            decision = read.get(name)
            if decision is None or decision.id != name:
                why[name] = f"there is no decision '{name[:60]}'" if name not in kept else f"{name} cannot be read"
            elif problem := _unlike("decision", name, _decided(kept[name]), decision.receipt, told):
                why[name] = problem
            elif decision.outcome != "approved":
                why[name] = f"{name} is a rejection"
            else:
                found[name] = decision
        return found, why

    def _told(self, indexes: Iterable[int | None]) -> dict[int, dict[str, Any]]:
        """What proved entries of the ledger say, by their index."""
        entries = self._proved.entries(index for index in indexes if index is not None)
        return {index: read_receipt(entry, index) for index, entry in entries.items()}

    # -- giving out ----------------------------------------------------------------------------------

    def must_approve(self, orders: Sequence[WorkOrder], decision: Decision) -> None:
        """Work that a decision is about to give out, before the ledger is told; raises `Unproved`.

        The decision may not be kept yet. It is proved by its own bytes, so one that was made up is none.
        """
        found, why = self._proved_of([decision.id], {decision.id: to_json(decision).decode()})
        approval = self._approved(found[decision.id], None) if found and orders else None
        problems = [why.get(decision.id, "") or (approval.problem(order) if approval else "") for order in orders]
        for problem in filter(None, problems):
            raise Unproved(f"Nothing is given out: {problem}.", _DECIDE)

    def must_give_out(
        self, orders: Sequence[WorkOrder], messages: Sequence[Message], within: Transaction | None
    ) -> None:
        """New orders, within the transaction that keeps them and perhaps their decision; raises `Unproved`."""
        decisions, why = self._decisions(sorted({order.decision for order in orders}), within)
        approvals = {name: self._approved(decision, within) for name, decision in decisions.items()}
        told = self._told(_last(order) for order in orders)
        for order in orders:
            problem = why.get(order.decision) or self._given(order, told)
            if not problem and (order.state, len(order.events)) != ("planned", 1):
                problem = f"{order.id} is no new order"
            problem = problem or approvals[order.decision].problem(order)
            if problem:
                raise Unproved(f"Nothing is given out: {problem}.", _DECIDE)
        self._must_be_about({order.id: order for order in orders}, messages)

    def must_move(
        self,
        before: WorkOrder,
        after: WorkOrder,
        messages: Sequence[Message],
        decision: str | None,
        within: Transaction | None,
    ) -> None:
        """A step that sends an order out or gives it to a crew; any other passes. Raises `Unproved`.

        ``decision`` is the one that gave it to the crew.
        """
        if (after.id, after.job, after.decision) != (before.id, before.job, before.decision):
            raise Unproved(f"{before.id} cannot become another piece of work by a step.", LOOK)
        held = [getattr(before, name) for name in ("crew", "day", "instructions")]
        planned = held != [getattr(after, name) for name in ("crew", "day", "instructions")]
        if not planned and not any(message.kind == "dispatch" for message in messages):
            return
        problem = self.why_not([before], within).get(before.id) or self.why_not([after], within).get(after.id)
        if not problem and planned:
            found, why = self._decisions([decision or ""], within)
            problem = why.get(decision or "") or self._approved(found[decision or ""], within).problem(after)
        if problem:
            raise Unproved(f"{after.id} is not sent: {problem}.", LOOK)
        self._must_be_about({after.id: after}, messages)

    def _must_be_about(self, orders: Mapping[str, WorkOrder], messages: Sequence[Message]) -> None:
        for message in messages:
            order = orders.get(message.order)
            if message.kind == "dispatch":
                problem = _misdirected(message, order) if order else f"{message.order[:60]} is not given out with it"
                if problem:
                    raise Unproved(f"A message is not kept: {problem}.", LOOK)

    def _approved(self, decision: Decision, within: Transaction | None) -> _Approved:
        """What a proved decision approved, from records that the ledger proves."""
        proposal, problem = self._record("proposal", ("proposal",), decision.proposal, Proposal, within)
        plan = None
        if proposal and kind_of(proposal.about) == "plan":
            plan, problem = self._record("plan", ("plan-made", "plan-moved"), proposal.about, WorkPlan, within)
        return _Approved(decision, proposal, plan, problem)

    def _record(
        self, kind: str, entries: Sequence[str], identifier: str, record: type[R], within: Transaction | None
    ) -> tuple[R | None, str]:
        kept = self._inside.bodies(kind, [identifier], within._inside if within else None)
        if identifier not in kept:
            return None, f"there is no {kind} '{identifier[:60]}'"
        body, index = kept[identifier]
        read, told = _read(body, record), self._told([index])
        if read is None or read.id != identifier:
            return None, f"{identifier} cannot be read"
        problems = [_unlike(entry, identifier, body.encode(), index, told) for entry in entries]
        return read, "" if "" in problems else problems[0]

    # -- sending -------------------------------------------------------------------------------------

    def why_not(self, orders: Sequence[WorkOrder], within: Transaction | None = None) -> dict[str, str]:
        """Of each order that may not be sent, why: its decision or its own entry is not proved."""
        _, why = self._decisions(sorted({order.decision for order in orders}), within)
        told = self._told(_last(order) for order in orders)
        problems = {order.id: why.get(order.decision) or self._given(order, told) for order in orders}
        return {name: problem for name, problem in problems.items() if problem}

    def why_not_sent(self, message: Message, order: WorkOrder | None) -> str:
        """Why a message may not leave; empty where it may."""
        if order is None:
            return f"there is no order '{message.order[:60]}'"
        return self.why_not([order]).get(order.id) or _misdirected(message, order)

    def _given(self, order: WorkOrder, told: Mapping[int, Mapping[str, Any]]) -> str:
        """Why an order is not as it was given out; empty where it is."""
        if order.id != make_id("order", order.decision, order.job.id):
            return f"{order.id} is not the order of its decision and job"
        entry = told.get(-1 if (index := _last(order)) is None else index)
        if entry is None:
            return f"the ledger has no entry that {order.id} was given out"
        facts = entry["facts"]
        if (entry["kind"], entry["subject"], facts.get("decision")) != ("order", order.id, order.decision):
            return f"ledger entry {index}, to which {order.id} points, is about something else"
        # Entries from before works were digested have none.
        if facts.get("state") != order.state or facts.get("work", work := self.work(order)) != work:
            return f"{order.id} is not as ledger entry {index} says: its state, work or place was changed since"
        return ""

    def work(self, order: WorkOrder) -> str:
        """Keyed digest of what is to be done, where, and by whom."""
        told = to_json(["work", order.id, order.job, order.instructions, order.crew, order.day])
        return hmac.digest(self._key(), told, "sha256").hex()


class _Approved:
    """What one decision approved; made only here, from what the ledger proves."""

    __slots__ = ("_action", "_decision", "_jobs", "_plan", "_problem", "_proposal", "_visits")

    def __init__(self, decision: Decision, proposal: Proposal | None, plan: WorkPlan | None, problem: str) -> None:
        self._decision = decision
        self._proposal = proposal
        self._plan = plan
        self._problem = problem
        self._jobs = {job.id: job for job in plan.jobs} if plan else {}
        self._visits = {visit.job: (visit.crew, visit.day) for visit in plan.visits} if plan else {}

    def problem(self, order: WorkOrder) -> str:
        """Why the work of an order is not what was approved; empty where it is."""
        if self._problem:
            return self._problem
        proposal, decision = self._proposal, self._decision
        if proposal is None or decision.option_title == DO_NOTHING:
            return f"{decision.id} approved that nothing is done"
        if self._plan is not None:
            return "" if self._in_plan(order) else f"{order.job.id[:60]} is not in the plan that {decision.id} approved"
        if kind_of(proposal.about) not in ("need", "silence"):
            return f"{decision.id} is about {proposal.about}, which gives out no work by itself"
        return "" if self._in_area(order, proposal) else f"{order.job.id[:60]} is not what {decision.id} approved"

    def _in_area(self, order: WorkOrder, proposal: Proposal) -> bool:
        """An inspection in one of the territories of the need or silent place."""
        job = order.job
        return (
            job.about == proposal.about
            and job.territory in proposal.territories
            and job.id == make_id("job", proposal.about, job.territory)
            and job.service == proposal.service
            and job.title.startswith(proposal.title)
            and (order.crew, order.day) == (None, None)
        )

    def _in_plan(self, order: WorkOrder) -> bool:
        """A visit of the plan; of one that was shown beside it, a job and a crew of the plan on one of its days.

        An order that waits already keeps the words of its own job.
        """
        plan, name = self._plan, order.job.id
        if plan is None or name not in self._jobs or not (order.decision != self._decision.id or self._is(order.job)):
            return False
        if self._decision.option_title in ("", THIS_PLAN):
            return self._visits.get(name) == (order.crew, order.day)
        first, crews = plan.first_day, {crew.id for crew in plan.crews}
        return order.crew in crews and order.day is not None and 0 <= (order.day - first).days < plan.days

    def _is(self, job: Job) -> bool:
        return self._jobs[job.id] == job


# -- reading -----------------------------------------------------------------------------------------


def _last(order: WorkOrder) -> int | None:
    """The entry of an order's last step."""
    return order.events[-1].receipt if order.events else None


def _read(body: str, kind: type[R]) -> R | None:
    """A record, or None where the text is none."""
    try:
        return from_json(body, kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _decided(body: str) -> bytes:
    """The bytes of a decision when its entry was written: before there was a receipt.

    Of the text and not of the record, so that what a later version adds to records leaves old digests as they are.
    """
    return to_json({**msgspec.json.decode(body), "receipt": -1})


def _unlike(kind: str, subject: str, content: bytes, index: int | None, told: Mapping[int, Mapping[str, Any]]) -> str:
    """Why an entry of the ledger does not prove a record; empty where it does."""
    entry = told.get(-1 if index is None else index)
    if entry is None:
        return f"the ledger does not prove {subject}: it has no entry that it could point to"
    if (entry["kind"], entry["subject"]) != (kind, subject):
        return f"the ledger does not prove {subject}: entry {index}, to which it points, is about something else"
    if entry["sha256"] != sha256(content).hexdigest():
        return f"the ledger does not prove {subject}: it was changed since entry {index} was written"
    return ""


def _misdirected(message: Message, order: WorkOrder) -> str:
    """Why a message does not say what its order says; empty where it does."""
    try:
        body = msgspec.json.decode(message.body)
        data = dict(body["data"])
        kind = body["type"]
    except (msgspec.DecodeError, UnicodeError, RecursionError, KeyError, TypeError, ValueError):
        return f"the message about {order.id} cannot be read"
    expected: dict[str, Any] = {"order": order.id, "service": order.job.service}
    if message.kind == "dispatch":
        expected |= {name: getattr(order.job, name) for name in _ALWAYS}
        expected |= {name: getattr(order, name) for name in ("instructions", "crew", "day", "decision")}
    says = {name: data.get(name) for name in expected}
    if message.order != order.id or kind != f"order.{message.kind}" or to_json(says) != to_json(expected):
        return f"the message about {order.id} does not say what the order says"
    if message.kind == "cancel" and order.state not in _CALLED_BACK:
        return f"{order.id} is {order.state} and was not taken back"
    return ""

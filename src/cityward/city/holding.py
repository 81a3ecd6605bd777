"""Holds on the evidence of decisions, and the clock of serious incidents. Every step has a receipt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec
import polars as pl

from cityward.city.awareness import Clocks
from cityward.city.saying import name_of, words_of
from cityward.core.errors import UnknownId, UserError
from cityward.core.identifiers import CASE_DECISION, kind_of, make_id
from cityward.core.liability import (
    INCIDENT_CLAUSES,
    INCIDENT_DAYS,
    Hold,
    IncidentKind,
    SeriousIncident,
    incident_due,
)
from cityward.core.records import Decision
from cityward.guard import holds as door
from cityward.secure.receipts import read_receipt

if TYPE_CHECKING:
    from cityward.city.city import City

HOLD: Final = "hold"
"""Kind of the record, and of its entries of the ledger."""


def every_entry(city: City, words: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Every entry of the ledger in which one of ``words`` stands, as `City.ledger_entries` tells it."""
    held, about = city._reading_ledger(), re.compile(b"|".join(map(re.escape, words)))
    for index, entry in enumerate(held.entries(0, held.size)):
        if about.search(entry):  # most entries are about other things, and need not be decoded
            yield read_receipt(entry, index)


class Holding:
    """The part of `cityward.city.liability.Liability` that writes."""

    def __init__(self, city: City) -> None:
        self._city = city
        self.incidents = SeriousIncidents(city)

    # -- holds -------------------------------------------------------------------------------------

    def hold(self, decision: str, by: str, because: str) -> Hold:
        """Hold the evidence of a decision against deletion: its orders, the reports that it rests on, and itself.

        Raises
        ------
        UnknownId
            There is no such decision.
        UserError
            No person or no reason is named.
        """
        by, because = name_of(by), words_of(because, "why the evidence has to be kept")
        city = self._city
        with city.writing() as intake:
            intake.flush()
            check_known(self._city, decision)
            orders, keys = self._orders_of(decision), self._rows_of(decision)
            cases = [decision] if kind_of(decision) == CASE_DECISION else []
            now = city.clock.now()
            held = Hold(
                id=make_id(HOLD, decision, now.isoformat(), city.ledger_size),
                decision=decision,
                placed_at=now,
                by=by,
                because=because,
                orders=len(orders),
                interactions=keys.len(),
                decisions=len(cases),
            )
            # What is to be kept is kept before anything is said of it: a death in between deletes nothing.
            door.hold(city.folder.history, held.id, orders, cases, keys)
            return self._keep_hold(held)

    def release(self, identifier: str, by: str, because: str) -> Hold:
        """Release a hold: retention and erasure apply again."""
        by, because = name_of(by), words_of(because, "why the evidence need not be kept any more")
        held = self._city.kept(HOLD, Hold, identifier, "hold", "cityward liability holds")
        if not held.stands:
            raise UserError(f"{held.id} was released already.", "Nothing is to be done.")
        with self._city.writing():
            now = self._city.clock.now()
            done = msgspec.structs.replace(held, released_at=now, released_by=by, released_because=because)
            kept = self._keep_hold(done)
            door.let_go(self._city.folder.history, kept.id)
        return kept

    def holds(self, decision: str | None = None) -> list[Hold]:
        """Holds, oldest first, of one decision or of all."""
        found = self._city.registers.list_of(HOLD, Hold)
        return [one for one in found if decision in (None, one.decision)]

    def _keep_hold(self, held: Hold) -> Hold:
        facts: dict[str, str | int] = {"decision": held.decision, "stands": int(held.stands), "rule": door.RULE}
        facts |= {"orders": held.orders, "interactions": held.interactions, "decisions": held.decisions}
        return self._city.keep(HOLD, held, facts)

    def _orders_of(self, decision: str) -> list[str]:
        """Orders that followed from a decision, as the ledger tells."""
        found = {
            entry["subject"]: None
            for entry in every_entry(self._city, [decision.encode()])
            if entry["kind"] == "order" and entry["facts"].get("decision") == decision
        }
        return list(found)

    def _rows_of(self, decision: str) -> pl.Series:
        """Keys of the interactions that a decision about a need rests on."""
        none = pl.Series([], dtype=pl.UInt64)
        if kind_of(decision) == CASE_DECISION:
            return none
        proposal = self._city.registers.get_proposal(about_proposal(self._city, decision).proposal)
        need = self._city.registers.get_need(proposal.about) if proposal else None
        if need is None or not need.evidence_sha256:
            return none
        return self._city.evidence.keys_of(need)


class SeriousIncidents(Clocks[SeriousIncident]):
    """Serious incidents after decisions of a city; reached as ``city.liability.incidents``."""

    record, kind, noun = SeriousIncident, "incident", "serious incident"
    listed_by, rule = "cityward liability incident list", "incident-clock 1"
    told_state, told_step = "reported", "report"

    def open(
        self, decision: str, kind: IncidentKind, what: str, by: str, aware_at: datetime | None = None
    ) -> SeriousIncident:
        """Note a serious incident after a decision, and start its clock.

        Parameters
        ----------
        decision : str
            In which decision it may have its origin.
        kind : {"serious", "infrastructure", "widespread", "death"}
            Which time applies (AI Act, article 73).
        what, by : str
            What happened, in words that name nobody; first and last name of who notes it.
        aware_at : datetime.datetime, optional
            When the provider or deployer became aware (UTC); default now.
        """
        if kind not in INCIDENT_DAYS:
            told = ", ".join(f"{name} ({INCIDENT_CLAUSES[name]})" for name in INCIDENT_DAYS)
            raise UserError(f"'{kind[:40]}' is no kind of serious incident.", f"Kinds: {told}.")
        now, aware_at = self._city.clock.now(), self.aware(aware_at)
        by, what = name_of(by), words_of(what, "what happened")
        with self._city.writing():
            check_known(self._city, decision)
            made = SeriousIncident(
                id=make_id(self.kind, decision, now.isoformat(), self._city.ledger_size),
                decision=decision,
                kind=kind,
                aware_at=aware_at,
                due_at=incident_due(kind, aware_at),
                what=what,
                by=by,
            )
            return self._keep(made, "open")

    def tell(self, identifier: str, by: str, because: str = "", *, incomplete: bool = False) -> SeriousIncident:
        """Note that the authority was told; an incomplete report can be completed later.

        Source: Regulation (EU) 2024/1689, article 73(5), on a first report that is incomplete.
        """
        return self._tell(identifier, by, because, incomplete=incomplete)

    def of(self, decision: str) -> list[SeriousIncident]:
        """Those of one decision, oldest first."""
        return [one for one in self.all() if one.decision == decision]


def check_known(city: City, decision: str) -> None:
    """Raise UnknownId unless there is such a decision."""
    if kind_of(decision) == CASE_DECISION:
        city.deciding.get(decision)
    else:
        about_proposal(city, decision)


def about_proposal(city: City, identifier: str) -> Decision:
    """A decision about a proposal; raises UnknownId."""
    found = city.registers.get_decision(identifier) if kind_of(identifier) == "decision" else None
    if found is None:
        raise UnknownId(
            f"There is no decision '{identifier[:40]}'.",
            "'cityward explain' on a proposal and 'cityward decisions list' name decisions.",
        )
    return found

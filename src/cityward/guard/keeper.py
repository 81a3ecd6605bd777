"""Who keeps a city's store: opens history and registers, and hands up guarded objects only.

A layer above guard names a table, a reader and a purpose; it never holds what the store itself hands out. What
leads to the store inside these objects is called ``_inside``, a name that a test forbids everywhere above.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from cityward.core.clock import Clock
from cityward.core.consults import Consult
from cityward.core.errors import SettingsError
from cityward.core.faults import Fault
from cityward.core.limits import PAGE_ROWS
from cityward.core.receipts import receipt
from cityward.core.records import Refusal, to_json
from cityward.core.releases import Release, ReleaseRequest
from cityward.core.toml_text import read_toml
from cityward.guard.admit import Door, open_door
from cityward.guard.ballot_box import BallotBox
from cityward.guard.consult import Access, Reading
from cityward.guard.decided import Deciding, Proofs
from cityward.guard.discussion import DiscussionAnswers
from cityward.guard.mandates import Mandates
from cityward.guard.outbox import Outbox, every_order
from cityward.guard.refusals import keep_refusal
from cityward.guard.registers import Registers
from cityward.guard.release_rows import COLUMNS, known_at, shaped
from cityward.private.grants import QUARANTINE_FIELDS, Checked, Problem, check_grants
from cityward.private.pseudonym import Pseudonyms
from cityward.private.restrictions import without
from cityward.secure.proved import ProvedEntries
from cityward.store import ballot_box as box_store
from cityward.store import discussion as discussion_store
from cityward.store import outbox as outbox_store
from cityward.store import soundness
from cityward.store.history import HistoryReader
from cityward.store.history_table import DECISIONS, INTERACTIONS, OBSERVATIONS, HistoryTable
from cityward.store.registers import open_registers

if TYPE_CHECKING:
    from cityward.guard.publish import WayOut
    from cityward.secure.ledger import Ledger

_TABLES: Final[dict[str, HistoryTable]] = {table.name: table for table in (INTERACTIONS, OBSERVATIONS, DECISIONS)}
SETTLED_AT_ONCE: Final = 10_000
"""Consults that are put into the ledger in one go; what is left comes with the next."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a city keeps things, and what the keeper must ask of it.

    Parameters
    ----------
    history, grants, authorisations : pathlib.Path
        The folders of history, of grants, and of authorisations to receive what is refused otherwise.
    url : str
        The registers.
    zone : str
        IANA time zone of its days.
    clock : Clock
        The time.
    pseudonyms : callable
        The city's pseudonyms; raises when their key is lost.
    groups : callable
        The group of each territory that has one.
    append : callable
        Appends entries to the ledger and returns their indexes; None when this program does not write just now.
    proved : ProvedEntries
        The ledger, read back.
    work_key : callable
        The secret with which the ledger's digests of works are keyed.
    """

    history: Path
    grants: Path
    authorisations: Path
    url: str
    zone: str
    clock: Clock
    pseudonyms: Callable[[], Pseudonyms]
    groups: Callable[[], dict[str, str]]
    append: Callable[[Sequence[bytes]], Sequence[int] | None]
    proved: ProvedEntries
    work_key: Callable[[], bytes]


class Keeper:
    """The store of one city, behind the doors.

    Parameters
    ----------
    place : Place
        Where things are.
    """

    def __init__(self, place: Place) -> None:
        self._inside = place
        self._waiting = False

    @cached_property
    def registers(self) -> Registers:
        """Records of the city.

        Raises
        ------
        cityward.core.errors.SettingsError
            The URL or the driver is missing or wrong.
        cityward.core.errors.StoreError
            The database does not answer.
        """
        return Registers(open_registers(self._inside.url))

    def outbox(self, reader: str, purpose: str) -> Outbox:
        """Orders and messages as ``reader`` may see them for ``purpose``; whether it may is asked when it reads."""
        return Outbox(self._orders, self._ordered(reader, purpose), self._inside.clock, self.mandates)

    @cached_property
    def mandates(self) -> Mandates:
        """Which work a decision allows, by what the ledger proves."""
        return Mandates(self.registers._inside, self._inside.proved, self._inside.work_key)

    @cached_property
    def _orders(self) -> outbox_store.Outbox:
        """Beside the registers."""
        return outbox_store.Outbox(self.registers._inside.engine)

    @cached_property
    def ballot_box(self) -> BallotBox:
        """Codes and ballots of rounds, beside the registers."""
        return BallotBox(box_store.BallotBox(self.registers._inside.engine))

    @cached_property
    def discussion(self) -> DiscussionAnswers:
        """Answers to statements about proposals, beside the registers."""
        return DiscussionAnswers(discussion_store.DiscussionAnswers(self.registers._inside.engine))

    def open_door(self, append_receipt: Callable[[bytes], int]) -> Door:
        """Take the writer lock and return the door in; raises as `cityward.guard.admit.open_door`."""
        return open_door(
            self._inside.history,
            registers=self.registers._inside,
            pseudonyms=self._inside.pseudonyms(),
            append_receipt=append_receipt,
            clock=self._inside.clock,
            authorisations=self._inside.authorisations,
        )

    def open_deciding(self, ledger: Callable[[], Ledger]) -> Deciding:
        """Take the lock of decisions of cases and return their door; ``ledger`` must be open for writing."""
        held = self._inside
        return Deciding(held.history, self.registers._inside, held.pseudonyms, ledger, held.clock)

    def proofs(self, ledger: Callable[[], Ledger]) -> Proofs:
        """What the ledger proves of decisions of cases."""
        held = self._inside
        return Proofs(held.history, self.registers._inside, held.pseudonyms, ledger)

    def holds(self, table: str) -> bool:
        """Whether anything was ever taken into a table of history."""
        return _TABLES[table].begun(self._inside.history)

    # -- the door inside ---------------------------------------------------------------------------

    def reading(self, reader: str, purpose: str, table: str = "interactions") -> Reading:
        """A table as ``reader`` may see it for ``purpose``; whether it may is asked when it reads.

        Of ``quarantine`` a reading shows the first page; see `quarantine`. ``orders`` are as they stand now.
        """
        if table == "orders":
            return self._ordered(reader, purpose)
        if table == "quarantine":
            return self._quarantined(reader, purpose, PAGE_ROWS, 0)
        return self._reading(reader, purpose, table)

    def _reading(self, reader: str, purpose: str, table: str, *, behind: bool = False) -> Reading:
        kept = _TABLES[table]
        history = HistoryReader(self._inside.history, kept)

        def scan(as_of: datetime | None) -> pl.LazyFrame:
            return without(history.scan(as_of), history.restricted(), purpose)

        return Reading(self._access(table, kept.time, scan), reader, purpose, behind=behind)

    def versions(self, reader: str, purpose: str, columns: Sequence[str], identifier: str) -> pl.DataFrame:
        """Every version of a decision of a case, the oldest first: what the grant covers; raises as `reading`."""
        history = HistoryReader(self._inside.history, DECISIONS)
        access = self._access("decisions", DECISIONS.time, lambda _: history.versions([identifier]).lazy())
        return Reading(access, reader, purpose).frame(columns).sort("changed_at", maintain_order=True)

    def release(self, way_out: WayOut, request: ReleaseRequest, reader: str) -> Release:
        """Make a release of rows that nobody sees.

        Raises
        ------
        Refused
            No grant lets ``reader`` count them, or the way out says no.
        UserError
            The request is wrong.
        """
        zone = self._inside.zone
        reading = self._reading(reader, "private-release", "interactions", behind=True)

        def rows() -> pl.DataFrame:
            sources, only = way_out.sources_of(request.group)
            known = reading.frame(COLUMNS, as_of=known_at(request, zone))
            return shaped(known.lazy(), request, zone, sources, only=only)

        return way_out.make(request, rows)

    def keep_refusal(self, refusal: Refusal, append_receipt: Callable[[bytes], int]) -> None:
        """Keep that a door said no, with its receipt; one that is kept already stays as it is."""
        held = self.registers._inside
        if held.get_refusal(refusal.id) is None:
            keep_refusal(refusal, held, append_receipt)

    def quarantine(self, reader: str, purpose: str, limit: int, offset: int) -> list[dict[str, Any]]:
        """Rows in quarantine, open ones first: what the grant covers of `QUARANTINE_FIELDS`; raises as `reading`."""
        return self._quarantined(reader, purpose, limit, offset).frame(QUARANTINE_FIELDS).to_dicts()

    def _quarantined(self, reader: str, purpose: str, limit: int, offset: int) -> Reading:
        registers = self.registers._inside

        def scan(_: datetime | None) -> pl.LazyFrame:
            schema = {name: pl.Int64 if name == "row" else pl.String for name in QUARANTINE_FIELDS}
            return pl.LazyFrame(registers.list_quarantine(limit, offset), schema=schema)

        return Reading(self._access("quarantine", "", scan), reader, purpose)

    def _ordered(self, reader: str, purpose: str) -> Reading:
        return Reading(self._access("orders", "", lambda _: every_order(self._orders)), reader, purpose)

    def grants(self) -> Checked:
        """The grants as their files say today, and what is wrong with them."""
        texts, problems = {}, []
        for path in sorted(self._inside.grants.glob("*.toml")):
            try:
                texts[path.stem] = read_toml(path)
            except SettingsError as error:
                problems.append(Problem(file=path.name, line=1, what=error.what, remedy=error.remedy))
        clock, zone = self._inside.clock, self._inside.zone
        today = pl.Series([clock.now()]).dt.convert_time_zone(zone).dt.date().item()
        found = check_grants(texts, today)
        return Checked(grants=found.grants, problems=(*problems, *found.problems))

    def consults(self, limit: int = 50) -> list[Consult]:
        """What was looked at and refused, newest first; never what was seen."""
        return self.registers._inside.page_of("consult", Consult, limit=limit)

    def _access(self, table: str, time: str, scan: Callable[[datetime | None], pl.LazyFrame]) -> Access:
        held = self._inside
        return Access(
            table=table,
            time=time,
            scan=scan,
            grants=self.grants,
            note=self._note,
            next_number=self.registers._inside.last_ordinal,
            pseudonyms=held.pseudonyms,
            groups=held.groups,
            zone=held.zone,
            clock=held.clock,
        )

    # -- is it sound -----------------------------------------------------------------------------

    def faults(self, ledger_size: int, is_about: Callable[[int, str], bool]) -> Iterator[Fault]:
        """What is damaged in history and registers; ``is_about`` tells whether a ledger entry is about a name."""
        history = self._inside.history
        yield from soundness.log_faults(history)
        yield from soundness.table_faults(history)
        engine = self.registers._inside.engine
        damaged = list(soundness.register_faults(engine))
        yield from damaged
        if all(one.mendable for one in damaged):
            yield from soundness.receipt_faults(engine, ledger_size, is_about)

    def index_anew(self) -> None:
        """Make the indexes of the registers anew."""
        soundness.index_anew(self.registers._inside.engine)

    # -- receipts ----------------------------------------------------------------------------------

    def _note(self, consult: Consult) -> None:
        """Keep a consult, and its receipt if this program writes just now; else the next that does adds it."""
        registers = self.registers._inside
        indexes = self._inside.append([_entry(consult)])
        registers.put("consult", [consult], update=(), state="waiting" if indexes is None else "in ledger")
        if indexes is None:
            self._waiting = True
            return
        registers.put_receipts({consult.id: indexes[0]})
        if self._waiting:
            self.settle()

    def settle(self) -> int:
        """Put the consults of programs that do not write into the ledger; return how many."""
        registers = self.registers._inside
        waiting = registers.page_of("consult", Consult, limit=SETTLED_AT_ONCE, state="waiting")[::-1]
        indexes = self._inside.append([_entry(one) for one in waiting]) if waiting else None
        if indexes is None:
            return 0
        self._waiting = False
        registers.put("consult", waiting, update=("state",), state="in ledger")
        registers.put_receipts({one.id: index for one, index in zip(waiting, indexes, strict=True)})
        return len(waiting)


def _entry(consult: Consult) -> bytes:
    """The receipt of a consult: who, for what, which fields, how many rows; never a value."""
    facts: dict[str, str | int] = {
        "reader": consult.reader,
        "purpose": consult.purpose,
        "table": consult.table,
        "fields": ", ".join(consult.fields),
        "grant": consult.grant,
        "rule": consult.rule,
    }
    if consult.as_of:
        facts["as_of"] = consult.as_of.isoformat()
    if consult.rows is not None:
        facts["rows"] = consult.rows
    if consult.refused:
        facts["refused"] = consult.refused
    return receipt("consult", consult.id, consult.at, to_json(consult), **facts)

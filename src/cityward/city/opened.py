"""An open city folder: what it is, its ledger, and the lock of its writer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import msgspec

from cityward.city.folder import Folder, load_territories
from cityward.city.gathering import Gatherer
from cityward.city.settings import Settings, load_settings
from cityward.core.clock import Clock, local_day
from cityward.core.disk import durable, make_folder
from cityward.core.errors import CityIsolated, SettingsError, UnknownId, UserError
from cityward.core.identifiers import kind_of
from cityward.core.receipts import receipt
from cityward.core.records import Record, Territory, entered
from cityward.guard.admit import Door
from cityward.guard.consult import Reading
from cityward.guard.decided import Deciding
from cityward.guard.keeper import Keeper, Place
from cityward.guard.registers import Registers
from cityward.know.territory import TerritoryIndex
from cityward.private.pseudonym import Pseudonyms, load_or_create_key
from cityward.secure.earlier_form import lies_in_earlier_form
from cityward.secure.keys import load_public_key, load_signer
from cityward.secure.ledger import Ledger, Verification, origin_in, verify
from cityward.secure.note import origin_of
from cityward.secure.proved import ProvedEntries
from cityward.secure.receipts import read_receipt
from cityward.secure.tiles import covers, place_of

if TYPE_CHECKING:
    from cityward.secure.access import Access
    from cityward.secure.policy import FourEyes, Policies

R = TypeVar("R", bound=Record)


class Opened:
    """The folder, registers, ledger and door of a city; see `cityward.city.city.City`.

    Parameters
    ----------
    path : pathlib.Path
        The city folder.
    clock : Clock
        The time; tests inject theirs.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.path = Path(path)
        self.clock = clock or Clock()
        self.settings: Settings = load_settings(self.path)
        self.folder = Folder(self.path)
        self._lock = threading.RLock()
        self._door: Door | None = None
        self._decisions: Deciding | None = None
        self._ledger: Ledger | None = None
        self._gatherer: Gatherer | None = None
        self._held: tuple[CityIsolated | None, int] = (None, 0)

    # -- what the city is --------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the city."""
        return self.settings.city.name

    @property
    def time_zone(self) -> str:
        """IANA time zone of its days."""
        return self.settings.city.time_zone

    def day_of(self, moment: datetime) -> date:
        """The day of a moment (aware) where the city lies."""
        return local_day(moment, self.time_zone)

    @property
    def today(self) -> date:
        """The day that it is in the city."""
        return self.day_of(self.clock.now())

    @cached_property
    def _levels(self) -> dict[str, tuple[TerritoryIndex, list[Territory]]]:
        return {section.level: load_territories(self.path, section) for section in self.settings.territories[:1]}

    def level(self, level: str | None) -> tuple[TerritoryIndex, list[Territory]]:
        """Index and facts of a level of territories; None is the one in which interactions are placed."""
        sections = {section.level: section for section in self.settings.territories}
        wanted = level or self.settings.territories[0].level
        if wanted not in sections:
            raise UserError(f"There is no level '{wanted}'.", f"Levels here: {', '.join(sections)}.")
        if wanted not in self._levels:
            self._levels[wanted] = load_territories(self.path, sections[wanted])
        return self._levels[wanted]

    def levels(self) -> list[str]:
        """Names of the territory levels, the one in which interactions are placed first."""
        return [section.level for section in self.settings.territories]

    @cached_property
    def area_names(self) -> dict[str, str]:
        """Names of the territories in which interactions are placed, by their identifiers."""
        return {place.id: place.name for place in self.territories()}

    def territories(self, level: str | None = None) -> list[Territory]:
        """Territories of a level with what is known about each."""
        return self.level(level)[1]

    def geojson(self, level: str | None = None) -> dict[str, Any]:
        """Polygons of a level; each feature has ``id`` and ``name`` only."""
        return self.level(level)[0].geojson()

    @cached_property
    def keeper(self) -> Keeper:
        """Who keeps history and registers, and hands out what a reader may see."""
        return Keeper(
            Place(
                history=self.folder.history,
                grants=self.folder.grants,
                authorisations=self.folder.authorisations,
                url=self.folder.registers_url(self.settings.store.registers),
                zone=self.time_zone,
                clock=self.clock,
                pseudonyms=self._pseudonyms,
                groups=lambda: {place.id: place.parent for place in self.territories() if place.parent},
                append=self._append_if_writing,
                proved=ProvedEntries(self.folder.ledger, lambda: load_public_key(self.folder.public_key)),
                work_key=lambda: load_or_create_key(self.folder.residents_key),
            )
        )

    def _pseudonyms(self) -> Pseudonyms:
        self._check_key(self.folder.pseudonym_key, "pseudonym")
        return Pseudonyms(load_or_create_key(self.folder.pseudonym_key))

    def _check_key(self, key: Path, what: str) -> None:
        # With a new key the same person would be another: rows would double, and nobody would be told.
        if not key.exists():
            raise SettingsError(
                f"{self.path} has lost its {what} key (keys/{key.name}).", "Restore it from your backup of keys/."
            )

    def _append_if_writing(self, entries: Sequence[bytes]) -> Sequence[int] | None:
        """Append to the ledger if the city is being written here; who only reads does not wait for who writes."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            return self.writable_ledger().append(list(entries)) if self._door is not None else None
        finally:
            self._lock.release()

    @cached_property
    def registers(self) -> Registers:
        """The SQL registers, as the guard hands them up."""
        return self.keeper.registers

    def read(self, reader: str, purpose: str, table: str = "interactions") -> Reading:
        """History as ``reader`` may see it for ``purpose``; see `cityward.guard.consult.Reading`."""
        return self.keeper.reading(reader, purpose, table)

    @cached_property
    def access(self) -> Access:
        """Who may come in."""
        from cityward.city.accessing import access_of

        return access_of(self)

    @cached_property
    def policies(self) -> Policies:
        """What each may do; raises `SettingsError` when a file of policies is broken."""
        from cityward.city.policing import policies_of

        return policies_of(self)

    @cached_property
    def four_eyes(self) -> FourEyes:
        """What waits for a second person."""
        from cityward.city.policing import four_eyes_of

        return four_eyes_of(self)

    def settle_access(self) -> None:
        """Hand what access did to the ledger, if this program writes; else the next one that does will."""
        self.access.settle(self._append_if_writing)

    # -- the ledger --------------------------------------------------------------------------------

    def receipt_of(self, identifier: str) -> int | None:
        """Ledger index of the newest entry about ``identifier``."""
        return self.registers.get_receipt(identifier)

    @property
    def origin(self) -> str:
        """Name of the ledger in its checkpoints."""
        return self.settings.ledger.origin or origin_in(self.folder.ledger) or origin_of(self.name)

    def _reading_ledger(self) -> Ledger:
        return self._ledger or Ledger(self.folder.ledger, None)

    def writable_ledger(self) -> Ledger:
        """The ledger, for a holder of `writing`."""
        if self._ledger is None:
            with durable("opening the ledger"):
                make_folder(self.folder.ledger)
            signer = load_signer(self.folder.signing_key)
            also = [load_signer(key) for key in (self.folder.previous_key, self.folder.next_key) if key.exists()]
            self._ledger = Ledger(self.folder.ledger, signer, self.origin, also)
        return self._ledger

    def enter(self, entries: Sequence[tuple[str, bytes]]) -> Sequence[int]:
        """Append entries, each with what it is about, and note it as the newest about that; for a holder of `writing`.

        Ledger first: a death in between leaves an entry about a record that never came, not one without a proof.
        """
        indexes = self.writable_ledger().append([entry for _, entry in entries])
        self.registers.put_receipts({about: index for (about, _), index in zip(entries, indexes, strict=True)})
        return indexes

    def keep(
        self,
        kind: str,
        record: R,
        facts: Mapping[str, str | int],
        *,
        told: str = "",
        content: bytes | None = None,
        update: Sequence[str] = ("body",),
        state: str | None = None,
    ) -> R:
        """Enter a record in the ledger, then in the registers; return it with the index of its entry.

        Parameters
        ----------
        kind, told : str
            Its kind in the registers, and what the entry calls that which happened; left out, the kind.
        record : Record
            Has an ``id`` and a ``receipt``.
        facts : mapping of str to str or int
            What the entry says in the open.
        content : bytes, optional
            What the entry proves; left out, the record as it was before it had a receipt.
        update, state
            As `Registers.put` takes them.
        """
        with self.writing():
            proved = entered(record) if content is None else content
            name: str = record.id  # type: ignore[attr-defined]
            (index,) = self.enter([(name, receipt(told or kind, name, self.clock.now(), proved, **facts))])
            kept = msgspec.structs.replace(record, receipt=index)
            self.registers.put(kind, [kept], update=update, state=state)
        return kept

    def kept(self, kind: str, record: type[R], identifier: str, noun: str, listed_by: str) -> R:
        """A record that `keep` kept; raises `UnknownId`, which says with which command its like are listed."""
        held = self.registers.get(identifier, record) if kind_of(identifier) == kind else None
        if held is None:
            raise UnknownId(f"There is no {noun} '{identifier[:40]}'.", f"'{listed_by}' lists them.")
        return held

    def reopen_ledger(self) -> None:
        """Open the ledger anew with the next entry: its key is another."""
        self._ledger = None

    @property
    def ledger_size(self) -> int:
        """Number of entries."""
        return self._reading_ledger().size

    def ledger_entries(self, start: int = 0, count: int = 50) -> list[dict[str, Any]]:
        """Entries ``start`` to ``start + count``: index, kind, subject, at, facts, hash."""
        ledger = self._reading_ledger()
        return [read_receipt(entry, start + offset) for offset, entry in enumerate(ledger.entries(start, count))]

    def ledger_entries_at(self, indexes: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Entries by their index, those that there are; as `ledger_entries`, but the ledger is opened once."""
        ledger = self._reading_ledger()
        return {at: read_receipt(ledger.entry(at), at) for at in set(indexes) if 0 <= at < ledger.size}

    def proves(self, told: Sequence[tuple[int, str, bytes]]) -> list[bool]:
        """For each (index, subject, content): whether that entry is about it and holds the digest of its content."""
        entries = self.ledger_entries_at([index for index, _, _ in told])
        held = [entries.get(index, {}) for index, _, _ in told]
        return [
            (entry.get("subject"), entry.get("sha256")) == (subject, sha256(content).hexdigest())
            for entry, (_, subject, content) in zip(held, told, strict=True)
        ]

    def checkpoint(self) -> str:
        """The signed checkpoint, as text; empty before the first entry."""
        return self._reading_ledger().checkpoint()

    def ledger_tile(self, name: str) -> bytes | None:
        """A file of the ledger (``tile/0/000.p/5``) that its checkpoint covers; None for every other."""
        place, ledger = place_of(name), self._reading_ledger()
        return ledger.raw_tile(place) if place is not None and covers(ledger.size, place) else None

    def verify(self) -> Verification:
        """Re-compute the whole ledger from its entries and check the signature."""
        return verify(self.folder.ledger, load_public_key(self.folder.public_key))

    # -- opening and closing -----------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Door]:
        """Be the one who writes: takes the folder's lock (kept until `close`) and gives the door in."""
        with self._lock:
            yield self._open_door()

    def hold_writing(self, why: CityIsolated | None, *, allowed: bool = True) -> None:
        """Let nothing be written by this program from now on, but by this thread if ``allowed``; None ends that."""
        self._held = (why, threading.get_ident() if allowed else 0)

    def _open_door(self) -> Door:
        why, but_by = self._held
        if why is not None and but_by != threading.get_ident():
            raise why
        with self._lock:
            if self._door is None:
                self._check_key(self.folder.signing_key, "signing")
                if lies_in_earlier_form(self.folder.ledger):
                    self.writable_ledger()  # it is converted before anything is read from it
                self._door = self.keeper.open_door(lambda entry: self.writable_ledger().append([entry])[0])
                self.keeper.settle()
                self.access.settle(self.writable_ledger().append)
                if self.keeper.holds("decisions"):
                    self.door_of_decisions()
            return self._door

    def door_of_decisions(self) -> Deciding:
        """The door of decisions of cases, for a holder of `writing`; it is open until `close`."""
        if self._decisions is None:
            self._decisions = self.keeper.open_deciding(self.writable_ledger)
        return self._decisions

    def close(self) -> None:
        """Finish what waits and give the writer lock back."""
        if self._gatherer is not None:
            self._gatherer.close()
            self._gatherer = None
        with self._lock:
            door, self._door, self._ledger = self._door, None, None
            decisions, self._decisions = self._decisions, None
            try:
                if decisions is not None:
                    decisions.close()
            finally:
                if door is not None:
                    door.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

"""The city: the only place where the parts are wired together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import polars as pl

from cityward.answerable.decide import decide
from cityward.answerable.registry import load_systems
from cityward.answerable.rules import load_rule
from cityward.city.folder import Folder, load_territories, neutral_csv
from cityward.city.gathering import Gatherer
from cityward.city.reading import read_ahead
from cityward.city.replay import Plan, Replay, replay
from cityward.city.settings import Settings, load_settings
from cityward.city.turn import HISTORY_COLUMNS, Turn, needs_before, take_turn, write_turn
from cityward.core.batch import Batch
from cityward.core.clock import Clock, end_of_day
from cityward.core.errors import SettingsError, UnknownId, UserError
from cityward.core.frames import CUBE, FORECAST
from cityward.core.identifiers import kind_of
from cityward.core.receipts import receipt
from cityward.core.records import (
    Backtest,
    Decision,
    Explanation,
    Intake,
    Need,
    Proposal,
    Refusal,
    Silence,
    Territory,
    from_json,
    to_json,
)
from cityward.guard.admit import Door, open_door
from cityward.guard.consult import history_frame
from cityward.guard.explain import explain
from cityward.know.place import place
from cityward.know.territory import TerritoryIndex
from cityward.private.pseudonym import Pseudonyms, load_or_create_key
from cityward.secure.keys import load_public_key, load_signer
from cityward.secure.ledger import Ledger, Verification, verify
from cityward.secure.receipts import read_receipt
from cityward.sense.files import read_file
from cityward.sense.mapping import Mapping, load_mapping
from cityward.sense.quick import MESSAGE_BYTES
from cityward.store.disk import durable, replace_file
from cityward.store.history import HistoryReader
from cityward.store.registers import Registers, open_registers

R = TypeVar("R")


class City:
    """An open city folder.

    Reading needs no lock. The first write (sense, take, run, decide) takes the folder's writer lock and
    keeps it until `close`; a second writer gets `cityward.core.errors.CityBusy`.

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
        self._folder = Folder(self.path)
        self._lock = threading.RLock()
        self._door: Door | None = None
        self._ledger: Ledger | None = None
        self._gatherer: Gatherer | None = None

    # -- what the city is --------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the city."""
        return self.settings.city.name

    @property
    def time_zone(self) -> str:
        """IANA time zone of its days."""
        return self.settings.city.time_zone

    @cached_property
    def _levels(self) -> dict[str, tuple[TerritoryIndex, list[Territory]]]:
        return {section.level: load_territories(self.path, section) for section in self.settings.territories[:1]}

    def _level(self, level: str | None) -> tuple[TerritoryIndex, list[Territory]]:
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

    def territories(self, level: str | None = None) -> list[Territory]:
        """Territories of a level with what is known about each."""
        return self._level(level)[1]

    def geojson(self, level: str | None = None) -> dict[str, Any]:
        """Polygons of a level; each feature has ``id`` and ``name`` only."""
        return self._level(level)[0].geojson()

    @cached_property
    def registers(self) -> Registers:
        """The SQL registers."""
        return open_registers(self._folder.registers_url(self.settings.store.registers))

    # -- sense -------------------------------------------------------------------------------------

    def mappings(self) -> dict[str, Mapping]:
        """Mappings of this city's sources, by source name."""
        found = (load_mapping(path) for path in sorted(self._folder.sources.glob("*.toml")))
        return {mapping.source: mapping for mapping in found}

    @durable("keeping the mapping")
    def add_mapping(self, path: Path) -> Mapping:
        """Check a mapping and keep it in the city folder.

        Raises
        ------
        cityward.core.errors.CityBusy
            It would change one that another process may be working with.
        """
        mapping = load_mapping(path)
        target, content = self._folder.sources / f"{mapping.source}.toml", path.read_bytes()
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            replace_file(target, content)
        elif content != target.read_bytes():
            with self._writing():
                replace_file(target, content)
        return mapping

    def sense(
        self, path: Path, mapping: Mapping, replay: bool = False, progress: Callable[[int], None] | None = None
    ) -> list[Intake]:
        """Take in a file; return what became of each batch.

        Parameters
        ----------
        path : pathlib.Path
            CSV, Parquet, NDJSON or GeoJSON, also gzipped.
        mapping : Mapping
            Which column is what.
        replay : bool
            The file was mended: rows of it that are good now leave quarantine.
        progress : callable, optional
            Called with the number of rows received so far.
        """
        intakes: list[Intake] = []
        with self._writing() as door:
            if replay:
                self.registers.resolve_quarantine(mapping.source, path.name)
            batches = read_file(Path(path), mapping, self.clock.now())
            for treated in read_ahead(batches, lambda batch: door.treat(self._placed(batch))):
                intakes.append(door.admit(treated))
                if progress:
                    progress(sum(intake.received for intake in intakes))
            door.flush()
        return intakes

    def take(self, source: str, body: bytes, origin: str = "http") -> Intake:
        """Take in NDJSON that arrived as a message; returns when its rows are durable.

        Raises
        ------
        UnknownId
            No mapping of this city is for ``source``.
        """
        return self.take_soon(source, body, origin).result()

    def takes(self, body: bytes) -> bool:
        """Whether `take_soon` of ``body`` only hands it over: it is small, and the writer is at work already."""
        return self._gatherer is not None and len(body) <= MESSAGE_BYTES

    def take_soon(self, source: str, body: bytes, origin: str = "http") -> Future[Intake]:
        """Take in NDJSON that arrived as a message; the future ends when its rows are durable.

        Raises
        ------
        UnknownId
            No mapping of this city is for ``source``.
        """
        mapping = self._mapping_cache.get(source)
        if mapping is None:
            mapping = self.mappings().get(source)
            if mapping is None:
                raise UnknownId(
                    f"This city has no source '{source}'.", "Add its mapping with 'cityward sense FILE --map MAP.toml'."
                )
            self._mapping_cache[source] = mapping
        return (self._gatherer or self._start_gatherer()).take(body, mapping, origin)

    def _start_gatherer(self) -> Gatherer:
        # Senders that find it started never take the lock: the writer holds it while it writes.
        with self._lock:
            if self._gatherer is None:
                self._open_door()
                self._gatherer = Gatherer(self._admit_parts, self.clock)
            return self._gatherer

    @cached_property
    def _mapping_cache(self) -> dict[str, Mapping]:
        return {}

    def _admit_parts(self, batch: Batch, heights: list[int]) -> list[Intake]:
        with self._writing() as door:
            return door.admit_parts(door.treat(self._placed(batch)), heights)

    def _placed(self, batch: Batch) -> Batch:
        return Batch(
            source=batch.source,
            origin=batch.origin,
            received=batch.received,
            frame=place(batch.frame, self._level(None)[0]),
            quarantine=batch.quarantine,
            classes=batch.classes,
            extra=batch.extra,
        )

    def conservation(self) -> dict[str, Any]:
        """What became of every row ever received: ``received = admitted + quarantined + refused``."""
        return self.registers.conservation()

    def intakes(self, limit: int = 50, offset: int = 0) -> list[Intake]:
        """Batches, newest first."""
        return self.registers.list_intakes(limit, offset)

    def quarantine(self, limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
        """Rows that wait to be mended: source, origin, row, column, reason, raw (public columns), state."""
        return self.registers.list_quarantine(limit, offset)

    def refusals(self) -> list[Refusal]:
        """What the door refused."""
        return self.registers.list_refusals()

    # -- the loop ----------------------------------------------------------------------------------

    def run(self, as_of: date | None = None, seed: int | None = None) -> Turn:
        """Take one turn of the loop: know, anticipate, propose.

        Parameters
        ----------
        as_of : datetime.date, optional
            Last local day that is known. Default: today, or the last day heard of when that is earlier.
        seed : int, optional
            Seed of all randomness; default from ``city.toml``.
        """
        seed = self.settings.city.seed if seed is None else seed
        with self._writing() as door:
            door.flush()
            as_of = as_of or self._last_day()
            history = history_frame(
                HistoryReader(self._folder.history),
                "incident-recognition",
                HISTORY_COLUMNS,
                as_of=end_of_day(as_of, self.time_zone),
            ).collect()
            if not history.height:
                raise UserError(
                    f"Nothing is known as of {as_of}.", "Take in a file first: 'cityward sense FILE --map MAP.toml'."
                )
            index, territories = self._level(None)
            found = take_turn(
                history,
                index,
                territories,
                self.settings,
                as_of=as_of,
                seed=seed,
                before=needs_before(self._folder.turns, as_of),
                answered=self._answered(as_of),
            )
            write_turn(found, self._folder.turns)
            self._record(found.turn, found.proposals)
        return msgspec.structs.replace(found.turn, receipt=self.receipt_of(found.turn.id))

    def replay(self, plan: Plan, progress: Callable[[int], None] | None = None) -> Replay:
        """Daily surveillance of past days; see `cityward.city.replay.replay`."""
        return replay(HistoryReader(self._folder.history), self._level(None)[0], self.settings, plan, progress)

    def _record(self, turn: Turn, proposals: Sequence[Proposal]) -> None:
        """One ledger entry each for the turn and its findings, then the registers."""
        now = self.clock.now()
        subjects: list[tuple[str, str, bytes]] = [("run", turn.id, to_json(turn))]
        subjects += [("need", need.id, to_json(need)) for need in turn.needs]
        subjects += [("silence", quiet.id, to_json(quiet)) for quiet in turn.silences]
        subjects += [("proposal", proposal.id, to_json(proposal)) for proposal in proposals]
        entries = [receipt(kind, name, now, body, turn=turn.id) for kind, name, body in subjects]
        indexes = self._writable_ledger().append(entries)
        self.registers.put_findings(turn.needs, turn.silences, proposals)
        self.registers.put_receipts({name: at for (_, name, _), at in zip(subjects, indexes, strict=True)})

    def _answered(self, as_of: date) -> set[str]:
        """What actions were approved for, by the end of a day."""
        end = end_of_day(as_of, self.time_zone)
        approved = {one.proposal for one in self.decisions() if one.outcome == "approved" and one.at <= end}
        return {proposal.about for proposal in self.proposals("approved") if proposal.id in approved}

    def _last_day(self) -> date:
        latest = (
            history_frame(HistoryReader(self._folder.history), "need-detection", ("occurred_at",))
            .select(pl.col("occurred_at").max().dt.convert_time_zone(self.time_zone).dt.date())
            .collect()
            .item()
        )
        today = self.clock.now().astimezone(ZoneInfo(self.time_zone)).date()
        return min(today, latest) if latest else today

    # -- what was found ----------------------------------------------------------------------------

    def turn(self) -> Turn | None:
        """The last turn, or None before the first."""
        folder = self._turn_folder()
        if folder is None:
            return None
        turn = from_json((folder / "turn.json").read_bytes(), Turn)
        return msgspec.structs.replace(turn, receipt=self.receipt_of(turn.id))

    def _turn_folder(self) -> Path | None:
        pointer = self._folder.turns / "current"
        return self._folder.turns / pointer.read_text(encoding="utf-8").strip() if pointer.exists() else None

    def _turn_frame(self, name: str, schema: pl.Schema) -> pl.DataFrame:
        folder = self._turn_folder()
        return pl.read_parquet(folder / f"{name}.parquet") if folder else pl.DataFrame(schema=schema)

    def need_list(self) -> list[Need]:
        """Needs of the last turn, best first."""
        turn = self.turn()
        return list(turn.needs) if turn else []

    def needs(self) -> pl.DataFrame:
        """Needs of the last turn as a frame, one row each."""
        rows = [msgspec.to_builtins(need, builtin_types=(date, datetime)) for need in self.need_list()]
        keep = [name for name in Need.__struct_fields__ if name not in ("series", "moments", "rank")]
        return pl.DataFrame([{name: row[name] for name in keep} for row in rows], infer_schema_length=None)

    def need(self, identifier: str) -> Need:
        """A need of this or an earlier turn."""
        return _found(self.registers.get_need(identifier), identifier)

    def silences(self) -> list[Silence]:
        """Silent places of the last turn."""
        turn = self.turn()
        return list(turn.silences) if turn else []

    def proposals(self, state: str | None = None) -> list[Proposal]:
        """Proposals, optionally only those ``waiting``, ``approved`` or ``rejected``; the last turn's first."""
        turn = self.turn()
        order = {identifier: place for place, identifier in enumerate(turn.proposals if turn else ())}
        found = [proposal for proposal in self.registers.list_proposals() if state in (None, proposal.state)]
        current = [proposal for proposal in found if proposal.id in order or proposal.state != "waiting"]
        return sorted(current, key=lambda proposal: order.get(proposal.id, len(order)))

    def proposal(self, identifier: str) -> Proposal:
        """One proposal."""
        return _found(self.registers.get_proposal(identifier), identifier)

    def forecast(self, service: str | None = None, territory: str | None = None) -> pl.DataFrame:
        """Forecast of the last turn, optionally of one service or territory."""
        frame = self._turn_frame("forecast", FORECAST)
        wanted = [pl.col(name) == value for name, value in (("service", service), ("territory", territory)) if value]
        return frame.filter(wanted) if wanted else frame

    def backtests(self) -> list[Backtest]:
        """How each model did on days it had not seen."""
        turn = self.turn()
        return list(turn.backtests) if turn else []

    def daily(self, service: str | None, territories: Sequence[str] | None, days: int = 90) -> pl.DataFrame:
        """Interactions and incidents per day up to the last turn's day, days without any included."""
        turn = self.turn()
        if turn is None:
            return pl.DataFrame(schema={"day": pl.Date, "interactions": pl.Int64, "incidents": pl.Int64})
        counts = self._turn_frame("cube", CUBE)
        if service and service != "all services":
            counts = counts.filter(pl.col("service") == service)
        if territories is not None:
            counts = counts.filter(pl.col("territory").is_in(list(territories)))
        first = turn.as_of - timedelta(days=days - 1)
        calendar = pl.DataFrame({"day": pl.date_range(first, turn.as_of, eager=True)})
        sums = counts.group_by("day").agg(pl.col("interactions", "incidents").sum())
        return calendar.join(sums, on="day", how="left").fill_null(0).sort("day")

    def area_summary(self) -> pl.DataFrame:
        """Per territory: interactions of the last 28 days and what the same days of the year before had."""
        turn = self.turn()
        index, known = self._level(None)
        base = pl.DataFrame(
            {
                "territory": list(index.ids),
                "name": list(index.names),
                "population": [territory.population for territory in known],
            },
            schema_overrides={"population": pl.Float64},
        )
        counts = self._turn_frame("cube", CUBE)
        last = turn.as_of if turn else date.min + timedelta(days=800)
        for column, end in (("interactions_28d", last), ("year_before_28d", last - timedelta(days=364))):
            window = counts.filter(pl.col("day").is_between(end - timedelta(days=27), end))
            sums = window.group_by("territory").agg(pl.col("interactions").sum().alias(column))
            base = base.join(sums, on="territory", how="left").with_columns(pl.col(column).fill_null(0))
        return base.select("territory", "name", "interactions_28d", "year_before_28d", "population")

    def export_csv(self, name: Literal["needs", "area_summary", "forecast"]) -> bytes:
        """A table as CSV whose cells no spreadsheet takes for a formula."""
        tables: dict[str, Callable[[], pl.DataFrame]] = {
            "needs": self._needs_table,
            "area_summary": self.area_summary,
            "forecast": self.forecast,
        }
        if name not in tables:
            raise UnknownId(f"There is no table '{name}'.", f"Tables: {', '.join(tables)}.")
        return neutral_csv(tables[name]())

    def _needs_table(self) -> pl.DataFrame:
        frame = self.needs()
        lists = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)]
        return frame.with_columns(pl.col(name).list.join("; ") for name in lists)

    # -- act and answer ----------------------------------------------------------------------------

    def decide(self, identifier: str, outcome: Literal["approved", "rejected"], by: str, because: str) -> Decision:
        """Decide a proposal as a named person with a reason; the only way to effect.

        Raises
        ------
        UnknownId, UserError, cityward.core.errors.Refused
            No such proposal; decided already; the rule says no.
        """
        with self._writing():
            proposal = self.proposal(identifier)
            if proposal.state != "waiting":
                raise UserError(
                    f"{identifier} was {proposal.state} already.",
                    f"See 'cityward explain {identifier}' for who and why.",
                )
            systems = load_systems(self._folder.systems)
            decision = decide(
                proposal,
                outcome=outcome,
                by=by,
                because=because,
                system=systems.get(proposal.system),
                rule=load_rule("proposal-approval"),
                at=self.clock.now(),
                append_receipt=lambda entry: self._writable_ledger().append([entry])[0],
            )
            self.registers.put_decision(decision)
            self.registers.put_receipts({decision.id: decision.receipt})
        return decision

    def decisions(self) -> list[Decision]:
        """Decisions, newest first."""
        return self.registers.list_decisions()

    def explain(self, identifier: str) -> Explanation:
        """Why: for a need, silence, proposal, refusal or decision, from stored evidence alone."""
        finders: dict[str, Callable[[str], Any]] = {
            "need": self.registers.get_need,
            "silence": self.registers.get_silence,
            "proposal": self.registers.get_proposal,
            "refusal": self.registers.get_refusal,
            "decision": self.registers.get_decision,
        }
        kind = kind_of(identifier)
        if kind not in finders:
            raise UnknownId(
                f"'{identifier[:60]}' is not the identifier of a finding.",
                "Identifiers look like N-3f9c21d07a; 'cityward needs' and 'cityward proposals' list them.",
            )
        record = _found(finders[kind](identifier), identifier)
        decided = [decision for decision in self.decisions() if decision.proposal == identifier]
        return explain(record, receipt=self.receipt_of(identifier), decisions=decided)

    # -- the ledger --------------------------------------------------------------------------------

    def receipt_of(self, identifier: str) -> int | None:
        """Ledger index of the newest entry about ``identifier``."""
        return self.registers.get_receipt(identifier)

    def _reading_ledger(self) -> Ledger:
        return self._ledger or Ledger(self._folder.ledger, None)

    def _writable_ledger(self) -> Ledger:
        if self._ledger is None:
            self._ledger = Ledger(self._folder.ledger, load_signer(self._folder.signing_key))
        return self._ledger

    @property
    def ledger_size(self) -> int:
        """Number of entries."""
        return self._reading_ledger().size

    def ledger_entries(self, start: int = 0, count: int = 50) -> list[dict[str, Any]]:
        """Entries ``start`` to ``start + count``: index, kind, subject, at, facts, hash."""
        ledger = self._reading_ledger()
        return [read_receipt(entry, start + offset) for offset, entry in enumerate(ledger.entries(start, count))]

    def checkpoint(self) -> str:
        """The signed checkpoint, as text; empty before the first entry."""
        return self._reading_ledger().checkpoint()

    def verify(self) -> Verification:
        """Re-compute the whole ledger from its entries and check the signature."""
        return verify(self._folder.ledger, load_public_key(self._folder.public_key))

    # -- opening and closing -----------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[Door]:
        with self._lock:
            yield self._open_door()

    def _open_door(self) -> Door:
        with self._lock:
            if self._door is None:
                # With a new key the same person would be another: rows would double, and nobody would be told.
                for key, what in ((self._folder.signing_key, "signing"), (self._folder.pseudonym_key, "pseudonym")):
                    if not key.exists():
                        raise SettingsError(
                            f"{self.path} has lost its {what} key (keys/{key.name}).",
                            "Restore it from your backup of keys/.",
                        )
                self._door = open_door(
                    self._folder.history,
                    registers=self.registers,
                    pseudonyms=Pseudonyms(load_or_create_key(self._folder.pseudonym_key)),
                    append_receipt=lambda entry: self._writable_ledger().append([entry])[0],
                    clock=self.clock,
                )
            return self._door

    def close(self) -> None:
        """Finish what waits and give the writer lock back."""
        if self._gatherer is not None:
            self._gatherer.close()
            self._gatherer = None
        with self._lock:
            door, self._door, self._ledger = self._door, None, None
            if door is not None:
                door.close()

    def __enter__(self) -> City:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _found(record: R | None, identifier: str) -> R:
    if record is None:
        raise UnknownId(
            f"Nothing here is called '{identifier[:60]}'.", "'cityward needs' and 'cityward proposals' list what is."
        )
    return record


def open_city(path: str | Path, clock: Clock | None = None) -> City:
    """Open a city folder.

    Raises
    ------
    cityward.core.errors.SettingsError
        There is no ``city.toml``, or it has a mistake (named with its line).
    """
    return City(Path(path), clock)

"""Registers: what is kept one by one, in SQL, equally on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
import polars as pl
import sqlalchemy as sql

from cityward.core.limits import PAGE_ROWS
from cityward.core.records import Decision, Intake, Need, Proposal, Record, Refusal, Silence, from_json, to_json
from cityward.store.engine import Database, answering, make_tables, open_engine, rewrite_bodies, upsert

R = TypeVar("R", bound=Record)

_META = sql.MetaData()
_INTAKES = sql.Table(
    "intakes",
    _META,
    sql.Column("ordinal", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("batch", sql.String(16), unique=True, nullable=False),
    sql.Column("source", sql.String(200), nullable=False, index=True),
    *(
        sql.Column(name, sql.BigInteger, nullable=False)
        for name in ("received", "added", "revised", "repeated", "quarantined", "refused")
    ),
    sql.Column("body", sql.Text, nullable=False),
)
_QUARANTINE = sql.Table(
    "quarantine",
    _META,
    sql.Column("ordinal", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("digest", sql.String(32), unique=True, nullable=False),
    sql.Column("source", sql.String(200), nullable=False),
    sql.Column("origin", sql.Text, nullable=False),
    sql.Column("row", sql.BigInteger, nullable=False),
    sql.Column("column", sql.Text),
    sql.Column("reason", sql.Text, nullable=False),
    sql.Column("raw", sql.Text),
    sql.Column("state", sql.String(10), nullable=False, default="open"),
    sql.Index("quarantine_by_origin", "source", "origin", "state"),
)
ID_CHARS = 16
"""Longest identifier of a record."""

_RECORDS = sql.Table(
    "records",
    _META,
    sql.Column("ordinal", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("id", sql.String(16), unique=True, nullable=False),
    sql.Column("kind", sql.String(16), nullable=False, index=True),
    sql.Column("state", sql.String(10)),
    sql.Column("body", sql.Text, nullable=False),
)
_RECEIPTS = sql.Table(
    "receipts",
    _META,
    sql.Column("id", sql.String(16), primary_key=True),
    sql.Column("entry", sql.BigInteger, nullable=False),
)
_SUMS = ("received", "added", "revised", "repeated", "quarantined", "refused")


def open_registers(url: str) -> Registers:
    """Open the registers at ``url`` (``sqlite:///FILE`` or ``postgresql+psycopg://…``), making tables as needed.

    Raises
    ------
    SettingsError
        The URL or the driver is missing or wrong.
    StoreError
        The database does not answer.
    """
    engine = open_engine(url)
    make_tables(engine, _META)
    return Registers(engine)


class Registers(Database):
    """Typed access to the tables; every method is one transaction."""

    @property
    def engine(self) -> sql.Engine:
        """The database, for tables that other modules of the store keep beside these."""
        return self._engine

    def _upsert(self, table: sql.Table, rows: list[dict[str, Any]], key: str, update: Sequence[str]) -> None:
        with answering(), self._engine.begin() as connection:
            upsert(connection, table, rows, key, update)

    # -- intake ------------------------------------------------------------------------------------

    def put_intake(self, intake: Intake) -> None:
        """Keep what became of a batch; the same batch twice counts once."""
        sums = {name: getattr(intake, name) for name in _SUMS}
        row = {"batch": intake.batch, "source": intake.source, **sums, "body": to_json(intake).decode()}
        self._upsert(_INTAKES, [row], "batch", ())

    def intakes(self) -> int:
        """How many batches were ever taken in, at least."""
        ((found,),) = self._rows(sql.select(sql.func.coalesce(sql.func.max(_INTAKES.c.ordinal), 0)))
        return int(found)

    def list_intakes(self, limit: int = 50, offset: int = 0) -> list[Intake]:
        """Newest first."""
        statement = (
            sql.select(_INTAKES.c.body).order_by(_INTAKES.c.ordinal.desc()).limit(min(limit, PAGE_ROWS)).offset(offset)
        )
        return [from_json(body, Intake) for (body,) in self._rows(statement)]

    def conservation(self) -> dict[str, Any]:
        """Sums over all batches, in all and by source; ``admitted = added + revised + repeated``."""
        columns = [sql.func.coalesce(sql.func.sum(_INTAKES.c[name]), 0).label(name) for name in _SUMS]
        rows = self._rows(
            sql.select(_INTAKES.c.source, *columns).group_by(_INTAKES.c.source).order_by(_INTAKES.c.source)
        )
        by_source = [
            {"source": row.source, **_with_admitted({name: int(getattr(row, name)) for name in _SUMS})} for row in rows
        ]
        total = {name: sum(source[name] for source in by_source) for name in _SUMS}
        return {**_with_admitted(total), "by_source": by_source}

    # -- quarantine --------------------------------------------------------------------------------

    def put_quarantine(self, source: str, origin: str, rows: pl.DataFrame) -> None:
        """Keep rows that failed validation; the same row with the same reason twice counts once."""
        if not rows.height:
            return
        entries = [
            {
                "digest": _digest(source, origin, row["row"], row["reason"], row["raw"]),
                "source": source,
                "origin": origin,
                "state": "open",
                **row,
            }
            for row in rows.iter_rows(named=True)
        ]
        self._upsert(_QUARANTINE, entries, "digest", ("state",))

    def resolve_quarantine(self, source: str, origin: str) -> int:
        """Close the open rows of a file that is about to be read again; return how many.

        Rows that fail again are opened again by `put_quarantine`.
        """
        statement = (
            sql.update(_QUARANTINE)
            .where(_QUARANTINE.c.source == source, _QUARANTINE.c.origin == origin, _QUARANTINE.c.state == "open")
            .values(state="resolved")
        )
        with answering(), self._engine.begin() as connection:
            return connection.execute(statement).rowcount

    def list_quarantine(self, limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
        """Open rows first, then by file and row."""
        columns = [_QUARANTINE.c[name] for name in ("source", "origin", "row", "column", "reason", "raw", "state")]
        order = (_QUARANTINE.c.state, _QUARANTINE.c.source, _QUARANTINE.c.origin, _QUARANTINE.c.row)
        statement = sql.select(*columns).order_by(*order).limit(min(limit, PAGE_ROWS)).offset(offset)
        return [dict(row._mapping) for row in self._rows(statement)]

    def find_quarantine(self, source: str | None, found: Callable[[pl.Series], pl.Series]) -> list[int]:
        """Numbers of the rows (of one source, or of all) of whose ``raw`` text ``found`` says true."""
        statement = sql.select(_QUARANTINE.c.ordinal, _QUARANTINE.c.raw).where(_QUARANTINE.c.raw.is_not(None))
        if source is not None:
            statement = statement.where(_QUARANTINE.c.source == source)
        rows = self._rows(statement)
        raw = pl.Series([row.raw for row in rows], dtype=pl.String)
        return [rows[at].ordinal for at in found(raw).arg_true()] if rows else []

    def quarantine_upto(self) -> int:
        """Number of the newest row; 0 when there is none."""
        ((found,),) = self._rows(sql.select(sql.func.coalesce(sql.func.max(_QUARANTINE.c.ordinal), 0)))
        return int(found)

    def delete_quarantine_upto(self, ordinal: int) -> int:
        """Delete the rows that were kept no later than the one with this number; return how many."""
        with answering(), self._engine.begin() as connection:
            return connection.execute(sql.delete(_QUARANTINE).where(_QUARANTINE.c.ordinal <= ordinal)).rowcount

    def delete_quarantine(self, ordinals: Sequence[int]) -> int:
        """Delete rows by number; return how many were there."""
        deleted = 0
        with answering(), self._engine.begin() as connection:
            for start in range(0, len(ordinals), PAGE_ROWS):
                some = _QUARANTINE.c.ordinal.in_(ordinals[start : start + PAGE_ROWS])
                deleted += connection.execute(sql.delete(_QUARANTINE).where(some)).rowcount
        return deleted

    # -- findings, refusals, decisions -------------------------------------------------------------

    def put_refusal(self, refusal: Refusal) -> None:
        """Keep the fact of a refusal."""
        self.put("refusal", [refusal], update=())

    def put_findings(self, needs: Iterable[Need], silences: Iterable[Silence], proposals: Iterable[Proposal]) -> None:
        """Keep what a turn found; a proposal that was decided keeps its state."""
        self.put("need", needs, update=("body",))
        self.put("silence", silences, update=("body",))
        self.put("proposal", proposals, update=("body",), state="waiting")

    def put_decision(self, decision: Decision, along: Callable[[sql.Connection], None] | None = None) -> None:
        """Keep a decision and mark its proposal, in one transaction with whatever ``along`` writes for its effect."""
        row = {"id": decision.id, "kind": "decision", "state": decision.outcome, "body": to_json(decision).decode()}
        mark = sql.update(_RECORDS).where(_RECORDS.c.id == decision.proposal).values(state=decision.outcome)
        with answering(), self._engine.begin() as connection:
            connection.execute(sql.insert(_RECORDS).values(row))
            connection.execute(mark)
            if along:
                along(connection)

    def put(self, kind: str, records: Iterable[Any], *, update: Sequence[str], state: str | None = None) -> None:
        """Keep records of a kind by their ``id``; of one that is there already, the columns ``update`` change."""
        rows = [{"id": record.id, "kind": kind, "state": state, "body": to_json(record).decode()} for record in records]
        if rows:
            self._upsert(_RECORDS, rows, "id", update)

    def rewrite(self, kind: str, record: type[R], change: Callable[[R], R]) -> int:
        """Keep records of a kind as ``change`` makes them; return how many changed."""
        with answering(), self._engine.begin() as connection:
            return rewrite_bodies(connection, _RECORDS, record, change, [_RECORDS.c.kind == kind])

    def list_of(self, kind: str, record: type[R], *, newest_first: bool = False) -> list[R]:
        """All records of a kind, in the order in which they were first kept."""
        order = _RECORDS.c.ordinal.desc() if newest_first else _RECORDS.c.ordinal
        rows = self._rows(sql.select(_RECORDS.c.body).where(_RECORDS.c.kind == kind).order_by(order))
        return [from_json(body, record) for (body,) in rows]

    def page_of(self, kind: str, record: type[R], *, limit: int, state: str | None = None) -> list[R]:
        """Records of a kind, optionally of one state, newest first; at most ``limit`` of them."""
        wanted = [_RECORDS.c.kind == kind, *([_RECORDS.c.state == state] if state else [])]
        statement = sql.select(_RECORDS.c.body).where(*wanted).order_by(_RECORDS.c.ordinal.desc()).limit(limit)
        return [from_json(body, record) for (body,) in self._rows(statement)]

    def last_ordinal(self) -> int:
        """The place of the newest record in the order of all; a part of identifiers, because clocks may stand."""
        ((found,),) = self._rows(sql.select(sql.func.coalesce(sql.func.max(_RECORDS.c.ordinal), 0)))
        return int(found)

    def get(self, identifier: str, record: type[R]) -> R | None:
        """One record, or None."""
        rows = self._rows(sql.select(_RECORDS.c.body).where(_RECORDS.c.id == identifier))
        return from_json(rows[0][0], record) if rows else None

    def bodies(
        self, kind: str, identifiers: Sequence[str], connection: sql.Connection | None = None
    ) -> dict[str, tuple[str, int | None]]:
        """Records of a kind as they are kept, by identifier: the text, and the ledger index that is noted for each.

        With a connection as that transaction sees them. Those that there are not are left out.
        """
        found: dict[str, tuple[str, int | None]] = {}
        for start in range(0, len(identifiers), PAGE_ROWS):
            statement = (
                sql.select(_RECORDS.c.id, _RECORDS.c.body, _RECEIPTS.c.entry)
                .join_from(_RECORDS, _RECEIPTS, _RECEIPTS.c.id == _RECORDS.c.id, isouter=True)
                .where(_RECORDS.c.kind == kind, _RECORDS.c.id.in_(identifiers[start : start + PAGE_ROWS]))
            )
            rows: list[Any] = self._rows(statement) if connection is None else list(connection.execute(statement))
            for row in rows:
                found[row.id] = (row.body, row.entry)
        return found

    def get_need(self, identifier: str) -> Need | None:
        """A need, or None."""
        return self.get(identifier, Need)

    def get_silence(self, identifier: str) -> Silence | None:
        """A silent place, or None."""
        return self.get(identifier, Silence)

    def get_refusal(self, identifier: str) -> Refusal | None:
        """A refusal, or None."""
        return self.get(identifier, Refusal)

    def get_decision(self, identifier: str) -> Decision | None:
        """A decision, or None."""
        return self.get(identifier, Decision)

    def get_proposal(self, identifier: str) -> Proposal | None:
        """A proposal in its present state, or None."""
        return next((proposal for proposal in self.list_proposals() if proposal.id == identifier), None)

    def list_refusals(self) -> list[Refusal]:
        """Newest first."""
        return self.list_of("refusal", Refusal, newest_first=True)

    def list_decisions(self) -> list[Decision]:
        """Newest first."""
        return self.list_of("decision", Decision, newest_first=True)

    def list_proposals(self) -> list[Proposal]:
        """All proposals, each in its present state."""
        statement = (
            sql.select(_RECORDS.c.body, _RECORDS.c.state)
            .where(_RECORDS.c.kind == "proposal")
            .order_by(_RECORDS.c.ordinal)
        )
        return [
            msgspec.structs.replace(from_json(body, Proposal), state=state) for body, state in self._rows(statement)
        ]

    # -- receipts ----------------------------------------------------------------------------------

    def put_receipts(self, entries: dict[str, int]) -> None:
        """Note the ledger index of the newest entry about each identifier."""
        if entries:
            rows = [{"id": _receipt_key(identifier), "entry": index} for identifier, index in entries.items()]
            self._upsert(_RECEIPTS, rows, "id", ("entry",))

    def get_receipt(self, identifier: str) -> int | None:
        """Ledger index of the newest entry about ``identifier``, or None."""
        rows = self._rows(sql.select(_RECEIPTS.c.entry).where(_RECEIPTS.c.id == _receipt_key(identifier)))
        return int(rows[0][0]) if rows else None


def _receipt_key(identifier: str) -> str:
    """The key of a receipt: an identifier of 16 digits stands without its letter, which tells nothing more."""
    return identifier.removeprefix("D-") if len(identifier) > ID_CHARS else identifier


def _with_admitted(sums: dict[str, int]) -> dict[str, int]:
    return {**sums, "admitted": sums["added"] + sums["revised"] + sums["repeated"]}


def _digest(*parts: object) -> str:
    return blake2b("\x1f".join(str(part) for part in parts).encode(), digest_size=16).hexdigest()

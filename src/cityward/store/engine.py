"""What all SQL tables share: how a database is opened, made ready, written to, and how its troubles are told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sql
from sqlalchemy import event
from sqlalchemy.dialects import postgresql, sqlite

from cityward.core.errors import SettingsError, StoreError
from cityward.core.records import Record, from_json, to_json

R = TypeVar("R", bound=Record)

READERS_WAITED_SECONDS: float = 10.0
"""For how long a compaction waits for those who read, as SQLite's ``busy_timeout`` below does."""

_CHUNK_ROWS = 500
_READ_JUST_NOW = "Another program reads the registers just now. Stop it, then do the same again."
_MAKING = 0x63697479
"""The lock of PostgreSQL under which tables are made; any number of our own ("city")."""


def open_engine(url: str) -> sql.Engine:
    """Return the engine of ``url``; nothing is connected yet.

    Raises
    ------
    SettingsError
        The URL or the driver is missing or wrong.
    """
    try:
        engine = sql.create_engine(url)
    except (sql.exc.ArgumentError, ModuleNotFoundError) as error:
        raise SettingsError(
            f"store.registers cannot be used ({type(error).__name__}).",
            "For PostgreSQL install the extra 'cityward[postgresql]' and write 'postgresql+psycopg://user@host/database'.",
        ) from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _pragmas)
    return engine


class Database:
    """What those who keep tables in a database share; every statement is a transaction of its own."""

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def _rows(self, statement: sql.Select[Any]) -> list[Any]:
        with answering(), self._engine.connect() as connection:
            return list(connection.execute(statement))


def make_tables(engine: sql.Engine, meta: sql.MetaData) -> None:
    """Make what is missing; several programs may do so at once, so none looks first and makes later.

    Raises
    ------
    StoreError
        The database does not answer.
    """
    with answering(), engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            # There, two that make one table at once both find it missing.
            connection.execute(sql.select(sql.func.pg_advisory_xact_lock(_MAKING)))
        for table in meta.sorted_tables:
            connection.execute(sql.schema.CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                connection.execute(sql.schema.CreateIndex(index, if_not_exists=True))


def upsert(
    connection: sql.Connection, table: sql.Table, rows: list[dict[str, Any]], key: str, update: Sequence[str]
) -> None:
    """Insert rows; of one whose ``key`` is there already the columns ``update`` change."""
    # Rows are parameters and not part of the statement, so that it is compiled once and kept.
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    if update:
        changed = {name: statement.excluded[name] for name in update}
        statement = statement.on_conflict_do_update(index_elements=[key], set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=[key])
    for start in range(0, len(rows), _CHUNK_ROWS):
        connection.execute(statement, rows[start : start + _CHUNK_ROWS])


def rewrite_bodies(
    connection: sql.Connection,
    table: sql.Table,
    record: type[R],
    change: Callable[[R], R],
    where: Sequence[sql.ColumnElement[bool]] = (),
    also: Mapping[str, Any] | None = None,
) -> int:
    """Keep the records in ``body`` of ``table`` as ``change`` makes them; return how many changed.

    Parameters
    ----------
    where : sequence of conditions
        Which rows are meant; default all.
    also : mapping, optional
        What the other columns of each row that is meant become, changed or not.
    """
    changed = 0
    for identifier, body in connection.execute(sql.select(table.c.id, table.c.body).where(*where)).all():
        before = from_json(body, record)
        after = change(before)
        values = dict(also or {})
        if after != before:
            values["body"] = to_json(after).decode()
            changed += 1
        if values:
            connection.execute(sql.update(table).where(table.c.id == identifier).values(**values))
    return changed


def compact(engine: sql.Engine) -> None:
    """Write the database anew without what was deleted, so that no page and no log of it holds that any more.

    On PostgreSQL the tables are written anew; its log (``pg_wal``) and archives of that are those of whoever runs it.

    Raises
    ------
    StoreError
        The database does not answer, or another program is reading it just now.
    """
    with answering(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            _compact_postgresql(connection)
            return
        connection.execute(sql.text("VACUUM"))
        busy = connection.execute(sql.text("PRAGMA wal_checkpoint(TRUNCATE)")).scalar_one()
    if busy:
        raise StoreError(_READ_JUST_NOW)


def _compact_postgresql(connection: sql.Connection) -> None:
    """Write our tables anew, once nobody reads who began before and for whom the server would keep what was deleted."""
    preparer = connection.dialect.identifier_preparer
    ours = ", ".join(preparer.quote(name) for name in sql.inspect(connection).get_table_names())
    now = connection.execute(sql.text("select pg_snapshot_xmax(pg_current_snapshot())::xid::text")).scalar_one()
    older = sql.text(
        "select count(*), pg_sleep(0.1) from pg_stat_activity where datname = current_database() "
        "and pid <> pg_backend_pid() and backend_type = 'client backend' "
        "and (age(backend_xmin) > age(cast(:now as xid)) or age(backend_xid) > age(cast(:now as xid)))"
    )
    for _ in range(max(1, round(READERS_WAITED_SECONDS / 0.1))):
        if not connection.execute(older, {"now": now}).one()[0]:
            break
    else:
        raise StoreError(_READ_JUST_NOW)
    connection.execute(sql.text(f"set lock_timeout = '{READERS_WAITED_SECONDS:.1f}s'"))
    try:
        # The analysis too: the server's statistics hold frequent values of columns as they were.
        connection.execute(sql.text(f"VACUUM (FULL, ANALYZE) {ours}"))
        connection.execute(sql.text("VACUUM (FULL) pg_catalog.pg_statistic"))
    except sql.exc.OperationalError:
        raise StoreError(_READ_JUST_NOW) from None
    finally:
        connection.execute(sql.text("reset lock_timeout"))


@contextmanager
def answering() -> Iterator[None]:
    """Turn a database that is gone, locked or out of room into a `StoreError`."""
    try:
        yield
    except (sql.exc.OperationalError, sql.exc.InterfaceError) as error:
        # What SQLite says names no value; what a server says might.
        own = isinstance(error.orig, sqlite3.Error)
        reason = (
            f"({error.orig}). Is the disk full?" if own else f"({type(error.orig).__name__}). Is the database running?"
        )
        raise StoreError(f"The registers do not answer {reason} Mend that, then do the same again.") from None


def _pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()

"""Reads the store as it is at one moment while others write: which files of tables count, and the registers.

SQLite is read under a read transaction: while it is open no checkpoint reaches beyond what it sees and the write-ahead
log is not begun anew, so that the file and the log beside it, copied in that order, are a database that is whole.
(Source: SQLite documentation, Write-Ahead Logging, sections 2.2 and 4.1.)
"""

from __future__ import annotations

import os
import re
import sqlite3
from base64 import b64decode
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sql
from deltalake import CommitProperties, Transaction

from cityward.core.disk import durable, make_folder, sync_folder
from cityward.core.errors import StoreError
from cityward.store.ballot_box import BallotBox
from cityward.store.discussion import DiscussionAnswers
from cityward.store.engine import answering, make_tables
from cityward.store.erasure import TABLES, files_of
from cityward.store.history_table import INTERACTIONS, HistoryTable
from cityward.store.history_writer import APPLICATION, exchange, new_table, table_version, write_part
from cityward.store.outbox import Outbox
from cityward.store.registers import open_registers

__all__ = ["TABLES", "table_files", "table_version"]

_ROWS: Final = 2_000
_DIGEST: Final = re.compile(r"(-[0-9a-f]{64})?\.parquet$")
_KEPT_OPEN: dict[tuple[int, int], int] = {}
"""Descriptors of SQLite files. They stay open: closing one would drop the locks that SQLite holds in this process."""


def table_files(folder: Path, table: HistoryTable) -> list[Path]:
    """Data files that a table holds now."""
    return [file for _, file in files_of(table.path(folder))]


@contextmanager
def sqlite_frozen(path: Path) -> Iterator[None]:
    """Hold a read transaction on a SQLite file, so that the file and its log can be copied; see above."""
    with answering_plain(), closing(sqlite3.connect(path, timeout=10.0, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield


@contextmanager
def answering_plain() -> Iterator[None]:
    """Tell trouble of SQLite's own module as a `StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"The registers do not answer ({error}). Mend that, then do the same again.") from None


def sqlite_bytes(path: Path, size: int, run_bytes: int) -> Iterator[bytes]:
    """Yield the first ``size`` bytes of a SQLite file in runs; for a holder of `sqlite_frozen`."""
    told = path.stat()
    key = (told.st_dev, told.st_ino)
    if key not in _KEPT_OPEN:
        _KEPT_OPEN[key] = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    for at in range(0, size, run_bytes):
        yield os.pread(_KEPT_OPEN[key], min(run_bytes, size - at), at)


def sound(path: Path) -> bool:
    """Whether SQLite finds its file whole."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("PRAGMA quick_check").fetchone()[0] == "ok")
    except sqlite3.Error:
        return False


# -- registers in a server -------------------------------------------------------------------------


@contextmanager
def server_frozen(engine: sql.Engine) -> Iterator[sql.Connection]:
    """A connection that sees one moment of a PostgreSQL server (REPEATABLE READ, read only)."""
    with answering(), engine.connect() as connection:
        seen = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        seen.execute(sql.text("select 1"))
        yield seen


def server_bytes(connection: sql.Connection) -> Iterator[bytes]:
    """Yield all tables as lines of JSON: the name of a table and its columns, then its rows."""
    meta = sql.MetaData()
    meta.reflect(connection)
    for table in meta.sorted_tables:
        yield (
            msgspec.json.encode({"table": str(table.name), "columns": [str(column.name) for column in table.columns]})
            + b"\n"
        )
        rows = connection.execution_options(yield_per=_ROWS).execute(sql.select(table))
        for some in rows.partitions(_ROWS):
            yield b"".join(msgspec.json.encode(tuple(row)) + b"\n" for row in some)


def load_registers(lines: Iterator[bytes], path: Path, others: Sequence[sql.MetaData] = ()) -> None:
    """Make a SQLite file of what `server_bytes` gave.

    Parameters
    ----------
    lines : iterator of bytes
    path : pathlib.Path
        Of the new file.
    others : sequence of sqlalchemy.MetaData
        Tables that lie in the registers and are not the store's own.

    Raises
    ------
    StoreError
        A table is of another version of cityward.
    """
    url = f"sqlite:///{path}"
    engine = open_registers(url).engine
    for kept in (Outbox, BallotBox, DiscussionAnswers):
        kept(engine)
    for other in others:
        make_tables(engine, other)
    meta = sql.MetaData()
    meta.reflect(engine)
    table: sql.Table | None = None
    columns: list[str] = []
    waiting: list[dict[str, Any]] = []
    try:
        with answering(), engine.begin() as connection:

            def put() -> None:
                if waiting and table is not None:
                    connection.execute(sql.insert(table), waiting)
                waiting.clear()

            for line in lines:
                told = msgspec.json.decode(line)
                if isinstance(told, dict):
                    put()
                    table, columns = meta.tables.get(told["table"]), told["columns"]
                    if table is None:
                        raise StoreError(
                            f"The backup holds a table '{told['table']}' that this cityward does not know."
                        )
                elif table is not None:
                    waiting.append(_row(table, dict(zip(columns, told, strict=True))))
                    if len(waiting) >= _ROWS:
                        put()
            put()
    finally:
        engine.dispose()


def _row(table: sql.Table, told: dict[str, Any]) -> dict[str, Any]:
    """A row as the database takes it: JSON has bytes as Base64."""
    for column in table.columns:
        if isinstance(column.type, sql.LargeBinary) and told.get(column.name) is not None:
            told[column.name] = b64decode(told[column.name])
    return told


# -- a table written anew --------------------------------------------------------------------------


class TableCopy:
    """A table of interactions that is written anew, a file at a time, each named as before but for its digest.

    Parameters
    ----------
    folder : pathlib.Path
        The history folder of a city that is being restored.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, INTERACTIONS.path(folder)
        self._actions: list[Any] = []
        self._sample: Any = None

    def file(self, name: str, rows: Any) -> None:
        """Write the rows of one file (``month=2014-05/….parquet``); none leave no file."""
        if rows.height == 0:
            return
        month, _, file = name.partition("/")
        with durable("writing the restored history table"):
            make_folder(self._path / month)
            self._actions.append(write_part(self._path / month, _DIGEST.sub("", file), rows))
            sync_folder(self._path / month)
        self._sample = rows.head(1)

    def finish(self, last: int) -> None:
        """Commit all files together, as a table that ends with log record ``last``."""
        if self._sample is None:
            return
        import polars as pl

        with durable("writing the restored history table"):
            new_table(self._path, self._sample.with_columns(month=pl.lit("")).select(*_order(self._sample)))
            upto = CommitProperties(app_transactions=[Transaction(APPLICATION, max(last, 1))])
            exchange(self._path, self._actions, upto)


def _order(rows: Any) -> list[str]:
    """Columns of the table in its own order; the month stands in the names of folders."""
    return [name for name in INTERACTIONS.kept.names() if name == "month" or name in rows.columns]

"""The one writer of history: duplicates out, log first, tables after, nothing twice.

A frame is acknowledged once its record in the segment log is durable. Records move on to the Delta table
in large commits; each commit carries the number of its last record (a Delta application transaction), so
that a crash between the commit and the cutting of the log neither loses nor doubles a row.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction
from numpy.typing import NDArray

from cityward.core.clock import Clock
from cityward.core.disk import durable, make_folder, sync_folder, write_file
from cityward.core.errors import CityBusy, StoreError
from cityward.core.frames import UTC_TIME, conform
from cityward.core.limits import MEMORY_FLUSH_ROWS
from cityward.store.gone import gone_keys
from cityward.store.history_table import INTERACTIONS, HistoryTable
from cityward.store.keyset import KeySet
from cityward.store.segment_log import SegmentLog
from cityward.store.table_commit import commit

APPLICATION = "cityward-log"
"""Name under which a Delta commit notes the log record it ends with."""

ADDED, REVISED, REPEATED = 0, 1, 2
"""Outcome of a row: new, a new version of a row held already, or held already word for word."""

_NOTE = struct.Struct("<I")
_SEED = 0x63697479
_COMPRESSED_ABOVE_ROWS = 1_000
_PROBED_ROWS = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """A frame with the outcome of each row, decided but not yet written."""

    frame: pl.DataFrame
    outcome: NDArray[np.uint8]


@durable("taking the writer lock")
def lock_folder(folder: Path, name: str = INTERACTIONS.lock) -> int:
    """Take the writer lock ``name`` of ``folder`` and return its descriptor.

    Raises
    ------
    CityBusy
        Another process has it.
    """
    make_folder(folder)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise CityBusy(
            "Another cityward process is writing to this city.",
            "Stop it ('cityward serve' or 'cityward sense'), or send the data to the one that serves.",
        ) from None
    return descriptor


def table_version(path: Path) -> int:
    """Number of the last log record that the Delta table at ``path`` holds; 0 when there is no table."""
    if not DeltaTable.is_deltatable(str(path)):
        return 0
    return DeltaTable(path).transaction_version(APPLICATION) or 0


class HistoryWriter:
    """Appends rows of one table to the history in ``folder``; one at a time.

    Parameters
    ----------
    folder : pathlib.Path
        The history folder; made when missing.
    clock : Clock
        Stamps ``received_at``.
    table : HistoryTable
        Which table.

    Attributes
    ----------
    recovered : list of bytes
        Notes of acknowledged records that were still in the log when it was opened; the next `flush`
        cuts them from the log.
    """

    def __init__(self, folder: Path, clock: Clock, table: HistoryTable = INTERACTIONS) -> None:
        self._folder = folder
        self._clock = clock
        self._table = table
        self._lock = lock_folder(folder, table.lock)
        self._keys, self._digests, self._gone = KeySet(), KeySet(), KeySet()
        self._sequence = 0
        self._waiting: list[pl.DataFrame] = []
        self._waiting_rows = 0
        self._moving: list[pl.DataFrame] = []
        self._move_ends: tuple[Future[None], int] | None = None
        self._failure: StoreError | None = None
        self._mover = ThreadPoolExecutor(1, thread_name_prefix="cityward-history")
        self.recovered: list[bytes] = []
        try:
            self._open()
        except BaseException:
            os.close(self._lock)
            raise

    def plan(self, frame: pl.DataFrame) -> Plan:
        """Decide the outcome of each row of ``frame`` (the table's ``placed`` columns).

        The table says which columns are a row's identity; its content decides between a revision and a repetition.
        """
        frame = conform(frame, self._table.placed)
        keys = frame.select(self._table.identity).hash_rows(seed=_SEED)
        digests = frame.hash_rows(seed=_SEED)
        outcome = np.full(frame.height, ADDED, dtype=np.uint8)
        held = ~keys.is_first_distinct().to_numpy() | self._keys.holds(keys.to_numpy())
        if held.any():  # seldom: content is compared for rows whose identity is known already
            new = digests.is_first_distinct().to_numpy()[held] & ~self._digests.holds(digests.to_numpy()[held])
            outcome[held] = np.where(new, REVISED, REPEATED)
        if len(self._gone):  # erased at a person's request: a file that is read again does not bring it back
            outcome[self._gone.holds(keys.to_numpy())] = REPEATED
        return Plan(frame.with_columns(key=keys, digest=digests), outcome)

    def commit(self, plan: Plan, note: bytes = b"") -> None:
        """Make the new and revised rows of ``plan`` durable; returns after fsync.

        Parameters
        ----------
        plan : Plan
            Made by `plan` of this writer, with no commit in between.
        note : bytes
            Kept beside the rows until they are in the table; see `recovered`.

        Raises
        ------
        StoreError
            The disk refused; nothing was acknowledged.
        """
        keep = plan.outcome != REPEATED
        rows = plan.frame if keep.all() else plan.frame.filter(keep)
        if not rows.height:
            return
        rows = rows.select(
            *self._table.placed.names(),
            pl.col(self._table.time).dt.strftime("%Y-%m").alias("month"),
            pl.lit(self._clock.now(), dtype=UTC_TIME).alias("received_at"),
            pl.col("key", "digest"),
            pl.int_range(self._sequence, self._sequence + rows.height, dtype=pl.Int64).alias("sequence"),
            pl.Series("revision", plan.outcome[keep] == REVISED),
        )
        self._log.append(_encode(conform(rows, self._table.kept), note))
        self._hold(rows)

    def flush(self) -> None:
        """Move acknowledged rows from the log into the table.

        Raises
        ------
        StoreError
            The disk refused; the rows stay acknowledged in the log.
        """
        self._settle(wait=True)
        if self._waiting:
            self._move()
            self._settle(wait=True)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def close(self, *, flush: bool = True) -> None:
        """Flush and give the lock back; what is not flushed, or the disk refuses now, stays safe in the log."""
        try:
            if flush:
                self.flush()
        finally:
            self._mover.shutdown()
            self._log.close()
            os.close(self._lock)

    def _open(self) -> None:
        version = table_version(self._table.path(self._folder))
        self._gone.add(gone_keys(self._folder, self._table.name))
        if version:
            try:
                self._load_keys()
            except (pl.exceptions.PolarsError, DeltaError, OSError) as error:
                raise StoreError(
                    f"The table of {self._table.name} is damaged ({type(error).__name__}). "
                    "Run 'cityward fsck': it names the file."
                ) from error
        self._log = SegmentLog(self._table.log(self._folder), after=version)
        for number, payload in self._log.replay(after=version):
            wanted = version + 1 + len(self.recovered)
            if number != wanted:
                log = self._table.log(self._folder).name
                raise StoreError(f"{log} lacks the records from {wanted} to {number - 1}. Run 'cityward fsck'.")
            rows, note = decode(payload)
            self.recovered.append(note)
            self._hold(rows, flush=False)

    def _load_keys(self) -> None:
        table = pl.scan_delta(str(self._table.path(self._folder))).with_columns(
            pl.col("key", "digest").reinterpret(signed=False)
        )
        # The hash may change with the library that computes it: the identity is then taken anew. Of rows whose
        # text was emptied since (retention) the digest is that of what they said, so one row is no proof.
        probe = pl.concat([table.head(_PROBED_ROWS), table.tail(_PROBED_ROWS)]).collect()
        if not probe.height:
            return
        placed = self._table.placed
        stale = not (conform(probe, placed).hash_rows(seed=_SEED) == probe["digest"]).any()
        if stale:
            frame = conform(table.select(placed.names()).collect(), placed)
            self._keys.add(frame.select(self._table.identity).hash_rows(seed=_SEED).to_numpy())
            self._digests.add(frame.hash_rows(seed=_SEED).to_numpy())
        else:
            held = table.select("key", "digest").collect()
            self._keys.add(held["key"].to_numpy())
            self._digests.add(held["digest"].to_numpy())
        self._sequence = int(table.select(pl.col("sequence").max()).collect().item()) + 1

    def _hold(self, rows: pl.DataFrame, *, flush: bool = True) -> None:
        self._keys.add(rows["key"].to_numpy())
        self._digests.add(rows["digest"].to_numpy())
        self._sequence = int(rows["sequence"].max()) + 1  # type: ignore[arg-type]
        self._waiting.append(rows)
        self._waiting_rows += rows.height
        full = self._waiting_rows >= MEMORY_FLUSH_ROWS
        self._settle(wait=full)
        if flush and full:
            self._move()

    def _move(self) -> None:
        """Begin to move what waits into the table, beside further commits."""
        self._moving, self._waiting, self._waiting_rows = self._waiting, [], 0
        last = self._log.last
        self._move_ends = (self._mover.submit(self._write_table, self._moving, last), last)

    def _settle(self, *, wait: bool) -> None:
        """Cut the log after a move that has ended; take its rows back when the disk refused.

        A refusal is kept for the next `flush`: the rows are safe in the log, and the commit that happens
        to notice it is not at fault.
        """
        if self._move_ends is None or not (wait or self._move_ends[0].done()):
            return
        ended, last = self._move_ends
        self._move_ends = None
        try:
            with durable("writing the history table"):
                ended.result()
        except BaseException as failure:
            # Whatever it was, the rows must wait again: the next move cuts the log up to its own end. Unless the
            # commit is there and only an fsync failed: the log keeps them until the next move has fsynced it too.
            if not self._in_table(last):
                self._waiting = [*self._moving, *self._waiting]
                self._waiting_rows = sum(frame.height for frame in self._waiting)
            if not isinstance(failure, StoreError):
                raise
            self._failure = failure
        else:
            try:
                self._log.cut(last)
            except StoreError as failure:  # the table knows what it holds; the next move cuts again
                self._failure = failure
        self._moving = []

    def _in_table(self, last: int) -> bool:
        try:
            return table_version(self._table.path(self._folder)) >= last
        except (DeltaError, OSError):
            return False

    def _write_table(self, parts: Sequence[pl.DataFrame], last: int) -> None:
        """Write one file a month, make all durable, then commit them together.

        Files are named after the log record, so that a flush repeated after a crash writes the same names.
        """
        path = self._table.path(self._folder)
        stored = pl.concat(parts, rechunk=True).with_columns(pl.col("key", "digest").reinterpret(signed=True))
        new_table(path, stored)
        months = stored.partition_by("month", as_dict=True)
        written = [write_month(path, str(month), part, last) for (month,), part in months.items()]
        for folder in {path / Path(action.path).parent for action in written} | {path}:
            sync_folder(folder)
        exchange(path, written, CommitProperties(app_transactions=[Transaction(APPLICATION, last)]))


def new_table(path: Path, rows: pl.DataFrame) -> None:
    """Make the table unless there is one."""
    if not DeltaTable.is_deltatable(str(path)):
        commit(path, lambda place: DeltaTable.create(place, schema=rows.schema, partition_by=["month"]))


def exchange(
    path: Path, actions: Sequence[AddAction | RemoveAction], properties: CommitProperties | None = None
) -> None:
    """Add and remove data files of the table at ``path`` in one commit; their folders must be durable already."""

    def write(place: str) -> None:
        table = DeltaTable(place)
        table.create_write_transaction(
            list(actions),
            mode="append",
            schema=table.schema(),
            partition_by=["month"],
            commit_properties=properties,
        )

    commit(path, write)


def write_month(path: Path, month: str, rows: pl.DataFrame, last: int) -> AddAction:
    """Write one month's rows to a file named after the log record ``last``, durably; return its action."""
    folder = path / f"month={month}"
    folder.mkdir(exist_ok=True)
    return write_part(folder, f"{last:020d}", rows.drop("month"))


def write_part(folder: Path, name: str, rows: pl.DataFrame) -> AddAction:
    """Write a month's rows (without the month) to a data file in its ``folder``, durably; return its action.

    Its own digest ends the file's name, so that nothing can change in it unnoticed. Its statistics are the number of
    rows alone: smallest and largest values would be data.
    """
    buffer = BytesIO()  # written by us: the writer of the library tells a full disk as a malformed file
    rows.write_parquet(buffer, compression="snappy")
    file = folder / f"{name}-{sha256(buffer.getbuffer()).hexdigest()}.parquet"
    write_file(file, buffer.getbuffer())
    return AddAction(
        path=f"{folder.name}/{file.name}",
        size=file.stat().st_size,
        partition_values={"month": folder.name.removeprefix("month=")},
        modification_time=0,
        data_change=True,
        stats=f'{{"numRecords":{rows.height}}}',
    )


def _encode(rows: pl.DataFrame, note: bytes) -> memoryview:
    buffer = BytesIO()
    buffer.write(_NOTE.pack(len(note)))
    buffer.write(note)
    rows.write_ipc_stream(buffer, compression="lz4" if rows.height > _COMPRESSED_ABOVE_ROWS else "uncompressed")
    return buffer.getbuffer()


def decode(payload: bytes) -> tuple[pl.DataFrame, bytes]:
    """Return the rows and the note of a log record."""
    (length,) = _NOTE.unpack(payload[: _NOTE.size])
    start = _NOTE.size + length
    return pl.read_ipc_stream(BytesIO(payload[start:])), payload[_NOTE.size : start]

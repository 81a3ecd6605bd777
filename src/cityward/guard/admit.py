"""The way in: every column passes, is pseudonymised, coarsened, redacted, emptied or refused by its class.

The only module that may append to history; a layer rule and a test hold it to that.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.core.batch import Batch
from cityward.core.clock import Clock
from cityward.core.errors import Defect
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.core.records import Intake, Refusal, from_json, to_json
from cityward.guard.biometric import suspects, templates
from cityward.private.coarsen import coarsen_address, coarsen_point
from cityward.private.pseudonym import Pseudonyms
from cityward.private.redact import redact
from cityward.store.history_table import INTERACTIONS, OBSERVATIONS, HistoryTable, table_of
from cityward.store.history_writer import ADDED, REPEATED, REVISED, HistoryWriter
from cityward.store.registers import Registers

RULE = "admit-by-class 1"
"""Identifier and version of the rule that this module executes, as refusals quote it."""

_REFUSED = 3  # beside ADDED, REVISED and REPEATED


def open_door(
    folder: Path,
    *,
    registers: Registers,
    pseudonyms: Pseudonyms,
    append_receipt: Callable[[bytes], int],
    clock: Clock,
) -> Door:
    """Take the writer lock of the history in ``folder`` and return the door to it.

    Raises
    ------
    cityward.core.errors.CityBusy
        Another process writes to it.
    cityward.core.errors.StoreError
        What a process that ended early left in the log cannot be finished.
    """
    door = Door(folder, registers, pseudonyms, append_receipt, clock)
    try:
        door.flush()
    except BaseException:
        door.abandon()
        raise
    return door


@dataclass(frozen=True, slots=True)
class Treated:
    """A batch on the threshold; made by `Door.treat`.

    Attributes
    ----------
    batch : Batch
        As it came.
    frame : polars.DataFrame
        Its rows that are not refused, every column treated by its class.
    refused : polars.Series
        Which rows of ``batch.frame`` are refused.
    refused_for : tuple of str
        The columns that they are refused for.
    declared : bool
        Whether the mapping itself declares one of them biometric.
    """

    batch: Batch
    frame: pl.DataFrame
    refused: pl.Series
    refused_for: tuple[str, ...]
    declared: bool


class Door:
    """Admits batches into history; made by `open_door`."""

    def __init__(
        self,
        folder: Path,
        registers: Registers,
        pseudonyms: Pseudonyms,
        append_receipt: Callable[[bytes], int],
        clock: Clock,
    ) -> None:
        self._folder = folder
        self._registers = registers
        self._pseudonyms = pseudonyms
        self._append_receipt = append_receipt
        self._clock = clock
        # Acknowledged by the log, perhaps not yet by the registers.
        self._unnoted: list[Intake] = []
        self._writers: dict[str, HistoryWriter] = {}
        self._writer_of(INTERACTIONS)
        if OBSERVATIONS.begun(folder):
            try:
                self._writer_of(OBSERVATIONS)
            except BaseException:
                self.abandon()
                raise
        self._batches: int | None = None  # so far: a part of identifiers, because the clock may stand still

    def treat(self, batch: Batch) -> Treated:
        """Return ``batch`` with every column treated by its class; nothing is written yet.

        May run beside `admit` of another batch.
        """
        refused, columns, declared = _refused(batch)
        kept = batch.frame.filter(~refused) if columns else batch.frame
        return Treated(batch, _by_class(kept, batch, self._pseudonyms), refused, columns, declared)

    def admit(self, treated: Treated) -> Intake:
        """Admit one batch; returns once its rows are durable."""
        return self._admit(treated)[0]

    def admit_parts(self, treated: Treated, heights: list[int]) -> list[Intake]:
        """Admit messages that were joined into one batch; return each one's share.

        Parameters
        ----------
        treated : Treated
            Joined batch.
        heights : list of int
            Rows of its frame that belong to each message, in order. Quarantined rows are counted
            by the caller, who knows whose they are: each share holds the frame's rows only.
        """
        whole, outcome = self._admit(treated)
        shares, start = [], 0
        for height in heights:
            counts = np.bincount(outcome[start : start + height], minlength=4)
            shares.append(
                Intake(
                    batch=whole.batch,
                    source=whole.source,
                    received_at=whole.received_at,
                    received=height,
                    added=int(counts[ADDED]),
                    revised=int(counts[REVISED]),
                    repeated=int(counts[REPEATED]),
                    quarantined=0,
                    refused=int(counts[_REFUSED]),
                )
            )
            start += height
        return shares

    def flush(self) -> None:
        """Move acknowledged rows into the tables."""
        self._note_intakes()
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Flush and give the writer lock back."""
        noted = False
        try:
            self._note_intakes()
            noted = True
        finally:
            self._close(flush=noted)

    def abandon(self) -> None:
        """Give the writer lock back without a flush: what is acknowledged stays safe in the log."""
        self._close(flush=False)

    def _close(self, *, flush: bool) -> None:
        with ExitStack() as closing:  # each is closed, whatever the others meet
            for writer in self._writers.values():
                closing.callback(writer.close, flush=flush)

    def _writer_of(self, table: HistoryTable) -> HistoryWriter:
        writer = self._writers.get(table.name)
        if writer is None:
            writer = self._writers[table.name] = HistoryWriter(self._folder, self._clock, table)
            self._unnoted += [from_json(note, Intake) for note in writer.recovered]
        return writer

    def _note_intakes(self) -> None:
        """Tell the registers what the log has; until they know, the log with its notes is not cut."""
        while self._unnoted:
            self._registers.put_intake(self._unnoted[0])
            del self._unnoted[0]

    def _admit(self, treated: Treated) -> tuple[Intake, NDArray[np.uint8]]:
        now, batch = self._clock.now(), treated.batch
        self._note_intakes()
        if self._batches is None:
            self._batches = self._registers.intakes()
        if treated.refused_for:
            self._note_refusal(treated)
        writer = self._writer_of(table_of(treated.frame))
        plan = writer.plan(treated.frame)
        outcome = np.full(batch.frame.height, _REFUSED, dtype=np.uint8)
        outcome[~treated.refused.to_numpy()] = plan.outcome
        counts = np.bincount(outcome, minlength=4)
        intake = Intake(
            batch=make_id(
                "batch", self._batches, batch.source, batch.origin, now.isoformat(), *plan.frame["digest"].head(1)
            ),
            source=batch.source,
            received_at=now,
            received=batch.received,
            added=int(counts[ADDED]),
            revised=int(counts[REVISED]),
            repeated=int(counts[REPEATED]),
            quarantined=batch.quarantine.height,
            refused=int(counts[_REFUSED]),
        )
        if intake.received != intake.admitted + intake.quarantined + intake.refused:
            raise Defect(f"{intake.batch}: received is not the sum of admitted, quarantined and refused.")
        self._registers.put_quarantine(batch.source, batch.origin, batch.quarantine)
        writer.commit(plan, note=to_json(intake))
        self._unnoted.append(intake)
        self._batches += 1
        self._note_intakes()
        return intake, outcome

    def _note_refusal(self, treated: Treated) -> None:
        """Keep the fact (never the payload) with its receipt."""
        now, batch, columns = self._clock.now(), treated.batch, treated.refused_for
        rows = int(treated.refused.sum())
        how = "its mapping declares" if treated.declared else "its content shows"
        many = "s" if len(columns) > 1 else ""
        refusal = Refusal(
            id=make_id("refusal", self._batches, batch.source, columns, rows, now.isoformat()),
            source=batch.source,
            at=now,
            columns=columns,
            field_class="biometric",
            rule=RULE,
            rows=rows,
            because=(
                f"{rows:,} rows of {batch.source} were refused: {how} biometric templates (faces, voices or the "
                f"like) in column{many} {', '.join(columns)}. Nothing of these rows was kept."
            ),
        )
        entry = receipt("refusal", refusal.id, now, to_json(refusal), source=batch.source, rows=rows, rule=RULE)
        index = self._append_receipt(entry)
        self._registers.put_refusal(refusal)
        self._registers.put_receipts({refusal.id: index})


def _refused(batch: Batch) -> tuple[pl.Series, tuple[str, ...], bool]:
    """Return which rows are refused, for which columns, and whether the mapping itself declares one."""
    refused = pl.Series(np.zeros(batch.frame.height, dtype=np.bool_))
    columns: list[str] = []
    declared = False
    for part in (batch.extra, batch.frame):
        for name in suspects(part, {name for name in part.columns if batch.classes.get(name) == "biometric"}):
            if batch.classes.get(name) == "biometric":
                found = part[name].is_not_null()
                declared |= bool(found.any())
            else:
                found = templates(part[name])
            if found.any():
                columns.append(name)
                refused |= found
    return refused, tuple(columns), declared


def _by_class(frame: pl.DataFrame, batch: Batch, pseudonyms: Pseudonyms) -> pl.DataFrame:
    """Return ``frame`` with every column treated by its field class."""
    columns = []
    for name in frame.columns:
        values, field_class = frame[name], batch.classes.get(name, "public")
        match field_class:
            case "public":
                continue
            case "personal":
                columns.append(pseudonyms.column(values, f"history of {batch.source}").alias(name))
            case "free-text":
                columns.append(redact(values).alias(name))
            case "location-of-person":
                columns.append(frame.select(_coarsened(name, values.dtype)).to_series())
            case "sensitive" | "biometric":
                columns.append(pl.repeat(None, frame.height, dtype=values.dtype, eager=True).alias(name))
            case _:
                raise Defect(f"Field class '{field_class}' has no treatment at the door.")
    return frame.with_columns(columns)


def _coarsened(name: str, dtype: pl.DataType) -> pl.Expr:
    return coarsen_point(pl.col(name)) if dtype.is_float() else coarsen_address(pl.col(name))

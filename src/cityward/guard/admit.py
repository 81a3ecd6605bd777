"""The way in: every column passes, is pseudonymised, coarsened, redacted, emptied or refused by its class.

The only module that may append to history; a layer rule and a test hold it to that.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cityward.core.batch import Batch
from cityward.core.clock import Clock
from cityward.core.errors import Defect
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.core.records import Intake, Refusal, from_json, to_json
from cityward.guard.authorisations import Standing, standing_for
from cityward.guard.refusals import keep_refusal
from cityward.guard.threshold import Treated, treat
from cityward.private.pseudonym import Pseudonyms
from cityward.store.history_table import INTERACTIONS, OBSERVATIONS, HistoryTable, table_of
from cityward.store.history_writer import ADDED, REPEATED, REVISED, HistoryWriter
from cityward.store.registers import Registers

_REFUSED = 3  # beside ADDED, REVISED and REPEATED


def open_door(
    folder: Path,
    *,
    registers: Registers,
    pseudonyms: Pseudonyms,
    append_receipt: Callable[[bytes], int],
    clock: Clock,
    authorisations: Path | None = None,
) -> Door:
    """Take the writer lock of the history in ``folder`` and return the door to it.

    ``authorisations`` is the folder of registered authorisations; without it none stands.

    Raises
    ------
    cityward.core.errors.CityBusy
        Another process writes to it.
    cityward.core.errors.StoreError
        What a process that ended early left in the log cannot be finished.
    """
    door = Door(folder, registers, pseudonyms, append_receipt, clock, authorisations)
    try:
        door.flush()
    except BaseException:
        door.abandon()
        raise
    return door


class Door:
    """Admits batches into history; made by `open_door`."""

    def __init__(
        self,
        folder: Path,
        registers: Registers,
        pseudonyms: Pseudonyms,
        append_receipt: Callable[[bytes], int],
        clock: Clock,
        authorisations: Path | None = None,
    ) -> None:
        self._folder = folder
        self._authorisations = authorisations
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
        return treat(batch, self._pseudonyms, self._standing)

    def _standing(self, source: str) -> Standing | None:
        return standing_for(source, self._authorisations, self._clock.now())

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
        if treated.authorised:
            self._note_authorised(treated)
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
        self._registers.put_quarantine(batch.source, batch.origin, treated.quarantine)
        writer.commit(plan, note=to_json(intake))
        self._unnoted.append(intake)
        self._batches += 1
        self._note_intakes()
        return intake, outcome

    def _note_refusal(self, treated: Treated) -> None:
        """Keep the fact (never the payload) with its receipt."""
        now, batch, columns = self._clock.now(), treated.batch, treated.refused_for
        rows = int(treated.refused.sum())
        refusal = Refusal(
            id=make_id("refusal", self._batches, batch.source, columns, rows, now.isoformat()),
            source=batch.source,
            at=now,
            columns=columns,
            field_class=treated.refused_class,
            rule=treated.rule,
            rows=rows,
            because=treated.because,
        )
        keep_refusal(refusal, self._registers, self._append_receipt, source=batch.source, rows=rows)

    def _note_authorised(self, treated: Treated) -> None:
        """Enter in the ledger that an authorisation was used, and for how many rows."""
        now, batch, file = self._clock.now(), treated.batch, treated.authorised_by
        content = to_json({"source": batch.source, "authorisation": file, "rows": treated.authorised})
        facts = {"source": batch.source, "authorisation": file}
        self._append_receipt(receipt("authorised", batch.source, now, content, rows=treated.authorised, **facts))

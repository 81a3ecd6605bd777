"""Gathers small messages into batches, so that a thousand posts cost one fsync and not a thousand."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import msgspec
import polars as pl

from cityward.core.batch import Batch
from cityward.core.clock import monotonic
from cityward.core.errors import CityBusy
from cityward.core.limits import BATCH_ROWS
from cityward.core.records import Intake

WAITING_MESSAGES = 10_000
"""Most messages that wait for the writer; beyond it a sender is told to come back later."""

LINGER_SECONDS = 0.004
"""How long the first message of a group waits for others: less than the writing of a group takes."""


@dataclass(slots=True)
class _Waiting:
    batch: Batch
    done: Future[Intake] = field(default_factory=Future)


class Gatherer:
    """One writer thread; many senders, each blocked until its own rows are durable.

    Parameters
    ----------
    admit : callable
        Takes a batch and returns one Intake for each of the row counts it is given, in order.
    """

    def __init__(self, admit: Callable[[Batch, list[int]], list[Intake]]) -> None:
        self._admit = admit
        self._queue: queue.Queue[_Waiting | None] = queue.Queue(maxsize=WAITING_MESSAGES)
        self._thread = threading.Thread(target=self._work, name="cityward-gatherer", daemon=True)
        self._thread.start()

    def take(self, batch: Batch) -> Intake:
        """Hand over one message and wait for its receipt.

        Raises
        ------
        CityBusy
            Too many messages wait already.
        """
        waiting = _Waiting(batch)
        try:
            self._queue.put_nowait(waiting)
        except queue.Full:
            raise CityBusy(
                "The intake is full.", "Send again in a few seconds; nothing of this message was kept."
            ) from None
        return waiting.done.result()

    def close(self) -> None:
        """Finish what waits, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        stop = False
        while not stop:
            first = self._queue.get()
            if first is None:
                return
            group, rows = [first], first.batch.received
            until = monotonic() + LINGER_SECONDS
            while rows < BATCH_ROWS:
                try:
                    following = self._queue.get(timeout=max(until - monotonic(), 1e-6))
                except queue.Empty:
                    break
                if following is None:
                    stop = True
                    break
                group.append(following)
                rows += following.batch.received
            self._settle(group)

    def _settle(self, group: list[_Waiting]) -> None:
        """Admit messages of equal source and shape together; a failure reaches all its senders."""
        kinds: dict[tuple[object, ...], list[_Waiting]] = {}
        for waiting in group:
            batch = waiting.batch
            kinds.setdefault((batch.source, batch.origin, tuple(batch.extra.schema.items())), []).append(waiting)
        for members in kinds.values():
            try:
                intakes = self._admit(
                    join([member.batch for member in members]), [m.batch.frame.height for m in members]
                )
            except BaseException as error:  # noqa: BLE001 - every sender must hear of it, whatever it is
                for member in members:
                    member.done.set_exception(error)
                continue
            for member, intake in zip(members, intakes, strict=True):
                quarantined = member.batch.quarantine.height
                member.done.set_result(_with_quarantine(intake, quarantined))


def join(batches: list[Batch]) -> Batch:
    """Return one batch of the rows of several of the same source and shape."""
    first = batches[0]
    if len(batches) == 1:
        return first
    return Batch(
        source=first.source,
        origin=first.origin,
        received=sum(batch.received for batch in batches),
        frame=pl.concat([batch.frame for batch in batches]),
        quarantine=pl.concat([batch.quarantine for batch in batches]),
        classes=first.classes,
        extra=pl.concat([batch.extra for batch in batches]),
    )


def _with_quarantine(intake: Intake, quarantined: int) -> Intake:
    return msgspec.structs.replace(
        intake, quarantined=quarantined, received=intake.admitted + intake.refused + quarantined
    )

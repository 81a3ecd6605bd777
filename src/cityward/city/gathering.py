"""Gathers small messages into batches, so that a thousand posts cost one fsync and not a thousand."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import polars as pl

from cityward.core.batch import Batch
from cityward.core.clock import Clock, monotonic
from cityward.core.errors import CityBusy
from cityward.core.records import Intake
from cityward.sense.files import decode_ndjson
from cityward.sense.mapping import Reading
from cityward.sense.quick import MESSAGE_BYTES, decode

WAITING_MESSAGES = 10_000
"""Most messages that wait for the writer; beyond it a sender is told to come back later."""

GROUP_BYTES = 32 * 2**20
"""Size at which a group is written without waiting for more."""

LINGER_SECONDS = 0.002
"""How long the first message of a group waits for others: less than the writing of a group takes."""


@dataclass(slots=True)
class _Message:
    """What waits: a small message as it came, or a larger one that its sender has decoded."""

    mapping: Reading
    origin: str
    body: bytes
    batch: Batch | None
    done: Future[Intake] = field(default_factory=Future)

    def decoded(self, now: datetime) -> Batch:
        return self.batch or decode_ndjson(self.body, self.mapping, now, self.origin)


class Gatherer:
    """One writer thread; many senders, each told when its own rows are durable.

    Parameters
    ----------
    admit : callable
        Takes a batch and returns one Intake for each of the row counts it is given, in order.
    clock : Clock
        The time that stamps are compared with.
    """

    def __init__(self, admit: Callable[[Batch, list[int]], list[Intake]], clock: Clock) -> None:
        self._admit = admit
        self._clock = clock
        self._queue: queue.Queue[_Message | None] = queue.Queue(maxsize=WAITING_MESSAGES)
        self._closed, self._closing = False, threading.Lock()
        self._thread = threading.Thread(target=self._work, name="cityward-gatherer", daemon=True)
        self._thread.start()

    def take(self, body: bytes, mapping: Reading, origin: str) -> Future[Intake]:
        """Hand over one message of NDJSON; the future ends when its rows are durable.

        A message larger than `MESSAGE_BYTES` is decoded here, in the thread of its sender.

        Raises
        ------
        CityBusy
            Too many messages wait already, or it was closed just now.
        SourceError
            A large message cannot be read at all; of a small one, the future says so.
        """
        large = len(body) > MESSAGE_BYTES
        batch = decode_ndjson(body, mapping, self._clock.now(), origin) if large else None
        message = _Message(mapping, origin, body, batch)
        try:
            with self._closing:  # what came after the last would wait for ever
                if self._closed:
                    raise CityBusy("The intake was closed just now.", "Send again in a few seconds; nothing was kept.")
                self._queue.put_nowait(message)
        except queue.Full:
            raise CityBusy(
                "The intake is full.", "Send again in a few seconds; nothing of this message was kept."
            ) from None
        return message.done

    def close(self) -> None:
        """Finish what waits, then stop."""
        with self._closing:
            self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        stop = False
        while not stop:
            first = self._queue.get()
            if first is None:
                return
            group, size = [first], len(first.body)
            until = monotonic() + LINGER_SECONDS
            while size < GROUP_BYTES:
                try:
                    following = self._queue.get(timeout=max(until - monotonic(), 1e-6))
                except queue.Empty:
                    break
                if following is None:
                    stop = True
                    break
                group.append(following)
                size += len(following.body)
            self._settle(group)

    def _settle(self, group: Sequence[_Message]) -> None:
        """Admit messages of one mapping together: the plain small ones at once, the others joined by shape."""
        now = self._clock.now()
        kinds: dict[tuple[int, str, bool], list[_Message]] = {}
        for message in group:
            kinds.setdefault((id(message.mapping), message.origin, message.batch is None), []).append(message)
        for (_, origin, small), members in kinds.items():
            plain = decode([member.body for member in members], members[0].mapping, now, origin) if small else None
            if plain is not None:
                self._deliver(members, *plain)
                continue
            shapes: dict[tuple[object, ...], list[tuple[_Message, Batch]]] = {}
            for member in members:
                try:
                    batch = member.decoded(now)
                except Exception as error:  # noqa: BLE001 - its sender hears of it, and the others go on
                    member.done.set_exception(error)
                else:
                    shapes.setdefault(tuple(batch.extra.schema.items()), []).append((member, batch))
            for pairs in shapes.values():
                batches = [batch for _, batch in pairs]
                heights = [batch.frame.height for batch in batches]
                self._deliver([member for member, _ in pairs], join(batches), heights, batches)

    def _deliver(
        self, members: Sequence[_Message], whole: Batch, heights: list[int], batches: Sequence[Batch] = ()
    ) -> None:
        """Admit ``whole`` and tell each sender its share; a failure reaches them all."""
        try:
            intakes = self._admit(whole, heights)
        except BaseException as error:  # noqa: BLE001 - every sender must hear of it, whatever it is
            for member in members:
                member.done.set_exception(error)
            return
        if batches:
            intakes = [_with_quarantine(*pair) for pair in zip(intakes, batches, strict=True)]
        for member, intake in zip(members, intakes, strict=True):
            member.done.set_result(intake)


def join(batches: Sequence[Batch]) -> Batch:
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


def _with_quarantine(intake: Intake, batch: Batch) -> Intake:
    quarantined = batch.quarantine.height
    return msgspec.structs.replace(
        intake, quarantined=quarantined, received=intake.admitted + intake.refused + quarantined
    )

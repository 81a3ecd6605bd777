"""What was turned away, and what broke: kept as counts a minute, with nothing of whoever asked.

A line of NDJSON says when, what kind of event, by which rule or check, at which route (its template), and how often:
no address, name, cookie, query or text that was sent. Files are of a day, bounded, and deleted after `DAYS_KEPT`.

Source: OWASP ASVS 5.0, 16.3.2 to 16.3.4.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import msgspec

from cityward.core.clock import Clock, monotonic
from cityward.core.records import Record

Event = Literal["not signed in", "refused access", "around a control", "unexpected error"]

DAYS_KEPT: Final = 90
DAY_BYTES: Final = 8 * 2**20
"""Largest file of one day: 60,000 lines. Whoever makes noise fills no disk; what comes beyond is counted in metrics."""

KINDS: Final = 500
"""Most different lines of one minute; the rest counts on one."""

WRITTEN_EVERY_SECONDS: Final = 2.0
"""So long at most an event waits in memory for the next one, or for the watch, to be written."""

REST: Final = "(the rest)"


class TurnedAway(Record, frozen=True, kw_only=True):
    """Events of one kind within one minute; ``at`` is its beginning."""

    at: datetime
    event: Event
    rule: str
    route: str
    times: int


class Log:
    """Counts events and keeps them in ``folder``; safe to share between threads.

    What cannot be written is dropped: an attacker who fills the disk must not stop the answers too.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._lock = threading.Lock()
        self._held: Counter[tuple[datetime, Event, str, str]] = Counter()
        self._written = 0.0

    def note(self, event: Event, rule: str, route: str) -> None:
        """Count one event.

        Parameters
        ----------
        rule, route : str
            Names of ours: of a policy, a check or a class of errors, and the template of a route.
        """
        minute = self._clock.now().replace(second=0, microsecond=0)
        with self._lock:
            key = (minute, event, rule[:80], route[:120])
            if key not in self._held and len(self._held) >= KINDS:
                key = (minute, event, REST, REST)
            self._held[key] += 1
            if monotonic() - self._written >= WRITTEN_EVERY_SECONDS:
                self._write()

    def flush(self) -> None:
        """Write what is counted so far, and delete what is old."""
        with self._lock:
            self._write()
            oldest = f"{self._clock.now() - timedelta(days=DAYS_KEPT):%Y-%m-%d}.ndjson"
            with suppress(OSError):
                for path in self._folder.glob("????-??-??.ndjson"):
                    if path.name < oldest:
                        path.unlink()

    def since(self, moment: datetime) -> Iterator[TurnedAway]:
        """What was kept from a moment on, the oldest first; damaged lines are left out."""
        self.flush()
        first = f"{moment:%Y-%m-%d}.ndjson"
        for path in sorted(self._folder.glob("????-??-??.ndjson")):
            if path.name < first:
                continue
            for line in path.read_bytes().splitlines():
                with suppress(msgspec.MsgspecError, UnicodeDecodeError):
                    found = msgspec.json.decode(line, type=TurnedAway)
                    if found.at >= moment.replace(second=0, microsecond=0):
                        yield found

    def _write(self) -> None:
        held, self._held, self._written = self._held, Counter(), monotonic()
        if not held:
            return
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._folder / f"{self._clock.now():%Y-%m-%d}.ndjson"
            if path.exists() and path.stat().st_size > DAY_BYTES:
                return
            lines = (
                TurnedAway(at=at, event=event, rule=rule, route=route, times=times)
                for (at, event, rule, route), times in held.items()
            )
            with path.open("ab") as file:
                file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in lines))

"""Copies what changes to the repository within a second, for as long as it runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final

from cityward.core.clock import monotonic
from cityward.core.errors import CitywardError
from cityward.guard.copying import moving
from cityward.secure.backup.repository import Repository
from cityward.secure.backup.snapshot import Snapshot

if TYPE_CHECKING:
    from cityward.city.city import City

LOOKS_SECONDS: Final = 0.1
"""How often what moves with every write is looked at: a few dozen files, a millisecond."""

WALKS_SECONDS: Final = 5.0
"""How often all files are looked at: settings and rules that a person edits move nothing else."""


class Following:
    """A continuous copy of ``city``, begun by a snapshot; in a thread, or in `run`.

    Parameters
    ----------
    city : City
        The city, which this or other programs may write.
    repo : str or None
        The repository; that of ``city.toml`` by default.
    tell : callable
        Told of trouble, once each time that it begins.
    """

    def __init__(self, city: City, repo: str | None, tell: Callable[[str], None]) -> None:
        self._city, self._repo, self._tell = city, repo, tell
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._base: Snapshot | None = None
        self._last: Snapshot | None = None
        self._troubled = False

    def start(self) -> None:
        """Begin, beside whatever else this program does."""
        self._thread = threading.Thread(target=self.run, name="cityward-backup", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Copy what is left, and end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def run(self, seconds: float | None = None) -> int:
        """Copy until `close`, or for so many seconds; return how many steps were copied."""
        begun, walked, copied = monotonic(), 0.0, 0
        before: object = None
        while True:
            last_time = self._stop.is_set() or (seconds is not None and monotonic() - begun > seconds)
            if self._city.isolation.held is not None:  # damage is not copied over what is whole
                if last_time:
                    return copied
                before = None
                self._stop.wait(LOOKS_SECONDS)
                continue
            now = moving(self._city.path)
            if now != before or last_time or monotonic() - walked > WALKS_SECONDS:
                walked = monotonic()
                done = self._copy()
                copied += done or 0
                before = now if done is not None else None
            if last_time:
                return copied
            self._stop.wait(LOOKS_SECONDS)

    def _copy(self) -> int | None:
        """Copy once; how many steps that made, or None when it failed and is to be tried again."""
        at = self._city.clock.now()
        try:
            made = self._step(at)
        except CitywardError as error:
            if not self._troubled:
                self._tell(f"The continuous copy fails, and is tried again: {error}")
            self._troubled = True
            return None
        if self._troubled:
            self._tell("The continuous copy works again.")
        self._troubled = False
        return made

    def _step(self, at: datetime) -> int:
        backups, repository = self._city.backups, self._repository
        every = timedelta(minutes=self._city.settings.backup.snapshot_minutes)
        if self._base is None or self._last is None or at - self._base.header.made_at >= every:
            backups.make(self._repo)
            self._base = self._last = repository.newest()
            return 0
        made = backups.step(repository, self._last)
        backups.copied(repository, self._base, at=at)
        self._last = made or self._last
        return int(made is not None)

    @cached_property
    def _repository(self) -> Repository:
        return self._city.backups.repository(self._repo, make=True)

"""Copies a sandbox all the time, as a city with continuous backup is copied, until a first sign of an attack."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cityward.core.clock import monotonic
from cityward.core.errors import CitywardError

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.secure.backup.snapshot import Snapshot

EVERY_SECONDS: Final = 0.5


class Copier(threading.Thread):
    """Adds a step to the backup of a sandbox every half second.

    Parameters
    ----------
    city : City
        The sandbox, opened for reading; `cityward.city.backing_up.Backups.make` was called on it.
    repo : pathlib.Path
        Its repository.
    """

    def __init__(self, city: City, repo: Path) -> None:
        super().__init__(name="drill-copies", daemon=True)
        self._backups = city.backups
        self._repository = self._backups.repository(str(repo))
        newest = self._repository.newest()
        if newest is None:
            raise CitywardError("The backup of the sandbox holds no snapshot.")
        self.taken: list[tuple[float, Snapshot]] = [(monotonic(), newest)]
        """When each began to be read (monotonic seconds), oldest first."""
        self.late = 0
        self._ended = threading.Event()

    def run(self) -> None:
        """Copy until `stop`."""
        while not self._ended.wait(EVERY_SECONDS):
            began = monotonic()
            try:
                made = self._backups.step(self._repository, self.taken[-1][1])
            except (CitywardError, OSError):
                self.late += 1  # no moment between two writes, or a file that went: the next try has it
                continue
            if made is not None:
                self.taken.append((began, made))

    def hold(self) -> None:
        """Copy nothing any more: what is attacked must not follow into the backup."""
        self._ended.set()

    def stop(self) -> None:
        """As `hold`, and wait for the copy that is under way."""
        self.hold()
        self.join()

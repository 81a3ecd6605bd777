"""Watches a city while it is served: its files four times a second, everything else now and then."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from cityward.core.clock import monotonic
from cityward.core.errors import CitywardError
from cityward.private.pseudonym import load_or_create_key
from cityward.secure.watch.decoys import lay
from cityward.secure.watch.files import LOOK_SECONDS, FileWatch

if TYPE_CHECKING:
    from cityward.city.city import City

CHECK_SECONDS: Final = 300.0
"""Between two looks at sign-ins, exports, sources and drills."""

AGAIN_SECONDS: Final = 60.0
"""After an alarm the tree is taken for whole again, so that one that goes on is told again."""


class Watching:
    """The watch of ``city`` in a thread.

    Parameters
    ----------
    tell : callable
        Told of an alarm at once, whatever the registers do.
    """

    def __init__(self, city: City, tell: Callable[[str], None]) -> None:
        self._city, self._tell = city, tell
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cityward-watch", daemon=True)

    def start(self) -> None:
        """Begin; does nothing where ``[watch] files`` is false."""
        if self._city.settings.watch.files:
            self._thread.start()

    def close(self) -> None:
        """End."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        watch = self._armed()
        checked, told_at = monotonic(), None
        while watch is not None and not self._ended.wait(LOOK_SECONDS):
            alarm = watch.look(monotonic())
            if alarm is not None and told_at is None:
                told_at = monotonic()
                self._tell(f"ALARM: {alarm.because}. Playbook: docs/playbooks/ransomware.md")
                self._noted(partial(self._city.alerts.files, alarm))
            if told_at is not None and monotonic() - told_at > AGAIN_SECONDS:
                watch, told_at = self._armed(), None
            if monotonic() - checked > CHECK_SECONDS:
                checked = monotonic()
                self._city.turned_away.flush()
                self._noted(self._city.alerts.check)

    def _armed(self) -> FileWatch | None:
        try:
            key = hmac.digest(load_or_create_key(self._city.folder.residents_key), b"decoys", "sha256")
            watch = FileWatch(self._city.path, lay(self._city.path, key))
            watch.arm()
        except CitywardError as error:
            self._tell(f"The files of the city are not watched: {error}")
            return None
        return watch

    def _noted(self, keep: Callable[[], object]) -> None:
        try:
            keep()
        except (CitywardError, OSError) as error:
            self._tell(f"What the watch saw could not be kept: {error}")

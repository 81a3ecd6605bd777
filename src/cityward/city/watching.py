"""Watches a city while it is served: its files four to twenty times a second, everything else now and then.

When the files look attacked the city is isolated, where the settings say so. The thread does not die silently: it is
begun again, and its death is an alert and a figure.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from cityward.city.isolating import laid
from cityward.city.supervising import FIRST_WAIT_SECONDS, supervise
from cityward.core.clock import monotonic
from cityward.core.errors import CitywardError
from cityward.secure.watch.files import LOOK_SECONDS, Alarm, FileWatch, pause_after

if TYPE_CHECKING:
    from cityward.city.city import City

CHECK_SECONDS: Final = 300.0
"""Between two looks at exports, privileges, sources and drills."""

SIGN_INS_SECONDS: Final = 10.0
"""Between two looks at sign-ins: who guesses has to be seen before they are in."""

AGAIN_SECONDS: Final = 60.0
"""After an alarm the tree is taken for whole again, so that one that goes on is told again."""

LIFTED_SECONDS: Final = 1.0
"""Between two looks at whether an isolation was lifted."""


class Watching:
    """The watch of ``city`` in a thread.

    Parameters
    ----------
    tell : callable
        Told of an alarm at once, whatever the registers do.
    first_wait : float
        Seconds between the first death of the thread and its next life.
    """

    def __init__(self, city: City, tell: Callable[[str], None], first_wait: float = FIRST_WAIT_SECONDS) -> None:
        self._city, self._tell = city, tell
        self._ended = threading.Event()
        life = partial(supervise, self._run, self._ended, self._died, first_wait)
        self._thread = threading.Thread(target=life, name="cityward-watch", daemon=True)
        self._told_at: float | None = None

    def start(self) -> None:
        """Begin; where ``[watch] files`` is false the files are left alone, and the rest is looked at."""
        settings = self._city.settings.watch
        if settings.isolate and (one := self._city.isolation.go_on()) is not None:
            self._tell(f"The city is isolated since {one.at:%Y-%m-%d %H:%M} UTC: {one.because}. It takes nothing in.")
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        watch = self._armed() if self._city.settings.watch.files else None
        checked = asked = signed = monotonic()
        until_next = LOOK_SECONDS
        while not self._ended.wait(until_next):
            now = monotonic()
            if watch is not None:
                self._look(watch, now)
                until_next = pause_after(monotonic() - now)
            if self._city.isolation.held is not None:
                if now - asked > LIFTED_SECONDS:
                    asked = now
                    watch = self._lifted(watch)
                continue
            if self._told_at is not None and now - self._told_at > AGAIN_SECONDS:
                watch, self._told_at = self._armed(), None
            if now - signed > SIGN_INS_SECONDS:
                signed = now
                self._noted(self._city.alerts.check_sign_ins)
            if now - checked > CHECK_SECONDS:
                checked = now
                self._city.turned_away.flush()
                self._noted(self._city.alerts.check)

    def _look(self, watch: FileWatch, now: float) -> None:
        alarm = watch.look(now)
        self._city.watched.looked_at = self._city.clock.now()
        if alarm is not None and self._told_at is None:
            self._told_at = now
            self._tell(f"ALARM: {alarm.because}. Playbook: docs/playbooks/ransomware.md")
            self._act(alarm)

    def _act(self, alarm: Alarm) -> None:
        if self._city.settings.watch.isolate:
            one = self._city.isolation.begin(alarm, self._tell)
            self._tell(
                f"Isolated ({one.id}): nothing is taken in, changed or copied until a security officer lifts it: "
                "cityward alerts lift --by NAME --because WHY"
            )
        else:
            self._noted(partial(self._city.alerts.files, alarm))

    def _lifted(self, watch: FileWatch | None) -> FileWatch | None:
        """The watch to go on with: armed anew when somebody lifted the isolation just now."""
        if not self._city.isolation.ended():
            return watch
        self._tell("The isolation was lifted: the city takes in and changes again.")
        self._told_at = None
        return self._armed() if self._city.settings.watch.files else None

    def _armed(self) -> FileWatch:
        watch = FileWatch(self._city.path, laid(self._city))
        watch.arm()
        return watch

    def _died(self, error: BaseException, wait: float) -> None:
        self._city.watched.deaths += 1
        why = str(error) if isinstance(error, CitywardError) else type(error).__name__
        self._tell(f"The watch over the files stopped, and begins again in {wait:.0f} s: {why}")
        self._noted(partial(self._city.alerts.watch_stopped, self._city.watched.deaths))

    def _noted(self, keep: Callable[[], object]) -> None:
        try:
            keep()
        except (CitywardError, OSError) as error:
            self._tell(f"What the watch saw could not be kept: {error}")

"""Asks the witnesses of the ledger on a timetable while the city is served; silence for long is an alert.

Nobody is asked unless ``[ledger.witnesses]`` names whom.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from cityward.city.supervising import FIRST_WAIT_SECONDS, supervise
from cityward.core.errors import CityBusy, CitywardError

if TYPE_CHECKING:
    from cityward.city.city import City
    from cityward.city.witnessing import Asked


class WitnessRounds:
    """A thread that asks, waits, and asks again until it is closed.

    Parameters
    ----------
    city : City
        Its settings say how often.
    tell : callable
        Told of trouble, once for each change.
    wait : callable, optional
        Waits so many seconds and returns whether to stop; tests give their own.
    """

    def __init__(self, city: City, tell: Callable[[str], None], wait: Callable[[float], bool] | None = None) -> None:
        self._city, self._tell = city, tell
        self._ended = threading.Event()
        self._wait = wait or self._ended.wait
        self._told = ""
        life = partial(supervise, self.run, self._ended, self._died, FIRST_WAIT_SECONDS)
        self._thread = threading.Thread(target=life, name="cityward-witnesses", daemon=True)

    def start(self) -> None:
        """Begin; without witnesses in the settings nobody is asked."""
        if self._city.settings.ledger.witnesses is not None:
            self._thread.start()

    def close(self) -> None:
        """End, when the request that is under way is answered."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def run(self) -> None:
        """Ask until it is closed."""
        settings = self._city.settings.ledger.witnesses
        began = self._city.clock.now()
        while settings is not None and not self._ended.is_set():
            self._note(self._asked(began))
            if self._wait(60.0 * settings.every_minutes):
                return

    def _asked(self, began: datetime) -> str:
        """Ask once; what is wrong, in words, or nothing."""
        if self._city.isolation.held is not None or not self._city.ledger_size:
            return ""
        asked: Asked | None = None
        try:
            asked = self._city.witnessing.ask()
            trouble = " ".join((*asked.alarms, *asked.problems))
        except CityBusy:
            return ""  # who writes the ledger here is another program; it asks, or the next round does
        except (CitywardError, OSError) as error:
            trouble = str(error)
        if asked is not None and asked.alarms:
            self._city.alerts.other_history(asked.alarms[0])
        elif asked is None or not asked.enough:
            self._late(began, len(asked.seen) if asked else 0)
        else:
            self._city.alerts.witnesses_came()
        return trouble

    def _late(self, began: datetime, seen: int) -> None:
        """Raise an alert when as many as are needed have not signed for long."""
        settings = self._city.settings.ledger.witnesses
        path = self._city.witnessing.cosigned_path
        last = datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.exists() else began
        quiet = self._city.clock.now() - last
        if settings is not None and quiet > timedelta(hours=settings.late_hours):
            self._city.alerts.witnesses_missing(quiet / timedelta(hours=1), seen, settings.need)

    def _note(self, trouble: str) -> None:
        if trouble and trouble != self._told:
            self._tell(f"Witnesses: {trouble}")
        self._told = trouble

    def _died(self, error: BaseException, wait: float) -> None:
        self._tell(f"Witnesses: {type(error).__name__}; they are asked again in {wait:.0f} s.")

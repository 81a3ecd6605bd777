"""Dispatches in the background while a city is served."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from cityward.core.errors import CitywardError

if TYPE_CHECKING:
    from cityward.city.city import City

PASS_SECONDS: Final = 5.0
"""Between two passes: soon enough for a person who waits, rare enough to cost nothing."""


class Courier:
    """A thread that takes a pass, waits, and takes another until it is closed.

    Parameters
    ----------
    city : City
        Its clock says what is due.
    wait : callable, optional
        Waits so many seconds and returns whether to stop; tests give their own.
    tell : callable
        Called with what went wrong in a pass, once for each change.
    """

    def __init__(self, city: City, tell: Callable[[str], None], wait: Callable[[float], bool] | None = None) -> None:
        self._city = city
        self._tell = tell
        self._stop = threading.Event()
        self._wait = wait or self._stop.wait
        self._told = ""
        self._thread = threading.Thread(target=self._work, name="cityward-courier", daemon=True)

    def start(self) -> None:
        """Begin; without a ``[[send]]`` table nothing is ever sent, so nothing begins."""
        if self._city.settings.send:
            self._thread.start()

    def close(self) -> None:
        """Finish the message that is under way, then stop."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                done = self._city.orders.dispatch()
                trouble = " ".join(done.troubles)
            except CitywardError as error:
                trouble = str(error)
            except Exception as error:  # noqa: BLE001 - the next pass may do better, and the console shows what waits
                trouble = f"This is a defect of cityward ({type(error).__name__})."
            if trouble != self._told:
                self._told = trouble
                if trouble:
                    self._tell(f"Dispatch: {trouble}")
            if self._wait(PASS_SECONDS):
                return

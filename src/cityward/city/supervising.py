"""Threads that must not die silently: begun again with growing waits, and whoever should know is told each time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cityward.core.clock import monotonic

FIRST_WAIT_SECONDS: Final = 1.0
WAIT_SECONDS_MAX: Final = 60.0
"""Between a death and the next life: doubled each time up to this."""

SOUND_SECONDS: Final = 600.0
"""Who lived so long begins with the first wait again."""


@dataclass(slots=True)
class Watched:
    """How the watch over the files does: when it looked last, and how often its thread died since the start."""

    looked_at: datetime | None = None
    deaths: int = 0


def supervise(
    run: Callable[[], None],
    ended: threading.Event,
    died: Callable[[BaseException, float], None],
    first_wait: float = FIRST_WAIT_SECONDS,
) -> None:
    """Call ``run`` until it returns or ``ended`` is set; whatever it raises, it is called again after a wait.

    Parameters
    ----------
    died : callable
        Told of what was raised and of the seconds until the next life; what it raises itself changes nothing.
    """
    wait = first_wait
    while not ended.is_set():
        began = monotonic()
        try:
            run()
        except BaseException as error:  # noqa: BLE001 - whatever ends a watch, somebody has to hear of it
            if monotonic() - began > SOUND_SECONDS:
                wait = first_wait
            with suppress(Exception):  # telling failed; to go on matters more
                died(error, wait)
            ended.wait(wait)
            wait = min(WAIT_SECONDS_MAX, 2 * wait)
        else:
            return

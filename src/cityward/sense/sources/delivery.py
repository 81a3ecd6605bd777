"""Hands a broker's message over, and says whether it may be acknowledged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final

from cityward.core.errors import CityBusy, SourceError, StoreError
from cityward.core.records import Intake

_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 10.0


def hand_over(body: bytes, deliver: Callable[[bytes], Intake], stop: threading.Event, log: logging.Logger) -> bool:
    """Return whether the message is done with.

    A busy city or a failing disk is tried again, ever more slowly, until ``stop``. A message that cannot be
    read as rows at all is logged and done with, or it would come back for ever; a bad *row* goes to
    quarantine in ``deliver``. Any other error ends the listener with the message unacknowledged.
    """
    wait_s = _FIRST_WAIT_S
    while not stop.is_set():
        try:
            deliver(body)
        except (CityBusy, StoreError) as error:
            log.warning("The city cannot take a message now (%s); trying again in %.1f s.", error, wait_s)
            stop.wait(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)
        except SourceError as error:
            log.error("A message of %d bytes cannot be read and was passed over: %s", len(body), error)
            return True
        else:
            return True
    return False

"""The life of alerts: opened by a high threshold, kept by a lower one, cleared when that is undershot for a while."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityward.know.sensing.hours import Flags

OVER, BLOCKED, UNKNOWN = "over", "sensor", "unknown"
"""Why an episode ended: it is over; the sensor fell silent or is at fault; too little is known to go on."""

UNKNOWN_HOURS = 24
"""An alert about which nothing is known for a day is not kept open: a stale value is no current one."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One life: stream, hour of opening, hour of clearing (None while it lasts) and why it was cleared."""

    stream: int
    opened: int
    cleared: int | None = None
    because: str = ""


def episodes(
    opens: Flags, holds: Flags, known: Flags, blocked: Flags, *, open_hours: int = 1, close_hours: int = 6
) -> list[Episode]:
    """Return the episodes of every stream, sorted by opening.

    Parameters
    ----------
    opens, holds : ndarray, shape (streams, hours)
        Whether the condition for opening, and the milder one for keeping open, is met.
    known : ndarray, shape (streams, hours)
        Whether anything is known of the condition; other hours count for neither.
    blocked : ndarray, shape (streams, hours)
        Whether the sensor cannot be believed: nothing opens, and what is open is cleared.
    open_hours, close_hours : int
        Known hours in a row that open, and that close.
    """
    streams, hours = opens.shape
    since = np.full(streams, -1)
    streak, quiet, unknown = (np.zeros(streams, dtype=int) for _ in range(3))
    found: list[Episode] = []
    for hour in range(hours):
        told, shut = known[:, hour], blocked[:, hour]
        running = since >= 0
        streak = np.where(told, np.where(opens[:, hour], streak + 1, 0), streak)
        streak[shut] = 0
        quiet = np.where(told, np.where(holds[:, hour], 0, quiet + 1), quiet)
        unknown = np.where(told, 0, unknown + 1)
        begins = ~running & told & (streak >= open_hours) & ~shut
        since[begins], quiet[begins] = hour, 0
        for ends, because in (
            (running & shut, BLOCKED),
            (running & ~shut & (quiet >= close_hours), OVER),
            (running & ~shut & (unknown >= UNKNOWN_HOURS), UNKNOWN),
        ):
            for stream in np.flatnonzero(ends & (since >= 0)):
                found.append(Episode(int(stream), int(since[stream]), hour, because))
                since[stream], streak[stream] = -1, 0
    found += [Episode(int(stream), int(since[stream])) for stream in np.flatnonzero(since >= 0)]
    return sorted(found, key=lambda episode: (episode.opened, episode.stream))

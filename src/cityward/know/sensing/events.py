"""Jumps that several neighbours show together: something happens, and no sensor is to be checked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cityward.know.sensing.hours import Flags
from cityward.know.sensing.unusual import Scores

TOGETHER_HOURS = 3
"""Neighbours whose jumps lie no further apart see the same thing."""

SHARE = 0.5
"""Share of a sensor's neighbours that must jump with it, in the same direction."""


@dataclass(slots=True)
class Event:
    """Streams that jumped together: hour of opening, of the last jump, and of clearing (None while it lasts).

    ``first`` are the streams of the hour of opening: they name the event, whoever joins it later.
    """

    opened: int
    last: int
    first: frozenset[int]
    streams: set[int]
    sign: int
    cleared: int | None = None


def corroborate(scores: Scores, high: Flags, half: Flags) -> tuple[Flags, list[Event]]:
    """Return where a jump is shared by neighbours, and the events that shared jumps are part of.

    Parameters
    ----------
    scores : Scores
        Signed jumps and the neighbours of each stream.
    high, half : ndarray, shape (streams, hours)
        Where a jump is unusual, and where it is at least half as large.
    """
    shared = np.zeros_like(high)
    events: list[Event] = []
    sign = np.sign(np.nan_to_num(scores.jump)).astype(int)
    for hour in np.flatnonzero(high.any(axis=0)):
        window = slice(max(hour - TOGETHER_HOURS + 1, 0), hour + 1)
        recent = {way: (half[:, window] & (sign[:, window] == way)).any(axis=1) for way in (-1, 1)}
        told = ~np.isnan(scores.jump[:, window]).all(axis=1)
        for stream in np.flatnonzero(high[:, hour]):
            way = int(sign[stream, hour])
            near = scores.near[stream]
            others = near[np.asarray(told)[near]]
            with_it = others[recent[way][others]]
            if not others.size or with_it.size < max(1, SHARE * others.size):
                # What a sensor of an open event says is part of it, and no reason to check the sensor.
                shared[stream, hour] = any(_open(event, int(hour)) and stream in event.streams for event in events)
                continue
            shared[stream, hour] = True
            _join(events, int(hour), {int(stream), *map(int, with_it)}, way, scores)
    last_hour = high.shape[1] - 1
    for event in events:
        if event.last + 2 * TOGETHER_HOURS <= last_hour:
            event.cleared = event.last + 2 * TOGETHER_HOURS
    return shared, events


def _join(events: list[Event], hour: int, streams: set[int], way: int, scores: Scores) -> None:
    """Go on with an event that is still open among the same streams or their neighbours, or begin one."""
    around = streams | {int(near) for stream in streams for near in scores.near[stream]}
    for event in reversed(events):
        if _open(event, hour) and event.streams & around:
            event.last = hour
            event.streams |= streams
            return
    events.append(Event(hour, hour, frozenset(streams), streams, way))


def _open(event: Event, hour: int) -> bool:
    return event.last + 2 * TOGETHER_HOURS > hour

"""The life of needs: what today's turn finds again is the need of yesterday, older by a day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

import msgspec

from cityward.core.records import Moment, Need

SAME_SHARE: Final = 0.5
"""Two findings are one need when they share at least this part of the smaller one's areas."""

REST_DAYS: Final = 14
"""A need that no turn has found for so long is closed: two weeks, so that one quiet week does not end it."""

CLEARLY: Final = 1.1
"""The excess has grown or fallen when it is this many times more or less than at the last turn."""

MOMENTS: Final = 60
"""Turns that a need remembers."""

CLOSED: Final = "closed"


def live_on(
    found: Sequence[Need], before: Sequence[Need], *, as_of: date, answered: Collection[str] = ()
) -> list[Need]:
    """Return today's needs with the name and the past of those that they continue, then those that rest.

    Parameters
    ----------
    found : sequence of Need
        Of this turn, best first.
    before : sequence of Need
        Of the last turn before ``as_of``, with those that rested then.
    as_of : date
        Last day that is known.
    answered : collection of str
        Identifiers of needs for which an action was approved.

    Returns
    -------
    list of Need
        First those found today: ``opened``; ``growing`` or ``fading`` by their excess; ``answered`` when an
        action was approved and the excess does not grow. Then those that were not found: ``fading`` or
        ``answered``, and once, after `REST_DAYS`, ``closed``.

    Notes
    -----
    A finding continues the need of its service whose areas it shares most. A need is continued once: when it
    falls apart, the best finding keeps its name and the others are new.
    """
    waiting = [need for need in before if need.state != CLOSED]
    living: list[Need] = []
    for need in found:
        past = max(waiting, key=lambda old, new=need: (_shared(old, new), old.id), default=None)  # type: ignore[misc]
        if past is None or _shared(past, need) < SAME_SHARE:
            living.append(msgspec.structs.replace(need, moments=(_moment(need, as_of),)))
            continue
        waiting.remove(past)
        living.append(_grown(need, past, as_of, answered=past.id in answered))
    resting = (_resting(need, as_of, answered=need.id in answered) for need in waiting)
    return [*living, *sorted(resting, key=lambda need: (need.state == CLOSED, need.id))]


def _shared(old: Need, new: Need) -> float:
    if old.service != new.service:
        return 0.0
    one, other = set(old.territories), set(new.territories)
    return len(one & other) / min(len(one), len(other))


def _moment(need: Need, as_of: date) -> Moment:
    return Moment(
        day=as_of,
        observed=need.observed,
        expected=need.expected,
        recurrence_days=need.recurrence_days,
        areas=len(need.territories),
    )


def _grown(need: Need, past: Need, as_of: date, *, answered: bool) -> Need:
    now, last = _moment(need, as_of), past.moments[-1]
    grows, falls = now.excess > CLEARLY * last.excess, now.excess * CLEARLY < last.excess
    steady = past.state if past.state != "answered" else "opened"
    state = "growing" if grows else "answered" if answered else "fading" if falls else steady
    return msgspec.structs.replace(need, id=past.id, state=state, moments=(*past.moments, now)[-MOMENTS:])


def _resting(need: Need, as_of: date, *, answered: bool) -> Need:
    rested = (as_of - need.moments[-1].day).days if need.moments else REST_DAYS + 1
    state = CLOSED if rested > REST_DAYS else "answered" if answered else "fading"
    return msgspec.structs.replace(need, state=state)

"""Journeys against a slow search through every ride, one place and one moment at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.equitable.reach.feeds import drawn

from cityward.equitable.reach.profiles import CHANGE_SECONDS
from cityward.equitable.reach.reach import LONGEST_SECONDS, Network
from cityward.equitable.reach.timetable import Timetable, read_timetable
from cityward.equitable.reach.walking import EARTH_METRES, Walk

WALK = Walk(metres_per_second=1.0, detour=1.2, most_seconds=500, change_seconds=300)
LEAVE = 8 * 3600 + 60 * np.arange(6)


def seconds(one: tuple[float, float], other: tuple[float, float], middle: float) -> int:
    east = math.radians(one[0] - other[0]) * EARTH_METRES * math.cos(math.radians(middle))
    north = math.radians(one[1] - other[1]) * EARTH_METRES
    return math.ceil(math.hypot(east, north) * 1.2 - 1e-6)


def can(state: int, wheelchair: str) -> bool:
    return not wheelchair or state == 1 or (state == 0 and wheelchair == "best")


def slowest(
    table: Timetable, place: tuple[float, float], goals: list[tuple[float, float]], leave: int, at: float, chair: str
) -> float:
    """Seconds by a search over the rides that can be sat in, each entered from those found before."""
    stops = list(zip(table.lon.tolist(), table.lat.tolist(), strict=True))
    rides = list(
        zip(
            *(
                column.tolist()
                for column in (
                    table.departs,
                    table.arrives,
                    table.from_stop,
                    table.to_stop,
                    table.trip,
                    table.boards,
                    table.alights,
                    table.wheelchair,
                )
            ),
            strict=True,
        )
    )
    accessible = [can(state, chair) for state in table.wheelchair_stop.tolist()]
    best = min((seconds(place, goal, at) for goal in goals), default=math.inf)
    found: set[int] = set()
    fringe = [
        at_ride
        for at_ride, (leaves, _, stop, _, _, on, _, ride) in enumerate(rides)
        if on
        and accessible[stop]
        and can(ride, chair)
        and (way := seconds(place, stops[stop], at)) <= WALK.most_seconds
        and leave + way <= leaves
    ]
    while fringe:
        now = fringe.pop()
        if now in found:
            continue
        found.add(now)
        _, reaches, _, stop, trip, _, off, ride = rides[now]
        fringe += [
            other
            for other, (later, _, start, _, same, *_) in enumerate(rides)
            if same == trip and start == stop and later >= reaches and other < now
        ]
        if not (off and accessible[stop] and can(ride, chair)):
            continue
        for goal in goals:
            way = seconds(stops[stop], goal, at)
            if way <= WALK.most_seconds:
                best = min(best, reaches + way - leave)
        fringe += [
            other
            for other, (later, _, start, _, _, on, _, kind) in enumerate(rides)
            if on
            and accessible[start]
            and can(kind, chair)
            and (way := seconds(stops[stop], stops[start], at)) <= WALK.change_seconds
            and reaches + CHANGE_SECONDS + way <= later
        ]
    return best


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.integers(0, 100_000))
def test_every_journey_is_the_fastest(seed: int) -> None:
    tables, random = drawn(seed)
    table = read_timetable(tables, None, 8 * 3600 - 600, 10 * 3600)
    lon, lat = random.uniform(0, 0.02, 3), random.uniform(0, 0.02, 3)
    goals = [tuple(random.uniform(0, 0.02, 2).tolist()) for _ in range(2)]
    network = Network(table, lon, lat, LEAVE)
    for chair in ("", "best", "worst"):
        told = network.minutes(*np.array(goals).T, WALK, wheelchair=chair)
        for at in range(3):
            slow = [
                slowest(table, (float(lon[at]), float(lat[at])), goals, int(leave), float(lat.mean()), chair)
                for leave in LEAVE
            ]
            assert min(slow) <= LONGEST_SECONDS
            assert told.least[at] * 60 == pytest.approx(min(slow)), (seed, chair)
            assert told.median[at] * 60 == pytest.approx(sorted(slow)[3]), (seed, chair)

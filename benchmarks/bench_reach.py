"""Reach: a city's timetable scanned once for all departures, beside one search for each place and minute.

``python benchmarks/bench_reach.py``. A grid of 2,500 stops, a bus line along every row and column both ways every six
minutes, 1,200 places and 40 services. The peer is a scan forwards from a place for each minute (Dibbelt and others
2018, section 3), in the same compiler, measured on some of the places.
"""

from __future__ import annotations

from datetime import date
from time import perf_counter

import numpy as np

from cityward.core.clock import rng
from cityward.core.compiled import njit
from cityward.equitable.reach.profiles import CHANGE_SECONDS
from cityward.equitable.reach.reach import LONGEST_SECONDS, Network
from cityward.equitable.reach.timetable import Timetable
from cityward.equitable.reach.walking import NOT_REACHED, Ints, Walk, near, nearest_metres, plane

SIDE = 50
STEP = 0.004
BEGINS = 8 * 3600
LEAVE = BEGINS + 60 * np.arange(60)
WALK = Walk()
SAMPLE = 20


def grid() -> Timetable:
    """Lines along rows and columns, three hours of them."""
    lines = []
    for at in range(SIDE):
        row, column = at * SIDE + np.arange(SIDE), np.arange(SIDE) * SIDE + at
        lines += [row, row[::-1], column, column[::-1]]
    parts = []
    trip = 0
    for number, line in enumerate(lines):
        for leaves in range(BEGINS - 3600 + 13 * number % 360, BEGINS + 3600 + LONGEST_SECONDS, 360):
            times = leaves + 80 * np.arange(SIDE)
            parts.append(np.column_stack([times[:-1], times[1:], line[:-1], line[1:], np.full(SIDE - 1, trip)]))
            trip += 1
    rides = np.concatenate(parts)
    rides = rides[(rides[:, 0] >= BEGINS) & (rides[:, 1] <= BEGINS + 3600 + LONGEST_SECONDS)]
    departs, arrives, start, end, trips = (column.copy() for column in rides[np.argsort(-rides[:, 0], kind="stable")].T)
    yes = np.ones(departs.size, bool)
    lat, lon = np.divmod(np.arange(SIDE * SIDE), SIDE)
    return Timetable(
        stops=tuple(str(at) for at in range(SIDE * SIDE)),
        lon=lon * STEP,
        lat=lat * STEP,
        wheelchair_stop=np.ones(SIDE * SIDE, np.int64),
        departs=departs,
        arrives=arrives,
        from_stop=start,
        to_stop=end,
        trip=trips,
        boards=yes,
        alights=yes,
        wheelchair=np.ones(departs.size, np.int64),
        trips=trip,
        day=date(2024, 5, 6),
    )


@njit(nogil=True)
def _forward(departs, arrives, start, end, trip, goal, starts, index, seconds, reached, trips, change):
    """Earliest arrival at a goal, from stops that are reached at known moments; rides in order of departure."""
    sat = np.zeros(trips, np.bool_)
    board = reached.copy()
    best = NOT_REACHED
    for c in range(departs.size):
        if departs[c] >= best:
            break
        if sat[trip[c]] or board[start[c]] <= departs[c]:
            sat[trip[c]] = True
            if arrives[c] < reached[end[c]]:
                reached[end[c]] = arrives[c]
                best = min(best, arrives[c] + goal[end[c]])
                for k in range(starts[end[c]], starts[end[c] + 1]):
                    board[index[k]] = min(board[index[k]], arrives[c] + change + seconds[k])
    return best


def _peer(table: Timetable, lon: Ints, lat: Ints, goals: tuple[Ints, Ints]) -> Ints:
    at = float(lat.mean())
    stops, places, there = plane(table.lon, table.lat, at), plane(lon, lat, at), plane(*goals, at)
    far = nearest_metres(*stops, *there)
    goal = np.where(far <= WALK.metres(WALK.most_seconds), WALK.seconds(far), NOT_REACHED)
    starts, stop, metres = near(*places, *stops, WALK.metres(WALK.most_seconds))
    change = near(*stops, *stops, WALK.metres(WALK.change_seconds))
    direct = WALK.seconds(nearest_metres(*places, *there))
    order = np.argsort(table.departs, kind="stable")
    rides = [one[order] for one in (table.departs, table.arrives, table.from_stop, table.to_stop, table.trip)]
    walked = WALK.seconds(change[2])
    found = np.empty((lon.size, LEAVE.size), np.int64)
    for place in range(lon.size):
        mine = slice(starts[place], starts[place + 1])
        for minute, leave in enumerate(LEAVE.tolist()):
            reached = np.full(table.lon.size, NOT_REACHED)
            reached[stop[mine]] = leave + WALK.seconds(metres[mine])
            best = _forward(*rides, goal, change[0], change[1], walked, reached, table.trips, CHANGE_SECONDS)
            found[place, minute] = min(best - leave, direct[place])
    return found


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    table, random = grid(), rng(1, "reach benchmark")
    lon, lat = random.uniform(0, SIDE * STEP, (2, 1_200))
    goals = tuple(random.uniform(0, SIDE * STEP, (2, 40)))
    network = Network(table, lon, lat, LEAVE)
    network.minutes(*goals, WALK)  # compiles, once for each installation
    began = perf_counter()
    told = network.minutes(*goals, WALK)
    seconds = perf_counter() - began
    _peer(table, lon[:1], lat[:1], goals)
    began = perf_counter()
    slow = _peer(table, lon[:SAMPLE], lat[:SAMPLE], goals)
    peer = (perf_counter() - began) * lon.size / SAMPLE
    apart = np.abs(told.least[:SAMPLE] - slow.min(axis=1) / 60).max()
    return {
        "reach of 1,200 places, 60 departures, s": (seconds, ""),
        "reach, rides of the timetable": (table.departs.size, ""),
        "reach, peer: a scan for each place and minute, over ours": (peer / seconds, "≥ 5"),
        "reach, most minutes that both are apart": (float(apart), "≤ 0"),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:,.3f} {target}")

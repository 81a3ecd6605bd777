"""Compiled cascade of one event: which assets are down when, given what each needs, its buffers and its repair.

The times at which an asset is down are up to `SPELLS` spells of hours since the event. Where there would be more, the
two with the shortest time between them become one, which errs to the side of caution by that time.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cityward.core.limits import RISK_GROUP
from cityward.secure.risk.chance_kernel import Key, bare, draw, mixed
from cityward.secure.risk.quantities import Columns

SPELLS: Final = 4
_ROOM: Final = 64


class Net(NamedTuple):
    """Arrays of `Graph` that the cascade reads."""

    stream: NDArray[np.uint64]
    need_begin: NDArray[np.int64]
    member_begin: NDArray[np.int64]
    member: NDArray[np.int64]
    down_from: NDArray[np.int64]
    buffer: Columns
    repair: Columns
    restart_hours: NDArray[np.float64]
    people: NDArray[np.float64]
    cost_per_hour: NDArray[np.float64]
    repair_cost: NDArray[np.float64]


class Bench(NamedTuple):
    """What one thread works on: spells by asset, how many, which target each goes back to, and room to sort."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]
    spells: NDArray[np.int64]
    root: NDArray[np.int64]
    begin_room: NDArray[np.float64]
    end_room: NDArray[np.float64]
    moment: NDArray[np.float64]
    step: NDArray[np.int64]


def make_bench(assets: int) -> Bench:
    """Room for one thread."""
    return Bench(
        np.zeros((assets, SPELLS)),
        np.zeros((assets, SPELLS)),
        np.zeros(assets, np.int64),
        np.zeros(assets, np.int64),
        np.zeros(_ROOM),
        np.zeros(_ROOM),
        np.zeros(2 * RISK_GROUP * SPELLS),
        np.zeros(2 * RISK_GROUP * SPELLS, np.int64),
    )


@bare()
def joined(begin: NDArray[np.float64], end: NDArray[np.float64], count: int) -> int:
    """Sort spells by their start, make one of those that touch, and of the nearest until `SPELLS` are left."""
    for at in range(1, count):
        first, last, to = begin[at], end[at], at
        while to > 0 and begin[to - 1] > first:
            begin[to], end[to] = begin[to - 1], end[to - 1]
            to -= 1
        begin[to], end[to] = first, last
    kept = 0
    for at in range(1, count):
        if begin[at] <= end[kept]:
            end[kept] = max(end[kept], end[at])
        else:
            kept += 1
            begin[kept], end[kept] = begin[at], end[at]
    kept += 1
    while kept > SPELLS:
        near = 1
        for at in range(2, kept):
            if begin[at] - end[at - 1] < begin[near] - end[near - 1]:
                near = at
        end[near - 1] = end[near]
        for at in range(near, kept - 1):
            begin[at], end[at] = begin[at + 1], end[at + 1]
        kept -= 1
    return kept


@bare(inline="always")
def _add(bench: Bench, count: int, first: float, last: float) -> int:
    if count == _ROOM:
        count = joined(bench.begin_room, bench.end_room, count)
    bench.begin_room[count], bench.end_room[count] = first, last
    return count + 1


@bare(inline="always")
def _unmet(net: Net, bench: Bench, need: int, count: int, buffer: float, restart: float) -> int:
    """Add the spells in which too many members of a need are down for longer than its buffer lasts."""
    moments = 0
    for at in range(net.member_begin[need], net.member_begin[need + 1]):
        other = net.member[at]
        for spell in range(bench.spells[other]):
            for moment, step in ((bench.start[other, spell], 1), (bench.end[other, spell], -1)):
                to = moments
                # What comes back at a moment is back before something else goes down at it.
                while to > 0 and (
                    bench.moment[to - 1] > moment or (bench.moment[to - 1] == moment and bench.step[to - 1] > step)
                ):
                    bench.moment[to], bench.step[to] = bench.moment[to - 1], bench.step[to - 1]
                    to -= 1
                bench.moment[to], bench.step[to] = moment, step
                moments += 1
    down, since, from_ = 0, 0.0, net.down_from[need]
    for at in range(moments):
        down += bench.step[at]
        if bench.step[at] == 1 and down == from_:
            since = bench.moment[at]
        elif bench.step[at] == -1 and down == from_ - 1 and bench.moment[at] > since + buffer:
            count = _add(bench, count, since + buffer, bench.moment[at] + restart)
    return count


@bare(inline="always")
def touched(
    need_begin: NDArray[np.int64],
    member_begin: NDArray[np.int64],
    member: NDArray[np.int64],
    spells: NDArray[np.int64],
    asset: int,
) -> bool:
    """Whether an asset or something that it may need is down; most are not, and handing over all arrays takes long."""
    if spells[asset] > 0:
        return True
    for at in range(member_begin[need_begin[asset]], member_begin[need_begin[asset + 1]]):
        if spells[member[at]] > 0:
            return True
    return False


@bare(inline="always")
def _latest(net: Net, bench: Bench, need: int) -> tuple[int, float, int]:
    """How many members of a need are down at some time, when the last is back, and what that one goes back to."""
    down, last, root = 0, -1.0, 0
    for at in range(net.member_begin[need], net.member_begin[need + 1]):
        other = net.member[at]
        if bench.spells[other] > 0:
            down += 1
            if bench.end[other, bench.spells[other] - 1] > last:
                last, root = bench.end[other, bench.spells[other] - 1], bench.root[other]
    return down, last, root


@bare(inline="always")
def _through(net: Net, bench: Bench, asset: int, need: int, count: int, key: Key) -> int:
    """Add the spells that an asset is down for want of one need."""
    buffer = draw(net.buffer, need, mixed(key, net.stream[asset]), need - net.need_begin[asset] + 1)
    restart = net.restart_hours[asset]
    if net.member_begin[need + 1] - net.member_begin[need] > 1:
        return _unmet(net, bench, need, count, buffer, restart)
    other = net.member[net.member_begin[need]]
    for spell in range(bench.spells[other]):
        if bench.end[other, spell] > bench.start[other, spell] + buffer:
            count = _add(bench, count, bench.start[other, spell] + buffer, bench.end[other, spell] + restart)
    return count


@bare(inline="always")
def settle(net: Net, bench: Bench, asset: int, key: Key) -> float:
    """Work out when an asset is down, after all that it needs; returns its hours."""
    count, latest, root = bench.spells[asset], -1.0, bench.root[asset]
    for at in range(count):
        bench.begin_room[at], bench.end_room[at] = bench.start[asset, at], bench.end[asset, at]
        latest = max(latest, bench.end[asset, at])
    for need in range(net.need_begin[asset], net.need_begin[asset + 1]):
        down, last, last_root = _latest(net, bench, need)
        if down < net.down_from[need]:
            continue
        before = count
        count = _through(net, bench, asset, need, count, key)
        if count > before and last > latest:
            latest, root = last, last_root
    if count == 0:
        return 0.0
    count = joined(bench.begin_room, bench.end_room, count)
    hours = 0.0
    for at in range(count):
        bench.start[asset, at], bench.end[asset, at] = bench.begin_room[at], bench.end_room[at]
        hours += bench.end_room[at] - bench.begin_room[at]
    bench.spells[asset], bench.root[asset] = count, root
    return hours


@bare(inline="always")
def strike(bench: Bench, asset: int, first: float, last: float, target: int) -> None:
    """Put an asset down itself, before anything is settled."""
    count = bench.spells[asset]
    if last <= first:
        return
    if count == SPELLS:
        bench.end[asset, count - 1] = max(bench.end[asset, count - 1], last)
        bench.start[asset, count - 1] = min(bench.start[asset, count - 1], first)
        return
    bench.start[asset, count], bench.end[asset, count] = first, last
    if count == 0:
        bench.root[asset] = target
    bench.spells[asset] = count + 1

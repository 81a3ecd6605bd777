"""Cuts the power of a recorded life, and judges what is left."""

from __future__ import annotations

import json
import random
import sys
import traceback
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tests.simulation.power_cut.disk_model import Cut, Disk, Tree, every_cut, some_cut
from tests.simulation.power_cut.judge import judge, laid_out
from tests.simulation.power_cut.recording import Recording, read_trace, record

LIFE = Path(__file__).with_name("city_life.py")

LOOKED_CLOSELY = 4
"""Of so many cities that a cut left, one is looked at more closely."""

SLOW_FSYNC_US = 4_000
"""How much longer an fsync takes in a recorded life: as on a busy disk, not in memory."""


def recorded_life(work: Path) -> Recording:
    """Live a short life under strace, with its city in ``work/disk/city``, and return what it asked of the disk."""
    (work / "disk").mkdir(parents=True)
    told, trace = work / "told", work / "trace"
    command = [sys.executable, str(LIFE), str(work / "disk" / "city"), str(work / "files"), str(told)]
    record(command, trace, fsync_delay_us=SLOW_FSYNC_US)
    return read_trace(trace, work / "disk", told)


def acknowledged(recording: Recording, at: int) -> list[dict[str, Any]]:
    """What the city had said by then."""
    return [json.loads(line) for begin, line in recording.told if begin <= at]


def sampled(recording: Recording, disk: Disk, seed: int) -> Iterator[tuple[Cut, Tree]]:
    """Cuts by chance, without end; each leaves another disk."""
    chance, seen = random.Random(seed), set[bytes]()
    while True:
        cut = some_cut(disk, recording, chance)
        tree = disk.tree(cut)
        if (digest := _digest(tree)) not in seen:
            seen.add(digest)
            yield cut, tree


def enumerated(recording: Recording, disk: Disk) -> Iterator[tuple[Cut, Tree]]:
    """Every subset of what is open just when something is acknowledged, and at every fsync after it."""
    places = sorted({at for at, _ in recording.told} | {sync.end for sync in recording.syncs})
    seen = set[bytes]()
    for at in places:
        for cut in every_cut(disk, at):
            tree = disk.tree(cut)
            if (digest := _digest(tree)) not in seen:
                seen.add(digest)
                yield cut, tree


def judged(recording: Recording, cut: Cut, tree: Tree, work: Path) -> list[str]:
    """What is wrong with the city that a cut left."""
    told = acknowledged(recording, cut.at)
    with laid_out(tree, work) as disk:
        try:
            return judge(disk / "city", told, closely=cut.at % LOOKED_CLOSELY == 0)
        except Exception:  # noqa: BLE001 - whatever it is, the city did not open
            return [traceback.format_exc(limit=-6)]


def _digest(tree: Tree) -> bytes:
    digest = blake2b(digest_size=16)
    for path, content in sorted(tree.items()):
        digest.update(f"{path}\x00{-1 if content is None else len(content)}\x00".encode())
        digest.update(content or b"")
    return digest.digest()

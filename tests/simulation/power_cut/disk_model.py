"""Which disks a power cut may leave, by a model that promises as little as POSIX does.

- A change of a file's content survives for sure when an fsync of that file began after the change had returned, and
  had itself returned before the cut. Every other change that had begun may be there, absent, or there in part: any of
  its sectors of 512 bytes, the others as they were before (zeros where the file was shorter), and the file may have
  its new length without any of the data.
- A change of names (create, link, rename, unlink, mkdir) survives for sure when an fsync of the folder did; any other
  is there wholly or not at all, in any subset, whatever came before or after it. A rename is one change.
  An fsync of a file does not save its name, and one of a folder not the folder's own.
- Nothing else orders anything: not the order of calls, not closing a file, not another file's fsync.

This allows more than ext4 does in its usual mode (which commits names in order), so that what holds here holds there.

Source: Pillai et al., All File Systems Are Not Created Equal (OSDI 2014), sections 3 and 4 (abstract persistence
models, block-level atomicity); Mohan et al., CrashMonkey and ACE (OSDI 2018), for bounded enumeration. Own code.
"""

from __future__ import annotations

import itertools
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.simulation.power_cut.recording import PASSING, ROOT, Change, Naming, Recording

SECTOR_BYTES = 512
"""What a disk writes wholly or not at all."""

FREE_ENUMERATED = 6
"""With at most so many changes left open at a cut, every subset of them is tried."""

Tree = dict[str, bytes | None]
"""A folder's content by path; None stands for a folder."""

KEPT, LOST = -1, -2
"""Fates of a change; a number from 0 on is the seed of a torn one."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A power cut and what it left: the place in the trace, and the fate of each change that was not safe yet."""

    at: int
    fates: tuple[int, ...]


class Disk:
    """The disk of a recording at any place of its trace.

    Parameters
    ----------
    recording : Recording
        What happened to a folder that was empty at first.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._changes, self._namings = recording.changes, recording.namings
        # By inode: fsyncs in the order in which they returned, with the latest beginning among those so far.
        self._synced: dict[int, tuple[list[int], list[int]]] = {}
        for sync in sorted(recording.syncs, key=lambda one: one.end):
            ends, begins = self._synced.setdefault(sync.inode, ([], []))
            ends.append(sync.end)
            begins.append(max(sync.begin, begins[-1] if begins else -1))
        self._changed = [change.begin for change in self._changes]
        self._named = [naming.begin for naming in self._namings]

    def open_at(self, at: int) -> list[Change | Naming]:
        """Changes that had begun at ``at`` and were not safe yet: first of contents, then of names."""
        changes = [one for one in self._changes[: bisect_right(self._changed, at)] if not self._safe(one, at)]
        namings = [one for one in self._namings[: bisect_right(self._named, at)] if not self._safe(one, at)]
        return [*changes, *namings]

    def matters(self, one: Change | Naming) -> bool:
        """Whether it touches more than what nobody needs after a restart."""
        passing = self._recording.passing
        if isinstance(one, Change):
            return one.inode not in passing
        return any(parent not in passing and not PASSING.search(name) for parent, name, _ in one.edits)

    def tree(self, cut: Cut) -> Tree:
        """What is on the disk after a cut."""
        fates = {id(one): fate for one, fate in zip(self.open_at(cut.at), cut.fates, strict=True)}
        names: dict[tuple[int, str], int] = {}
        for naming in self._namings[: bisect_right(self._named, cut.at)]:
            if fates.get(id(naming), KEPT) != LOST:
                _rename(names, naming)
        contents: dict[int, bytearray] = {}
        for change in self._changes[: bisect_right(self._changed, cut.at)]:
            _write(contents.setdefault(change.inode, bytearray()), change, fates.get(id(change), KEPT))
        return dict(_walk(ROOT, "", _children(names), contents, self._recording.folders))

    def _safe(self, one: Change | Naming, at: int) -> bool:
        inodes = {one.inode} if isinstance(one, Change) else {parent for parent, _, _ in one.edits}
        return all(self._synced_since(inode, one.end, at) for inode in inodes)

    def _synced_since(self, inode: int, end: int, at: int) -> bool:
        ends, begins = self._synced.get(inode, ([], []))
        last = bisect_right(ends, at)
        return last > 0 and begins[last - 1] > end


def whole(at: int, disk: Disk) -> Cut:
    """The cut that loses nothing: what the process itself saw."""
    return Cut(at, (KEPT,) * len(disk.open_at(at)))


def every_cut(disk: Disk, at: int) -> Iterator[Cut]:
    """All subsets of what is open at ``at`` and matters; none where more than `FREE_ENUMERATED` changes do."""
    matter = [disk.matters(one) for one in disk.open_at(at)]
    if sum(matter) <= FREE_ENUMERATED:
        yield from (
            Cut(at, fates) for fates in itertools.product(*((KEPT, LOST) if one else (KEPT,) for one in matter))
        )


def some_cut(disk: Disk, recording: Recording, chance: random.Random) -> Cut:
    """A cut by chance: near an acknowledgement or an fsync more often than elsewhere, with fates of every mixture."""
    at = _moment(recording, chance)
    lost, torn = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0)), chance.choice((0.0, 0.2, 0.8))
    fates = []
    for one in disk.open_at(at):
        if isinstance(one, Change) and one.data and chance.random() < torn:
            fates.append(chance.randrange(1 << 30))
        else:
            fates.append(LOST if chance.random() < lost else KEPT)
    return Cut(at, tuple(fates))


def _moment(recording: Recording, chance: random.Random) -> int:
    places: Sequence[int] = [at for at, _ in recording.told]
    kind = chance.random()
    if kind < 0.4:
        return min(recording.length, max(0, chance.choice(places) + chance.randint(-40, 2)))
    if kind < 0.7:
        return chance.choice(recording.syncs).end + chance.randint(-2, 2)
    if kind < 0.9:
        return chance.choice(recording.changes).begin + chance.randint(0, 3)
    return chance.choice(recording.namings).begin + chance.randint(0, 3)


def _rename(names: dict[tuple[int, str], int], naming: Naming) -> None:
    for parent, name, inode in naming.edits:
        if inode is None:
            names.pop((parent, name), None)
        else:
            names[parent, name] = inode


def _write(content: bytearray, change: Change, fate: int) -> None:
    if fate == LOST:
        return
    if change.data is None:
        del content[change.offset :]
        content.extend(bytes(change.offset - len(content)))
        return
    end = change.offset + len(change.data)
    content.extend(bytes(max(0, end - len(content))))
    if fate == KEPT:
        content[change.offset : end] = change.data
        return
    chance = random.Random(fate)
    arrives = chance.choice(_TEARS)(chance)
    for start in range(change.offset // SECTOR_BYTES * SECTOR_BYTES, end, SECTOR_BYTES):
        if arrives(start, change.offset, end):
            first, last = max(start, change.offset), min(start + SECTOR_BYTES, end)
            content[first:last] = change.data[first - change.offset : last - change.offset]


Arrives = Callable[[int, int, int], bool]


def _first_part(chance: random.Random) -> Arrives:
    share = chance.random()
    return lambda start, begin, end: start < begin + share * (end - begin)


def _last_part(chance: random.Random) -> Arrives:
    share = chance.random()
    return lambda start, begin, end: start >= begin + share * (end - begin)


def _any_sectors(chance: random.Random) -> Arrives:
    return lambda *_: chance.random() < 0.5


def _length_alone(chance: random.Random) -> Arrives:
    return lambda *_: False


_TEARS: tuple[Callable[[random.Random], Arrives], ...] = (_first_part, _last_part, _any_sectors, _length_alone)


def _children(names: dict[tuple[int, str], int]) -> dict[int, list[tuple[str, int]]]:
    children: dict[int, list[tuple[str, int]]] = {}
    for (parent, name), inode in names.items():
        children.setdefault(parent, []).append((name, inode))
    return children


def _walk(
    inode: int, path: str, children: dict[int, list[tuple[str, int]]], contents: dict[int, bytearray], folders: set[int]
) -> Iterator[tuple[str, bytes | None]]:
    for name, child in children.get(inode, []):
        below = f"{path}/{name}" if path else name
        if child in folders:
            yield below, None
            yield from _walk(child, below, children, contents, folders)
        else:
            yield below, bytes(contents.get(child, b""))

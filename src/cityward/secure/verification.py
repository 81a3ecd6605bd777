"""Re-computes a whole ledger from its entries, tile by tile, and names the first entry that is not what was signed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cityward.core.errors import LedgerError
from cityward.core.records import Record
from cityward.secure.handover import KIND, Keys, read_handovers
from cityward.secure.merkle import Frontier, leaf_hash
from cityward.secure.note import Checkpoint
from cityward.secure.notes import Notes
from cityward.secure.tiles import ENTRIES, WIDTH, Edge, Place, Tiles, bundle, edge_files, grown, name_of


class Verification(Record, frozen=True, kw_only=True):
    """What `verify` proved, or where it failed.

    ``first_bad`` is the index of the first entry that is not what was signed, when it can be told.
    """

    ok: bool
    entries: int
    root: str
    first_bad: int | None
    message: str


class _Bad(Exception):
    """Entry ``index`` is not what was signed, or the files are not those of the log."""

    def __init__(self, index: int | None, because: str) -> None:
        super().__init__(because)
        self.index, self.because = index, because


def verify(folder: Path, key: Ed25519PublicKey) -> Verification:
    """Re-compute the whole ledger from its entries and check every signature, offline.

    Every checkpoint that was kept must be the root of the entries up to its size, so that a changed entry is named
    even when its hashes were changed with it. ``key`` may be any that the log was handed over to, or from.
    """
    path = folder / "checkpoint"
    if not path.exists():
        return _without_checkpoint(folder)
    try:
        keys = Keys(key, read_handovers(folder))
        newest = keys.check(path.read_bytes().decode("utf-8", "replace"))
        _Replay(folder, keys, newest).run()
    except LedgerError as error:
        return Verification(ok=False, entries=0, root="", first_bad=None, message=str(error))
    except _Bad as bad:
        before = f" Entries 0 to {bad.index - 1} are as signed." if bad.index else ""
        message = f"The ledger was changed: {bad.because}.{before}"
        return Verification(ok=False, entries=bad.index or 0, root="", first_bad=bad.index, message=message)
    return Verification(
        ok=True,
        entries=newest.size,
        root=newest.root.hex(),
        first_bad=None,
        message=f"All {newest.size:,} entries are whole, in order, and signed by this city's key.",
    )


def _without_checkpoint(folder: Path) -> Verification:
    if (folder / "ends").exists():
        told = "The ledger lies as an earlier version wrote it; 'cityward ledger convert' verifies and converts it."
        return Verification(ok=False, entries=0, root="", first_bad=None, message=told)
    empty = not (folder / "tile").exists() and next(iter(Notes(folder)), None) is None
    message = "The ledger is empty." if empty else "The ledger has entries but no signed checkpoint."
    return Verification(ok=empty, entries=0, root="", first_bad=None if empty else 0, message=message)


class _Replay:
    """One pass over the entries of a log; raises `_Bad` at the first that is wrong."""

    def __init__(self, folder: Path, keys: Keys, newest: Checkpoint) -> None:
        self._tiles, self._keys, self._newest = Tiles(folder), keys, newest
        self._notes = self._signed(Notes(folder))
        self._next = next(self._notes, newest)
        self._handovers = {one.index: one for one in keys.handovers}
        self._frontier, self._count, self._proved = Frontier(), 0, 0

    def run(self) -> None:
        """Check entries, hashes and signatures."""
        edge: Edge = ()
        size = self._newest.size
        self._check_roots()
        for index in range(-(-size // WIDTH)):
            begin = self._count
            leaves = self._bundle(index, min(WIDTH, size - begin))
            edge, files = grown(edge, begin, leaves)
            for place, data in files.items():
                if place[0] != 0 and place[2] == WIDTH:
                    self._same(place, data)
        for place, data in edge_files(edge, size).items():
            self._same(place, data)

    def _bundle(self, index: int, width: int) -> list[bytes]:
        try:
            entries = self._tiles.whole_entries(index, width)
        except LedgerError:
            entries = []
        try:
            held = self._tiles.hashes(0, index, width)
        except LedgerError:
            held = ()
        leaves = [leaf_hash(entry) for entry in entries]
        for at, (entry, leaf) in enumerate(zip(entries, leaves, strict=True)):
            if at >= len(held) or held[at] != leaf:
                raise _Bad(self._count, f"entry {self._count} is not the one that was written")
            self._check_handover(entry)
            self._frontier.add(leaf)
            self._count += 1
            self._check_roots()
        if len(entries) < width:
            raise _Bad(self._count, f"entry {self._count} is missing")
        self._same((ENTRIES, index, width), bundle(entries))
        return leaves

    def _check_roots(self) -> None:
        """Hold the root so far against every checkpoint of this size."""
        while self._next.size == self._count:
            if self._frontier.root() != self._next.root:
                last = self._count - 1
                told = f"an entry from {self._proved} to {last} is not the one that was signed"
                raise _Bad(self._proved, told)
            self._proved = self._count
            if self._next is self._newest:
                self._next = Checkpoint(-1, b"")
                return
            self._next = next(self._notes, self._newest)

    def _signed(self, notes: Notes) -> Iterator[Checkpoint]:
        last = 0
        for note in notes:
            found = self._keys.check(note, {self._newest.origin})
            if not last <= found.size <= self._newest.size:
                raise _Bad(None, f"{max(last, found.size)} entries were signed once, and later fewer: it was put back")
            last = found.size
            yield found

    def _check_handover(self, entry: bytes) -> None:
        handover = self._handovers.get(self._count)
        if handover is None:
            return
        try:
            told = msgspec.json.decode(entry)
            held = told["kind"] == KIND and told["facts"]["note"] == handover.note
        except (msgspec.DecodeError, KeyError, TypeError):
            held = False
        if not held:
            raise _Bad(self._count, f"entry {self._count} is not the hand-over of the key that both keys signed")

    def _same(self, place: Place, data: bytes) -> None:
        level, index, width = place
        found = self._tiles.raw(place)
        if found is None and width < WIDTH and self._tiles.raw((level, index, WIDTH)) is not None:
            return  # another program filled it meanwhile
        if found != data:
            raise _Bad(None, f"{name_of(place)} is not what the entries make")

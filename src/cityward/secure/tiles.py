"""Where the hashes and entries of a log lie: tiles of 256, as C2SP tlog-tiles says; the files are what is served.

``tile/<level>/<index>`` holds 256 hashes, each the root of 256**level entries; ``tile/entries/<index>`` holds 256
entries, each after its length in two bytes. A tile that is not full yet lies in ``<index>.p/<width>``. A file is never
changed: it is written beside its place, made durable and moved there.

Source: C2SP tlog-tiles; RFC 6962 section 2.1.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import count
from pathlib import Path
from typing import Final

from cityward.core.disk import sync_file, sync_folder
from cityward.core.errors import LedgerError
from cityward.secure.merkle import EMPTY_ROOT, HASH_BYTES, root_of

WIDTH: Final = 256
"""Hashes or entries of a full tile."""

ENTRIES: Final = "entries"
"""What stands for the level in the names of bundles of entries."""

ENTRY_BYTES_MAX: Final = 65_535
"""Longest entry: the length that two bytes can express."""

LEVELS_MAX: Final = 64
_STEP: Final = 8
_LENGTH_BYTES: Final = 2
_SYNCS_AT_ONCE: Final = 6
"""Files that are made durable side by side: a disk does several in the time of one."""

_PART: Final = re.compile(r"(?:x\d{3}/)*\d{3}")
_WIDTH: Final = re.compile(r"[1-9]\d{0,2}")

Place = tuple[int | str, int, int]
"""Level (or `ENTRIES`), index and width of a tile."""

Edge = tuple[tuple[bytes, ...], ...]
"""Hashes of the tiles at the right edge that are not full, level 0 first; all of a log that its root needs."""


def name_of(place: Place) -> str:
    """Name of a tile's file: ``tile/1/x001/234/067`` or ``tile/0/005.p/12``."""
    level, index, width = place
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.append(f"x{index % 1000:03d}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{'/'.join(reversed(parts))}{partial}"


def place_of(name: str) -> Place | None:
    """Tile that a name stands for; None when it is none, or is written in another way than `name_of` writes it."""
    head, level, rest = [*name.split("/", 2), "", ""][:3]
    index, partial, width = rest.partition(".p/")
    if not (head == "tile" and _PART.fullmatch(index) and (not partial or _WIDTH.fullmatch(width))):
        return None
    if level != ENTRIES and not (level.isascii() and level.isdigit() and int(level) < LEVELS_MAX):
        return None
    number = int(index.replace("x", "").replace("/", ""))
    place = (level if level == ENTRIES else int(level), number, int(width) if partial else WIDTH)
    return place if name_of(place) == name else None


def covers(size: int, place: Place) -> bool:
    """Whether a log of ``size`` entries has all that a tile holds."""
    level, index, width = place
    step = 0 if isinstance(level, str) else level * _STEP
    return (index * WIDTH + width) << step <= size


def bundle(entries: Iterable[bytes]) -> bytes:
    """Entries as they lie in a bundle; each may have `ENTRY_BYTES_MAX` bytes."""
    return b"".join(len(entry).to_bytes(_LENGTH_BYTES, "big") + entry for entry in entries)


def unbundle(data: bytes) -> list[bytes]:
    """Entries of a bundle; one that is cut off is left out."""
    entries, at = [], 0
    while len(data) - at >= _LENGTH_BYTES:
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(data[at:begin], "big")
        if at > len(data):
            break
        entries.append(data[begin:at])
    return entries


def edge_root(edge: Edge) -> bytes:
    """Root of the log that has this edge."""
    ragged: tuple[bytes, ...] = ()
    for hashes in edge:
        if units := (*hashes, *ragged):
            ragged = (root_of(units),)
    return ragged[0] if ragged else EMPTY_ROOT


def grown(edge: Edge, size: int, leaves: Sequence[bytes]) -> tuple[Edge, dict[Place, bytes]]:
    """The edge after more leaves, and every tile that is new or wider by them.

    Parameters
    ----------
    edge : Edge
        Of the log of ``size`` entries.
    leaves : sequence of bytes
        Leaf hashes of the entries that come after them.
    """
    levels = [list(hashes) for hashes in edge]
    tiles: dict[Place, bytes] = {}
    fresh, level = list(leaves), 0
    while fresh:
        if level == len(levels):
            levels.append([])
        first, hashes = (size >> _STEP * level) // WIDTH, levels[level] + fresh
        whole = len(hashes) // WIDTH
        fresh = []
        for at in range(whole):
            tile = hashes[at * WIDTH : (at + 1) * WIDTH]
            tiles[level, first + at, WIDTH] = b"".join(tile)
            fresh.append(root_of(tile))
        levels[level] = hashes[whole * WIDTH :]
        if levels[level]:
            tiles[level, first + whole, len(levels[level])] = b"".join(levels[level])
        level += 1
    return tuple(tuple(hashes) for hashes in levels), tiles


def edge_places(size: int) -> list[Place]:
    """The tiles that are not full in a log of ``size`` entries, and those that come next; level 0 first."""
    levels = range(max(1, -(-size.bit_length() // _STEP)))
    return [(level, (size >> _STEP * level) // WIDTH, (size >> _STEP * level) % WIDTH) for level in levels]


def edge_files(edge: Edge, size: int) -> dict[Place, bytes]:
    """The tiles that are not full in a log of ``size`` entries, with what they hold."""
    held = zip(edge_places(size), edge, strict=False)
    return {place: b"".join(hashes) for place, hashes in held if hashes}


class Tiles:
    """The tiles that lie in ``folder``; nothing that is read is proved by being there.

    Parameters
    ----------
    folder : pathlib.Path
        Of the log; ``tile`` lies in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def hashes(self, level: int, index: int, width: int, first: int = 0) -> tuple[bytes, ...]:
        """The hashes ``first`` to ``width - 1`` of a tile; raises LedgerError when they do not lie there whole."""
        data, end = self._read((level, index, width)), width * HASH_BYTES
        if len(data) < end:
            raise damaged(name_of((level, index, width)))
        return tuple(data[at : at + HASH_BYTES] for at in range(first * HASH_BYTES, end, HASH_BYTES))

    def entries(self, index: int, width: int) -> list[bytes]:
        """The first ``width`` entries of a bundle; raises LedgerError when they do not lie there whole."""
        found = self.whole_entries(index, width)
        if len(found) < width:
            raise damaged(name_of((ENTRIES, index, width)))
        return found

    def whole_entries(self, index: int, width: int) -> list[bytes]:
        """As `entries`, those that are there."""
        return unbundle(self._read((ENTRIES, index, width)))[:width]

    def raw(self, place: Place) -> bytes | None:
        """A tile's file; None when there is none."""
        try:
            return (self._folder / name_of(place)).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def edge(self, size: int) -> Edge:
        """The edge of a log of ``size`` entries."""
        if not size:
            return ()
        return tuple(self.hashes(*place) if place[2] else () for place in edge_places(size))  # type: ignore[arg-type]

    def subtree(self, start: int, end: int) -> bytes:
        """Root over entries ``start`` to ``end - 1``, which is as a proof asks for it.

        ``start`` is a multiple of a power of two no smaller than ``end - start``.
        """
        level = ((end - start).bit_length() - 1) // _STEP
        unit = 1 << _STEP * level
        whole, ragged = divmod(end, unit)
        first = start // unit
        # A tile may have become wider since; what it held then it holds still.
        held = self.hashes(level, first // WIDTH, (whole - 1) % WIDTH + 1, first % WIDTH) if whole > first else ()
        return root_of([*held, self.subtree(whole * unit, end)] if ragged else held)

    def write(self, files: Mapping[Place, bytes], last: Path, data_last: bytes) -> None:
        """Make tiles durable at their places, each whole or not at all, and then the file ``last``; raises OSError."""
        paths = {self._folder / name_of(place): data for place, data in files.items()}
        folders = {path.parent for path in paths}
        synced = folders | {made for folder in folders for made in self._missing(folder)}
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        staged = {**paths, last: data_last}
        for path, data in staged.items():
            _beside(path).write_bytes(data)
        sync_files([_beside(path) for path in staged])
        for path in paths:
            _beside(path).replace(path)
        sync_folders(synced)
        _beside(last).replace(last)
        sync_folder(last.parent)

    def drop_partial(self, places: Iterable[Place]) -> None:
        """Remove what is left of tiles that are full and durable now."""
        for level, index, width in places:
            if width == WIDTH:
                shutil.rmtree(self._folder / (name_of((level, index, WIDTH)) + ".p"), ignore_errors=True)

    def sweep(self, size: int) -> None:
        """Remove what lies beyond a log of ``size`` entries: it was never acknowledged."""
        if not size:
            shutil.rmtree(self._folder / "tile", ignore_errors=True)
            return
        places = edge_places(size)
        top = len(places)
        for level, index, width in [(ENTRIES, *places[0][1:]), *places, (top, 0, 0), (top + 1, 0, 0)]:
            for at in count(index):
                path = self._folder / name_of((level, at, WIDTH))
                partial = path.with_name(f"{path.name}.p")
                if not path.exists() and not partial.exists():
                    break
                path.unlink(missing_ok=True)
                kept = width if at == index else 0
                for file in partial.glob("*"):
                    if not (file.name.isdigit() and 0 < int(file.name) <= kept):
                        file.unlink(missing_ok=True)
                if not kept:
                    shutil.rmtree(partial, ignore_errors=True)
            if index:
                self.drop_partial([(level, index - 1, WIDTH)])

    def _missing(self, folder: Path) -> Iterator[Path]:
        """Folders in which a name is new once ``folder`` is made."""
        while folder != self._folder and not folder.exists():
            folder = folder.parent
            yield folder

    def _read(self, place: Place) -> bytes:
        width = place[2]
        data = self.raw(place)
        if data is None and width < WIDTH:
            # What it holds is the beginning of every wider one, and it became full since or is asked for in part.
            data = next((found for wider in self._wider(place) if (found := self.raw(wider)) is not None), None)
        if data is None:
            raise damaged(name_of(place))
        return data

    def _wider(self, place: Place) -> Iterator[Place]:
        level, index, width = place
        yield level, index, WIDTH
        folder = (self._folder / name_of(place)).parent
        widths = sorted(int(path.name) for path in folder.glob("*") if path.name.isdigit())
        yield from ((level, index, wider) for wider in widths if wider > width)
        yield level, index, WIDTH


def damaged(name: str) -> LedgerError:
    """The error that says which file is missing or not whole."""
    return LedgerError(f"The ledger is damaged: {name} is missing or not whole. Run 'cityward verify'.")


def sync_files(paths: Collection[Path]) -> None:
    """Make the content of files durable, several at once."""
    for _ in _syncing().map(sync_file, paths):
        pass


def sync_folders(paths: Collection[Path]) -> None:
    """Make the names in folders durable, several at once."""
    for _ in _syncing().map(sync_folder, paths):
        pass


@cache
def _syncing() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_SYNCS_AT_ONCE, thread_name_prefix="cityward-ledger")


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")

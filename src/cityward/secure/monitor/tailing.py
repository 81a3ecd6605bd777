"""Follows a log by its name while it is written: whole lines, through rotation and truncation.

What was read stands in `Place`, which whoever follows keeps; the bytes themselves are kept nowhere.
"""

from __future__ import annotations

import os
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from cityward.core.limits import MONITOR_LINE_BYTES, MONITOR_PART_BYTES
from cityward.core.records import Record

HEAD_BYTES: Final = 256
HEADER_BYTES: Final = 65_536
SIBLINGS_MOST: Final = 1_000
"""Files beside a log among which one that was rotated is looked for."""


class Place(Record, frozen=True, kw_only=True):
    """How far a log was read: which file it was (``inode``, digest of its first ``head_bytes``), up to which byte."""

    inode: int = 0
    head: str = ""
    head_bytes: int = 0
    offset: int = 0


class Tail:
    """One log.

    Parameters
    ----------
    path : Path
        It may come later, and another file may take its name.
    place : Place
        Where to read on.
    """

    def __init__(self, path: Path, place: Place) -> None:
        self.path, self.place = path, place
        self.notes: list[str] = []
        self.too_long = 0
        self.header = b""
        """Lines at the beginning of the file that name its fields, as Zeek writes them."""
        self._file: BinaryIO | None = None
        self._skipping = False

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def read(self, most_bytes: int = MONITOR_PART_BYTES) -> bytes:
        """Whole lines that were not read yet, at most about ``most_bytes``; empty where there are none now."""
        if self._file is None and not self._open():
            return b""
        found, before = b"", -1
        while self._file is not None and not found and self.place.offset != before:
            before = self.place.offset  # a line without end is passed over piece by piece
            found = self._lines(self._file, most_bytes)
        if not found and self._file is not None and self._replaced(self._file):
            # What stood in the old file was read to its end: the next bytes come from the one with its name.
            found = self._rest(self._file)
            self.close()
            self._start_anew()
            if not found and self._open() and self._file is not None:
                return self._lines(self._file, most_bytes)
        return found

    def _lines(self, file: BinaryIO, most_bytes: int) -> bytes:
        try:
            size = os.fstat(file.fileno()).st_size
            if size < self.place.offset or not self._is_same(file):
                self.notes.append(f"{self.path.name} was cut short or written anew; it is read from its beginning.")
                self._start_anew()
            self._note_head(file)
            file.seek(self.place.offset)
            held = file.read(min(most_bytes, MONITOR_PART_BYTES))
        except OSError as error:
            self.notes.append(f"{self.path.name} cannot be read: {error.strerror}.")
            self.close()
            return b""
        end = held.rfind(b"\n") + 1
        if self._skipping:
            return self._skip(file, held)
        if not end and len(held) > MONITOR_LINE_BYTES:
            self.too_long += 1
            self._skipping = True
            return self._skip(file, held)
        self._advance(end)
        return held[:end]

    def _skip(self, file: BinaryIO, held: bytes) -> bytes:
        """Pass over a line without end; it was counted when it began."""
        end = held.find(b"\n") + 1
        self._skipping = not end
        self._advance(end or len(held))
        return self._lines(file, MONITOR_PART_BYTES) if end else b""

    def _rest(self, file: BinaryIO) -> bytes:
        """A last line of a file that nobody writes to any more, though it does not end as one."""
        file.seek(self.place.offset)
        held = file.read(MONITOR_LINE_BYTES)
        return held + b"\n" if held.strip() and not self._skipping else b""

    def _advance(self, count: int) -> None:
        self.place = msgspec.structs.replace(self.place, offset=self.place.offset + count)

    def _start_anew(self) -> None:
        self.place, self._skipping, self.header = Place(), False, b""

    def _open(self) -> bool:
        try:
            file: BinaryIO | None = self.path.open("rb")
        except OSError:
            return False
        if file and self.place.inode and not self._was_read(file):
            file.close()
            file = self._rotated()
            if file is None:
                self.notes.append(
                    f"{self.path.name} was replaced while nobody read it, and the file before it is not beside it: "
                    "lines in between may be missing."
                )
                self._start_anew()
                return self._open()
        self._file = file
        if file:
            self._read_header(file)
        return True

    def _was_read(self, file: BinaryIO) -> bool:
        return os.fstat(file.fileno()).st_ino == self.place.inode and self._is_same(file)

    def _rotated(self) -> BinaryIO | None:
        """The file that had the name before: beside it, with the same inode and the same beginning."""
        beside = [one for one in self.path.parent.iterdir() if one.name.startswith(self.path.name) and one.is_file()]
        beside = sorted(beside)[:SIBLINGS_MOST]
        for path in beside:
            try:
                file = path.open("rb")
            except OSError:
                continue
            if self._was_read(file):
                return file
            file.close()
        return None

    def _replaced(self, file: BinaryIO) -> bool:
        try:
            return self.path.stat().st_ino != os.fstat(file.fileno()).st_ino
        except OSError:
            return False  # between two names: the next look sees the new one

    def _is_same(self, file: BinaryIO) -> bool:
        """Whether the file begins as the one that was read did."""
        if not self.place.head_bytes:
            return True
        return _digest(file, self.place.head_bytes) == self.place.head

    def _note_head(self, file: BinaryIO) -> None:
        if self.place.head_bytes < HEAD_BYTES or not self.place.inode:
            held = os.fstat(file.fileno())
            count = min(HEAD_BYTES, held.st_size)
            if count > self.place.head_bytes or not self.place.inode:
                self.place = Place(
                    inode=held.st_ino, head=_digest(file, count), head_bytes=count, offset=self.place.offset
                )
                self._read_header(file)

    def _read_header(self, file: BinaryIO) -> None:
        file.seek(0)
        begin = file.read(HEADER_BYTES)
        kept = []
        for line in begin.splitlines(keepends=True):
            if not line.startswith(b"#"):
                break
            kept.append(line)
        self.header = b"".join(kept) if begin.startswith(b"#") else b""

    def begin(self) -> bytes:
        """The first bytes of the file, which tell its form."""
        if self._file is None:
            return b""
        self._file.seek(0)
        return self._file.read(HEADER_BYTES)


def _digest(file: BinaryIO, count: int) -> str:
    file.seek(0)
    return blake2b(file.read(count), digest_size=16).hexdigest()

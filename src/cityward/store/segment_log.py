"""Segment log: appended, checksummed, durable before it is acknowledged.

A record is a header (magic, number, length, checksum of payload, checksum of header) and a payload.
Records are numbered from 1 without a gap. A torn tail, which was never acknowledged, is cut when the log
is opened for writing; damage anywhere else is an error that names the file.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from cityward.core.disk import durable, make_folder, sync_folder, write_all
from cityward.core.errors import StoreError
from cityward.core.limits import SEGMENT_BYTES

_HEADER = struct.Struct("<4sQQI")
_CHECK = struct.Struct("<I")
_HEADER_BYTES = _HEADER.size + _CHECK.size
_MAGIC = b"CWL1"


class SegmentLog:
    """An append-only log of byte records in a folder.

    Parameters
    ----------
    folder : pathlib.Path
        Made when it is missing.
    writable : bool
        Open for appending: finds the end and cuts a torn tail.
    after : int
        Number of the last record that is kept elsewhere already; numbering goes on from there.
    """

    def __init__(self, folder: Path, *, writable: bool = True, after: int = 0) -> None:
        self._folder = folder
        self._last = after
        self._file: int | None = None
        self._size = 0
        self._broken = False
        if writable:
            with durable("opening the history log"):
                make_folder(folder)
                self._recover()

    @property
    def last(self) -> int:
        """Number of the last acknowledged record."""
        return self._last

    def append(self, payload: bytes | memoryview) -> int:
        """Write a record, make it durable, and return its number.

        Raises
        ------
        StoreError
            The disk refused; the record does not count, and a later append starts where this one began.
        """
        with durable("writing the history log"):
            if self._file is None or self._broken or self._size > SEGMENT_BYTES:
                self._open_segment()
            assert self._file is not None  # noqa: S101 - for the type checker
            try:
                for part in (_frame(self._last + 1, payload), payload):
                    write_all(self._file, part)
                os.fsync(self._file)
            except OSError:
                self._broken = True
                self._cut_back()
                raise
        self._size += _HEADER_BYTES + len(payload)
        self._last += 1
        return self._last

    def replay(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Yield (number, payload) of the acknowledged records with a number above ``after``."""
        for segment in self._segments():
            for number, payload, _ in _read(segment):
                if number > after:
                    yield number, payload

    def cut(self, upto: int) -> None:
        """Delete the segments that hold only records numbered ``upto`` or less."""
        with durable("cutting the history log"):
            segments = self._segments()
            for segment, following in zip(segments, [*segments[1:], None], strict=True):
                ends = _first(following) - 1 if following else self._last
                if ends > upto:
                    break
                if following is None:
                    self._close_segment()
                segment.unlink(missing_ok=True)
            sync_folder(self._folder)

    def close(self) -> None:
        """Close the open segment."""
        self._close_segment()

    def _segments(self) -> list[Path]:
        return sorted(self._folder.glob("*.seg")) if self._folder.exists() else []

    def _recover(self) -> None:
        segments = self._segments()
        for position, segment in enumerate(segments):
            final = position == len(segments) - 1
            end = 0
            for number, _, record_end in _read(segment):
                self._last, end = max(self._last, number), record_end
            if final and end < segment.stat().st_size:
                with durable("mending the history log"):
                    os.truncate(segment, end)
            if final and end == 0:
                segment.unlink()

    def _open_segment(self) -> None:
        self._close_segment()
        path = self._folder / f"{self._last + 1:020d}.seg"
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._size = 0
        self._broken = True  # until the name of the segment is durable, no record of it may count
        sync_folder(self._folder)
        self._broken = False

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._file, self._size)  # type: ignore[arg-type]
            os.lseek(self._file, self._size, os.SEEK_SET)  # type: ignore[arg-type]
            self._broken = self._size == 0
        except OSError:
            return  # the next append opens a new segment; the torn tail is known by its checksum

    def _close_segment(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _frame(number: int, payload: bytes | memoryview) -> bytes:
    header = _HEADER.pack(_MAGIC, number, len(payload), zlib.crc32(payload))
    return header + _CHECK.pack(zlib.crc32(header))


def _first(segment: Path) -> int:
    return int(segment.stem)


def _read(segment: Path) -> Iterator[tuple[int, bytes, int]]:
    """Yield (number, payload, end offset) of whole records; a torn tail ends it quietly."""
    expected = _first(segment)
    try:
        file = segment.open("rb")
    except FileNotFoundError:
        return  # cut by the writer since we listed the folder: its records are in the table
    with file:
        end = 0
        while head := file.read(_HEADER_BYTES):
            record = _parse(head, file.read, expected)
            if record is None:
                file.seek(end + 1)
                if _whole_header_in(file.read()):
                    raise StoreError(
                        f"{segment.name} in the history log is damaged after byte {end}. "
                        "Restore the city from a backup."
                    )
                return
            end += _HEADER_BYTES + len(record)
            yield expected, record, end
            expected += 1


def _parse(head: bytes, read: Callable[[int], bytes], expected: int) -> bytes | None:
    if len(head) < _HEADER_BYTES or not _whole(head):
        return None
    magic, number, length, checksum = _HEADER.unpack(head[: _HEADER.size])
    if magic != _MAGIC or number != expected:
        return None
    payload = read(length)
    return payload if len(payload) == length and zlib.crc32(payload) == checksum else None


def _whole_header_in(rest: bytes) -> bool:
    """Whether a record begins in ``rest``: then what came before was damaged, not torn while being written."""
    at = rest.find(_MAGIC)
    while at >= 0:
        head = rest[at : at + _HEADER_BYTES]
        if len(head) == _HEADER_BYTES and _whole(head):
            return True
        at = rest.find(_MAGIC, at + 1)
    return False


def _whole(head: bytes) -> bool:
    """Whether a header's own checksum holds."""
    checksum: int = _CHECK.unpack(head[_HEADER.size :])[0]
    return checksum == zlib.crc32(head[: _HEADER.size])

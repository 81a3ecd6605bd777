"""Opens a file of unknown origin, tells its form, and hands out its lines."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from cityward.core.errors import UserError
from cityward.core.limits import EXPANDED_BYTES, EXPANSION_RATIO, MONITOR_LINE_BYTES

CHUNK_BYTES: Final = 8 * 2**20
_GZIP: Final = b"\x1f\x8b"
_BOMS: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


class _Bounded(io.RawIOBase):
    """A compressed stream that stops where it expands too far, and where its data end too early."""

    def __init__(self, inner: BinaryIO, most_bytes: int) -> None:
        self._inner, self._left, self.cut = inner, most_bytes, ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self.cut:
            return 0
        try:
            read = self._inner.read(min(len(buffer), self._left))
        except (EOFError, OSError, zlib.error):
            self.cut = "the compressed file is damaged or cut off"
            return 0
        self._left -= len(read)
        if not self._left:
            self.cut = "the compressed file expands too far"
        buffer[: len(read)] = read
        return len(read)


class Opened:
    """A file, decompressed where need be. ``cut`` tells, at its end, why it was not read to its end."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self.name = path.name.lower()
        begin = raw.read(2)
        raw.seek(0)
        self._bounded: _Bounded | None = None
        if begin == _GZIP:
            most = min(EXPANDED_BYTES, max(EXPANSION_RATIO * path.stat().st_size, CHUNK_BYTES))
            self._bounded = _Bounded(cast(BinaryIO, gzip.GzipFile(fileobj=raw)), most)
            self.file: io.BufferedReader = io.BufferedReader(self._bounded, CHUNK_BYTES)
            self.name = self.name.removesuffix(".gz")
        else:
            self.file = cast(io.BufferedReader, raw)
        self.head = self.file.peek(65_536)[:65_536]
        self.encoding = _BOMS.get(self.head[:2], "utf-8")

    @classmethod
    def of_bytes(cls, name: str, content: bytes) -> Opened:
        """Bytes of a file; they are not decompressed."""
        made = cls.__new__(cls)
        made.name, made._bounded = name.lower(), None
        made.file = io.BufferedReader(cast(io.RawIOBase, io.BytesIO(content)))
        made.head, made.encoding = content[:65_536], _BOMS.get(content[:2], "utf-8")
        return made

    @property
    def cut(self) -> str:
        """Why the file was not read to its end; empty where it was."""
        return self._bounded.cut if self._bounded else ""

    def whole(self, most_bytes: int) -> bytes:
        """All bytes.

        Raises
        ------
        UserError
            There are more than ``most_bytes``.
        """
        held = self.file.read(most_bytes + 1)
        if len(held) > most_bytes:
            raise UserError(
                f"{self.name} is one document of more than {most_bytes:,} bytes.", "Write one event in each line."
            )
        return held

    def chunks(self) -> Iterator[bytes]:
        """The bytes in pieces that end with a line; UTF-16 becomes UTF-8."""
        if self.encoding != "utf-8":
            yield self.file.read(EXPANDED_BYTES).decode(self.encoding, "replace").lstrip("\ufeff").encode()
            return
        left = b""
        while piece := self.file.read(CHUNK_BYTES):
            left += piece
            end = left.rfind(b"\n") + 1
            if end:
                yield left[:end]
                left = left[end:]
            elif len(left) > 64 * CHUNK_BYTES:
                # A line without end is told as one that is too long; what it holds need not be kept.
                left = left[: MONITOR_LINE_BYTES + 1]
        if left:
            yield left

    def lines(self) -> Iterator[list[bytes]]:
        """Lines, many at a time."""
        for chunk in self.chunks():
            yield chunk.split(b"\n")

    def first_lines(self) -> list[str]:
        """Up to 50 lines from the beginning that say something."""
        text = self.head.decode(self.encoding, "replace").lstrip("\ufeff")
        return [line for line in text.splitlines()[:200] if line.strip()][:50]


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a file of logs.

    Raises
    ------
    UserError
        It is not there or cannot be read.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.", "Name a file of logs that you may read.") from None
    with raw:
        yield Opened(path, cast(BinaryIO, raw))

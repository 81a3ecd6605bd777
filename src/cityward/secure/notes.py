"""Every checkpoint that a log signed, one after another: by them a change is found where it was made.

The newest checkpoint lies in a file of its own, which counts. What is lost here by a power cut makes the place of a
change less exact, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cityward.core.disk import write_all
from cityward.core.errors import LedgerError
from cityward.secure.note import Checkpoint, parse
from cityward.secure.signed_text import NOTE_CHARS_MAX

NOTES: Final = "checkpoints"
END: Final = b"\x00"
_BLOCK: Final = 1 << 20


class Notes:
    """The file ``checkpoints`` in a folder: notes in the order of their signing, 0x00 after each."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NOTES

    def add(self, note: str) -> None:
        """Add a note; a disk that refuses it loses the exact place of later changes, so it is no error."""
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                write_all(descriptor, note.encode() + END)
            finally:
                os.close(descriptor)
        except OSError:
            return

    def last(self) -> Checkpoint | None:
        """The newest whole note, read without its signature; None without one."""
        tail = self._tail()
        whole = tail[: tail.rfind(END)] if END in tail else b""
        try:
            return parse(whole[whole.rfind(END) + 1 :].decode("utf-8", "replace")) if whole else None
        except LedgerError:
            return None

    def repair(self) -> None:
        """Cut from the first note on that a power cut left in part: they are not fsynced, and may hold zeros."""
        tail = self._tail()
        begin = self._path.stat().st_size - len(tail) if tail else 0
        at = tail.find(END) + 1 if begin else 0  # what came before the tail began may be the end of a note
        while at < len(tail):
            end = tail.find(END, at)
            if end < 0 or not _is_note(tail[at:end]):
                os.truncate(self._path, begin + at)
                return
            at = end + 1

    def __iter__(self) -> Iterator[str]:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            rest = b""
            while block := file.read(_BLOCK):
                *whole, rest = (rest + block).split(END)
                yield from (note.decode("utf-8", "replace") for note in whole)

    def _tail(self) -> bytes:
        """The end of the file, in which the newest note is whole."""
        if not self._path.exists():
            return b""
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - 8 * NOTE_CHARS_MAX))
            return file.read()


def _is_note(text: bytes) -> bool:
    try:
        parse(text.decode("utf-8", "replace"))
    except LedgerError:
        return False
    return True

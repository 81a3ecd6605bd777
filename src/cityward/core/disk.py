"""Durable writing: what is said to be on disk survives power loss."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path

from cityward.core.errors import StoreError

SUMS = "SHA256SUMS"
"""Name of a file of digests."""

_SUM = re.compile("(?P<digest>[0-9a-f]{64})  (?P<name>[^\\x00]+)")

HALF_WRITTEN = ".new"
"""Ends the name of a file that is being written and gets its own name once it is whole."""


@contextmanager
def durable(doing: str) -> Iterator[None]:
    """Turn an operating system's refusal into a `StoreError` that says what was not done.

    Parameters
    ----------
    doing : str
        What was tried, for the message: ``"writing the history log"``.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"The disk failed while {doing}: {_reason(error)}. What was acknowledged before is safe; "
            "make room or repair the disk, then do the same again."
        ) from error


def _reason(error: OSError) -> str:
    """What the system said; libraries that are not written in Python tell its number in their text alone."""
    told = re.search(r"os error (\d+)", str(error))
    return error.strerror or (os.strerror(int(told[1])) if told else type(error).__name__)


def write_all(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of ``data``, in as many parts as the system takes it."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_file(path: Path, data: bytes | memoryview, mode: int = 0o644) -> None:
    """Write a file and make its content durable."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes | memoryview, sums: Path | None = None) -> None:
    """Put a file in the place of another, or leave the other as it was.

    With ``sums`` its digest is noted there first; see `note_sum`.
    """
    if sums is not None:
        note_sum(sums, path, data)
    new = path.with_name(f".{path.name}{HALF_WRITTEN}")
    write_file(new, data)
    new.replace(path)
    sync_folder(path.parent)


def create_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put a new file where there is none, wholly or not at all, durably.

    Raises
    ------
    FileExistsError
        There is one, perhaps made by another program a moment ago.
    """
    new = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{HALF_WRITTEN}")
    write_file(new, data, mode)
    try:
        os.link(new, path)
    finally:
        new.unlink()
    sync_folder(path.parent)


def note_sum(sums: Path, path: Path, data: bytes | memoryview) -> None:
    """Note the digest that a file below the folder of ``sums`` is about to have, durably, as sha256sum writes it.

    The note comes before the file, so that a file is one of the last two that were noted at any moment.
    """
    line = f"{sha256(data).hexdigest()}  {path.relative_to(sums.parent).as_posix()}\n".encode()
    new = not sums.exists()
    descriptor = os.open(sums, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        end = os.lseek(descriptor, 0, os.SEEK_END)
        torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        write_all(descriptor, b"\n" + line if torn else line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        sync_folder(sums.parent)


def wrong_sums(sums: Path) -> list[Path]:
    """Files that are there and are neither of the last two that ``sums`` has the digest of; others are not asked."""
    noted: dict[str, list[str]] = {}
    for line in sums.read_text("utf-8", "replace").splitlines() if sums.exists() else ():
        if told := _SUM.fullmatch(line):
            noted[told["name"]] = [*noted.get(told["name"], [])[-1:], told["digest"]]
    files = ((sums.parent / name, digests) for name, digests in noted.items())
    return [file for file, digests in files if file.is_file() and _digest(file) not in digests]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def sync_tree(path: Path) -> None:
    """Make a folder durable with everything in it: contents first, then names, the innermost first."""
    for folder, _, files in os.walk(path, topdown=False):
        for name in files:
            sync_file(Path(folder, name))
        sync_folder(Path(folder))


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder, and those above it that are missing, and make their names durable.

    What is fsynced in a folder is lost with it when a power cut takes the folder's own name, so that this is
    made durable even of a folder that is there: whoever made it may have died before.
    """
    if not path.parent.exists():
        make_folder(path.parent, mode)
    path.mkdir(mode, exist_ok=True)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Make a file's content durable."""
    _sync(path, os.O_RDONLY)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable (a new file's content alone is not enough)."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

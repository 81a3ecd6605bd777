"""Durable writing: what is said to be on disk survives power loss."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cityward.core.errors import StoreError


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


def write_file(path: Path, data: bytes | memoryview) -> None:
    """Write a file and make its content durable."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes | memoryview) -> None:
    """Put a file in the place of another, or leave the other as it was."""
    new = path.with_name(f".{path.name}.new")
    write_file(new, data)
    new.replace(path)
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

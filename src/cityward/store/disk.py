"""Durable writing: what is said to be on disk survives power loss."""

from __future__ import annotations

import os
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
        reason = error.strerror or type(error).__name__
        raise StoreError(
            f"The disk failed while {doing}: {reason}. Nothing of it was acknowledged; "
            "make room or repair the disk, then send it again."
        ) from error


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

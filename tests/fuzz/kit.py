"""What harnesses share: a parser with its seeds, and a file that holds what is parsed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cityward.core.errors import CitywardError, Defect


@dataclass(frozen=True, slots=True)
class Harness:
    """A parser and inputs that it takes, from which others are made."""

    run: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]


@cache
def folder() -> Path:
    """A folder for what is parsed as a file."""
    return Path(tempfile.mkdtemp(prefix="cityward-fuzz-"))


def as_file(name: str, data: bytes) -> Path:
    """A file with ``data`` in it."""
    path = folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def as_text(data: bytes) -> str:
    """The text of an input, as whoever reads a form or a note gets it."""
    return data.decode("utf-8", "replace")


def always(*seeds: bytes) -> Callable[[], list[bytes]]:
    """Seeds that are written down."""
    return lambda: list(seeds)


def refused_in_words(read: Callable[[Any], object], given: Any, kind: type[Exception] = CitywardError) -> None:
    """Read something that may be refused, with words."""
    try:
        read(given)
    except kind as error:
        if not str(error).strip():
            raise Defect("An error without words.") from error

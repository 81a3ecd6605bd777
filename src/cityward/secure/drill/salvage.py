"""What survived in an isolated folder and no copy holds yet: the end of the intake's log.

A row is acknowledged once it lies in the log. A copy that is a second old lacks the last of them; but where the
attack did not reach the log, its end can be laid onto the restored one: the copy is a prefix of it, byte by byte.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cityward.core.disk import durable, sync_file, sync_folder

_RUN_BYTES: Final = 2**20
LOG: Final = "history/log"


@dataclass(frozen=True, slots=True)
class Salvaged:
    """Segments that were taken over, and bytes by which they are longer than the copy."""

    segments: int
    more_bytes: int


@durable("salvaging the log")
def salvage(isolated: Path, restored: Path) -> Salvaged:
    """Lay the segments of an isolated log over those of a restored city, where they go on from them.

    A segment that the copy does not hold is taken when it is newer than all that it holds. What is no log is cut by
    the checksums of the records when the city is opened.
    """
    segments = more = 0
    target = restored / LOG
    held = sorted(path.name for path in target.glob("*.seg")) if target.is_dir() else []
    for path in sorted((isolated / LOG).glob("*.seg")):
        copy = target / path.name
        before = copy.stat().st_size if copy.exists() else 0
        newer = not held or path.name > held[-1]
        if path.stat().st_size <= before or not (_begins(path, copy) if copy.exists() else newer):
            continue
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copy.chmod(0o600)
        sync_file(copy)
        segments, more = segments + 1, more + path.stat().st_size - before
    if segments:
        sync_folder(target)
    return Salvaged(segments, more)


def _begins(path: Path, copy: Path) -> bool:
    """Whether ``path`` begins with all of ``copy``."""
    with path.open("rb") as longer, copy.open("rb") as shorter:
        while part := shorter.read(_RUN_BYTES):
            if longer.read(len(part)) != part:
                return False
    return True

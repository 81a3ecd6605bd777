"""Decoy files: nobody has a reason to touch them, so whoever does is noticed at the first.

Their names and their bytes follow from a key that does not lie among them; a digest is thus known without a list that
an intruder could change too. They hold no data of anybody.
"""

from __future__ import annotations

import hmac
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cityward.core.disk import durable, replace_file

FOLDERS: Final = ("", "history", "ledger", "turns", "territories", "zz-archive")
"""Where they lie: first and last in the order of names, and where an intruder would begin."""

NAMES: Final = ("00-payroll.csv", "zz-accounts.csv")
_ROWS: Final = 40


@dataclass(frozen=True, slots=True)
class Decoys:
    """Decoys of one folder: their bytes by path, relative to it."""

    root: Path
    content: Mapping[str, bytes]

    def touched(self, paths: list[str] | None = None) -> list[str]:
        """Those that are gone, changed, or no plain file any more; ``paths`` limits the look."""
        return [path for path in (self.content if paths is None else paths) if not self._is_whole(path)]

    def _is_whole(self, path: str) -> bool:
        try:
            held = (self.root / path).lstat()
            return stat.S_ISREG(held.st_mode) and (self.root / path).read_bytes() == self.content[path]
        except OSError:
            return False


def _content(key: bytes, path: str) -> bytes:
    rows = ["number,cost_centre,amount"]
    for number in range(_ROWS):
        digest = hmac.digest(key, f"{path}\x1f{number}".encode(), "sha256")
        rows.append(f"{number + 1},{int.from_bytes(digest[:2], 'big')},{int.from_bytes(digest[2:5], 'big') / 100:.2f}")
    return ("\n".join(rows) + "\n").encode()


def decoys_of(root: Path, key: bytes) -> Decoys:
    """The decoys that belong into a folder, whether they lie there or not."""
    paths = [f"{folder}/{name}".lstrip("/") for folder in FOLDERS for name in NAMES]
    return Decoys(root, {path: _content(key, path) for path in paths})


@durable("laying decoys")
def lay(root: Path, key: bytes, *, anew: bool = False) -> Decoys:
    """Put the decoys that are missing into a folder; one that lies there is left as it is, unless ``anew``."""
    decoys = decoys_of(root, key)
    for path, content in decoys.content.items():
        target = root / path
        if anew or not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(target, content)
    return decoys

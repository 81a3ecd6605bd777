"""Numba's compiler; what it compiled is kept beside the code, in the user's cache, or else for the process only.

Where neither is writable (a read-only installation of a user without a home) numba would refuse to import. There
each process compiles anew, into a folder that only it can read.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numba
from numba import njit, prange

__all__ = ["njit", "prange"]


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def ensure_cache(beside: Path) -> None:
    """Let numba keep what it compiles in a temporary folder when it could not elsewhere."""
    config: Any = numba.config
    if config.CACHE_DIR and _writable(Path(config.CACHE_DIR)):
        return
    # The home is looked for as numba does; expanduser needs no entry in the list of users.
    user = Path(os.path.expanduser("~"), ".cache", "numba")  # noqa: PTH111
    if not config.CACHE_DIR and (_writable(beside / "__pycache__") or _writable(user)):
        return
    config.CACHE_DIR = tempfile.mkdtemp(prefix="cityward-")
    atexit.register(shutil.rmtree, config.CACHE_DIR, ignore_errors=True)


ensure_cache(Path(__file__).parents[1] / "know")

"""Numba's compiler; what it compiled is kept beside the code, in the user's cache, or else for the process only.

Where neither is writable (a read-only installation of a user without a home) numba would refuse to import. There
each process compiles anew, into a folder that only it can read.
"""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numba
from numba import njit, prange

__all__ = ["njit", "prange", "prepare"]

_ARRAYS = "numba.np.arraymath"
_PREPARING = threading.Lock()


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


def prepare() -> None:
    """Load what compiled code needs of numba, without linear algebra, which none of it uses.

    Otherwise numba looks for it at the first call and imports half of scipy, where that is installed. Code with
    linear algebra in it can be compiled afterwards as before.
    """
    with _PREPARING:
        if _ARRAYS in sys.modules:
            return
        linear: Any = importlib.import_module("numba.np.linalg")
        found, linear.ensure_blas = linear.ensure_blas, _none
        try:
            importlib.import_module(_ARRAYS)
        finally:
            linear.ensure_blas = found


def _none() -> None:
    raise ImportError("no compiled code here uses linear algebra")


ensure_cache(Path(__file__).parents[1] / "know")

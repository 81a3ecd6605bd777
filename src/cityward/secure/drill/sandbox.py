"""The copy that a drill may damage, and the guard that keeps damage inside.

A sandbox is a folder made here, with a marker that holds a token which only its maker knows. `Guard` opens the root
once and reaches every file from there without following a link; what is no plain file with one name, or lies on
another device, is refused.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cityward.core.disk import durable
from cityward.core.errors import Refused, UserError

MARKER: Final = ".cityward-sandbox"
_OUTSIDE: Final = re.compile(
    r"(?ms)^\[\[?(send|backup|access|ledger)\b[^\n]*\n.*?(?=^\[(?!\[?(?:send|backup|access|ledger)\b)|\Z)"
)
"""Tables of city.toml by which a copy would reach something outside itself."""

RULE: Final = "drill-stays-in-its-sandbox"


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A marked copy: its folder, and the token of its marker."""

    root: Path
    token: str


@durable("copying the city for a drill")
def copy_city(city: Path, root: Path) -> Sandbox:
    """Copy a city into the new folder ``root``, cut off from everything outside, and mark it.

    Registers on SQLite are copied as one whole; messages, backups and witnesses of the city are left out of its
    settings. Symbolic links and files that are no plain files are not copied. Every file is a copy of its own: a
    hard link would let an encryption reach the original.

    Raises
    ------
    UserError
        ``root`` exists, or lies in the city, or the city in it.
    """
    inside = root.resolve().is_relative_to(city.resolve()) or city.resolve().is_relative_to(root.resolve())
    if root.exists() or inside:
        raise UserError(
            f"The sandbox {root.name} exists already, or lies in the city.", "Choose a new folder elsewhere."
        )
    root.mkdir(parents=True, mode=0o700)
    for path in sorted(city.rglob("*")):
        target = root / path.relative_to(city)
        if path.is_symlink():
            continue
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif path.is_file() and not path.name.endswith((".db-wal", ".db-shm", ".lock")):
            shutil.copyfile(path, target, follow_symlinks=False)
            target.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IWUSR)
    registers = city / "registers.db"
    if registers.exists():
        (root / "registers.db").unlink()
        held = sqlite3.connect(f"file:{registers}?mode=ro", uri=True)
        with closing(held), closing(sqlite3.connect(root / "registers.db")) as copy:
            held.backup(copy)
    settings = root / "city.toml"
    settings.write_text(_OUTSIDE.sub("", settings.read_text("utf-8")), "utf-8")
    (root / "respond.toml").unlink(missing_ok=True)  # and a playbook of a copy reaches nothing
    return mark(root)


def mark(root: Path) -> Sandbox:
    """Mark a folder that was just made as one that may be damaged."""
    token = secrets.token_hex(16)
    (root / MARKER).write_text(token + "\n", "ascii")
    return Sandbox(root.resolve(), token)


class Guard:
    """The only way by which a drill changes a file.

    Parameters
    ----------
    root : pathlib.Path
        A marked sandbox.
    token : str
        Of its marker.

    Raises
    ------
    Refused
        The folder is not that sandbox, or is a place that cannot be one.
    """

    def __init__(self, root: Path, token: str) -> None:
        if root.is_symlink() or root.resolve() != root or len(root.parts) < 3:
            raise Refused(RULE, "A sandbox is a folder of its own, given by its real path.")
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self.root = root
        try:
            descriptor = os.open(MARKER, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self._root)
            with os.fdopen(descriptor, encoding="ascii") as marker:
                held = marker.read(64).strip()
        except (OSError, UnicodeDecodeError):
            held = ""
        if not token or not secrets.compare_digest(held.encode(), token.encode()):
            os.close(self._root)
            raise Refused(RULE, "This folder is not marked as the sandbox of this drill; nothing was touched.")
        self._device = os.fstat(self._root).st_dev

    def close(self) -> None:
        """Let the folder go."""
        os.close(self._root)

    def files(self) -> Iterator[str]:
        """Paths of the files, relative to the root; the marker is not among them."""
        for folder, names, files, descriptor in os.fwalk(".", dir_fd=self._root, follow_symlinks=False):
            names[:] = sorted(name for name in names if self._is_inside(name, descriptor))
            for name in sorted(files):
                path = os.path.normpath(f"{folder}/{name}")
                if path != MARKER and stat.S_ISREG(os.lstat(name, dir_fd=descriptor).st_mode):
                    yield path

    def _is_inside(self, name: str, descriptor: int) -> bool:
        return os.lstat(name, dir_fd=descriptor).st_dev == self._device

    def folder_of(self, path: str) -> tuple[int, str]:
        """Open the folder of ``path`` without following a link; return its descriptor and the last name.

        Raises
        ------
        Refused
            The path leaves the sandbox, or leads over a link or another device.
        """
        parts = Path(path).parts
        if not parts or Path(path).is_absolute() or ".." in parts:
            raise Refused(RULE, "A path led out of the sandbox; nothing was touched.")
        descriptor = os.dup(self._root)
        for part in parts[:-1]:
            try:
                below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
            except OSError:
                raise Refused(RULE, "A folder of the path is no plain folder; nothing was touched.") from None
            finally:
                os.close(descriptor)
            descriptor = below
        if os.fstat(descriptor).st_dev != self._device:
            os.close(descriptor)
            raise Refused(RULE, "A path led to another device; nothing was touched.")
        return descriptor, parts[-1]

    def open(self, path: str, flags: int) -> int:
        """Open a file of the sandbox; raises as `folder_of`, and `Refused` for a file with several names."""
        folder, name = self.folder_of(path)
        try:
            descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
        except OSError as error:
            raise Refused(RULE, f"A file cannot be opened as a plain one ({error.strerror}).") from None
        finally:
            os.close(folder)
        seen = os.fstat(descriptor)
        if not stat.S_ISREG(seen.st_mode) or seen.st_nlink != 1 or seen.st_dev != self._device:
            os.close(descriptor)
            raise Refused(RULE, "A file has another name outside, or is no plain file; nothing was touched.")
        return descriptor

    def unlink(self, path: str) -> None:
        """Delete a file of the sandbox; raises as `folder_of`."""
        folder, name = self.folder_of(path)
        try:
            os.unlink(name, dir_fd=folder)
        finally:
            os.close(folder)

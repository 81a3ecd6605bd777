"""What a backup gives back that is not a file as it was: rows of interactions, and registers of a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cityward.guard.backup import subject_keys
from cityward.guard.backup_rows import opened_rows, remembering
from cityward.secure.access import tables as access
from cityward.store.copying import TableCopy, load_registers, sound

_PREFIX: Final = "history/interactions/"


class Restored:
    """A city folder that is being filled from a backup.

    Parameters
    ----------
    folder : pathlib.Path
        The folder that is filled.
    keys : pathlib.Path
        The city's keys, as they are now.
    """

    def __init__(self, folder: Path, keys: Path) -> None:
        self._folder, self._keys = folder, remembering(subject_keys(keys))
        self._table = TableCopy(folder / "history")
        self.people_gone = 0
        """Records of persons whose key was destroyed."""

    @staticmethod
    def takes(path: str) -> bool:
        """Whether a file of this path belongs to the table that is written anew."""
        return path.startswith(_PREFIX)

    def rows(self, path: str, parts: Iterable[bytes | memoryview]) -> None:
        """Take in one sealed file of interactions."""
        rows, gone = opened_rows(parts, self._keys)
        self.people_gone += gone
        self._table.file(path.removeprefix(_PREFIX), rows)

    def plain_rows(self, path: str, parts: Iterable[bytes | memoryview]) -> None:
        """Take in one file of interactions that names nobody."""
        import polars as pl

        self._table.file(path.removeprefix(_PREFIX), pl.read_parquet(b"".join(parts), hive_partitioning=False))

    def registers(self, parts: Iterable[bytes | memoryview]) -> None:
        """Make a SQLite file of the registers of a server."""
        path = self._folder / "registers.db"
        path.unlink(missing_ok=True)
        load_registers(_lines(parts), path, (access.META,))

    def finish(self, version: int) -> None:
        """Commit the table of interactions, as one that ends with log record ``version``."""
        self._table.finish(version)

    def sound(self) -> bool:
        """Whether the registers are whole."""
        path = self._folder / "registers.db"
        return not path.exists() or sound(path)


def _lines(parts: Iterable[bytes | memoryview]) -> Iterator[bytes]:
    held = b""
    for part in parts:
        *whole, held = (held + part).split(b"\n")
        yield from whole
    if held:
        yield held

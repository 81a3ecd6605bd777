"""What of a city goes into a backup, as it is at one moment, while others write.

The moment is found without a lock: what changes is looked at before and after, and when something moved in between it
is looked at again. Order makes what is left right: registers first, the ledger last, so that the ledger proves
whatever registers say, and more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cityward.core.clock import pause
from cityward.core.disk import durable
from cityward.core.errors import CityBusy
from cityward.guard.backup import subject_keys
from cityward.guard.backup_rows import KIND, has_persons, remembering, sealed_rows
from cityward.secure.ledger import Ledger
from cityward.store.copying import (
    TABLES,
    server_bytes,
    server_frozen,
    sqlite_bytes,
    sqlite_frozen,
    table_files,
    table_version,
)
from cityward.store.history_table import INTERACTIONS

if TYPE_CHECKING:
    from cityward.guard.registers import Registers

PLAIN: Final = "plain"
ROWS_OF_SERVER: Final = "registers"
"""Kind of the registers of a server: lines of JSON, of which a restored city makes a file."""

SERVER_FILE: Final = "registers.jsonl"
RUN_BYTES: Final = 2**20
_LEFT_OUT: Final = ("keys/", "history/interactions/", "registers.db")
_TRIES, _PAUSE_SECONDS = 40, 0.025
_GROWING: Final = ("history/log", "ledger/entries", "ledger/ends", "ledger/leaves", "ledger/checkpoints")
"""Files that only grow: what they held at the moment is their beginning."""

_CHANGING: Final = (*_GROWING, "ledger/", "registers", "_delta_log/")
"""Files that change as a city works: that they did says nothing of an attack."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the city at the moment: its path, its kind, its size, and how to read it, in runs of `RUN_BYTES`.

    ``stamp`` is equal as long as the file is; ``file`` is where it lies, for a kind that is turned into another form.
    ``changes`` says that it changes as the city works.
    """

    path: str
    kind: str
    size_bytes: int
    stamp: tuple[int, ...]
    read: Callable[[], Iterator[bytes]]
    changes: bool = False
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """A city at one moment: its files, the last log record of its table, and the size and root of its ledger.

    Registers come first; once they are read, ``release`` lets their writers compact them again.
    """

    sources: list[Source] = field(default_factory=list)
    facts: dict[str, str | int] = field(default_factory=dict)
    ledger: tuple[int, str] = (0, "")
    release: Callable[[], None] = lambda: None


@contextmanager
def moment(city: Path, registers: Registers) -> Iterator[Moment]:
    """Hold a city at one moment, for as long as it is read.

    Raises
    ------
    CityBusy
        It is being written so fast that no moment was found.
    """
    for _ in range(_TRIES):
        with ExitStack() as held:
            before = _moment_of(city)
            found = _registers(city, registers, held)
            try:
                table, version = _table(city / "history")
                found += [*_growing(city), *_interactions(city, table)]
                ledger = Ledger(city / "ledger", None)
                facts: dict[str, str | int] = {"interactions": version}
                if _moment_of(city) == before:
                    found += _others(city, {one.path for one in found})
                    yield Moment(found, facts, (ledger.size, ledger.root().hex()), held.close)
                    return
            except FileNotFoundError:  # taken away between being listed and being looked at
                pass
        pause(_PAUSE_SECONDS)
    raise CityBusy(
        "The city is written so fast just now that no moment was found between two writes.",
        "Do the same again; if it stays so, let less come in at once.",
    )


def moving(city: Path) -> list[tuple[str, int, int]]:
    """Name, size and time (ns) of what moves with every write."""
    return [*_moment_of(city), *_looked_at([city / "registers.db-wal"])]


def _moment_of(city: Path) -> list[tuple[str, int, int]]:
    """As `moving`, of ledger and history: the transaction that holds the registers begins while these stand still."""
    history = city / "history"
    paths = [city / "ledger" / "checkpoint", city / "ledger" / "checkpoints"]
    for table in TABLES:
        paths += [*table.log(history).glob("*.seg"), *(table.path(history) / "_delta_log").glob("*.json")]
    return _looked_at(sorted(paths))


def _looked_at(paths: list[Path]) -> list[tuple[str, int, int]]:
    told = []
    for path in paths:
        try:
            seen = path.stat()
        except FileNotFoundError:
            continue
        told.append((str(path), seen.st_size, seen.st_mtime_ns))
    return told


def _registers(city: Path, registers: Registers, held: ExitStack) -> list[Source]:
    path = city / "registers.db"
    if registers._inside.engine.dialect.name != "sqlite":
        connection = held.enter_context(server_frozen(registers._inside.engine))
        never = (0,)  # a server has no stamp: its registers are read each time
        return [Source(SERVER_FILE, ROWS_OF_SERVER, 0, never, lambda: server_bytes(connection), changes=True)]
    if not path.exists():
        return []
    held.enter_context(sqlite_frozen(path))
    found = []
    for file in (path, path.with_name("registers.db-wal")):  # in this order: see `cityward.store.copying`
        if file.exists():
            stamp = _stamp(file)

            def read(file: Path = file, size: int = stamp[0]) -> Iterator[bytes]:
                return sqlite_bytes(file, size, RUN_BYTES)

            found.append(Source(file.name, PLAIN, stamp[0], stamp, read, changes=True))
    return found


def _growing(city: Path) -> list[Source]:
    """Checkpoints, and what is in the logs of history: as much of each as there is at the moment."""
    files = [city / "ledger" / "checkpoint", city / "ledger" / "checkpoints", *(city / "history").glob("log*/*.seg")]
    return [_source(file, file.relative_to(city).as_posix()) for file in files if file.exists()]


_TABLE: dict[Path, tuple[list[tuple[str, int, int]], list[Path], int]] = {}
"""The table of the history that was read last: its log, its files and its version. To open it takes a tenth of a
second on a busy machine, and most seconds it is as it was."""


def _table(history: Path) -> tuple[list[Path], int]:
    """Files of the table of interactions, and the log record with which it ends."""
    folder = INTERACTIONS.path(history)
    log = _looked_at(sorted((folder / "_delta_log").glob("*")))
    held = _TABLE.get(history)
    if held is None or held[0] != log:
        held = (log, table_files(history, INTERACTIONS), table_version(folder))
        _TABLE.clear()
        if _looked_at(sorted((folder / "_delta_log").glob("*"))) == log:  # else what was read may be newer than its log
            _TABLE[history] = held
    return held[1], held[2]


def _interactions(city: Path, files: list[Path]) -> list[Source]:
    keys = remembering(subject_keys(city / "keys"))
    found = []
    for file in files:
        name, stamp = file.relative_to(city).as_posix(), _stamp(file)
        if _named(file, stamp):
            found.append(Source(name, KIND, stamp[0], stamp, partial(sealed_rows, file, keys), file=file))
        else:
            found.append(Source(name, PLAIN, stamp[0], stamp, partial(file_bytes, file)))
    return found


def _others(city: Path, known: set[str]) -> list[Source]:
    """All else, listed after the moment: a file is written before the ledger tells of it."""
    found = []
    for file in sorted(city.rglob("*")):
        name = file.relative_to(city).as_posix()
        if name in known or name.startswith(_LEFT_OUT) or any(part.startswith(".") for part in name.split("/")):
            continue
        if file.is_file() and not file.is_symlink() and file.suffix != ".lock":
            found.append(_source(file, name))
    return found


@lru_cache(maxsize=10_000)
def _named(file: Path, stamp: tuple[int, ...]) -> bool:  # noqa: ARG001 (a file that was written anew is another)
    return has_persons(file)


def _source(file: Path, name: str) -> Source:
    stamp = _stamp(file)
    changes = any(part in name for part in _CHANGING)
    if name == "ledger/checkpoint":  # replaced with every entry: as it is now, whatever comes while the rest is read
        data = file.read_bytes()
        return Source(name, PLAIN, len(data), stamp, lambda: iter([data]), changes=True)
    upto = stamp[0] if name.startswith(_GROWING) else None
    return Source(name, PLAIN, stamp[0], stamp, lambda: file_bytes(file, upto), changes=changes)


def file_bytes(file: Path, upto: int | None = None) -> Iterator[bytes]:
    """Yield a file in runs, or its first ``upto`` bytes."""
    with durable(f"reading {file.name}"), file.open("rb") as opened:
        left = upto
        while data := opened.read(RUN_BYTES if left is None else min(RUN_BYTES, left)):
            yield data
            if left is not None:
                left -= len(data)
                if not left:
                    return


def _stamp(file: Path) -> tuple[int, ...]:
    """What changes with a file; ``ctime`` cannot be set back by whoever changed it."""
    told = file.stat()
    return (told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino)

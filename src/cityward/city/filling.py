"""Fills the folder of a restored city: several files at once, each checked while it is written, then all durable.

Reading, opening, unpacking, summing and writing let other threads run, so that two cores work at once. What is
written is made durable behind it by one more thread: at the end little is left to wait for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from cityward.core.disk import durable, sync_file, sync_folder
from cityward.core.errors import UserError
from cityward.guard.copying import ROWS_OF_SERVER, file_bytes
from cityward.guard.restored import Restored
from cityward.secure.backup.sealing import Damaged, Epoch, Reader, Summed
from cityward.secure.backup.snapshot import Entry

WORKERS: Final = 4
"""Files that are written at once: twice the cores of the smallest machine, since some wait for the disk. Each holds a
part or two of 1 MiB; the packs that they share are bounded in `cityward.secure.backup.sealing.PACKS_HELD`."""

_NAMED: Final = 5


def fill(staging: Path, entries: dict[str, Entry], reader: Reader, epoch: Epoch, filled: Restored) -> None:
    """Write every entry below ``staging``; files are durable when this returns, names of folders are not yet.

    Raises
    ------
    UserError
        Files cannot be restored (they are named; the others are whole), or one is named outside the city.
    StoreError
        The disk failed.
    """
    plain = [one for one in entries.values() if not (Restored.takes(one.path) or one.kind == ROWS_OF_SERVER)]
    targets = {one.path: _inside(staging, one.path) for one in plain}
    with durable("making folders of the restored city"):
        for folder in sorted({target.parent for target in targets.values()}):
            folder.mkdir(parents=True, exist_ok=True)
    bad: dict[str, str] = {}
    with (
        ThreadPoolExecutor(1, "cityward-restore-sync") as settling,
        ThreadPoolExecutor(WORKERS, "cityward-restore") as pool,
    ):
        settled: list[Future[None]] = []
        written = {pool.submit(_restore_file, targets[one.path], one, reader, epoch): one for one in _ordered(plain)}
        try:
            bad |= _rows(entries.values(), reader, epoch, filled)  # meanwhile: the table is one thing, written here
            for done in as_completed(written):
                one = written.pop(done)
                try:
                    done.result()
                except Damaged as error:
                    bad[one.path] = str(error)
                else:
                    settled.append(settling.submit(sync_file, targets[one.path]))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            settling.shutdown(cancel_futures=True)
            raise
        with durable("making the restored files durable"):
            for sync in settled:
                sync.result()
    if bad:
        raise _not_whole(bad, len(entries), staging)


def sync_folders(top: Path) -> None:
    """Make the names in a folder and in all below it durable, the innermost first."""
    with durable("making the restored folders durable"):
        for folder, _, _ in os.walk(top, topdown=False):
            sync_folder(Path(folder))


def _ordered(entries: Iterable[Entry]) -> list[Entry]:
    """By where their parts lie, so that a pack is fetched once; the longest of all first, since it takes one thread."""
    by_pack = sorted(entries, key=lambda one: [(part.pack, part.start) for part in one.parts[:1]])
    return sorted(by_pack, key=lambda one: -(len(one.parts) // _LONG_PARTS))


_LONG_PARTS: Final = 64
"""Parts of 1 MiB from which a file is begun before the others."""


def _rows(entries: Iterable[Entry], reader: Reader, epoch: Epoch, filled: Restored) -> dict[str, str]:
    """Take in what is no file as it was; return what is damaged, and why."""
    bad = {}
    rows = (one for one in entries if Restored.takes(one.path) or one.kind == ROWS_OF_SERVER)
    for one in _ordered(rows):
        parts = reader.bytes_of(one, epoch)
        try:
            if one.kind == ROWS_OF_SERVER:
                filled.registers(parts)
            else:
                (filled.plain_rows if one.kind == "plain" else filled.rows)(one.path, parts)
        except Damaged as error:
            bad[one.path] = str(error)
    return bad


def _restore_file(target: Path, entry: Entry, reader: Reader, epoch: Epoch) -> None:
    if not _is_there(target, entry, epoch):
        _write(target, reader.bytes_of(entry, epoch))


def _inside(staging: Path, path: str) -> Path:
    target = staging / path
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise UserError("The backup names a file outside the city.", "Do not use it: it was not made by cityward.")
    return target


def _is_there(target: Path, entry: Entry, epoch: Epoch) -> bool:
    """Whether an attempt before this one wrote the file already."""
    if not target.exists() or target.stat().st_size != entry.size_bytes:
        return False
    seen = Summed(epoch)
    for run in file_bytes(target):
        seen.add(run)
    return seen.digest() == entry.digest


def _write(target: Path, parts: Iterator[bytes | memoryview]) -> None:
    new = target.with_name(f".{target.name}.new")
    with durable("writing a restored file"):
        with new.open("wb", buffering=0) as file:
            for part in parts:
                view = memoryview(part)
                while view:
                    view = view[file.write(view) :]
        new.replace(target)


def _not_whole(bad: dict[str, str], count: int, staging: Path) -> UserError:
    named = "; ".join(f"{path} ({why})" for path, why in list(bad.items())[:_NAMED])
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return UserError(
        f"{len(bad)} of {count} files cannot be restored: {named}{more}. The other files are whole, in {staging}.",
        "Bring the packs back from a copy of the repository and do the same again, or restore an older snapshot.",
    )

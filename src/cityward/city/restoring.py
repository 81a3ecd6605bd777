"""A city from its backup: into a new folder, checked byte by byte and entry by entry, or not at all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from cityward.city.backing_up import reader_of
from cityward.city.filling import fill, sync_folders
from cityward.core.clock import monotonic
from cityward.core.disk import durable, sync_folder, write_file
from cityward.core.errors import LedgerError, UserError
from cityward.core.records import Record
from cityward.guard.copying import ROWS_OF_SERVER
from cityward.guard.restored import Restored
from cityward.secure.backup.places import open_place
from cityward.secure.backup.repository import Repository, chosen
from cityward.secure.backup.sealing import Damaged, Reader
from cityward.secure.backup.snapshot import Entry, Header, Snapshot
from cityward.secure.keys import load_public_key
from cityward.secure.ledger import verify
from cityward.secure.note import check

_MARK: Final = ".snapshot"
"""File in a folder that is being filled: which snapshot with."""

_SERVER: Final = re.compile(r"""^\s*registers\s*=\s*["']postgresql.*$""", re.MULTILINE)


class Restoration(Record, frozen=True, kw_only=True):
    """What was restored, and what it proves.

    ``people_gone`` counts records of people who were erased since. ``entries_lost`` is how many entries of the ledger
    a later checkpoint knows and this snapshot does not: what was done in them is to be done again.
    """

    snapshot: str
    at: datetime
    folder: str
    files: int
    plain_bytes: int
    seconds: float
    people_gone: int
    ledger_entries: int
    entries_lost: int
    answer: str


def restore(
    url: str,
    folder: Path,
    keys: Path,
    passphrase: bytes,
    *,
    as_of: datetime | None = None,
    snapshot: str | None = None,
    checkpoint: str | None = None,
    allowed: Callable[[Snapshot], None] = lambda _: None,
) -> Restoration:
    """Restore a snapshot into the new folder ``folder``; what was cut off goes on when the same is done again.

    Parameters
    ----------
    url : str
        The repository.
    keys : pathlib.Path
        The city's keys as they are now; they are copied into the restored city.
    passphrase : bytes
        That of the repository.
    as_of : datetime.datetime, optional
        The newest snapshot that the server had by then.
    snapshot : str, optional
        Its identifier or number instead.
    checkpoint : str, optional
        A later signed checkpoint of the ledger: what it knows more is told.
    allowed : callable
        Asked with the snapshot before anything is written; raises to refuse.

    Raises
    ------
    UserError
        The folder exists, the key is another, files cannot be restored (they are named), or the ledger of what was
        restored does not add up. The folder is not there then.
    """
    begun = monotonic()
    if folder.exists():
        raise UserError(f"{folder.name} exists already.", "A restore never writes over anything: choose a new folder.")
    if not (keys / "ledger.pub").exists():
        raise UserError(
            f"{keys} does not hold the city's keys.", "Give your copy of keys/ with --keys: they lie in no backup."
        )
    repository = Repository(open_place(url), load_public_key(keys / "ledger.pub"))
    meant = chosen(repository, as_of=as_of, snapshot=snapshot)
    if not meant.right:
        raise UserError(f"Snapshot {meant.id} is not signed by this city.", "Choose another: it was forged.")
    allowed(meant)
    reader = reader_of(repository, keys, repository.unlocked(passphrase))
    epoch, entries = reader.epoch_of(meant.header), _listed(reader, meant)
    staging = folder.with_name(f".{folder.name}.restoring")
    _begin(staging, meant)
    filled = Restored(staging, keys)
    fill(staging, entries, reader, epoch, filled)
    filled.finish(int(reader.listing(meant.header).facts.get("interactions", 0)))
    if any(entry.kind == ROWS_OF_SERVER for entry in entries.values()):
        _on_a_file(staging / "city.toml")
    _copy_keys(keys, staging / "keys")
    size = _prove(staging, meant.header, filled)
    lost = _lost(checkpoint, size, keys)
    answer = _first_answer(staging)
    (staging / _MARK).unlink()
    sync_folders(staging)
    staging.replace(folder)
    with durable("naming the restored city"):
        sync_folder(folder.parent)
    return Restoration(
        snapshot=meant.id,
        at=meant.at,
        folder=str(folder),
        files=len(entries),
        plain_bytes=sum(entry.size_bytes for entry in entries.values()),
        seconds=round(monotonic() - begun, 3),
        people_gone=filled.people_gone,
        ledger_entries=size,
        entries_lost=lost,
        answer=answer,
    )


def _listed(reader: Reader, meant: Snapshot) -> dict[str, Entry]:
    try:
        return reader.whole(meant)
    except Damaged as error:
        raise UserError(
            f"The list of files of snapshot {meant.id} cannot be read: {error}.",
            "Restore the one before it: 'cityward backup list' lists them.",
        ) from None


def _begin(staging: Path, meant: Snapshot) -> None:
    """Make the folder that is filled; one that was begun with another snapshot is thrown away."""
    mark = staging / _MARK
    if staging.exists() and (not mark.exists() or mark.read_text(encoding="utf-8") != meant.id):
        shutil.rmtree(staging)
    # The table is written anew as a whole: its commit is the last thing that a restore does to it.
    shutil.rmtree(staging / "history" / "interactions", ignore_errors=True)
    with durable("making the folder of the restored city"):
        staging.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_file(mark, meant.id.encode())


def _on_a_file(toml: Path) -> None:
    """Let the restored city keep its registers in a file: it must not write into the server of the city that was."""
    text = toml.read_text(encoding="utf-8")
    with durable("writing the settings of the restored city"):
        write_file(toml, _SERVER.sub('registers = "sqlite"', text).encode())


def _copy_keys(keys: Path, target: Path) -> None:
    for path in sorted(keys.rglob("*")):
        copy = target / path.relative_to(keys)
        if path.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_file(copy, path.read_bytes())
            copy.chmod(0o600)


def _prove(staging: Path, header: Header, filled: Restored) -> int:
    """The size of the restored ledger; raises unless ledger and registers are what was signed."""
    told = verify(staging / "ledger", load_public_key(staging / "keys" / "ledger.pub"))
    if not told.ok or told.entries != header.ledger:
        raise UserError(
            f"The ledger of snapshot {header.sequence} does not add up: {told.message}",
            "Restore an older snapshot, and look at who could write to this city.",
        )
    if header.ledger and told.root != header.root:
        raise UserError(
            f"The ledger of snapshot {header.sequence} is not the one that was signed.", "Restore an older snapshot."
        )
    if not filled.sound():
        raise UserError(
            f"The registers of snapshot {header.sequence} are damaged, and were so when it was made.",
            "Restore an older snapshot.",
        )
    return told.entries


def _lost(checkpoint: str | None, size: int, keys: Path) -> int:
    """How many entries a later checkpoint knows and the restored ledger does not."""
    if checkpoint is None:
        return 0
    try:
        later = check(checkpoint, load_public_key(keys / "ledger.pub"))
    except LedgerError as error:
        raise UserError(str(error), "Give the newest checkpoint that somebody else kept of this city.") from None
    return max(0, later.size - size)


def _first_answer(staging: Path) -> str:
    """The first thing that the restored city says, from what it holds."""
    from cityward.city import open_city

    with open_city(staging) as city:
        told = city.conservation()
        needs = len(turn.needs) if (turn := city.turn()) is not None else 0
        return (
            f"{city.name} answers: of {told['received']:,} rows that came in, {told['admitted']:,} were admitted, "
            f"{told['quarantined']:,} quarantined and {told['refused']:,} refused; {needs} needs stand."
        )

"""Checks every durable file of a city, says what is wrong with it, and mends what can be mended without a loss.

Nothing is removed that is the only copy of anything: what goes are files that were never finished and data files that
no version of a table holds, each named before. What was mended is an entry of the ledger.
"""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from cityward.city.city import City
from cityward.core.disk import HALF_WRITTEN, SUMS, durable, sync_folder, wrong_sums
from cityward.core.errors import CitywardError, LedgerError, StoreError
from cityward.core.faults import Fault
from cityward.core.identifiers import make_id
from cityward.core.receipts import receipt
from cityward.core.records import to_json
from cityward.secure.keys import load_public_key, load_signer

KIND: Final = "fsck"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_PREPARED: Final = "history/.*.commit"
_TURN_AGAIN: Final = "Take the turn again ('cityward run'), or restore the file from a backup."


def faults(city: City) -> list[Fault]:
    """Everything that is wrong with the files of a city; reads only."""
    checks = (_keys, _ledger, _store, _found, _half_written)
    return [fault for check in checks for fault in _guarded(city, check)]


def mend(city: City) -> list[Fault]:
    """Mend what is safe to mend, and return what was found, mended or not.

    Raises
    ------
    cityward.core.errors.CityBusy
        Somebody writes to the city.
    """
    found = faults(city)
    if not any(one.mendable for one in found):
        return found
    try:
        with city.writing():
            return _all_mended(city)
    except (StoreError, LedgerError):
        return found  # too damaged to be opened for writing: a person comes first


def _all_mended(city: City) -> list[Fault]:
    ledger = city.writable_ledger()  # before anything is touched: what is mended has to be told
    done = [_mended(city, one) if one.mendable else one for one in faults(city)]
    mended = [one for one in done if one.mended]
    if mended:
        now = city.clock.now()
        name = make_id("run", KIND, now.isoformat(), len(mended))
        ledger.append([receipt(KIND, name, now, to_json(mended), mended=len(mended), found=len(done))])
    return done


def _guarded(city: City, check: object) -> Iterator[Fault]:
    """What a check yields; what stops it is a fault too."""
    try:
        yield from check(city)  # type: ignore[operator]
    except (CitywardError, OSError, pl.exceptions.PolarsError, msgspec.MsgspecError) as error:
        told = str(error) if isinstance(error, CitywardError) else type(error).__name__
        yield Fault(
            kind="unreadable",
            what=f"A check could not be finished: {told}",
            file=getattr(error, "filename", None) or ".",
            means="What it would have looked at is not known to be sound.",
            remedy="Mend that first, then run 'cityward fsck' again.",
        )


def _keys(city: City) -> Iterator[Fault]:
    folder = city.folder
    for path in (folder.signing_key, folder.public_key, folder.pseudonym_key):
        if not path.exists():
            yield _of_key(city, path, "A key is missing.", "Nothing is written until it is back.")
    for path in sorted(folder.signing_key.parent.rglob("*.key")):
        if path.stat().st_mode & _OTHERS:
            yield Fault(
                kind="permissions",
                what="Others on this machine may read or change a key.",
                file=_named(city, path),
                means="Whoever read it can sign or link people as the city.",
                remedy="'cityward fsck --mend' gives it to its owner alone. Ask who may have read it.",
                mendable=True,
            )
    for sums in sorted(folder.signing_key.parent.rglob(SUMS)):
        for path in wrong_sums(sums):
            yield _of_key(city, path, "A key is not the one that was made.", "People and links would be others.")
    if folder.signing_key.exists() and folder.public_key.exists() and (told := _unlike(city)):
        yield _of_key(city, folder.signing_key, told, "What is signed now is not proved by the key that others hold.")


def _unlike(city: City) -> str:
    """Why the two halves of the ledger's key do not belong together; empty when they do."""
    try:
        same = load_signer(city.folder.signing_key).public_key() == load_public_key(city.folder.public_key)
    except CitywardError as error:
        return str(error)
    return "" if same else "The signing key is not that of the public key beside it."


def _of_key(city: City, path: Path, what: str, means: str) -> Fault:
    remedy = "Restore it from your copy of keys/."
    return Fault(kind="key", what=what, file=_named(city, path), means=means, remedy=remedy)


def _ledger(city: City) -> Iterator[Fault]:
    if not city.folder.public_key.exists():
        return  # told already
    try:
        proof = city.verify()
        told = "" if proof.ok else proof.message
    except LedgerError as error:
        told = str(error)
    if told:
        yield Fault(
            kind="ledger",
            what=told,
            file="ledger",
            means="What the ledger says from there on is not proved.",
            remedy="Stop the server, keep a copy of the folder, tell the security officer, restore the newest backup "
            "that verifies.",
        )


def _store(city: City) -> Iterator[Fault]:
    size = city.ledger_size
    entries: dict[int, dict[str, Any]] = {}

    def is_about(entry: int, name: str) -> bool:
        if not entries:
            entries.update({one["index"]: one for one in city.ledger_entries(0, size)})
        told = entries[entry]
        # A ranking is one entry about all of its cases.
        return name in str(told["subject"]) or (told["kind"] == "ranking" and name in city.cases.names)

    yield from city.keeper.faults(size, is_about)


def _found(city: City) -> Iterator[Fault]:
    """Files of turns and of watches."""
    for folder in (city.folder.turns, city.path / "watch"):
        for path in wrong_sums(folder / SUMS):
            yield _of_turn(city, path, "A file of a turn is not what was written.")
        pointer = folder / "current"
        if pointer.exists() and not (folder / pointer.read_text("utf-8", "replace").strip()).is_dir():
            yield _of_turn(city, pointer, "The name of the last turn leads nowhere.")


def _of_turn(city: City, path: Path, what: str) -> Fault:
    means = "Pages show what is not what was found. The ledger still proves what was."
    return Fault(kind="turn", what=what, file=_named(city, path), means=means, remedy=_TURN_AGAIN)


def _half_written(city: City) -> Iterator[Fault]:
    for path in [*sorted(city.path.rglob(f".*{HALF_WRITTEN}")), *sorted(city.path.glob(_PREPARED))]:
        yield Fault(
            kind="half written",
            what="A file was never finished.",
            file=_named(city, path),
            means="A death cut its writing short. Nothing of it was acknowledged, and nothing reads it.",
            remedy="It can go: 'cityward fsck --mend' removes it.",
            mendable=True,
        )


@durable("mending the city")
def _mended(city: City, fault: Fault) -> Fault:
    path = city.path / fault.file
    if fault.kind == "permissions":
        path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    elif fault.kind == "registers":
        city.keeper.index_anew()
    elif path.is_dir():
        shutil.rmtree(path)
        sync_folder(path.parent)
    else:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
    return msgspec.structs.replace(fault, mended=True)


def _named(city: City, path: Path) -> str:
    return path.relative_to(city.path).as_posix()

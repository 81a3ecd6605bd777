"""Sealed backups: each person's rows under a key of their own, and all of it under a key of the day.

To erase a person from every copy of every backup, his key is destroyed; to let a whole backup go, that of its day.
Keys never lie in a backup.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
import struct
import tarfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from cityward.core.disk import durable, replace_file, sync_folder
from cityward.core.errors import UserError
from cityward.guard.erase import Subject
from cityward.private.pseudonym import load_or_create_key
from cityward.private.punctured import LEAF_DIGITS, PuncturedKey
from cityward.store.erasure import columns_of
from cityward.store.history_table import INTERACTIONS
from cityward.store.restoring import restore_table, version_of

MAGIC: Final = b"cityward sealed backup 1\n"
CHUNK_BYTES: Final = 2**20
_NONCE_BYTES: Final = 12
_DAY_CHARS: Final = 10
_LENGTH: Final = struct.Struct(">I")
_RECORD: Final = struct.Struct(f">{LEAF_DIGITS}s{_NONCE_BYTES}sI")
_SKIPPED: Final = ("keys/", "history/interactions/", "history/log", "registers.db", ".")
EPOCHS: Final = "backup-epochs.key"
"""The keys of all days on which an epoch of a repository can begin, in one."""

_PERSONS, _COMMON, _VERSION = "persons.sealed", "common.arrow", "version"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a backup gave back: rows, and people whose rows cannot be opened because their key was destroyed."""

    rows: int
    people_gone: int


# -- keys ------------------------------------------------------------------------------------------


def subject_key_path(keys: Path) -> Path:
    """Where the key of all subjects lies."""
    return keys / "backup-subjects.key"


def subject_keys(keys: Path) -> PuncturedKey:
    """The keys of subjects, made at random on first use."""
    return PuncturedKey.from_bytes(_made(subject_key_path(keys)))


def _made(path: Path) -> bytes:
    if not path.exists():
        fresh = PuncturedKey.fresh(secrets.token_bytes(32))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_file(path, fresh.to_bytes())
        path.chmod(0o600)
    return path.read_bytes()


def destroy_subject(keys: Path, subject: Subject) -> bool:
    """Destroy the keys of a person in every backup ever sealed; False when none was."""
    path = subject_key_path(keys)
    if not path.exists():
        return False
    held = PuncturedKey.from_bytes(path.read_bytes())
    for source, person in subject.pseudonyms.items():
        held = held.without(leaf_of(source, person))
    with durable("destroying the key of a person"):
        replace_file(path, held.to_bytes())
        path.chmod(0o600)
    return True


def leaf_of(source: str, person: str) -> str:
    """Leaf of a pseudonym (128 bits that nobody can guess) within a source."""
    return sha256(f"{source}\x1f{person}".encode()).hexdigest()[:LEAF_DIGITS]


def _day_key(keys: Path, day: str) -> Path:
    return keys / "backups" / f"{day}.key"


def destroy_days(keys: Path, today: date, kept_days: int) -> int:
    """Destroy the keys of days more than ``kept_days`` ago; return how many."""
    gone = [
        path
        for path in (keys / "backups").glob("*.key")
        if today - date.fromisoformat(path.stem) > timedelta(days=kept_days)
    ]
    with durable("destroying keys of old backups"):
        for path in gone:
            path.write_bytes(bytes(path.stat().st_size))
            path.unlink()
        if gone:
            sync_folder(keys / "backups")
        if (keys / EPOCHS).exists():
            held = PuncturedKey.from_bytes((keys / EPOCHS).read_bytes())
            first = _leaf_of_day(today - timedelta(days=kept_days))
            replace_file(keys / EPOCHS, held.without_before(first).to_bytes())
            (keys / EPOCHS).chmod(0o600)
    return len(gone)


def epoch_key(keys: Path, day: date) -> bytes | None:
    """The key of an epoch that begins on ``day``; None when it was destroyed.

    Keys of all days are derived from one file, so that an older copy of ``keys/`` opens newer backups.
    """
    return PuncturedKey.from_bytes(_made(keys / EPOCHS)).key_of(_leaf_of_day(day))


def _leaf_of_day(day: date) -> str:
    return f"{day.toordinal():0{LEAF_DIGITS}x}"


# -- sealing ---------------------------------------------------------------------------------------


@durable("sealing a backup")
def seal(city: Path, history: Path, keys: Path, target: Path, day: date) -> int:
    """Seal the city into the file ``target``; return the number of rows of interactions. For a city that is flushed.

    Left out are keys and, with registers on PostgreSQL, the registers: its own tools keep those.
    """
    if target.exists() or target.resolve().is_relative_to(city.resolve()):
        raise UserError(f"{target.name} exists already, or lies in the city.", "Choose a new file elsewhere.")
    cipher = ChaCha20Poly1305(load_or_create_key(_day_key(keys, day.isoformat())))
    new = target.with_name(f".{target.name}.new")
    with new.open("wb") as file:
        file.write(MAGIC + day.isoformat().encode())
        sink = _Sealing(file, cipher)
        with tarfile.open(fileobj=sink, mode="w|") as tar:  # type: ignore[call-overload]
            rows = _add_history(tar, history, subject_keys(keys))
            _add_files(tar, city)
        sink.finish()
        file.flush()
        os.fsync(file.fileno())
    new.replace(target)
    sync_folder(target.parent)
    return rows


def _add_history(tar: tarfile.TarFile, history: Path, keys: PuncturedKey) -> int:
    """Rows go from memory to the sealed file; a plain copy on the disk could be left behind by a death."""
    parts = list(columns_of(history, INTERACTIONS, list(INTERACTIONS.kept)))
    rows = pl.concat(parts) if parts else pl.DataFrame(schema=INTERACTIONS.kept)
    open_rows = [rows.filter(pl.col("person").is_null())]
    persons = bytearray()
    for (source, person), part in rows.filter(pl.col("person").is_not_null()).group_by("source", "person"):
        leaf = leaf_of(str(source), str(person))
        key = keys.key_of(leaf)
        if key is None:  # erased before, and here again since: the key of the day has to do
            open_rows.append(part)
            continue
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = ChaCha20Poly1305(key).encrypt(nonce, _arrow(part), leaf.encode())
        persons += _RECORD.pack(leaf.encode(), nonce, len(sealed)) + sealed
    _add(tar, _PERSONS, bytes(persons))
    _add(tar, _COMMON, _arrow(pl.concat(open_rows)))
    _add(tar, _VERSION, str(version_of(history, INTERACTIONS)).encode())
    return rows.height


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, BytesIO(data))


def _add_files(tar: tarfile.TarFile, city: Path) -> None:
    """Add the files that go in as they are; SQLite as a copy that is whole."""
    for path in sorted(city.rglob("*")):
        name = path.relative_to(city).as_posix()
        if path.is_file() and not path.is_symlink() and not name.startswith(_SKIPPED) and path.suffix != ".lock":
            tar.add(path, f"city/{name}", recursive=False)
    if (city / "registers.db").exists():
        with closing(sqlite3.connect(city / "registers.db")) as registers:
            _add(tar, "city/registers.db", registers.serialize())


def _arrow(rows: pl.DataFrame) -> bytes:
    buffer = BytesIO()
    rows.write_ipc(buffer, compression="lz4")
    return buffer.getvalue()


class _Sealing:
    """A file to write to, sealed part by part; each part knows its place, and the last that it is the last."""

    def __init__(self, file: BinaryIO, cipher: ChaCha20Poly1305) -> None:
        self._file, self._cipher = file, cipher
        # The key of a day seals several backups: a random beginning keeps their nonces apart.
        self._salt = secrets.token_bytes(_NONCE_BYTES - 4)
        self._number, self._waiting = 0, bytearray()
        file.write(self._salt)

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:
            self._put(bytes(self._waiting[:CHUNK_BYTES]), last=False)
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def finish(self) -> None:
        self._put(bytes(self._waiting), last=True)

    def _put(self, part: bytes, *, last: bool) -> None:
        nonce = self._salt + self._number.to_bytes(4, "big")
        sealed = self._cipher.encrypt(nonce, part, b"last" if last else b"more")
        self._file.write(_LENGTH.pack(len(sealed)) + sealed)
        self._number += 1


# -- opening ---------------------------------------------------------------------------------------


def open_sealed(sealed: Path, keys: Path, target: Path) -> Restored:
    """Open a backup into the new folder ``target``, with the keys that are left; ``keys`` is copied into it.

    Raises
    ------
    UserError
        It is no sealed backup, was changed, or the key of its day was destroyed.
    """
    if target.exists():
        raise UserError(f"{target.name} exists already.", "Choose a new folder.")
    with sealed.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise UserError(f"{sealed.name} is not a sealed backup.", "Give a file that 'cityward backup seal' made.")
        day = file.read(_DAY_CHARS).decode("ascii", "replace")
        held = {path.stem: path for path in (keys / "backups").glob("*.key")}
        if day not in held:
            raise UserError("The key of this backup's day was destroyed, or is not here.", "It cannot be opened.")
        plain = _opened(file, ChaCha20Poly1305(held[day].read_bytes()), sealed.name)
    staging = target.with_name(f".{target.name}.new")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True, mode=0o700)
    with tarfile.open(fileobj=BytesIO(plain)) as tar:
        tar.extractall(staging, filter="data")
    city = staging / "city"
    told = _restore_history(staging, city / "history", subject_keys(keys))
    for path in sorted(keys.rglob("*")):
        copy = city / "keys" / path.relative_to(keys)
        if path.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            copy.write_bytes(path.read_bytes())
            copy.chmod(0o600)
    city.replace(target)
    for name in (_PERSONS, _COMMON, _VERSION):
        (staging / name).unlink()
    staging.rmdir()
    return told


def _opened(file: BinaryIO, cipher: ChaCha20Poly1305, name: str) -> bytes:
    salt, plain, number, ended = file.read(_NONCE_BYTES - 4), bytearray(), 0, False
    try:
        while head := file.read(_LENGTH.size):
            sealed = file.read(_LENGTH.unpack(head)[0])
            nonce = salt + number.to_bytes(4, "big")
            ended = not file.peek(1)  # type: ignore[attr-defined]
            plain += cipher.decrypt(nonce, sealed, b"last" if ended else b"more")
            number += 1
    except (InvalidTag, struct.error):
        ended = False
    if not ended:
        raise UserError(f"{name} was changed or is cut short.", "Take another copy of it.")
    return bytes(plain)


def _restore_history(staging: Path, history: Path, keys: PuncturedKey) -> Restored:
    parts, gone = [pl.read_ipc(BytesIO((staging / _COMMON).read_bytes()))], 0
    for leaf, nonce, sealed in _records((staging / _PERSONS).read_bytes()):
        key = keys.key_of(leaf)
        if key is None:
            gone += 1
            continue
        plain = ChaCha20Poly1305(key).decrypt(nonce, sealed, leaf.encode())
        parts.append(pl.read_ipc(BytesIO(plain)))
    rows = pl.concat(parts)
    history.mkdir(parents=True, exist_ok=True)
    if rows.height:
        restore_table(history, INTERACTIONS, rows, int((staging / _VERSION).read_text(encoding="ascii")))
    return Restored(rows.height, gone)


def _records(data: bytes) -> Iterable[tuple[str, bytes, bytes]]:
    at = 0
    while at < len(data):
        leaf, nonce, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        yield leaf.decode(), nonce, data[at : at + length]
        at += length

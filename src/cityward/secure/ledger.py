"""The ledger: an append-only Merkle log with signed checkpoints (RFC 6962).

On disk, in one folder: ``entries`` (the bytes, end to end), ``ends`` (where each ends, 8 bytes),
``leaves`` (leaf hashes, 32 bytes) and ``checkpoints`` (signed notes, 0x00 between them). What a
checkpoint does not cover yet was never acknowledged and is cut when the log is opened for writing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.core.disk import durable, sync_folder, write_all
from cityward.core.errors import LedgerError, StoreError
from cityward.core.records import Record
from cityward.secure.merkle import HASH_BYTES, consistency_path, inclusion_path, leaf_hash, node_hash, root_of
from cityward.secure.note import Checkpoint, check, parse, sign

ENTRY_BYTES_MAX = 65_535
"""Longest entry: the length that the tile format of C2SP can express."""

_END_BYTES = 8
_ENDS_AT_ONCE = 4_096


class Frontier:
    """Root of a growing tree: hashes of its complete subtrees, largest first."""

    def __init__(self) -> None:
        self._parts: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        height, current = 0, leaf
        while self._parts and self._parts[-1][0] == height:
            current = node_hash(self._parts.pop()[1], current)
            height += 1
        self._parts.append((height, current))

    def root(self) -> bytes:
        """Root over all leaves so far."""
        if not self._parts:
            return root_of([])
        current = self._parts[-1][1]
        for _, left in reversed(self._parts[:-1]):
            current = node_hash(left, current)
        return current


class Ledger:
    """Reads, and with a signer appends to, the ledger in ``folder``.

    Parameters
    ----------
    folder : pathlib.Path
        Made when it is missing and a signer is given.
    signer : Ed25519PrivateKey or None
        None opens the log for reading.
    """

    def __init__(self, folder: Path, signer: Ed25519PrivateKey | None) -> None:
        self._folder = folder
        self._signer = signer
        self._frontier = Frontier()
        self._checkpoint = Checkpoint(0, root_of([]))
        self._note, self._notes_end = _last_note(folder / "checkpoints")
        if self._note:
            self._checkpoint = parse(self._note)
        if signer is not None:
            with durable("opening the ledger"):
                folder.mkdir(parents=True, exist_ok=True)
                self._recover()

    @property
    def size(self) -> int:
        """Number of acknowledged entries."""
        return self._checkpoint.size

    def root(self) -> bytes:
        """Root over the acknowledged entries."""
        return self._checkpoint.root

    def checkpoint(self) -> str:
        """The last signed checkpoint; empty before the first entry."""
        return self._note

    def append(self, entries: Sequence[bytes]) -> list[int]:
        """Append entries as one group, durable and signed when this returns; return their indexes.

        Raises
        ------
        StoreError
            The disk refused; nothing was acknowledged.
        LedgerError
            The log is open for reading only, or an entry is too long.
        """
        if self._signer is None:
            raise LedgerError("This ledger is open for reading only.")
        if any(len(entry) > ENTRY_BYTES_MAX for entry in entries):
            raise LedgerError(f"An entry of the ledger is longer than {ENTRY_BYTES_MAX} bytes.")
        if not entries:
            return []
        start, end = self.size, self._end(self.size)
        leaves = [leaf_hash(entry) for entry in entries]
        ends = []
        for entry in entries:
            end += len(entry)
            ends.append(end.to_bytes(_END_BYTES, "big"))
        try:
            self._write("entries", self._end(start), b"".join(entries))
            self._write("ends", start * _END_BYTES, b"".join(ends))
            self._write("leaves", start * HASH_BYTES, b"".join(leaves))
            for leaf in leaves:
                self._frontier.add(leaf)
            checkpoint = Checkpoint(start + len(entries), self._frontier.root())
            note = sign(checkpoint, self._signer)
            self._append_note(note)
        except OSError as error:
            self._frontier = self._rebuilt(start)
            reason = error.strerror or type(error).__name__
            raise StoreError(
                f"The disk failed while writing the ledger: {reason}. Nothing of it was acknowledged."
            ) from error
        self._checkpoint, self._note = checkpoint, note
        return list(range(start, checkpoint.size))

    def entry(self, index: int) -> bytes:
        """Return one entry.

        Raises
        ------
        LedgerError
            There is no such entry.
        """
        if not 0 <= index < self.size:
            raise LedgerError(f"The ledger has {self.size} entries; there is no entry {index}.")
        return next(iter(self.entries(index, 1)))

    def entries(self, start: int, count: int) -> Iterator[bytes]:
        """Yield up to ``count`` acknowledged entries from ``start``."""
        stop = min(self.size, start + count)
        if not 0 <= start < stop:
            return
        with (self._folder / "entries").open("rb") as file:
            begin, size = self._end(start), os.fstat(file.fileno()).st_size
            for index, end in enumerate(self._ends(start + 1, stop), start + 1):
                if not begin <= end <= min(size, begin + ENTRY_BYTES_MAX):
                    raise LedgerError(f"The ledger is damaged: entry {index - 1} is not whole. Run 'cityward verify'.")
                file.seek(begin)
                yield file.read(end - begin)
                begin = end

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Audit path of entry ``index`` in the present tree."""
        self.entry(index)
        return inclusion_path(index, self.size, self._range_hash)

    def consistency_proof(self, old: int) -> list[bytes]:
        """Proof that the log of ``old`` entries (1 to `size`) is a prefix of the present one."""
        if not 0 < old <= self.size:
            raise LedgerError(f"The ledger has {self.size} entries; it never had {old}.")
        return consistency_path(old, self.size, self._range_hash)

    def _range_hash(self, start: int, end: int) -> bytes:
        return root_of(self.leaves(start, end))

    def leaves(self, start: int, end: int) -> list[bytes]:
        """Leaf hashes of the entries ``start`` to ``end - 1``, as they lie on disk; nothing is proved by them alone."""
        return _split(_read_range(self._folder / "leaves", start * HASH_BYTES, end * HASH_BYTES), HASH_BYTES)

    def _end(self, count: int) -> int:
        """Byte at which the first ``count`` entries end."""
        raw = _read_range(self._folder / "ends", (count - 1) * _END_BYTES, count * _END_BYTES) if count else b""
        if count and len(raw) != _END_BYTES:
            raise LedgerError(f"The ledger is damaged: the end of entry {count - 1} is missing. Run 'cityward verify'.")
        return int.from_bytes(raw, "big")

    def _ends(self, first: int, last: int) -> Iterator[int]:
        """As `_end`, of every count from ``first`` (at least 1) to ``last``, with few looks at the file."""
        for begin in range(first - 1, last, _ENDS_AT_ONCE):
            stop = min(begin + _ENDS_AT_ONCE, last)
            raw = _read_range(self._folder / "ends", begin * _END_BYTES, stop * _END_BYTES)
            found = _split(raw, _END_BYTES)
            yield from (int.from_bytes(one, "big") for one in found)
            if len(found) < stop - begin:
                raise LedgerError(
                    f"The ledger is damaged: the end of entry {begin + len(found)} is missing. Run 'cityward verify'."
                )

    def _rebuilt(self, size: int) -> Frontier:
        frontier = Frontier()
        for leaf in self.leaves(0, size):
            frontier.add(leaf)
        return frontier

    def _recover(self) -> None:
        """Cut what no checkpoint covers, and refuse to go on from a log that does not add up."""
        kept = {"ends": self.size * _END_BYTES, "leaves": self.size * HASH_BYTES, "entries": self._end(self.size)}
        for name, length in kept.items():
            path = self._folder / name
            path.touch(mode=0o600)
            if path.stat().st_size < length:
                raise LedgerError(
                    f"The ledger is damaged: '{name}' is too short. Run 'cityward verify', then restore a backup."
                )
            os.truncate(path, length)
        self._frontier = self._rebuilt(self.size)
        if self._signer is not None and self._note:
            # What another key signed must not come under ours with the next entry.
            check(self._note, self._signer.public_key())
        if self._frontier.root() != self.root():
            raise LedgerError(
                "The ledger does not add up to its signed checkpoint. Run 'cityward verify' before anything else."
            )

    def _write(self, name: str, offset: int, data: bytes) -> None:
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(descriptor, offset)
            os.lseek(descriptor, offset, os.SEEK_SET)
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _append_note(self, note: str) -> None:
        data = note.encode() + b"\x00"
        self._write("checkpoints", self._notes_end, data)
        if self._notes_end == 0:
            sync_folder(self._folder)
        self._notes_end += len(data)  # last: a note that failed anywhere is written over by the next


class Verification(Record, frozen=True, kw_only=True):
    """What `verify` proved, or where it failed.

    ``first_bad`` is the index of the first entry that is not what was signed, when it can be told.
    """

    ok: bool
    entries: int
    root: str
    first_bad: int | None
    message: str


def verify(folder: Path, key: Ed25519PublicKey) -> Verification:
    """Re-compute the whole ledger from its entries and check every signature, offline.

    Every signed checkpoint since the first must be the root of the entries up to its size, so that a
    changed entry is named even when its leaf hash was changed with it.
    """
    notes = _notes(folder / "checkpoints")
    if not notes:
        empty = not (folder / "entries").exists() or (folder / "entries").stat().st_size == 0
        message = "The ledger is empty." if empty else "The ledger has entries but no signed checkpoint."
        return Verification(ok=empty, entries=0, root="", first_bad=None if empty else 0, message=message)
    try:
        checkpoints = [check(note, key) for note in notes]
    except LedgerError as error:
        return Verification(ok=False, entries=0, root="", first_bad=None, message=str(error))
    return _replay(folder, checkpoints)


def _replay(folder: Path, checkpoints: list[Checkpoint]) -> Verification:
    frontier, count = Frontier(), 0
    ledger = Ledger(folder, None)

    def bad(index: int, because: str) -> Verification:
        message = (
            f"The ledger was changed: {because}. Entries 0 to {index - 1} are as signed."
            if index
            else f"The ledger was changed: {because}."
        )
        return Verification(ok=False, entries=index, root="", first_bad=index, message=message)

    for checkpoint in checkpoints:
        started = count
        try:
            entries = list(ledger.entries(count, checkpoint.size - count))
            leaves = ledger.leaves(count, checkpoint.size)
        except (LedgerError, OSError):
            return bad(started, f"entries after {started} are missing or damaged")
        if checkpoint.size < count or len(entries) != checkpoint.size - count:
            return bad(count + len(entries), f"entry {count + len(entries)} is missing")
        for entry, leaf in zip(entries, [*leaves, *[b""] * (len(entries) - len(leaves))], strict=True):
            computed = leaf_hash(entry)
            if computed != leaf:
                return bad(count, f"entry {count} is not the one that was written")
            frontier.add(computed)
            count += 1
        if frontier.root() != checkpoint.root:
            return bad(started, f"an entry from {started} to {count - 1} is not the one that was signed")
    return Verification(
        ok=True,
        entries=count,
        root=checkpoints[-1].root.hex(),
        first_bad=None,
        message=f"All {count:,} entries are whole, in order, and signed by this city's key.",
    )


def _notes(path: Path) -> list[str]:
    raw = path.read_bytes() if path.exists() else b""
    return [note.decode("utf-8", "replace") for note in raw.split(b"\x00")[:-1]]


def _last_note(path: Path) -> tuple[str, int]:
    """Return the last whole note and the byte at which it ends."""
    raw = path.read_bytes() if path.exists() else b""
    end = raw.rfind(b"\x00") + 1
    start = raw.rfind(b"\x00", 0, end - 1) + 1 if end else 0
    return raw[start : max(end - 1, 0)].decode("utf-8", "replace"), end


def _read_range(path: Path, start: int, end: int) -> bytes:
    if end <= start or not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def _split(raw: bytes, width: int) -> list[bytes]:
    return [raw[at : at + width] for at in range(0, len(raw) - width + 1, width)]

"""The ledger: an append-only Merkle log with signed checkpoints, which lies on disk as it is served.

In one folder: ``checkpoint`` (the newest signed note), ``tile/…`` (hashes and entries; see `cityward.secure.tiles`) and
``checkpoints`` (every note that was signed, 0x00 after each, by which `verify` names the first entry that was changed).
The checkpoint is replaced last, so that what it covers is durable; what it does not cover was never acknowledged.

Source: C2SP tlog-tiles and tlog-checkpoint; RFC 6962.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.core.disk import durable, replace_file, sync_folder
from cityward.core.errors import LedgerError, SettingsError, StoreError
from cityward.secure.handover import read_handovers
from cityward.secure.merkle import EMPTY_ROOT, consistency_path, inclusion_path, leaf_hash
from cityward.secure.note import ORIGIN, Checkpoint, check, parse, sign
from cityward.secure.notes import NOTES, Notes
from cityward.secure.tiles import (
    ENTRIES,
    ENTRY_BYTES_MAX,
    WIDTH,
    Edge,
    Place,
    Tiles,
    bundle,
    edge_root,
    grown,
)
from cityward.secure.verification import Verification, verify

__all__ = ["ALARM", "CHECKPOINT", "Ledger", "Verification", "adopt", "origin_in", "verify"]

CHECKPOINT: Final = "checkpoint"
ALARM: Final = "alarm"
"""File that says that a witness saw another history; with proof of it, nothing more is written."""


def origin_in(folder: Path) -> str | None:
    """Name of the log that lies in ``folder``; None without one, or one that only lies in the earlier form."""
    path = folder / CHECKPOINT
    return parse(path.read_bytes().decode("utf-8", "replace")).origin if path.exists() else None


class Ledger:
    """Reads, and with a signer appends to, the ledger in ``folder``.

    Parameters
    ----------
    folder : pathlib.Path
        Made when it is missing and a signer is given.
    signer : Ed25519PrivateKey or None
        None opens the log for reading.
    origin : str, optional
        Name of the log, which it keeps for ever; that of the log that lies there by default.
    also : sequence of Ed25519PrivateKey
        Keys that sign beside ``signer``, while a key is handed over.

    Raises
    ------
    LedgerError
        What lies there does not add up, or was signed by another key.
    SettingsError
        The log that lies there has another origin.
    """

    def __init__(
        self,
        folder: Path,
        signer: Ed25519PrivateKey | None,
        origin: str | None = None,
        also: Sequence[Ed25519PrivateKey] = (),
    ) -> None:
        self._folder, self._signer, self._also = folder, signer, tuple(also)
        self._tiles = Tiles(folder)
        self._notes = Notes(folder)
        if signer is not None:
            from cityward.secure.earlier_form import convert

            with durable("opening the ledger"):
                folder.mkdir(parents=True, exist_ok=True)
                convert(folder, signer, origin or ORIGIN)
        self._note = self._read_note()
        self._checkpoint = parse(self._note) if self._note else Checkpoint(0, EMPTY_ROOT, origin or ORIGIN)
        self._edge: Edge = ()
        self._partial: tuple[bytes, ...] = ()
        if signer is not None:
            with durable("opening the ledger"):
                self._recover(signer, origin)

    @property
    def size(self) -> int:
        """Number of acknowledged entries."""
        return self._checkpoint.size

    @property
    def origin(self) -> str:
        """Name of the log, the first line of its checkpoints."""
        return self._checkpoint.origin

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
        with durable("reading the ledger's checkpoint"):
            found = self._read_note()
        if found != self._note:
            raise LedgerError("Another program wrote to this ledger meanwhile; stop one of the two and start again.")
        start = self.size
        edge, files = grown(self._edge, start, [leaf_hash(entry) for entry in entries])
        pending = (*self._partial, *entries)
        first = start // WIDTH
        for at in range(0, len(pending), WIDTH):
            held = pending[at : at + WIDTH]
            files[ENTRIES, first + at // WIDTH, len(held)] = bundle(held)
        checkpoint = Checkpoint(start + len(entries), edge_root(edge), self.origin)
        note = sign(checkpoint, self._signer, self._also)
        self._commit(files, checkpoint, note, edge, pending[len(pending) // WIDTH * WIDTH :])
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
        for index in range(start // WIDTH, (stop - 1) // WIDTH + 1):
            begin = index * WIDTH
            held = self._tiles.entries(index, min(WIDTH, self.size - begin))
            yield from held[max(0, start - begin) : stop - begin]

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Audit path of entry ``index`` in the tree of ``size`` entries, the present one by default."""
        size = self.size if size is None else size
        if not 0 <= index < size <= self.size:
            raise LedgerError(f"The ledger has {self.size} entries; there is no entry {index}.")
        return inclusion_path(index, size, self._tiles.subtree)

    def consistency_proof(self, old: int, size: int | None = None) -> list[bytes]:
        """Proof that the log of ``old`` entries (1 or more) is a prefix of that of ``size``, by default the present."""
        size = self.size if size is None else size
        if not 0 < old <= size <= self.size:
            raise LedgerError(f"The ledger has {self.size} entries; it never had {max(old, size)}.")
        return consistency_path(old, size, self._tiles.subtree)

    def subtree(self, start: int, end: int) -> bytes:
        """Root over entries ``start`` to ``end - 1``, as a proof asks for it; see `Tiles.subtree`."""
        return self._tiles.subtree(start, end)

    def handovers(self) -> tuple[str, ...]:
        """Notes by which the key of this log was handed over, the oldest first."""
        return tuple(one.note for one in read_handovers(self._folder))

    def raw_tile(self, place: Place) -> bytes | None:
        """A tile's file; None when there is none."""
        return self._tiles.raw(place)

    def add_signatures(self, lines: str) -> str:
        """Put signature lines of others under the present checkpoint; return it."""
        if self._signer is None:
            raise LedgerError("This ledger is open for reading only.")
        with durable("keeping signatures of witnesses"):
            replace_file(self._folder / CHECKPOINT, (self._note + lines).encode())
        self._note += lines
        return self._note

    def _commit(
        self, files: dict[Place, bytes], checkpoint: Checkpoint, note: str, edge: Edge, partial: tuple[bytes, ...]
    ) -> None:
        """Make tiles durable, then the checkpoint that covers them; raises StoreError with nothing acknowledged."""
        path = self._folder / CHECKPOINT
        try:
            self._tiles.write(files, path, note.encode())
        except OSError as error:
            reason = error.strerror or type(error).__name__
            if self._read_note() == note:
                # It can be read by others already. No other tree of this size may be signed any more.
                self._checkpoint, self._note, self._edge, self._partial = checkpoint, note, edge, partial
            raise StoreError(
                f"The disk failed while writing the ledger: {reason}. Nothing of it was acknowledged."
            ) from error
        self._checkpoint, self._note, self._edge, self._partial = checkpoint, note, edge, partial
        self._notes.add(note)
        self._tiles.drop_partial(files)

    def _read_note(self) -> str:
        path = self._folder / CHECKPOINT
        if not path.exists():
            if (self._folder / "ends").exists():
                raise LedgerError(
                    "This ledger lies as an earlier version wrote it. Run 'cityward ledger convert' once: it is "
                    "verified, written anew and verified again."
                )
            return ""
        return path.read_bytes().decode("utf-8", "replace")

    def _recover(self, signer: Ed25519PrivateKey, origin: str | None) -> None:
        """Remove what no checkpoint covers, and refuse to go on from a log that does not add up."""
        self._refuse_alarm()
        if self._note:
            # What another key signed must not come under ours with the next entry.
            check(self._note, signer.public_key())
        elif self._notes.last() is not None or self._tiles.raw((ENTRIES, 0, WIDTH)) is not None:
            # A first append is the making of a city, of few entries: these were acknowledged, and are evidence.
            raise LedgerError(
                "The ledger has lost its newest checkpoint. Run 'cityward verify', then restore a backup."
            )
        if origin is not None and origin != self.origin:
            raise SettingsError(
                f"This ledger is the log '{self.origin}', and a log keeps its name.",
                f'Write origin = "{self.origin}" in [ledger] of city.toml, or leave it out.',
            )
        before = self._notes.last()
        if before is not None and before.size > self.size:
            raise LedgerError(
                f"The ledger was put back: {before.size} entries were signed once, {self.size} are there. "
                "Run 'cityward verify', and restore the newest backup of ledger/."
            )
        self._load_edge()
        self._tiles.sweep(self.size)
        self._notes.repair()

    def _load_edge(self) -> None:
        """Read what new entries go on from; refuses what does not add up to the checkpoint."""
        self._edge = self._tiles.edge(self.size)
        if edge_root(self._edge) != self.root():
            raise LedgerError(
                "The ledger does not add up to its signed checkpoint. Run 'cityward verify' before anything else."
            )
        self._partial = tuple(self._tiles.entries(self.size // WIDTH, self.size % WIDTH)) if self.size % WIDTH else ()
        if [leaf_hash(entry) for entry in self._partial] != list(self._edge[0] if self._edge else ()):
            raise LedgerError(
                "The newest entries of the ledger are not those that were signed. Run 'cityward verify' before "
                "anything else."
            )

    def _refuse_alarm(self) -> None:
        path = self._folder / ALARM
        if not path.exists():
            return
        try:
            proved = [one["sentence"] for one in msgspec.json.decode(path.read_bytes()) if one["proof"]]
        except (msgspec.DecodeError, KeyError, TypeError):
            proved = ["The file 'alarm' of the ledger is damaged; run 'cityward witness ask'."]
        if proved:
            raise LedgerError(proved[0])


def adopt(folder: Path, name: str, signer: Ed25519PrivateKey, origin: str, entry: bytes) -> None:
    """Begin the log ``origin`` with the entries that lie in ``folder`` and one more; who calls has verified them.

    What belongs to the old log alone gets ``.lost-<name>`` after its name. Its checkpoint is replaced last.
    """
    held = Ledger(folder, None)
    for file in (NOTES, "handovers", "cosigned"):
        if (folder / file).exists():
            (folder / file).replace(folder / f"{file}.lost-{name}")
    replace_file(folder / f"{CHECKPOINT}.lost-{name}", held.checkpoint().encode())
    sync_folder(folder)
    begun = Ledger(folder, None)
    begun._signer, begun._checkpoint = signer, Checkpoint(held.size, held.root(), origin)
    begun._load_edge()
    begun.append([entry])

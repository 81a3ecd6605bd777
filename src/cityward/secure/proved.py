"""Single entries of the ledger, each proved against the signed checkpoint before it is handed out.

`cityward.secure.ledger.verify` proves the whole ledger, which takes as long as it is. Whoever asks for a few entries
many times keeps one of these: it holds the leaf hashes that the checkpoint was proved to cover (32 bytes each), reads
only what was added since, and then reads and hashes just the entries that it is asked for.

Source: RFC 6962, section 2.1 (Merkle tree hash).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cityward.core.errors import LedgerError
from cityward.secure.ledger import Frontier, Ledger
from cityward.secure.merkle import HASH_BYTES, leaf_hash
from cityward.secure.note import Checkpoint, check


class ProvedEntries:
    """Entries of the ledger in ``folder``, proved; safe to share between threads.

    Parameters
    ----------
    folder : pathlib.Path
        Of the ledger.
    key : callable
        The public half of the key that signs its checkpoints; asked when there is a checkpoint to check.
    """

    def __init__(self, folder: Path, key: Callable[[], Ed25519PublicKey]) -> None:
        self._folder = folder
        self._key = key
        self._lock = threading.Lock()
        self._forget()

    def entries(self, indexes: Iterable[int]) -> dict[int, bytes]:
        """Those of some entries that the newest signed checkpoint covers and that are as they were written.

        Raises
        ------
        LedgerError
            The checkpoint is not signed by the key, or the ledger does not add up to it.
        """
        wanted = {index for index in indexes if index >= 0}
        if not wanted:
            return {}
        with self._lock:
            if max(wanted) * HASH_BYTES >= len(self._leaves):
                self._follow()
            found = self._read(wanted)
            if len(found) < len(wanted):
                self._follow()  # another ledger may lie there since: one that was restored
                found = self._read(wanted)
        return found

    def _forget(self) -> None:
        self._note = ""
        self._ledger: Ledger | None = None
        self._leaves = bytearray()
        self._frontier = Frontier()

    def _follow(self) -> None:
        """Take over what was added since, or begin anew where what lies there does not continue it."""
        ledger = Ledger(self._folder, None)
        note = ledger.checkpoint()
        if note == self._note:
            return
        checkpoint = check(note, self._key()) if note else Checkpoint(0, ledger.root())
        if not self._grown(ledger, checkpoint):
            self._forget()
            if not self._grown(ledger, checkpoint):
                self._forget()
                raise LedgerError("The ledger does not add up to its signed checkpoint. Run 'cityward verify'.")
        self._note, self._ledger = note, ledger

    def _grown(self, ledger: Ledger, checkpoint: Checkpoint) -> bool:
        """Whether the leaves so far and those after them have the root that was signed."""
        held = len(self._leaves) // HASH_BYTES
        for leaf in ledger.leaves(held, checkpoint.size):
            self._frontier.add(leaf)
            self._leaves += leaf
        return len(self._leaves) == checkpoint.size * HASH_BYTES and self._frontier.root() == checkpoint.root

    def _read(self, wanted: set[int]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        if (ledger := self._ledger) is None:
            return found
        for index in wanted:
            try:
                entry = ledger.entry(index)
            except LedgerError:
                continue
            if leaf_hash(entry) == self._leaves[index * HASH_BYTES : (index + 1) * HASH_BYTES]:
                found[index] = entry
        return found

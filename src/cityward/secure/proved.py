"""Single entries of the ledger, each proved against the signed checkpoint before it is handed out.

`cityward.secure.ledger.verify` proves the whole ledger, which takes as long as it is. Whoever asks for a few entries
many times keeps one of these: it proves the tiles that lead from the signed root to an entry, and keeps some of them by
their own roots, so that the next entry costs little and memory does not grow with the log.

Source: RFC 6962, section 2.1 (Merkle tree hash); C2SP tlog-tiles.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cityward.core.errors import LedgerError
from cityward.secure.handover import Keys, read_handovers
from cityward.secure.ledger import Ledger
from cityward.secure.merkle import leaf_hash, root_of
from cityward.secure.tiles import WIDTH, Edge, Tiles, edge_root

TILES_KEPT: Final = 1_024
"""Full tiles that are kept once they are proved: 8 MB, the hashes of the newest quarter of a million entries."""


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
        self._tiles = Tiles(folder)
        self._lock = threading.Lock()
        self._full: dict[bytes, tuple[bytes, ...]] = {}
        self._note = ""
        self._edge: Edge = ()
        self._size = 0

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
            if max(wanted) >= self._size:
                self._follow()
            found = self._read(wanted)
            if len(found) < len(wanted):
                self._follow()  # another ledger may lie there since: one that was restored
                found = self._read(wanted)
        return found

    def _follow(self) -> None:
        """Take over the newest checkpoint, and prove the edge of the log against it."""
        ledger = Ledger(self._folder, None)
        note = ledger.checkpoint()
        if note == self._note:
            return
        self._note, self._edge, self._size = "", (), 0
        checkpoint = Keys(self._key(), read_handovers(self._folder)).check(note) if note else None
        try:
            edge = self._tiles.edge(ledger.size)
        except LedgerError:
            edge = ()
        if checkpoint is not None and edge_root(edge) != checkpoint.root:
            raise LedgerError("The ledger does not add up to its signed checkpoint. Run 'cityward verify'.")
        self._note, self._edge, self._size = note, edge, ledger.size

    def _read(self, wanted: set[int]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for tile in {index // WIDTH for index in wanted}:
            begin = tile * WIDTH
            width = min(WIDTH, self._size - begin)
            if width <= 0:
                continue
            try:
                entries = self._tiles.whole_entries(tile, width)
                leaves = self._hashes(0, tile)
            except LedgerError:
                continue
            for index in wanted:
                at = index - begin
                if 0 <= at < min(len(entries), width) and leaf_hash(entries[at]) == leaves[at]:
                    found[index] = entries[at]
        return found

    def _hashes(self, level: int, index: int) -> tuple[bytes, ...]:
        """The hashes of a tile, proved by the tile above it, up to the edge; raises LedgerError."""
        held = self._edge[level] if level < len(self._edge) else ()
        if index == (self._size >> 8 * level) // WIDTH:
            return held
        root = self._hashes(level + 1, index // WIDTH)[index % WIDTH]
        if root not in self._full:
            hashes = self._tiles.hashes(level, index, WIDTH)
            if root_of(hashes) != root:
                raise LedgerError("The ledger does not add up to its signed checkpoint. Run 'cityward verify'.")
            while len(self._full) >= TILES_KEPT:
                del self._full[next(iter(self._full))]
            self._full[root] = hashes
        return self._full[root]

"""A Merkle tree of many rows, kept so that one of them is proved without reading the others.

A file holds, for ``n`` rows in the order of their names: the names (8 bytes each), the leaf hashes (32), and the roots
of blocks of `BLOCK` leaves (32). Blocks are whole subtrees of the tree of RFC 6962, because their size is a power of
two and they begin at its multiples.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import islice
from typing import Final

from cityward.core.errors import LedgerError
from cityward.secure.merkle import HASH_BYTES, inclusion_path, leaf_hash, root_of, verify_inclusion

BLOCK: Final = 1_024
NAME_BYTES: Final = 8
_MAGIC: Final = b"cityward leaves 1\n"
_COUNT_BYTES: Final = 8


class Leaves:
    """The tree over rows that are named by 8 bytes each.

    Parameters
    ----------
    names : bytes
        `NAME_BYTES` a row, ascending.
    hashes : bytes
        Leaf hashes in the same order.
    blocks : bytes
        Roots of blocks of leaves.
    """

    def __init__(self, names: bytes, hashes: bytes, blocks: bytes) -> None:
        self.size = len(names) // NAME_BYTES
        self._names, self._hashes, self._blocks = names, hashes, blocks

    @classmethod
    def of(cls, names: bytes, rows: Iterable[str]) -> Leaves:
        """Make the tree of the texts ``rows``, whose ``names`` ascend; of the texts one block is held at a time."""
        hashes, blocks, texts = bytearray(), bytearray(), iter(rows)
        while block := [leaf_hash(row.encode()) for row in islice(texts, BLOCK)]:
            hashes += b"".join(block)
            blocks += root_of(block)
        return cls(names, bytes(hashes), bytes(blocks))

    def to_bytes(self) -> bytes:
        """The file."""
        head = _MAGIC + self.size.to_bytes(_COUNT_BYTES, "big")
        return head + self._names + self._hashes + self._blocks

    @classmethod
    def from_bytes(cls, data: bytes) -> Leaves:
        """Read a file; raises LedgerError when it is none, or cut short."""
        at = len(_MAGIC) + _COUNT_BYTES
        size = int.from_bytes(data[len(_MAGIC) : at], "big")
        blocks = -(-size // BLOCK)
        if not data.startswith(_MAGIC) or len(data) != at + size * (NAME_BYTES + HASH_BYTES) + blocks * HASH_BYTES:
            raise LedgerError("A file of leaves is damaged.")
        hashes = at + size * NAME_BYTES
        ends = hashes + size * HASH_BYTES
        return cls(data[at:hashes], data[hashes:ends], data[ends:])

    def root(self) -> bytes:
        """Root over all rows."""
        return self._range(0, self.size)

    def find(self, name: bytes) -> int | None:
        """Place of a row, or None."""
        at = bisect_left(range(self.size), name, key=self._name)
        return at if at < self.size and self._name(at) == name else None

    def path(self, index: int) -> list[bytes]:
        """Audit path of a row."""
        return inclusion_path(index, self.size, self._range)

    def proves(self, leaf: bytes, index: int, root: bytes) -> bool:
        """Whether ``leaf`` is row ``index`` of the tree with ``root``."""
        return verify_inclusion(leaf, index, self.size, self.path(index), root)

    def _name(self, at: int) -> bytes:
        return self._names[at * NAME_BYTES : (at + 1) * NAME_BYTES]

    def _range(self, start: int, end: int) -> bytes:
        # Ranges that are asked for begin at multiples of a power of two no smaller than themselves.
        if end - start <= BLOCK:
            return root_of(_split(self._hashes, start, end))
        return root_of(_split(self._blocks, start // BLOCK, -(-end // BLOCK)))


def _split(data: bytes, start: int, end: int) -> list[bytes]:
    return [data[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(start, end)]

"""Merkle trees of RFC 6962: hashes, roots and proofs. Pure: bytes in, bytes out.

Source: RFC 6962 section 2.1 (hashing, proofs) and RFC 9162 section 2.1.3 and 2.1.4 (verification).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256

EMPTY_ROOT = sha256(b"").digest()
HASH_BYTES = 32

RangeHash = Callable[[int, int], bytes]
"""Returns the hash of the subtree over entries [start, end)."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of an entry (RFC 6962: SHA-256 of 0x00 and the entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node (RFC 6962: SHA-256 of 0x01, left and right)."""
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """Largest power of two below ``size`` (size ≥ 2)."""
    return 1 << ((size - 1).bit_length() - 1)


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes, level by level."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


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
            return EMPTY_ROOT
        current = self._parts[-1][1]
        for _, left in reversed(self._parts[:-1]):
            current = node_hash(left, current)
        return current


def inclusion_path(index: int, size: int, range_hash: RangeHash) -> list[bytes]:
    """Audit path of entry ``index`` in the tree of ``size`` entries, leaf first."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(range_hash(middle, end))
            end = middle
        else:
            path.append(range_hash(start, middle))
            start = middle
    return path[::-1]


def consistency_path(old: int, new: int, range_hash: RangeHash) -> list[bytes]:
    """Proof that the tree of ``old`` entries is a prefix of the tree of ``new`` (0 < old ≤ new)."""
    path: list[bytes] = []
    start, end, whole = 0, new, True
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            path.append(range_hash(middle, end))
            end = middle
        else:
            path.append(range_hash(start, middle))
            start = middle
            whole = False
    if not whole:
        path.append(range_hash(start, end))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether ``path`` proves that ``leaf`` (a leaf hash) is entry ``index`` of the tree with ``root``."""
    if not 0 <= index < size or not _hashes(leaf, root, *path):
        return False
    node, last, current = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            current = node_hash(step, current)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            current = node_hash(current, step)
        node, last = node >> 1, last >> 1
    return last == 0 and current == root


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether ``path`` proves that the tree with ``old_root`` is a prefix of the one with ``new_root``."""
    if old == new:  # nothing to prove but that the roots are one; two empty trees prove nothing
        return old > 0 and not path and old_root == new_root
    if old < 0 or new < old or not _hashes(old_root, new_root, *path):
        return False
    if old == 0:
        return not path and old_root == EMPTY_ROOT
    steps = list(path) if old & (old - 1) else [old_root, *path]
    if not steps:
        return False
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = node_hash(second, step)
        node, last = node >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def is_subtree(start: int, end: int) -> bool:
    """Whether entries [start, end) are a subtree of every tree that has them.

    So they are when ``start`` is a multiple of the smallest power of two no smaller than ``end - start``.
    """
    return 0 <= start < end and start % (1 << (end - start - 1).bit_length()) == 0


def verify_subtree_inclusion(leaf: bytes, index: int, start: int, end: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether ``path`` proves that ``leaf`` is entry ``index`` of the subtree [start, end) with ``root``."""
    return is_subtree(start, end) and verify_inclusion(leaf, index - start, end - start, path, root)


def verify_subtree_consistency(
    start: int, end: int, size: int, path: Sequence[bytes], subtree_root: bytes, root: bytes
) -> bool:
    """Whether ``path`` proves that the subtree [start, end) is in the tree of ``size`` entries with ``root``.

    Source: draft-ietf-plants-merkle-tree-certs, section 4.4.3.
    """
    if start == end:  # the empty subtree is in every tree that reaches so far
        return 0 <= start <= size and not path and subtree_root == EMPTY_ROOT
    if (start, end) == (0, size):
        return end > 0 and not path and subtree_root == root
    if not is_subtree(start, end) or end > size or not _hashes(subtree_root, root, *path):
        return False
    first, last, final = start, end - 1, size - 1
    # Up to the largest whole tree at the subtree's right edge: what the proof begins with.
    while first != last and (last == final or last & 1):
        first, last, final = first >> 1, last >> 1, final >> 1
    steps = [subtree_root, *path] if first == last else list(path)
    if not steps:
        return False
    inner = outer = steps[0]
    for step in steps[1:]:
        if final == 0:
            return False
        if last & 1 or last == final:
            inner = node_hash(step, inner) if first < last else inner
            outer = node_hash(step, outer)
            while not last & 1 and last:
                first, last, final = first >> 1, last >> 1, final >> 1
        else:
            outer = node_hash(outer, step)
        first, last, final = first >> 1, last >> 1, final >> 1
    return final == 0 and inner == subtree_root and outer == root


def _hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)

"""Keys of subjects that can be destroyed one by one, from one secret of constant size.

A tree of secrets: a node's children are derived from it, a subject is a leaf. To destroy a leaf its path is forgotten
and the siblings along it are kept in its place, so that every other leaf can still be derived and that one never.

Source: Goldreich, Goldwasser and Micali 1986, How to construct random functions (the tree); Boneh and Waters 2013,
Constrained pseudorandom functions and their applications (puncturing). Here a node has 16 children and a leaf lies 16
levels deep: a key costs 16 HMACs, a destroyed leaf at most 240 kept nodes (about 10 kB).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final

from cityward.core.errors import SettingsError

SECRET_BYTES: Final = 32
LEAF_DIGITS: Final = 16
"""Hexadecimal digits of a leaf: 64 bits."""

_DIGITS: Final = "0123456789abcdef"
_NODE_BYTES: Final = 1 + LEAF_DIGITS + SECRET_BYTES


class PuncturedKey:
    """The nodes that are still known, by their path from the root; immutable.

    Parameters
    ----------
    nodes : mapping of str to bytes
        Path (0 to 16 hexadecimal digits) to secret; no path is the beginning of another.
    """

    def __init__(self, nodes: Mapping[str, bytes]) -> None:
        self._nodes = dict(nodes)

    @classmethod
    def fresh(cls, secret: bytes) -> PuncturedKey:
        """A key with every leaf, from `SECRET_BYTES` random bytes."""
        return cls({"": secret})

    def key_of(self, leaf: str) -> bytes | None:
        """The 32 bytes of a leaf (16 hexadecimal digits), or None when it was destroyed."""
        depth = self._depth(leaf)
        return None if depth is None else _down(self._nodes[leaf[:depth]], leaf[depth:])

    def without(self, leaf: str) -> PuncturedKey:
        """The same key, from which ``leaf`` cannot be derived; of one that is gone already, the same."""
        depth = self._depth(leaf)
        if depth is None:
            return self
        nodes = dict(self._nodes)
        secret = nodes.pop(leaf[:depth])
        for level in range(depth, LEAF_DIGITS):
            path = leaf[:level]
            nodes |= {path + digit: _down(secret, digit) for digit in _DIGITS if digit != leaf[level]}
            secret = _down(secret, leaf[level])
        return PuncturedKey(nodes)

    def without_before(self, leaf: str) -> PuncturedKey:
        """The same key, from which no leaf that comes before ``leaf`` in order can be derived."""
        kept: dict[str, bytes] = {}
        for path, secret in self._nodes.items():
            if path >= leaf[: len(path)] and not leaf.startswith(path):
                kept[path] = secret
            elif leaf.startswith(path):
                here = secret
                for level in range(len(path), LEAF_DIGITS):
                    at = leaf[:level]
                    kept |= {at + digit: _down(here, digit) for digit in _DIGITS if digit > leaf[level]}
                    here = _down(here, leaf[level])
                kept[leaf] = here
        return PuncturedKey(kept)

    def to_bytes(self) -> bytes:
        """The nodes, in the order of their paths."""
        return b"".join(
            bytes([len(path)]) + path.ljust(LEAF_DIGITS, "-").encode() + secret
            for path, secret in sorted(self._nodes.items())
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> PuncturedKey:
        """Read what `to_bytes` wrote.

        Raises
        ------
        SettingsError
            It is damaged.
        """
        nodes = {}
        for start in range(0, len(data), _NODE_BYTES):
            part = data[start : start + _NODE_BYTES]
            if len(part) != _NODE_BYTES or part[0] > LEAF_DIGITS:
                raise SettingsError("The key of sealed backups is damaged.", "Restore keys/ from its newest copy.")
            nodes[part[1 : 1 + part[0]].decode("ascii", "replace")] = part[1 + LEAF_DIGITS :]
        return cls(nodes)

    def _depth(self, leaf: str) -> int | None:
        return next((depth for depth in range(LEAF_DIGITS + 1) if leaf[:depth] in self._nodes), None)


def _down(secret: bytes, path: str) -> bytes:
    for digit in path:
        secret = hmac.digest(secret, digit.encode(), "sha256")
    return secret

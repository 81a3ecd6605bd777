"""Cosignatures: a witness says when it saw a checkpoint, and that it continues every one that it saw before.

Source: C2SP tlog-cosignature, version 1 (Ed25519, signature type 0x04).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.secure.signed_text import (
    COSIGNATURE,
    key_id,
    read_verifier_key,
    right_signatures,
    signature_line,
    text_of,
    verifier_key,
)  # fmt: skip

_TIME_BYTES: Final = 8


def cosign(note: str, name: str, signer: Ed25519PrivateKey, at: int) -> str:
    """The signature line of the witness ``name`` for a checkpoint, at a POSIX time ``at``."""
    signature = at.to_bytes(_TIME_BYTES, "big") + signer.sign(_message(note, at))
    raw = key_id(name, signer.public_key(), COSIGNATURE) + signature
    return signature_line(name, raw)


def cosigners(note: str, keys: Mapping[str, Ed25519PublicKey]) -> dict[str, int]:
    """When which of some witnesses saw a checkpoint: POSIX times by their names; see `right_signatures`."""

    def seen_at(key: Ed25519PublicKey, signature: bytes) -> int:
        at = int.from_bytes(signature[:_TIME_BYTES], "big")
        key.verify(signature[_TIME_BYTES:], _message(note, at))
        return at

    return {name: max(seen) for name, seen in right_signatures(note, keys, COSIGNATURE, seen_at).items()}


def witness_key(name: str, key: Ed25519PublicKey) -> str:
    """The verifier key of a witness."""
    return verifier_key(name, key, COSIGNATURE)


def read_witness_key(text: str) -> tuple[str, Ed25519PublicKey]:
    """Name and key of a witness; raises UserError when it is none."""
    return read_verifier_key(text, COSIGNATURE)


def _message(note: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text_of(note)}".encode()

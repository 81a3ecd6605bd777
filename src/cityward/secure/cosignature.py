"""Cosignatures: a witness says when it saw a checkpoint, and that it continues every one that it saw before.

Source: C2SP tlog-cosignature, version 1 (Ed25519, signature type 0x04).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.secure.signed_text import COSIGNATURE, key_id, read_verifier_key, signature_lines, text_of, verifier_key

_TIME_BYTES: Final = 8


def cosign(note: str, name: str, signer: Ed25519PrivateKey, at: int) -> str:
    """The signature line of the witness ``name`` for a checkpoint, at a POSIX time ``at``."""
    signature = at.to_bytes(_TIME_BYTES, "big") + signer.sign(_message(note, at))
    raw = key_id(name, signer.public_key(), COSIGNATURE) + signature
    return f"\u2014 {name} {base64.b64encode(raw).decode()}\n"


def cosigners(note: str, keys: Mapping[str, Ed25519PublicKey]) -> dict[str, int]:
    """When which of some witnesses saw a checkpoint: POSIX times by their names.

    A signature by a known key that does not hold counts for nothing, and neither does any other of that name.
    """
    seen: dict[str, int] = {}
    wrong: set[str] = set()
    for name, encoded in signature_lines(note):
        key = keys.get(name)
        if key is None:
            continue
        try:
            raw = base64.b64decode(encoded, validate=True)
            if raw[:4] != key_id(name, key, COSIGNATURE):
                continue
            at = int.from_bytes(raw[4 : 4 + _TIME_BYTES], "big")
            key.verify(raw[4 + _TIME_BYTES :], _message(note, at))
            seen[name] = max(at, seen.get(name, 0))
        except (binascii.Error, ValueError, InvalidSignature):
            wrong.add(name)
    return {name: at for name, at in seen.items() if name not in wrong}


def witness_key(name: str, key: Ed25519PublicKey) -> str:
    """The verifier key of a witness."""
    return verifier_key(name, key, COSIGNATURE)


def read_witness_key(text: str) -> tuple[str, Ed25519PublicKey]:
    """Name and key of a witness; raises UserError when it is none."""
    return read_verifier_key(text, COSIGNATURE)


def _message(note: str, at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n{text_of(note)}".encode()

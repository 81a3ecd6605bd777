"""Signed checkpoints: the size and root of the log, in words that other tools read too.

Source: C2SP signed-note and tlog-checkpoint, with Ed25519 signatures (signature type 0x01).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.core.errors import LedgerError
from cityward.secure.keys import public_bytes

ORIGIN = "cityward/ledger"
_ED25519 = b"\x01"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's size and root at a moment."""

    size: int
    root: bytes


def sign(checkpoint: Checkpoint, signer: Ed25519PrivateKey) -> str:
    """Return the checkpoint as a signed note."""
    body = f"{ORIGIN}\n{checkpoint.size}\n{base64.b64encode(checkpoint.root).decode()}\n"
    signature = _key_hash(signer.public_key()) + signer.sign(body.encode())
    return f"{body}\n— {ORIGIN} {base64.b64encode(signature).decode()}\n"


def parse(note: str) -> Checkpoint:
    """Read size and root of a note without checking its signature.

    Raises
    ------
    LedgerError
        It is not a checkpoint.
    """
    lines = note.split("\n")
    try:
        root = base64.b64decode(lines[2], validate=True)
        if lines[0] != ORIGIN or not lines[1].isascii() or not lines[1].isdigit() or len(root) != 32:
            raise ValueError
        return Checkpoint(int(lines[1]), root)
    except (IndexError, ValueError, binascii.Error):
        raise LedgerError("The ledger's checkpoint is damaged: it is not a signed note of this log.") from None


def check(note: str, key: Ed25519PublicKey) -> Checkpoint:
    """Read a note and check its signature.

    Raises
    ------
    LedgerError
        It is not a checkpoint, or ``key`` did not sign it.
    """
    checkpoint = parse(note)
    body, _, signatures = note.partition("\n\n")
    for line in signatures.splitlines():
        try:
            raw = base64.b64decode(line.removeprefix(f"— {ORIGIN} "), validate=True)
            if raw[:4] == _key_hash(key):
                key.verify(raw[4:], (body + "\n").encode())
                return checkpoint
        except (binascii.Error, ValueError, InvalidSignature):
            continue
    raise LedgerError("The ledger's checkpoint is not signed by this city's key.")


def _key_hash(key: Ed25519PublicKey) -> bytes:
    return sha256(ORIGIN.encode() + b"\n" + _ED25519 + public_bytes(key)).digest()[:4]

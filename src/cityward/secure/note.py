"""Signed checkpoints: the size and root of the log, in words that other tools read too.

Source: C2SP signed-note and tlog-checkpoint, with Ed25519 signatures (signature type 0x01).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.core.errors import LedgerError
from cityward.secure.signed_text import sign_text, signers

ORIGIN = "cityward/ledger"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's size and root at a moment."""

    size: int
    root: bytes


def sign(checkpoint: Checkpoint, signer: Ed25519PrivateKey) -> str:
    """Return the checkpoint as a signed note."""
    body = f"{ORIGIN}\n{checkpoint.size}\n{base64.b64encode(checkpoint.root).decode()}\n"
    return sign_text(body, ORIGIN, signer)


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
    if not signers(note, {ORIGIN: key}):
        raise LedgerError("The ledger's checkpoint is not signed by this city's key.")
    return checkpoint

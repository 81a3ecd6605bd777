"""Signed checkpoints: the size and root of a log, in words that other tools read too.

Source: C2SP signed-note and tlog-checkpoint, with Ed25519 signatures (signature type 0x01).
"""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.core.errors import LedgerError
from cityward.secure.keys import public_bytes
from cityward.secure.signed_text import NOTE_CHARS_MAX, countersign, sign_text, signers, text_of

ORIGIN: Final = "cityward/ledger"
"""Origin of every log of earlier versions, and of one that is given none."""

SIZE_DIGITS_MAX: Final = 19
"""Digits of the largest size that fits in 63 bits."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The log's size and root at a moment, and which log it is."""

    size: int
    root: bytes
    origin: str = ORIGIN


def origin_of(city: str) -> str:
    """The origin of a city's log that chose none: ``cityward/springfield/ledger``."""
    plain = unicodedata.normalize("NFKD", city).encode("ascii", "ignore").decode().lower()
    words = "".join(sign if sign.isalnum() else " " for sign in plain).split()
    slug = "-".join(words)[:60]
    # A name that says little without its letters gets some of its digest, so that no two are one.
    lost = sum(sign.isalnum() for sign in city) > sum(map(len, words))
    mark = sha256(city.encode()).hexdigest()[:10]
    return f"cityward/{'-'.join(part for part in (slug, mark if lost else '') if part) or mark}/ledger"


def sign(checkpoint: Checkpoint, signer: Ed25519PrivateKey, also: Iterable[Ed25519PrivateKey] = ()) -> str:
    """Return the checkpoint as a note signed by ``signer``, then by those of ``also``, all by the log's name."""
    origin = checkpoint.origin
    body = f"{origin}\n{checkpoint.size}\n{base64.b64encode(checkpoint.root).decode()}\n"
    note = sign_text(body, origin, signer)
    for other in also:
        if public_bytes(other.public_key()) != public_bytes(signer.public_key()):
            note = countersign(note, origin, other)
    return note


def parse(note: str) -> Checkpoint:
    """Read origin, size and root of a note without checking its signature.

    Raises
    ------
    LedgerError
        It is not a checkpoint.
    """
    lines = text_of(note).split("\n")
    try:
        origin, size, root = lines[0], lines[1], _hash(lines[2])
        plain = all(sign == "\n" or sign >= " " for sign in note[:NOTE_CHARS_MAX])
        number = size.isascii() and size.isdigit() and len(size) <= SIZE_DIGITS_MAX and str(int(size)) == size
        if not (origin and plain and number and note.endswith("\n") and "\n\n" in note and all(lines[:-1])):
            raise ValueError
        return Checkpoint(int(size), root, origin)
    except (IndexError, ValueError, binascii.Error):
        raise LedgerError("The ledger's checkpoint is damaged: it is not a signed note of a log.") from None


def check(note: str, key: Ed25519PublicKey, origin: str | None = None) -> Checkpoint:
    """Read a note and check its signature by the log that it is of.

    Parameters
    ----------
    origin : str, optional
        The log that it must be of; the key alone says whose it is by default.

    Raises
    ------
    LedgerError
        It is not a checkpoint of that log, or ``key`` did not sign it.
    """
    checkpoint = parse(note)
    if origin is not None and checkpoint.origin != origin:
        raise LedgerError(f"The checkpoint is of the log '{checkpoint.origin[:80]}', not of '{origin}'.")
    if not signers(note, {checkpoint.origin: key}):
        raise LedgerError("The ledger's checkpoint is not signed by this city's key.")
    return checkpoint


def alone(note: str) -> str:
    """A checkpoint of ours with the signature of the key that signs now, and no other."""
    text, _, below = note.rpartition("\n\n")
    return f"{text}\n\n{below.split(chr(10))[0]}\n"


def _hash(text: str) -> bytes:
    """A hash in base64 as it is written in one way only; raises ValueError for any other."""
    raw = base64.b64decode(text, validate=True)
    if len(raw) != 32 or base64.b64encode(raw).decode() != text:
        raise ValueError
    return raw

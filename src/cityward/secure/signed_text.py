"""Signed texts: a text and who signed it, in a form that other tools read too.

Source: C2SP signed-note, with Ed25519 signatures (signature type 0x01), and its verifier keys ``name+id+key``.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from typing import Final, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.core.errors import UserError
from cityward.secure.keys import public_bytes

ED25519: Final = b"\x01"
"""Kind of a key that signs texts as they are."""

COSIGNATURE: Final = b"\x04"
"""Kind of a key of a witness; see `cityward.secure.cosignature`."""

T = TypeVar("T")

NOTE_CHARS_MAX: Final = 16_384
"""Longest note that is read: sixteen signatures and more text than any of ours."""


def sign_text(text: str, name: str, signer: Ed25519PrivateKey) -> str:
    """Return ``text``, which ends with a line break, as a note signed by the key called ``name``."""
    signature = key_id(name, signer.public_key()) + signer.sign(text.encode())
    return f"{text}\n{signature_line(name, signature)}"


def countersign(note: str, name: str, signer: Ed25519PrivateKey) -> str:
    """Return a note with one more signature over the same text."""
    return note + sign_text(text_of(note), name, signer).rpartition("\n\n")[2]


def text_of(note: str) -> str:
    """The text of a note, up to its last empty line, whoever signed it."""
    text, gap, _ = note.rpartition("\n\n")
    return f"{text}\n" if gap else note


def signers(note: str, keys: Mapping[str, Ed25519PublicKey]) -> set[str]:
    """Names of those of ``keys`` whose signature over the text of ``note`` is right; see `right_signatures`."""
    text = text_of(note).encode()
    return set(right_signatures(note, keys, ED25519, lambda key, signature: key.verify(signature, text)))


def right_signatures(
    note: str, keys: Mapping[str, Ed25519PublicKey], kind: bytes, check: Callable[[Ed25519PublicKey, bytes], T]
) -> dict[str, list[T]]:
    """What ``check`` tells of the signatures of one kind that are right, by the names of ``keys``.

    A signature by a known key that does not hold counts for nothing, and neither does any other of that name.

    Parameters
    ----------
    check : callable
        Given a key and the bytes of a signature after the key's own; raises InvalidSignature or ValueError.
    """
    right: dict[str, list[T]] = {}
    wrong: set[str] = set()
    for name, encoded in signature_lines(note):
        key = keys.get(name)
        if key is None:
            continue
        try:
            raw = base64.b64decode(encoded, validate=True)
            if raw[:4] == key_id(name, key, kind):  # else another key of the same name
                right.setdefault(name, []).append(check(key, raw[4:]))
        except (binascii.Error, ValueError, InvalidSignature):
            wrong.add(name)
    return {name: told for name, told in right.items() if name not in wrong}


def signature_line(name: str, raw: bytes) -> str:
    """The line of a signature under a note."""
    return f"— {name} {base64.b64encode(raw).decode()}\n"


def signature_lines(note: str) -> Iterator[tuple[str, str]]:
    """Names and signatures (base64) under a note; lines that are none are left out."""
    if len(note) > NOTE_CHARS_MAX:
        return
    for line in note.rpartition("\n\n")[2].split("\n"):
        mark, name, signature, *more = [*line.split(" "), "", ""]
        if mark == "—" and name and more == ["", ""]:
            yield name, signature


def verifier_key(name: str, key: Ed25519PublicKey, kind: bytes = ED25519) -> str:
    """A public key as text: ``name+id+key``."""
    encoded = base64.b64encode(kind + public_bytes(key)).decode()
    return f"{name}+{key_id(name, key, kind).hex()}+{encoded}"


def read_verifier_key(text: str, kind: bytes = ED25519) -> tuple[str, Ed25519PublicKey]:
    """Return name and key of a verifier key.

    Raises
    ------
    UserError
        It is not one.
    """
    name, _, rest = text.partition("+")
    known, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded, validate=True)
        if raw[:1] != kind or not name or any(sign.isspace() for sign in name):
            raise ValueError
        key = Ed25519PublicKey.from_public_bytes(raw[1:])
        if key_id(name, key, kind).hex() != known:
            raise ValueError
    except (ValueError, binascii.Error):
        raise UserError(
            f"'{text[:60]}' is not a verifier key.",
            "It looks like name+0123abcd+AQ…; 'cityward systems key' makes one.",
        ) from None
    return name, key


def key_id(name: str, key: Ed25519PublicKey, kind: bytes = ED25519) -> bytes:
    """The four bytes by which a signature names the key that made it."""
    return sha256(name.encode() + b"\n" + kind + public_bytes(key)).digest()[:4]

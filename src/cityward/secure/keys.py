"""Signing keys of a city: Ed25519, in files that only their owner can read."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from cityward.core.errors import LedgerError, SettingsError


def create_signer(path: Path) -> Ed25519PrivateKey:
    """Make a new key in ``path`` (PKCS 8 PEM, mode 0600) and its public half beside it (``.pub``)."""
    signer = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    path.with_suffix(".pub").write_bytes(public_bytes(signer.public_key()).hex().encode() + b"\n")
    return signer


def load_signer(path: Path) -> Ed25519PrivateKey:
    """Read a key made by `create_signer`.

    Raises
    ------
    SettingsError
        It is missing, damaged or not Ed25519.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        signer = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        signer = None
    if not isinstance(signer, Ed25519PrivateKey):
        raise SettingsError(
            f"The signing key {path.name} is missing or damaged.", "Restore it from your backup of keys/."
        )
    return signer


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read the public half of a key.

    Raises
    ------
    LedgerError
        It is missing or damaged: nothing can be verified without it.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except (OSError, ValueError):
        raise LedgerError(
            f"The public key {path.name} is missing or damaged; take it from a person who has a copy."
        ) from None


def public_bytes(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)

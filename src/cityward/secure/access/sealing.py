"""The secret of access in ``keys/``: keyed digests of what is looked up, and seals on what must be read again."""

from __future__ import annotations

import base64
import binascii
import hmac
import os
import secrets
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from cityward.core.disk import sync_folder
from cityward.core.errors import SettingsError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TOKEN_BYTES: Final = 32
"""256 random bits: as many tries as there are atoms in the galaxy guess none."""


def new_token() -> str:
    """A secret of 256 random bits, of letters that an address and a header take (43 characters)."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest_of(token: str) -> str:
    """SHA-256 of a token of 256 random bits, which needs no slow hash (Source: OWASP ASVS 5.0, 6.5.2)."""
    return sha256(token.encode()).hexdigest()


class Seal:
    """Derives a key for each purpose from one secret; with another secret nothing is found and nothing opens.

    Parameters
    ----------
    key : bytes
        `KEY_BYTES` secret bytes.

    Notes
    -----
    Source: RFC 2104 (HMAC), RFC 8439 (ChaCha20-Poly1305).
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise SettingsError("The key of access is damaged.", "Restore keys/access.key from your backup of keys/.")
        self._derived = cache(lambda purpose: hmac.digest(key, purpose.encode(), "sha256"))

    def digest(self, purpose: str, text: str) -> str:
        """Keyed digest (64 hex digits) of ``text``, another for every purpose."""
        return hmac.digest(self._derived(f"digest {purpose}"), text.encode("utf-8", "replace"), "sha256").hex()

    def close(self, purpose: str, plain: bytes, context: str = "") -> bytes:
        """Seal ``plain`` so that only this key, purpose and context open it."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + ChaCha20Poly1305(self._derived(f"seal {purpose}")).encrypt(nonce, plain, context.encode())

    def open(self, purpose: str, sealed: bytes, context: str = "") -> bytes | None:
        """What was sealed; None when it was changed, or sealed for something else."""
        nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return ChaCha20Poly1305(self._derived(f"seal {purpose}")).decrypt(nonce, body, context.encode())
        except (InvalidTag, ValueError):
            return None

    def close_text(self, purpose: str, plain: bytes, context: str = "") -> str:
        """As `close`, as text for a cookie or a field of a form."""
        return base64.urlsafe_b64encode(self.close(purpose, plain, context)).decode()

    def open_text(self, purpose: str, sealed: str, context: str = "") -> bytes | None:
        """As `open`, of what `close_text` made."""
        try:
            return self.open(purpose, base64.urlsafe_b64decode(sealed.encode("ascii", "replace")), context)
        except (binascii.Error, ValueError):
            return None


def load_seal(path: Path, *, used: bool) -> Seal:
    """Return the seal of the secret in ``path``; it is made on first use, readable by its owner alone.

    Parameters
    ----------
    used : bool
        Whether people are known already: then a new secret would lock all of them out, and none is made.

    Raises
    ------
    SettingsError
        The secret is lost or damaged.
    """
    try:
        return Seal(path.read_bytes())
    except FileNotFoundError:
        if used:
            raise SettingsError(
                f"The key of access (keys/{path.name}) is lost: nobody can be recognised without it.",
                "Restore it from your backup of keys/.",
            ) from None
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):  # another program was first: then its secret counts
        os.link(staged, path)
    staged.unlink()
    sync_folder(path.parent)
    return Seal(path.read_bytes())

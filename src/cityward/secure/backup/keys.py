"""Keys of a repository: one at random, wrapped by a passphrase; what is sealed needs an epoch's key besides.

An epoch is a span of days in which snapshots share what they hold. Its key lies with the city and in no backup: once
it is destroyed, nothing that was sealed in the epoch can be opened, wherever copies are.
"""

from __future__ import annotations

import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from cityward.core.errors import SettingsError, UserError
from cityward.core.records import Record

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
PASSPHRASE_BYTES_MIN: Final = 16
SCRYPT_COST: Final = 2**16
"""64 MiB and about 0.2 s for each guess of a passphrase (Source: RFC 7914, section 2)."""

RANDOM_DIGITS: Final = 64
"""Hexadecimal digits of a passphrase that cityward made: 256 random bits need no stretching."""

_SCRYPT_COST_RANDOM: Final = 2**10
_SCRYPT_COST_MAX: Final = 2**20
_BLOCK, _LANES, _SALT_BYTES = 8, 1, 16


class Wrapped(Record, frozen=True, kw_only=True):
    """The key of a repository, wrapped; all in hexadecimal digits but the cost of scrypt."""

    salt: str
    cost: int
    nonce: str
    sealed: str


def wrap(key: bytes, passphrase: bytes, cost: int | None = None) -> Wrapped:
    """Wrap a key by a passphrase, or the content of a key file; ``cost`` of scrypt is chosen by what it is.

    Raises
    ------
    SettingsError
        The passphrase is too short to keep anybody out.
    """
    if len(passphrase) < PASSPHRASE_BYTES_MIN:
        raise SettingsError(
            f"The passphrase of backups has fewer than {PASSPHRASE_BYTES_MIN} characters.",
            "Write a longer one into the file that backup.passphrase_file names.",
        )
    if cost is None:
        made = len(passphrase) == RANDOM_DIGITS and all(digit in b"0123456789abcdef" for digit in passphrase)
        cost = _SCRYPT_COST_RANDOM if made else SCRYPT_COST
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(_stretched(passphrase, salt, cost)).encrypt(nonce, key, b"cityward backup repository")
    return Wrapped(salt=salt.hex(), cost=cost, nonce=nonce.hex(), sealed=sealed.hex())


def unwrap(wrapped: Wrapped, passphrase: bytes) -> bytes:
    """The key of a repository.

    Raises
    ------
    UserError
        It is another passphrase, or the wrapped key was changed.
    """
    try:
        if not 2 <= wrapped.cost <= _SCRYPT_COST_MAX:
            raise ValueError
        stretched = _stretched(passphrase, bytes.fromhex(wrapped.salt), wrapped.cost)
        nonce, sealed = bytes.fromhex(wrapped.nonce), bytes.fromhex(wrapped.sealed)
        return AESGCM(stretched).decrypt(nonce, sealed, b"cityward backup repository")
    except (InvalidTag, ValueError):
        raise UserError(
            "The passphrase does not open this repository.",
            "Give the file that it was made with (--passphrase-file); the key is nowhere else.",
        ) from None


def _stretched(passphrase: bytes, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, n=cost, r=_BLOCK, p=_LANES).derive(passphrase)


def epoch_keys(repository_key: bytes, epoch_key: bytes, epoch: str) -> tuple[bytes, bytes]:
    """Keys that seal parts and that name them, of one epoch; either secret alone gives neither.

    Source: RFC 5869 (HKDF).
    """
    made = HKDF(algorithm=SHA256(), length=2 * KEY_BYTES, salt=repository_key, info=epoch.encode()).derive(epoch_key)
    return made[:KEY_BYTES], made[KEY_BYTES:]


def file_key(repository_key: bytes) -> bytes:
    """Key that names whole files, of all epochs: by it a snapshot is compared with the one before it."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"cityward backup files").derive(repository_key)

"""Photos beside reports: each sealed under a key of its person, which can be destroyed in every copy there is.

A photo lies in ``photos/`` of the city folder, and so in every backup, as a file that only its person's key opens. Keys
lie in ``keys/`` alone, which no backup holds. To erase a photo from the city and from all backups, its key is destroyed
(`cityward.private.punctured`); the file is taken away as well.
"""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from cityward.core.clock import moment_of
from cityward.core.disk import durable, make_folder, replace_file, sync_folder
from cityward.core.errors import StoreError
from cityward.guard.backup import leaf_of, subject_key_path, subject_keys
from cityward.guard.erase import Subject
from cityward.private.punctured import LEAF_DIGITS, PuncturedKey

MAGIC: Final = b"cityward photo 1\n"
_NONCE_BYTES: Final = 12
_NUMBER_BYTES: Final = 24
_TIME_BYTES: Final = 8
_HEAD_BYTES: Final = _NUMBER_BYTES + _TIME_BYTES + 16
_SUFFIX: Final = ".sealed"


class Photos:
    """Photos of a city.

    Parameters
    ----------
    folder : Path
        Where they lie.
    keys : Path
        The folder of the city's keys.
    """

    def __init__(self, folder: Path, keys: Path) -> None:
        self._folder, self._keys = folder, keys

    def any(self) -> bool:
        """Whether there is a photo at all."""
        return next(self._folder.glob(f"*{_SUFFIX}"), None) is not None

    @durable("keeping a photo")
    def keep(self, source: str, person: str, number: str, at: datetime, photo: bytes) -> bool:
        """Keep the photo of a report; False where there is one already, or the person's key was destroyed.

        Parameters
        ----------
        person : str
            The pseudonym under which history has the report.
        number : str
            Of the report, at most 24 signs.
        """
        leaf = _leaf(source, person)
        path, key = self._path(leaf), self._key(leaf, subject_keys(self._keys))
        if key is None or path.exists():
            return False
        cipher, nonces = ChaCha20Poly1305(key), [secrets.token_bytes(_NONCE_BYTES) for _ in range(2)]
        head = number.encode().ljust(_NUMBER_BYTES) + int(at.timestamp()).to_bytes(_TIME_BYTES)
        if len(head) != _NUMBER_BYTES + _TIME_BYTES:
            raise ValueError("the number of a report is too long")
        sealed = MAGIC + leaf.encode() + nonces[0] + cipher.encrypt(nonces[0], head, b"head")
        sealed += nonces[1] + cipher.encrypt(nonces[1], photo, b"photo")
        make_folder(self._folder, 0o700)
        replace_file(path, sealed)
        path.chmod(0o600)
        return True

    def numbers(self) -> dict[str, datetime]:
        """Numbers of the reports that have a photo which can be opened, with when they came."""
        keys = subject_keys(self._keys)
        heads = (self._head(path, keys) for path in sorted(self._folder.glob(f"*{_SUFFIX}")))
        return dict(head for head in heads if head is not None)

    def show(self, source: str, person: str) -> bytes | None:
        """The photo of a person's report; None where there is none, or its key was destroyed.

        Raises
        ------
        StoreError
            The file was changed or is cut short.
        """
        leaf = _leaf(source, person)
        path, key = self._path(leaf), self._key(leaf, subject_keys(self._keys))
        if key is None or not path.is_file():
            return None
        body = path.read_bytes()[len(MAGIC) + LEAF_DIGITS + _NONCE_BYTES + _HEAD_BYTES :]
        try:
            return ChaCha20Poly1305(key).decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], b"photo")
        except (InvalidTag, ValueError):
            raise StoreError("A photo was changed on the disk, or is cut short.") from None

    @durable("erasing photos")
    def erase(self, subject: Subject) -> int:
        """Destroy the keys of a person's photos, so that no copy anywhere opens, and the files; return how many."""
        leaves = [_leaf(source, person) for source, person in subject.pseudonyms.items()]
        there = [leaf for leaf in leaves if self._path(leaf).exists()]
        # The keys of all his sources go, whether a file is here or not: one may lie in a backup alone.
        path = subject_key_path(self._keys)
        if leaves and path.exists():
            held = subject_keys(self._keys)
            for leaf in leaves:
                held = held.without(leaf)
            replace_file(path, held.to_bytes())
            path.chmod(0o600)
        for leaf in there:
            self._path(leaf).unlink()
        if there:
            sync_folder(self._folder)
        return len(there)

    @durable("deleting old photos")
    def limit(self, before: datetime | None) -> int:
        """Delete photos of reports that came before a moment, and all that nobody can open; return how many."""
        keys, gone = subject_keys(self._keys), 0
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            head = self._head(path, keys)
            if head is None or (before is not None and head[1] < before):
                path.unlink()
                gone += 1
        if gone:
            sync_folder(self._folder)
        return gone

    def _path(self, leaf: str) -> Path:
        return self._folder / f"{leaf}{_SUFFIX}"

    def _key(self, leaf: str, keys: PuncturedKey) -> bytes | None:
        key = keys.key_of(leaf)
        return None if key is None else hmac.digest(key, b"photo of a report", "sha256")

    def _head(self, path: Path, keys: PuncturedKey) -> tuple[str, datetime] | None:
        size = len(MAGIC) + LEAF_DIGITS + _NONCE_BYTES + _HEAD_BYTES
        with path.open("rb") as file:
            body = file.read(size)
        leaf = body[len(MAGIC) : len(MAGIC) + LEAF_DIGITS].decode("ascii", "replace")
        key = self._key(leaf, keys) if body.startswith(MAGIC) and leaf == path.stem else None
        if key is None:
            return None
        sealed = body[len(MAGIC) + LEAF_DIGITS :]
        try:
            head = ChaCha20Poly1305(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], b"head")
        except (InvalidTag, ValueError):
            return None
        at = moment_of(int.from_bytes(head[_NUMBER_BYTES:]) * 1_000_000)
        return head[:_NUMBER_BYTES].decode().rstrip(), at


def _leaf(source: str, person: str) -> str:
    """Leaf of the photos of a pseudonym: another than that of his rows, so that either can go alone."""
    return leaf_of(f"photo of {source}", person)

"""Proves the contents of a file of evidence: digests, entries of the ledger, and the signature over its root. Pure.

``manifest.json`` names the SHA-256 of each file; an entry of the ledger holds the SHA-256 of ``manifest.json``. Each
``ledger/N.json`` is entry N, proved by ``ledger.json`` against ``checkpoint.txt``, which ``city.pub`` signs. Each file
in ``records/`` is what such an entry holds the SHA-256 of.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cityward.core.errors import LedgerError
from cityward.secure.ledger import Ledger
from cityward.secure.merkle import inclusion_path, leaf_hash, verify_inclusion
from cityward.secure.note import Checkpoint, alone, check

MANIFEST, LEDGER, CHECKPOINT, KEY = "manifest.json", "ledger.json", "checkpoint.txt", "city.pub"
ENTRIES: Final = "ledger/"
RECORDS: Final = "records/"
_NOTE_LINES: Final = 6
_ALONE: Final = (MANIFEST, LEDGER, CHECKPOINT, KEY)
_ENTRY: Final = re.compile(r"ledger/(0|[1-9]\d{0,14})\.json")


def manifest_of(files: Mapping[str, bytes]) -> bytes:
    """Names and digests of files, as one canonical text."""
    return msgspec.json.encode({name: sha256(files[name]).hexdigest() for name in sorted(files)}, order="sorted")


def proved_by(ledger: Ledger, indexes: set[int], key: bytes) -> dict[str, bytes]:
    """The files that prove entries of a ledger; those that it does not have are left out.

    Parameters
    ----------
    key : bytes
        The file ``city.pub``.
    """
    size, range_hash = ledger.size, cache(ledger.subtree)
    known = sorted(index for index in indexes if 0 <= index < size)
    paths = {str(at): [step.hex() for step in inclusion_path(at, size, range_hash)] for at in known}
    files = {f"{ENTRIES}{at}.json": ledger.entry(at) for at in known}
    return {
        **files,
        LEDGER: msgspec.json.encode({"size": size, "paths": paths}, order="sorted"),
        CHECKPOINT: alone(ledger.checkpoint()).encode(),
        KEY: key,
    }


def check_evidence(files: Mapping[str, bytes], kind: str, key: Ed25519PublicKey | None = None) -> list[str]:
    """What is wrong with the contents, each in a sentence that names the file; nothing when all is proved.

    Parameters
    ----------
    files : mapping of str to bytes
        The contents by name.
    kind : str
        Kind of the entry that holds the digest of the manifest.
    key : Ed25519PublicKey, optional
        The city's public key from somebody who is trusted; the file's own by default.
    """
    missing = [name for name in _ALONE if name not in files]
    if missing:
        return [f"{name} is missing." for name in missing]
    problems = list(_contents(files))
    try:
        own = Ed25519PublicKey.from_public_bytes(bytes.fromhex(files[KEY].decode("ascii").removesuffix("\n")))
        if files[KEY] != _written(own):
            raise ValueError
    except ValueError:
        return [*problems, f"{KEY} was changed: it is no public key."]
    if key is not None and files[KEY] != _written(key):
        return [*problems, f"{KEY} is not the key of the city that you gave."]
    try:
        signed = check(_alone(files[CHECKPOINT].decode("utf-8")), own)
    except (LedgerError, ValueError):
        return [*problems, f"{CHECKPOINT} or {KEY} was changed: the signature does not fit."]
    return [*problems, *_entries(files, kind, signed)]


def _written(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes_raw().hex().encode() + b"\n"


def _alone(note: str) -> str:
    """A note that is one signature under three lines and nothing else; raises ValueError for another."""
    lines = note.split("\n")
    signature = lines[4].rpartition(" ")[2] if len(lines) == _NOTE_LINES else ""
    # Base64 leaves some bits open, so that another letter can mean the same bytes.
    if not signature or base64.b64encode(base64.b64decode(signature, validate=True)).decode() != signature:
        raise ValueError
    return note


def _contents(files: Mapping[str, bytes]) -> Iterator[str]:
    """Files that are not what the manifest says."""
    try:
        told = msgspec.json.decode(files[MANIFEST], type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield f"{MANIFEST} was changed: it cannot be read."
        return
    for name in sorted(told.keys() - files.keys()):
        yield f"{name} is missing."
    for name, data in sorted(files.items()):
        if name in _ALONE or _ENTRY.fullmatch(name):
            continue
        if name not in told:
            yield f"{name} was added."
        elif sha256(data).hexdigest() != told[name]:
            yield f"{name} was changed."


def _entries(files: Mapping[str, bytes], kind: str, signed: Checkpoint) -> Iterator[str]:
    """Entries that are not in the ledger, and digests that no entry holds."""
    try:
        told = msgspec.json.decode(files[LEDGER])
        paths = {int(at): [bytes.fromhex(step) for step in path] for at, path in told["paths"].items()}
        again = {"size": signed.size, "paths": {str(at): [step.hex() for step in path] for at, path in paths.items()}}
        if msgspec.json.encode(again, order="sorted") != files[LEDGER]:
            raise ValueError  # the same proofs in other letters are another file
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield f"{LEDGER} was changed."
        return
    entries = {int(found[1]): data for name, data in files.items() if (found := _ENTRY.fullmatch(name))}
    for at in sorted(entries.keys() | paths.keys()):
        path = paths.get(at)
        if at not in entries:
            yield f"{ENTRIES}{at}.json is missing."
        elif path is None or not verify_inclusion(leaf_hash(entries[at]), at, signed.size, path, signed.root):
            yield f"{ENTRIES}{at}.json or its proof in {LEDGER} was changed: it is not in the ledger."
    read = [one for data in entries.values() if (one := _read(data))]
    held = {(one.get("kind"), one.get("sha256")) for one in read}
    if (kind, sha256(files[MANIFEST]).hexdigest()) not in held:
        yield f"{MANIFEST} was changed: the ledger holds another digest of it."
    digests = {digest for _, digest in held}
    for name, data in sorted(files.items()):
        if name.startswith(RECORDS) and sha256(data).hexdigest() not in digests:
            yield f"{name} is not what the ledger holds the digest of."


def _read(entry: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(entry)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

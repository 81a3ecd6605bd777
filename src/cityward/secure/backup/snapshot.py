"""Snapshots: what a repository holds of a city at a moment, signed, each naming the one before it.

A snapshot is two things: a header in plain, signed by the city, which anybody can check, and a listing of files,
sealed, which only the city can read. The header names the packs that the snapshot needs, so that who prunes and who
checks needs no secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.core.records import Record, to_json
from cityward.secure.signed_text import sign_text, signers, text_of

SIGNER: Final = "cityward/backup"
FIRST: Final = 1

R = TypeVar("R", "Header", "Proof", "Hold")


class Part(Record, frozen=True, kw_only=True, array_like=True):
    """A run of bytes of a file: its keyed digest, where it lies sealed, and its length there and in plain."""

    digest: str
    pack: str
    start: int
    sealed_bytes: int
    plain_bytes: int


class Entry(Record, frozen=True, kw_only=True):
    """A file: its path in the city, its keyed digest, and its parts in order.

    ``kind`` says what the bytes are: ``plain`` the file itself, anything else a form that `cityward.guard` made of it
    and turns back. ``digest`` is that of the file, before.
    """

    path: str
    kind: str
    size_bytes: int
    digest: str
    parts: tuple[Part, ...]


class Listing(Record, frozen=True, kw_only=True):
    """All files of a snapshot, or for a step those that changed; ``gone`` lists paths that are no more."""

    files: tuple[Entry, ...]
    gone: tuple[str, ...]
    facts: dict[str, str | int]


class Figures(Record, frozen=True, kw_only=True):
    """What tells a city from an encrypted one: counted by who made the snapshot, against the one before it.

    ``entropy_bits`` is the mean over files, each with the same weight, of the bits that a byte of its beginning holds
    (0 to 8), of files that are not compressed. ``replaced``, ``renamed`` and ``gone`` count files of the snapshot
    before: other bytes under the same name (of files that never change), the same bytes under another, neither.
    """

    files: int
    plain_bytes: int
    entropy_bits: float
    replaced: int
    renamed: int
    gone: int


class Header(Record, frozen=True, kw_only=True):
    """What is signed of a snapshot.

    ``made_at`` is what the maker's clock said: it is shown and compared, and decides nothing. ``sequence`` counts
    from 1 without a gap; ``previous`` is the SHA-256 of the signed header before. A *step* is the same for the
    changes since: it counts within its snapshot. ``index`` is the SHA-256 of the object that names the packs that are
    needed. ``ledger`` is the size of the ledger as it was, and ``root`` its root.
    """

    repository: str
    sequence: int
    step: int
    previous: str
    made_at: datetime
    epoch: str
    listing: tuple[Part, ...]
    index: str
    figures: Figures
    ledger: int
    root: str


class Index(Record, frozen=True, kw_only=True):
    """Names and sizes of the packs that a snapshot needs; of a step, of those that it brought.

    ``of`` is the name of the header: no two snapshots share a list, so that one can be deleted without the other.
    """

    of: str
    packs: dict[str, int]


class Proof(Record, frozen=True, kw_only=True):
    """That a drill restored a snapshot and the city answered rightly."""

    repository: str
    sequence: int
    step: int
    header: str
    drill: str


class Hold(Record, frozen=True, kw_only=True):
    """That the city is isolated since its files look attacked, or that this was lifted: until then nothing goes."""

    repository: str
    isolation: str
    state: Literal["standing", "lifted"]


def signed(record: Header | Proof | Hold, signer: Ed25519PrivateKey) -> bytes:
    """A record as a signed note."""
    return sign_text(f"{to_json(record).decode()}\n", SIGNER, signer).encode()


def read_signed(note: bytes, kind: type[R]) -> R | None:
    """What a note says, whoever signed it; None when it is no such note."""
    try:
        return msgspec.json.decode(text_of(note.decode()), type=kind)
    except (UnicodeDecodeError, msgspec.DecodeError):
        return None


def is_signed(note: bytes, key: Ed25519PublicKey) -> bool:
    """Whether ``key`` signed a note."""
    return SIGNER in signers(note.decode("utf-8", "replace"), {SIGNER: key})


def digest_of(note: bytes) -> str:
    """What the next header calls this one."""
    return sha256(note).hexdigest()


def snapshot_name(sequence: int, step: int = 0) -> str:
    """Name of the object of a header."""
    return f"snapshots/{sequence:08d}" if not step else f"steps/{sequence:08d}/{step:08d}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A header as it lies in the repository.

    ``at`` is when the server got it; ``right`` whether the city signed it.
    """

    header: Header
    digest: str
    at: datetime
    right: bool

    @property
    def id(self) -> str:
        """How people name it: its number, its step, and the beginning of its digest."""
        step = f".{self.header.step}" if self.header.step else ""
        return f"{self.header.sequence}{step}-{self.digest[:8]}"

    @property
    def place(self) -> tuple[int, int]:
        """Its number and step, by which snapshots are in order."""
        return self.header.sequence, self.header.step

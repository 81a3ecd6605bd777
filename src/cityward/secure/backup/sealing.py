"""Writing and reading what is in a repository: parts, packs, listings; for who has the keys."""

from __future__ import annotations

import hmac
import secrets
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Final

import msgspec
import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cityward.core.errors import CitywardError, UserError
from cityward.core.records import to_json
from cityward.secure.backup.keys import NONCE_BYTES, epoch_keys, file_key
from cityward.secure.backup.places import Exists, Missing
from cityward.secure.backup.repository import Repository, pack_name
from cityward.secure.backup.snapshot import (
    FIRST,
    Entry,
    Figures,
    Header,
    Index,
    Listing,
    Part,
    Snapshot,
    signed,
    snapshot_name,
)

PART_BYTES: Final = 2**20
"""A file is cut every so many bytes. Files of a city are written once, appended to, or replaced as a whole, so that
cuts at fixed places find what is the same; cuts that depend on the content would find no more."""

PACK_BYTES: Final = 16 * 2**20
"""Parts travel in packs of about this size: a tenth of a second of upload, far above the cost of an object."""

PACKS_HELD: Final = 6
"""Packs that a reader holds at once, some 100 MB: one for each thread of a restore, and those that many files share."""

_DIGEST_BYTES: Final = 20
_PACKED_BITS_MAX: Final = 6.5
"""A byte of text holds 4 to 5 bits, of what is compressed or encrypted 7.9: above this, packing gains nothing."""

_SAMPLE_BYTES: Final = 2**16
_RAW, _ZLIB = b"\x00", b"\x01"


class Damaged(CitywardError):
    """A part cannot be read: the pack is missing or was changed, or the key is another."""


def entropy_bits(sample: bytes) -> float:
    """Bits that a byte of ``sample`` holds, from how often each value occurs (0 to 8); 0 for nothing.

    Source: Shannon 1948, A mathematical theory of communication, section 6.
    """
    if not sample:
        return 0.0
    counts = np.bincount(np.frombuffer(sample[:_SAMPLE_BYTES], dtype=np.uint8), minlength=256)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


@dataclass(frozen=True, slots=True)
class Epoch:
    """The keys of one epoch: ``day`` names it, ``seal`` seals parts, ``name`` names them, ``files`` names files."""

    day: str
    seal: bytes
    name: bytes
    files: bytes

    @classmethod
    def of(cls, day: str, repository_key: bytes, epoch_key: bytes) -> Epoch:
        """From the key of the repository and the one that the city keeps."""
        return cls(day, *epoch_keys(repository_key, epoch_key, day), file_key(repository_key))

    def digest(self, data: bytes | memoryview) -> str:
        """Keyed digest of a part."""
        return hmac.digest(self.name, data, "sha256")[:_DIGEST_BYTES].hex()


@dataclass(slots=True)
class Summed:
    """A keyed digest of a file that comes in parts."""

    epoch: Epoch
    _sum: hmac.HMAC = field(init=False)

    def __post_init__(self) -> None:
        self._sum = hmac.new(self.epoch.files, digestmod="sha256")

    def add(self, data: bytes | memoryview) -> None:
        """Go on with ``data``."""
        self._sum.update(data)

    def digest(self) -> str:
        """The digest so far."""
        return self._sum.digest()[:_DIGEST_BYTES].hex()


class Writer:
    """Puts parts that the repository does not hold yet into packs, then a header over them.

    Parameters
    ----------
    repository : Repository
        Where to.
    epoch : Epoch
        Under which keys.
    held : iterable of Part
        Parts that the repository holds already, of the same epoch.
    sizes : mapping of str to int
        Sizes of the packs in which they lie.
    """

    def __init__(
        self, repository: Repository, epoch: Epoch, held: Iterable[Part] = (), sizes: Mapping[str, int] | None = None
    ) -> None:
        self._sizes = sizes or {}
        self._repository, self.epoch = repository, epoch
        self._cipher = AESGCM(epoch.seal)
        self._parts = {part.digest: part for part in held}
        self._waiting: list[tuple[str, int, int, int]] = []
        self._coming: set[str] = set()
        self._pack = bytearray()
        self.packs: dict[str, int] = {}
        """Packs that were written, with their sizes."""

    def put(self, data: bytes | memoryview) -> str:
        """Take in one part, unless it is held; return its digest, which `parts` turns into the part."""
        digest = self.epoch.digest(data)
        if digest in self._parts or digest in self._coming:
            return digest
        self._coming.add(digest)
        packed = _packed(data)
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, packed, digest.encode())
        self._waiting.append((digest, len(self._pack), len(sealed), len(data)))
        self._pack += sealed
        if len(self._pack) >= PACK_BYTES:
            self._flush()
        return digest

    def parts(self, digests: Sequence[str]) -> tuple[Part, ...]:
        """Where parts lie; makes them durable first."""
        self._flush()
        return tuple(self._parts[one] for one in digests)

    def _flush(self) -> None:
        if not self._pack:
            return
        pack = bytes(self._pack)
        name = sha256(pack).hexdigest()
        with suppress(Exists):  # the nonces leave only a second try after an answer that was lost
            self._repository.place.put(pack_name(name), pack)
        self.packs[name] = len(pack)
        for digest, start, sealed, plain in self._waiting:
            self._parts[digest] = Part(digest=digest, pack=name, start=start, sealed_bytes=sealed, plain_bytes=plain)
        self._waiting, self._pack = [], bytearray()
        self._coming.clear()

    def finish(
        self,
        listing: Listing,
        before: Snapshot | None,
        figures: Figures,
        signer: Ed25519PrivateKey,
        *,
        made_at: datetime,
        ledger: tuple[int, str],
        step: bool = False,
    ) -> Header:
        """Write the listing, the list of packs and the signed header; all of it is durable when this returns.

        Raises
        ------
        UserError
            Somebody else wrote a snapshot of this number meanwhile.
        """
        data = to_json(listing)
        kept = self.parts([self.put(data[at : at + PART_BYTES]) for at in range(0, len(data), PART_BYTES)])
        needed = dict(self.packs)
        if not step:
            every = [*kept, *(part for entry in listing.files for part in entry.parts)]
            known = {**self._sizes, **self.packs}
            needed = {part.pack: known[part.pack] for part in every}
        number = (before.header.sequence if before else FIRST - 1) + (0 if step else 1)
        at_step = before.header.step + 1 if step and before else 0
        index = to_json(Index(of=snapshot_name(number, at_step), packs=needed))
        name = sha256(index).hexdigest()
        with suppress(Exists):  # the same attempt, cut off before its header
            self._repository.place.put(f"indexes/{name}", index)
        header = Header(
            repository=self._repository.about.id,
            sequence=number,
            step=at_step,
            previous=before.digest if before else "",
            made_at=made_at,
            epoch=self.epoch.day,
            listing=kept,
            index=name,
            figures=figures,
            ledger=ledger[0],
            root=ledger[1],
        )
        try:
            self._repository.place.put(snapshot_name(header.sequence, header.step), signed(header, signer))
        except Exists:
            raise UserError(
                f"Somebody else wrote snapshot {header.sequence} of this repository meanwhile.",
                "One city writes to one repository, one snapshot at a time. Do the same again.",
            ) from None
        return header


class Reader:
    """Opens what was sealed.

    Parameters
    ----------
    repository : Repository
        Where from.
    epochs : mapping of str to Epoch
        The keys that there are, by their day.
    """

    def __init__(self, repository: Repository, epochs: Mapping[str, Epoch]) -> None:
        self._repository, self._epochs = repository, epochs
        self._packs = _Packs(repository)

    def epoch_of(self, header: Header) -> Epoch:
        """Keys of a snapshot.

        Raises
        ------
        UserError
            The key was destroyed, or is not here.
        """
        found = self._epochs.get(header.epoch)
        if found is None:
            raise UserError(
                f"The key of the days from {header.epoch} on was destroyed, or is not here (keys/backups).",
                "Give the newest copy of keys/ with --keys. A key that was destroyed on time is gone for good.",
            )
        return found

    def listing(self, header: Header) -> Listing:
        """What a snapshot, or a step, lists; raises `Damaged` and as `epoch_of`."""
        epoch = self.epoch_of(header)
        data = b"".join(self.part(part, epoch) for part in header.listing)
        return msgspec.json.decode(data, type=Listing)

    def whole(self, snapshot: Snapshot) -> dict[str, Entry]:
        """Files of a snapshot by their paths, steps up to it included; raises as `listing`."""
        base = self._repository.snapshot(snapshot.header.sequence)
        files = {entry.path: entry for entry in self.listing(base.header).files}
        for step in self._repository.steps(base.header.sequence)[: snapshot.header.step]:
            told = self.listing(step.header)
            for path in told.gone:
                files.pop(path, None)
            files |= {entry.path: entry for entry in told.files}
        return files

    def part(self, part: Part, epoch: Epoch) -> bytes | memoryview:
        """One part in plain; several threads may ask at once.

        Raises
        ------
        Damaged
            It is not what was sealed, or not there.
        """
        try:
            sealed = memoryview(self._packs.get(part.pack))[part.start : part.start + part.sealed_bytes]
            nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            return _unpacked(AESGCM(epoch.seal).decrypt(nonce, body, part.digest.encode()), part.plain_bytes)
        except Missing:
            raise Damaged(f"pack {part.pack[:12]} is missing") from None
        except (InvalidTag, ValueError, zlib.error):
            raise Damaged(f"pack {part.pack[:12]} was changed or cut short") from None

    def bytes_of(self, entry: Entry, epoch: Epoch) -> Iterator[bytes | memoryview]:
        """The bytes of an entry, part by part; of a plain one, raises `Damaged` at the end when they are others."""
        seen = Summed(epoch)
        for part in entry.parts:
            data = self.part(part, epoch)
            seen.add(data)
            yield data
        if entry.kind == "plain" and seen.digest() != entry.digest:
            raise Damaged("its parts do not add up to the file that was sealed")


class _Packs:
    """The packs that were read last. Parts of a file lie side by side, and files share parts: each is fetched once."""

    def __init__(self, repository: Repository) -> None:
        self._repository, self._held = repository, OrderedDict[str, Future[bytes]]()
        self._lock = Lock()

    def get(self, name: str) -> bytes:
        """A pack, read by whoever asks first; raises as `cityward.secure.backup.places.Place.get`."""
        with self._lock:
            held = self._held.get(name)
            if first := held is None:
                held = self._held[name] = Future()
                while len(self._held) > PACKS_HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(name)
        if first:
            try:
                held.set_result(self._repository.place.get(pack_name(name)))
            except BaseException as error:  # noqa: BLE001 (whoever waits is told the same; the next asks anew)
                with self._lock:
                    if self._held.get(name) is held:
                        del self._held[name]
                held.set_exception(error)
        return held.result()


def _packed(data: bytes | memoryview) -> bytes:
    if entropy_bits(bytes(data[:_SAMPLE_BYTES])) < _PACKED_BITS_MAX:
        return _ZLIB + zlib.compress(data, level=1)
    return _RAW + bytes(data)


def _unpacked(packed: bytes, length: int) -> bytes | memoryview:
    body = memoryview(packed)[1:]
    data = body if packed[:1] == _RAW else zlib.decompressobj().decompress(body, length + 1)
    if len(data) != length:
        raise Damaged("a part has another length than it was listed with")
    return data

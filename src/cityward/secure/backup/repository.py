"""The repository: packs of sealed parts, and a chain of signed snapshots that name them.

Objects: ``repository`` (its name, the city's public key, its own key wrapped), ``packs/<ab>/<name>``,
``indexes/<name>``, ``snapshots/<number>``, ``steps/<number>/<step>`` and ``proofs/…``. A pack is named after the
SHA-256 of its sealed bytes, so that whoever keeps the repository can check it without a key; parts are named by keyed
digests inside the sealed listing, so that a name says nothing of what it names.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cityward.core.errors import StoreError, UserError
from cityward.core.records import Record, to_json
from cityward.secure.backup.keys import KEY_BYTES, Wrapped, unwrap, wrap
from cityward.secure.backup.places import Exists, Held, Missing, Place
from cityward.secure.backup.snapshot import (
    FIRST,
    Header,
    Hold,
    Index,
    Proof,
    Snapshot,
    digest_of,
    is_signed,
    read_signed,
    snapshot_name,
)

FORMAT: Final = "cityward backup repository 1"
ROOT: Final = "repository"


class About(Record, frozen=True, kw_only=True):
    """What the object ``repository`` says."""

    format: str
    id: str
    city: str
    wrapped: Wrapped


class Repository:
    """A repository in ``place``.

    Parameters
    ----------
    place : Place
        Where it lies.
    key : Ed25519PublicKey, optional
        The city's public key; that which the repository was made with by default.

    Raises
    ------
    UserError
        There is none, or it is of another format.
    """

    def __init__(self, place: Place, key: Ed25519PublicKey | None = None) -> None:
        self.place = place
        try:
            self.about = msgspec.json.decode(place.get(ROOT), type=About)
        except (Missing, msgspec.DecodeError):
            raise UserError(
                "There is no repository of backups there.", "Look at the path; 'cityward backup make' makes a new one."
            ) from None
        if self.about.format != FORMAT:
            raise UserError("This repository is of another format.", "Use the cityward that made it.")
        self.key = key or Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.about.city))

    @classmethod
    def make(cls, place: Place, passphrase: bytes, city: bytes, cost: int | None = None) -> Repository:
        """Make a new repository of the city with the public key ``city`` (32 bytes), or open the one that is there."""
        try:
            return cls(place)
        except UserError:
            pass
        about = About(
            format=FORMAT,
            id=secrets.token_hex(8),
            city=city.hex(),
            wrapped=wrap(secrets.token_bytes(KEY_BYTES), passphrase, cost),
        )
        with suppress(Exists):
            place.put(ROOT, to_json(about))
        return cls(place)

    def unlocked(self, passphrase: bytes) -> bytes:
        """The key of the repository; raises as `cityward.secure.backup.keys.unwrap`."""
        return unwrap(self.about.wrapped, passphrase)

    # -- what is there -----------------------------------------------------------------------------

    def snapshots(self) -> list[Snapshot]:
        """All snapshots, in order of their numbers; what is no header of this repository is left out, see `strays`."""
        return [one for one in (self._read(held) for held in self._listed("snapshots")) if one is not None]

    def strays(self) -> list[str]:
        """Objects among the snapshots that are no headers, or say another number than their name."""
        return [held.name for held in self._listed("snapshots") if self._read(held) is None]

    def steps(self, sequence: int) -> list[Snapshot]:
        """Steps after a snapshot that follow one another without a gap."""
        found: list[Snapshot] = []
        previous = self.snapshot(sequence).digest
        for held in self._listed(f"steps/{sequence:08d}"):
            one = self._read(held)
            if one is None or not one.right or one.header.previous != previous:
                break
            found.append(one)
            previous = one.digest
        return found

    def snapshot(self, sequence: int) -> Snapshot:
        """One snapshot; raises `UserError` when there is none of that number."""
        name = snapshot_name(sequence)
        held = next((one for one in self._listed("snapshots") if one.name == name), None)
        one = self._read(held) if held else None
        if one is None:
            raise UserError(f"There is no snapshot {sequence}.", "'cityward backup list' lists them.")
        return one

    def step(self, sequence: int, step: int) -> Snapshot:
        """One step that is known to be there."""
        name = snapshot_name(sequence, step)
        one = next((self._read(held) for held in self.place.list(f"steps/{sequence:08d}") if held.name == name), None)
        if one is None:
            raise UserError(f"There is no step {sequence}.{step}.", "'cityward backup list' lists them.")
        return one

    def _listed(self, prefix: str) -> list[Held]:
        return sorted(self.place.list(prefix), key=lambda held: held.name)

    def _read(self, held: Held) -> Snapshot | None:
        note = self._note(held.name)
        header = read_signed(note, Header)
        if header is None or header.repository != self.about.id:
            return None
        if held.name != snapshot_name(header.sequence, header.step):
            return None
        return Snapshot(header, digest_of(note), held.at, is_signed(note, self.key))

    def _note(self, name: str) -> bytes:
        # A header never changes: it is read once.
        if name not in self._notes:
            self._notes[name] = self.place.get(name)
        return self._notes[name]

    @cached_property
    def _notes(self) -> dict[str, bytes]:
        return {}

    def newest(self) -> Snapshot | None:
        """The last snapshot, without its steps."""
        held = self._listed("snapshots")
        return self._read(held[-1]) if held else None

    def packs_of(self, header: Header) -> dict[str, int]:
        """Names and sizes of the packs that a snapshot needs, or that a step brought.

        Raises
        ------
        StoreError
            The list is missing, or is not the one that was signed.
        """
        try:
            data = self.place.get(f"indexes/{header.index}")
        except Missing:
            data = b""
        if sha256(data).hexdigest() != header.index:
            raise StoreError(f"The list of packs of snapshot {header.sequence} is missing or was changed.")
        return msgspec.json.decode(data, type=Index).packs

    def indexes(self) -> set[str]:
        """Names of the lists of packs that are there; a snapshot without its own was pruned."""
        return {held.name.rsplit("/", 1)[-1] for held in self.place.list("indexes")}

    def proofs(self) -> list[tuple[Proof, datetime, bool]]:
        """Markers of drills, with when the server got each and whether the city signed it; the oldest first."""
        found = []
        for held in self.place.list("proofs"):
            note = self._note(held.name)
            proof = read_signed(note, Proof)
            if proof is not None and proof.repository == self.about.id:
                found.append((proof, held.at, is_signed(note, self.key)))
        return sorted(found, key=lambda one: one[1])

    def held_by(self) -> list[str]:
        """Isolations of the city, by their identifiers, that it told of and that nobody lifted."""
        told: dict[str, set[str]] = {"standing": set(), "lifted": set()}
        for held in self.place.list("holds"):
            note = self._note(held.name)
            hold = read_signed(note, Hold)
            if hold is not None and hold.repository == self.about.id and is_signed(note, self.key):
                told[hold.state].add(hold.isolation)
        return sorted(told["standing"] - told["lifted"])

    # -- what is wrong with it ---------------------------------------------------------------------

    def broken_chain(self) -> list[str]:
        """What is wrong with the chain of snapshots, in plain words; nothing when it is whole."""
        wrong = [f"{name} is not a snapshot of this repository" for name in self.strays()]
        expected, previous, before = FIRST, "", None
        for one in self.snapshots():
            number = one.header.sequence
            if not one.right:
                wrong.append(f"snapshot {number} is not signed by the key of this city")
            if number != expected:
                wrong.append(f"snapshots {expected} to {number - 1} are missing")
            elif one.header.previous != previous:
                wrong.append(f"snapshot {number} does not follow from the one before it")
            if before is not None and one.at < before.at:
                wrong.append(f"the server got snapshot {number} before snapshot {before.header.sequence}")
            expected, previous, before = number + 1, one.digest, one
        return wrong

    def damaged(self, snapshot: Snapshot, *, read: bool = False, seen: dict[str, bool] | None = None) -> list[str]:
        """Packs that a snapshot needs and that are missing or have another size; with ``read``, other bytes.

        ``seen`` remembers packs between calls.
        """
        seen = {} if seen is None else seen
        wanted = self.packs_of(snapshot.header)
        there = self._sizes if not read else {}
        for name, size in wanted.items():
            if name not in seen:
                seen[name] = self._is_whole(name, size) if read else there.get(name) == size
        return sorted(name for name in wanted if not seen[name])

    @cached_property
    def _sizes(self) -> dict[str, int]:
        return {held.name.rsplit("/", 1)[-1]: held.size_bytes for held in self.place.list("packs")}

    def _is_whole(self, name: str, size: int) -> bool:
        try:
            data = self.place.get(pack_name(name))
        except Missing:
            return False
        return len(data) == size and sha256(data).hexdigest() == name


def pack_name(name: str) -> str:
    """Name of the object of a pack."""
    return f"packs/{name[:2]}/{name}"


def chosen(repository: Repository, *, as_of: datetime | None = None, snapshot: str | None = None) -> Snapshot:
    """The newest snapshot or step that the server had by ``as_of``, or the one with that identifier or number.

    Raises
    ------
    UserError
        There is none.
    """
    for one in _newest_first(repository):
        if snapshot is not None and snapshot not in (one.id, one.id.split("-")[0]):
            continue
        if as_of is None or one.at <= as_of:
            return one
    raise UserError("There is no such snapshot in this repository.", "'cityward backup list' lists them.")


def _newest_first(repository: Repository) -> Iterator[Snapshot]:
    for one in reversed(repository.snapshots()):
        if one.right:
            yield from reversed(repository.steps(one.header.sequence))
            yield one

"""A witness: co-signs checkpoints of logs that it knows, each only when it continues what it saw before.

What it saw is durable before a cosignature is given. A checkpoint that does not continue it is never signed, and is
kept with the one that it contradicts: both are signed by the log, which is proof of two histories.

Source: C2SP tlog-witness.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.core.clock import Clock
from cityward.core.disk import durable, replace_file, sync_folder
from cityward.core.errors import LedgerError
from cityward.secure.cosignature import cosign
from cityward.secure.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from cityward.secure.note import SIZE_DIGITS_MAX, Checkpoint, check, parse

SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"
BODY_BYTES_MAX: Final = 64 * 1_024
"""Longest request: 63 hashes and a checkpoint of sixteen signatures, with room to spare."""

PROOF_LINES_MAX: Final = 63
ALARMS_MAX: Final = 1_000
"""Contradictions that are kept; a log that made more has long been found out."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers: HTTP status, text, and its media type."""

    status: int
    text: str
    media_type: str = TEXT_TYPE


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Two checkpoints of one log that cannot both be true; ``sentence`` says so in words."""

    at: datetime
    kind: str
    origin: str
    sentence: str
    seen: str
    submitted: str


class Witness:
    """A witness that keeps what it saw in ``folder``; safe to share between threads.

    Parameters
    ----------
    folder : pathlib.Path
        Of this witness alone; one process serves it.
    name : str
        Of its key, an address without ``https://``.
    signer : Ed25519PrivateKey
        Signs cosignatures and nothing else.
    logs : mapping of str to sequence of Ed25519PublicKey
        Keys of the logs that it knows, by origin.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        signer: Ed25519PrivateKey,
        logs: Mapping[str, Sequence[Ed25519PublicKey]],
        clock: Clock | None = None,
    ) -> None:
        self._folder, self._name, self._signer, self._logs = folder, name, signer, logs
        self._clock = clock or Clock()
        self._lock = threading.Lock()
        with durable("opening the witness"):
            for part in (self._folder, self._folder / "seen", self._folder / "alarms"):
                part.mkdir(parents=True, exist_ok=True)
            sync_folder(self._folder)

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer a request to co-sign; raises StoreError with nothing signed when what was seen cannot be kept."""
        try:
            old, proof, note = _request(body)
            told = parse(note)
        except (ValueError, LedgerError):
            return Answer(400, "This is not a request of the form add-checkpoint (C2SP tlog-witness).\n")
        keys = self._logs.get(told.origin)
        if keys is None:
            return Answer(404, "This witness does not know that log.\n")
        if not any(_signed(note, key) for key in keys):
            return Answer(403, "The checkpoint is not signed by a key of that log that this witness knows.\n")
        if old > told.size:
            return Answer(400, "The old size is larger than the checkpoint.\n")
        with self._lock:
            return self._advance(old, proof, note, told)

    def seen(self, digest: str) -> str | None:
        """The newest checkpoint that was co-signed, of the log whose origin has this SHA-256 (hex)."""
        known = {digest_of(origin): origin for origin in self._logs}
        return self._seen(known[digest]) or None if digest in known else None

    def alarms(self) -> list[Alarm]:
        """Contradictions that were found, the oldest first."""
        found = [msgspec.json.decode(path.read_bytes(), type=Alarm) for path in self._alarm_files()]
        return sorted(found, key=lambda alarm: alarm.at)

    def _advance(self, old: int, proof: list[bytes], note: str, told: Checkpoint) -> Answer:
        before = self._seen(told.origin)
        seen = parse(before) if before else Checkpoint(0, EMPTY_ROOT, told.origin)
        if told.size < seen.size:
            # It may be late, or the log was put back: its own operators see which, by the size in the answer.
            self._alarm("smaller", f"a checkpoint of {told.size} entries came after one of {seen.size}", before, note)
        if old != seen.size:
            return Answer(409, f"{seen.size}\n", SIZE_TYPE)
        if told.size == seen.size and told.root != seen.root:
            self._alarm("split view", f"it signed two different logs of {told.size} entries", before, note)
            return Answer(409, f"{seen.size}\n", SIZE_TYPE)
        proved = verify_consistency(old, told.size, proof, seen.root, told.root)
        continues = not proof if old in (0, told.size) else proved
        if not continues or (told.size == 0 and told.root != EMPTY_ROOT):
            if proof or old:
                sentence = f"its {told.size} entries are not shown to continue the {seen.size} that were signed before"
                self._alarm("not continued", sentence, before, note)
            return Answer(422, "The proof does not show that this checkpoint continues the last one.\n")
        line = cosign(note, self._name, self._signer, int(self._clock.now().timestamp()))
        with durable("keeping what was witnessed"):
            replace_file(self._path(told.origin), (note + line).encode())
        return Answer(200, line)

    def _seen(self, origin: str) -> str:
        path = self._path(origin)
        return path.read_bytes().decode("utf-8") if path.exists() else ""

    def _path(self, origin: str) -> Path:
        return self._folder / "seen" / digest_of(origin)

    def _alarm_files(self) -> list[Path]:
        return list((self._folder / "alarms").glob("*.json"))

    def _alarm(self, kind: str, what: str, before: str, note: str) -> None:
        path = self._folder / "alarms" / f"{sha256(f'{kind} {before} {note}'.encode()).hexdigest()[:24]}.json"
        if path.exists() or len(self._alarm_files()) >= ALARMS_MAX:
            return
        origin = parse(note).origin
        alarm = Alarm(
            at=self._clock.now(), kind=kind, origin=origin, sentence=f"The log '{origin}' contradicts itself: {what}.",
            seen=before, submitted=note,
        )  # fmt: skip
        with durable("keeping an alarm"):
            replace_file(path, msgspec.json.encode(alarm))


def request_body(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """A request to co-sign ``note``, which continues the log of ``old`` entries."""
    lines = [f"old {old}", *(base64.b64encode(step).decode() for step in proof), "", note]
    return "\n".join(lines).encode()


def digest_of(origin: str) -> str:
    """Name of a log in the addresses of a witness: SHA-256 of its origin (hex)."""
    return sha256(origin.encode()).hexdigest()


def _request(body: bytes) -> tuple[int, list[bytes], str]:
    """Old size, proof and checkpoint of a request; raises ValueError."""
    if len(body) > BODY_BYTES_MAX:
        raise ValueError
    above, gap, note = body.decode("utf-8").partition("\n\n")
    first, *lines = above.split("\n")
    size = first.removeprefix("old ")
    fine = gap and first.startswith("old ") and size.isascii() and size.isdigit() and len(size) <= SIZE_DIGITS_MAX
    if not fine or str(int(size)) != size or len(lines) > PROOF_LINES_MAX:
        raise ValueError
    try:
        proof = [base64.b64decode(line, validate=True) for line in lines]
    except binascii.Error:
        raise ValueError from None
    if any(len(step) != HASH_BYTES for step in proof):
        raise ValueError
    return int(size), proof, note


def _signed(note: str, key: Ed25519PublicKey) -> bool:
    try:
        check(note, key)
    except LedgerError:
        return False
    return True

"""Keys of a log that follow one another: each hand-over is signed by the key that leaves and the one that comes.

The text of a hand-over is an entry of the log, and lies in ``handovers`` beside the tiles. Who trusts any key of the
chain can follow it to every other: a link counts only with both signatures, so that nobody makes one with a single key.

Source: C2SP signed-note, for the form and its signatures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cityward.core.disk import replace_file
from cityward.core.errors import LedgerError, UserError
from cityward.secure.keys import public_bytes
from cityward.secure.note import ORIGIN, Checkpoint, check, parse
from cityward.secure.signed_text import countersign, read_verifier_key, sign_text, signers, text_of, verifier_key

HANDOVERS: Final = "handovers"
KIND: Final = "key-handover"
"""Kind of the entry that holds a hand-over, in the fact ``note``."""

_HEAD: Final = "cityward key hand-over v1"
_END: Final = "\x00"
_Ends = Callable[["Handover"], tuple[Ed25519PublicKey, Ed25519PublicKey]]


@dataclass(frozen=True, slots=True)
class Handover:
    """From entry ``index`` on, ``new`` signs the log ``origin`` in the place of ``old``."""

    origin: str
    index: int
    old: Ed25519PublicKey
    new: Ed25519PublicKey
    note: str


def make_handover(origin: str, index: int, at: datetime, old: Ed25519PrivateKey, new: Ed25519PrivateKey) -> str:
    """Return the note by which ``old`` hands a log over to ``new``, signed by both."""
    text = (
        f"{_HEAD}\n{origin}\nentry {index}\nat {at.isoformat()}\nold {verifier_key(origin, old.public_key())}\n"
        f"new {verifier_key(origin, new.public_key())}\n"
    )
    return countersign(sign_text(text, origin, old), origin, new)


def read_handover(note: str) -> Handover:
    """Read a hand-over and check both signatures.

    Raises
    ------
    LedgerError
        It is none, or one of the two keys did not sign it.
    """
    try:
        head, origin, entry, _, old, new, *rest = text_of(note).split("\n")
        keys = [read_verifier_key(line.removeprefix(word)) for line, word in ((old, "old "), (new, "new "))]
        index = int(entry.removeprefix("entry "))
        told = head == _HEAD and rest == [""] and entry == f"entry {index}" and all(name == origin for name, _ in keys)
        signed = all(signers(note, {origin: key}) for _, key in keys)
    except (ValueError, UserError):
        told = signed = False
    if not (told and signed):
        raise LedgerError("A hand-over of the ledger's key is damaged, or not signed by both keys.")
    return Handover(origin, index, keys[0][1], keys[1][1], note)


def read_handovers(folder: Path) -> list[Handover]:
    """The hand-overs of the log in ``folder``, the oldest first."""
    path = folder / HANDOVERS
    notes = path.read_bytes().decode("utf-8", "replace").split(_END)[:-1] if path.exists() else []
    return [read_handover(note) for note in notes]


def keep_handover(folder: Path, note: str) -> None:
    """Add a hand-over to those of the log in ``folder``; raises OSError."""
    notes = [one.note for one in read_handovers(folder)]
    replace_file(folder / HANDOVERS, "".join(f"{one}{_END}" for one in (*notes, note)).encode())


class Keys:
    """Which key signs which checkpoints of a log, for who trusts one of them.

    Parameters
    ----------
    key : Ed25519PublicKey
        The one that is trusted.
    handovers : sequence of Handover
        In the order of the log. Those that do not lead from key to key up or down to ``key`` are left out.
    """

    def __init__(self, key: Ed25519PublicKey, handovers: Sequence[Handover] = ()) -> None:
        later = list(_linked(key, handovers, lambda one: (one.old, one.new)))
        earlier = list(_linked(key, list(reversed(handovers)), lambda one: (one.new, one.old)))[::-1]
        self.handovers = (*earlier, *later)
        first = self.handovers[0].old if self.handovers else key
        self._from = [(0, first), *((one.index + 1, one.new) for one in self.handovers)]

    def of(self, size: int) -> Ed25519PublicKey:
        """The key that must have signed a checkpoint of ``size`` entries."""
        return next(key for begin, key in reversed(self._from) if begin <= size)

    def check(self, note: str, origins: Iterable[str] | None = None) -> Checkpoint:
        """Read a checkpoint and check that the key of its time signed it; raises LedgerError."""
        told = parse(note)
        if origins is not None and told.origin not in {*origins, ORIGIN}:
            raise LedgerError(f"The checkpoint is of another log: '{told.origin[:80]}'.")
        return check(note, self.of(told.size))


def _linked(key: Ed25519PublicKey, handovers: Sequence[Handover], ends: _Ends) -> Iterator[Handover]:
    current = public_bytes(key)
    for one in handovers:
        near, far = ends(one)
        if public_bytes(near) == current:
            current = public_bytes(far)
            yield one

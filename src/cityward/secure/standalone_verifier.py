#!/usr/bin/env python3
"""Checks a receipt of a city's ledger offline, on a machine without cityward.

    python verify.py RECEIPT.tlog-proof --key 'name+id+key' [--policy POLICY] [--record FILE] [--json]
    python verify.py --log https://city.example/ledger --key 'name+id+key'

The first form says whether the entry in the receipt stands in the log that the key signed and, with a policy, whether
enough witnesses saw the same log. The second reads a whole log from its server and computes its root anew.
Ask the city's key, and those of witnesses, from somebody whom you trust; never take them from the receipt.

It needs Python 3.9 or later and the package 'cryptography'. It ends with 0 when all is proved, 1 when not, 2 when it
was called wrongly.

Source: C2SP signed-note, tlog-checkpoint, tlog-cosignature (v1, Ed25519), tlog-proof (v1), tlog-policy, tlog-tiles;
RFC 6962 section 2.1 and RFC 9162 section 2.1.3.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import re
import struct
import sys
import urllib.request
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LOG_KEY, WITNESS_KEY = 1, 4
PROOF_HEAD = "c2sp.org/tlog-proof@v1"
HANDOVER_HEAD = "cityward key hand-over v1"
FILE_BYTES_MAX = 4 * 2**20
PATH_LINES_MAX = 63
SIGNATURES_MAX = 64
SIZE_MAX = 2**63 - 1
HANDOVERS_MAX = 1_000
TILE = 256
SIGNATURE_LINE = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")


class NotProved(Exception):
    """What was given proves nothing; the text says why."""


class Key(NamedTuple):
    """A verifier key: ``name+id+key``."""

    name: str
    id: bytes
    kind: int
    raw: bytes

    def verify(self, signature: bytes, text: bytes) -> None:
        """Raise InvalidSignature unless this key signed ``text``."""
        Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, text)


class Note(NamedTuple):
    """A text, and who says to have signed it: name, identifier of the key, signature."""

    text: str
    signatures: list[tuple[str, bytes, bytes]]


class Proved(NamedTuple):
    """What a receipt proves."""

    entry: bytes
    position: int
    size: int
    origin: str
    witnesses: dict[str, int]


def decoded(text: str) -> bytes:
    """Base64 that is written in the one way in which it may be written."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotProved("A line is not base64.") from None
    if base64.b64encode(raw).decode() != text:
        raise NotProved("A line of base64 is written in another way than it is made.")
    return raw


def number(text: str) -> int:
    """A number without a sign and without leading zeroes."""
    if not NUMBER.fullmatch(text) or int(text) > SIZE_MAX:
        raise NotProved(f"'{text[:30]}' is not a number as it must be written.")
    return int(text)


def read_key(text: str) -> Key:
    """Read a verifier key and check its identifier."""
    name, _, rest = text.strip().partition("+")
    known, _, encoded = rest.partition("+")
    raw = decoded(encoded)
    key = Key(name, sha256(name.encode() + b"\n" + raw).digest()[:4], raw[0] if raw else 0, raw[1:])
    if not name or re.search(r"\s", name) or len(key.raw) != 32 or key.kind not in (LOG_KEY, WITNESS_KEY):
        raise NotProved(f"'{text[:60]}' is not a verifier key of a kind that is read here.")
    if key.id.hex() != known:
        raise NotProved(f"The verifier key of '{name}' does not have the identifier that it says.")
    return key


def read_note(data: str) -> Note:
    """Take a signed note apart."""
    if any(sign < " " and sign != "\n" for sign in data):
        raise NotProved("A note has control characters in it.")
    text, gap, below = data.rpartition("\n\n")
    lines = below.split("\n")
    if not gap or lines[-1] or not 1 < len(lines) <= SIGNATURES_MAX:
        raise NotProved("The checkpoint is not a signed note.")
    found = [SIGNATURE_LINE.fullmatch(line) for line in lines[:-1]]
    if not all(found):
        raise NotProved("A line below the checkpoint is not a signature.")
    raw = [(line[1], decoded(line[2])) for line in found if line]
    return Note(f"{text}\n", [(name, one[:4], one[4:]) for name, one in raw])


def signed_by(note: Note, key: Key) -> bool:
    """Whether a key signed a note; raises when it says so and does not hold."""
    mine = [signature for name, id_, signature in note.signatures if (name, id_) == (key.name, key.id)]
    for signature in mine:
        try:
            if key.kind == LOG_KEY:
                key.verify(signature, note.text.encode())
            else:
                key.verify(signature[8:], cosigned_text(note, signature))
        except InvalidSignature:
            raise NotProved(f"A signature of '{key.name}' does not hold: the checkpoint was changed.") from None
    return bool(mine)


def cosigned_text(note: Note, signature: bytes) -> bytes:
    """What a witness signs: when, and the text of the checkpoint."""
    if len(signature) != 72:
        raise NotProved("A cosignature has another length than one has.")
    return f"cosignature/v1\ntime {cosigned_at(signature)}\n{note.text}".encode()


def cosigned_at(signature: bytes) -> int:
    """The moment of a cosignature, in seconds since 1970."""
    (at,) = struct.unpack(">Q", signature[:8])
    if at > SIZE_MAX:
        raise NotProved("A cosignature is of no possible time.")
    return int(at)


def read_checkpoint(note: Note) -> tuple[str, int, bytes]:
    """Origin, size and root in the text of a checkpoint."""
    lines = note.text.split("\n")
    origin, size, root, *rest = lines if len(lines) > 3 else ("", "", "")
    if not origin or "" in rest[:-1] or not root:
        raise NotProved("The checkpoint does not have the lines that it must have.")
    if len(decoded(root)) != 32:
        raise NotProved("The root of the checkpoint is no hash.")
    return origin, number(size), decoded(root)


def node(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def root_from(leaf: bytes, index: int, size: int, path: Iterable[bytes]) -> bytes:
    """The root to which a proof of inclusion leads."""
    at, last, current = index, size - 1, leaf
    for step in path:
        if last == 0:
            raise NotProved("The proof has more steps than the log has levels.")
        if at & 1 or at == last:
            current = node(step, current)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            current = node(current, step)
        at, last = at >> 1, last >> 1
    if last:
        raise NotProved("The proof has fewer steps than the log has levels.")
    return current


class Policy:
    """Logs that are trusted, witnesses, and how many of them are needed (C2SP tlog-policy)."""

    def __init__(self, text: str) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self._groups: dict[str, tuple[int, list[str]]] = {}
        self._quorum: str | None = None
        self._members: set[str] = set()
        for line in text.split("\n"):
            words = re.split(r"[ \t]+", line.strip(" \t"))
            if words != [""] and not words[0].startswith("#"):
                self._read(words)
        if self._quorum is None:
            raise NotProved("The policy has no line 'quorum'.")

    def _read(self, words: list[str]) -> None:
        kind, rest = words[0], words[1:]
        if kind == "log" and 1 <= len(rest) <= 2:
            self.logs.append(self._new_key(rest[0], LOG_KEY, self.logs))
        elif kind == "witness" and 2 <= len(rest) <= 3:
            self._check_new(rest[0])
            self.witnesses[rest[0]] = self._new_key(rest[1], WITNESS_KEY, self.witnesses.values())
        elif kind == "group" and len(rest) >= 3:
            self._check_new(rest[0])
            self._group(rest[0], rest[1], rest[2:])
        elif kind == "quorum" and len(rest) == 1 and self._quorum is None and (rest[0] == "none" or self._is(rest[0])):
            self._quorum = rest[0]
        else:
            raise NotProved(f"The policy has a line that is not understood: '{' '.join(words)[:60]}'.")

    def _new_key(self, text: str, kind: int, known: Iterable[Key]) -> Key:
        key = read_key(text)
        if key.kind != kind or key.raw in {other.raw for other in known}:
            raise NotProved(f"The policy names the key of '{key.name}' twice, or as what it is not.")
        return key

    def _group(self, name: str, need: str, members: list[str]) -> None:
        wanted = {"any": 1, "all": len(members)}.get(need) or number(need)
        fresh = len(set(members)) == len(members) and not self._members & set(members)
        if not (1 <= wanted <= len(members) and fresh and all(map(self._is, members))):
            raise NotProved(f"The group '{name}' of the policy cannot be used.")
        self._members |= set(members)
        self._groups[name] = (wanted, members)

    def _is(self, name: str) -> bool:
        return name in self.witnesses or name in self._groups

    def _check_new(self, name: str) -> None:
        if name == "none" or self._is(name):
            raise NotProved(f"The policy gives the name '{name[:40]}' twice.")

    def holds(self, seen: set[str], name: str | None = None) -> bool:
        """Whether enough of the witnesses are among ``seen``."""
        name = self._quorum if name is None else name
        if name is None or name == "none":
            return name == "none"
        if name in self.witnesses:
            return name in seen
        need, members = self._groups[name]
        return sum(self.holds(seen, member) for member in members) >= need


def follow(keys: list[Key], origin: str, handovers: list[str]) -> list[Key]:
    """The keys that are trusted, and those to which they were handed over, each hand-over signed by both."""
    trusted = [key for key in keys if key.name == origin and key.kind == LOG_KEY]
    for one in handovers:
        note = read_note(one)
        lines = note.text.split("\n")
        if len(lines) != 7 or lines[:2] != [HANDOVER_HEAD, origin]:
            raise NotProved("A hand-over of the key is damaged.")
        old, new = (read_key(line.partition(" ")[2]) for line in lines[4:6])
        if {old.name, new.name} != {origin} or not (signed_by(note, old) and signed_by(note, new)):
            raise NotProved("A hand-over of the key is not signed by both keys.")
        if old in trusted and new not in trusted:
            trusted.append(new)
    return trusted


def check_note(data: str, keys: list[Key], policy: Policy | None, handovers: list[str]) -> tuple[Note, dict[str, int]]:
    """Check who signed a checkpoint; return it, and when which witness saw it."""
    note = read_note(data)
    origin = read_checkpoint(note)[0]
    trusted = follow([*keys, *(policy.logs if policy else [])], origin, handovers)
    signed = [key for key in trusted if signed_by(note, key)]
    if not signed:
        raise NotProved(f"The checkpoint of '{origin[:80]}' is not signed by a key that you trust.")
    seen = {}
    for name, key in (policy.witnesses if policy else {}).items():
        if signed_by(note, key):
            seen[name] = max(cosigned_at(one) for other, id_, one in note.signatures if (other, id_) == key[:2])
    if policy and not policy.holds(set(seen)):
        raise NotProved(
            f"Too few witnesses saw this checkpoint: {len(seen)} of {len(policy.witnesses)} that you trust."
        )
    return note, seen


def check_proof(data: bytes, keys: list[Key], policy: Policy | None = None, entry: bytes | None = None) -> Proved:
    """Check a receipt (C2SP tlog-proof); raises NotProved with the reason.

    Parameters
    ----------
    entry : bytes, optional
        What is said to be in the log; by default what the receipt holds as extra data.
    """
    if len(data) > FILE_BYTES_MAX:
        raise NotProved("The receipt is larger than any receipt.")
    try:
        above, gap, checkpoint = data.decode("utf-8").partition("\n\n")
    except UnicodeDecodeError:
        raise NotProved("The receipt is not text.") from None
    head, *lines = above.split("\n")
    if head != PROOF_HEAD or not gap or not lines:
        raise NotProved("This is not a receipt of the form c2sp.org/tlog-proof@v1.")
    extra = read_extra(lines.pop(0)) if lines[0].startswith("extra ") else {}
    if not lines or not lines[0].startswith("index "):
        raise NotProved("The receipt does not say which entry it is about.")
    index, path = number(lines[0][6:]), [decoded(line) for line in lines[1:]]
    if len(path) > PATH_LINES_MAX or any(len(step) != 32 for step in path):
        raise NotProved("A step of the proof is no hash.")
    note, seen = check_note(checkpoint, keys, policy, extra.get("handovers", []))
    origin, size, root = read_checkpoint(note)
    held = decoded(extra["entry"]) if "entry" in extra else None
    entry = held if entry is None else entry
    if entry is None:
        raise NotProved("The receipt does not hold the entry; give it with --entry.")
    if index >= size:
        raise NotProved(f"The log has {size} entries; there is no entry {index}.")
    if root_from(sha256(b"\x00" + entry).digest(), index, size, path) != root:
        raise NotProved(f"This is not entry {index} of the log that was signed: the entry or its proof was changed.")
    return Proved(entry, index, size, origin, seen)


def read_extra(line: str) -> dict[str, Any]:
    """What else a receipt of cityward holds: the entry, and hand-overs of the key."""
    try:
        found = json.loads(decoded(line[6:]))
        fine = isinstance(found, dict) and isinstance(found.get("entry", ""), str)
        fine = fine and all(isinstance(one, str) for one in found.get("handovers", []))
    except (ValueError, TypeError, RecursionError):
        fine = False
    if not fine:
        raise NotProved("The extra data of the receipt cannot be read.")
    return dict(found)


def read_log(url: str, keys: list[Key], policy: Policy | None) -> str:
    """Read a whole log from its server, compute its root from its entries, and say what holds."""
    data = fetched(f"{url}/checkpoint").decode("utf-8", "replace")
    try:
        note, seen = check_note(data, keys, policy, [])
    except NotProved:  # a later key may have signed: the log tells how each came after the one before
        notes = fetched(f"{url}/handovers").decode("utf-8", "replace").split("\x00")[:-1]
        note, seen = check_note(data, keys, policy, notes[:HANDOVERS_MAX])
    origin, size, root = read_checkpoint(note)
    parts: list[tuple[int, bytes]] = []
    for tile in range(-(-size // TILE)):
        width = min(TILE, size - tile * TILE)
        name = f"{tile % 1000:03d}"
        rest = tile // 1000
        while rest:
            name, rest = f"x{rest % 1000:03d}/{name}", rest // 1000
        bundle = fetched(f"{url}/tile/entries/{name}" + (f".p/{width}" if width < TILE else ""))
        at = 0
        for _ in range(width):
            begin = at + 2
            at = begin + int.from_bytes(bundle[at:begin], "big")
            grow(parts, sha256(b"\x00" + bundle[begin:at]).digest())
        if at != len(bundle):
            raise NotProved(f"Tile {tile} of entries is not whole.")
    current = parts.pop()[1] if parts else sha256(b"").digest()
    while parts:
        current = node(parts.pop()[1], current)
    if current != root:
        raise NotProved("The entries of the log are not those that were signed.")
    return f"All {size} entries of '{origin}' are those that were signed; {len(seen)} witnesses saw them."


def grow(parts: list[tuple[int, bytes]], leaf: bytes) -> None:
    """Add a leaf to the whole subtrees of a growing log, largest first."""
    height = 0
    while parts and parts[-1][0] == height:
        leaf, height = node(parts.pop()[1], leaf), height + 1
    parts.append((height, leaf))


def fetched(url: str) -> bytes:
    """What an address answers."""
    if not url.startswith(("https://", "http://")):
        raise NotProved("The address of a log begins with https://.")
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
            data: bytes = answer.read(TILE * (2**16 + 2))
    except OSError as error:
        raise NotProved(f"{url} does not answer as a log does: {error}.") from None
    return data


def said(proved: Proved) -> dict[str, Any]:
    """What is proved, by name."""
    try:
        told = json.loads(proved.entry)
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    return {**proved._asdict(), "entry": told or base64.b64encode(proved.entry).decode()}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0, or 1 when it is not proved."""
    parser = argparse.ArgumentParser(description="Checks a receipt of a city's ledger, without the city.")
    parser.add_argument("receipt", nargs="?", type=Path, help="the receipt, a file of the form tlog-proof")
    parser.add_argument("--key", action="append", default=[], help="verifier key of the log: name+id+key")
    parser.add_argument("--policy", type=Path, help="logs and witnesses that you trust (C2SP tlog-policy)")
    parser.add_argument("--entry", type=Path, help="the entry, when the receipt does not hold it")
    parser.add_argument("--record", type=Path, help="a file whose SHA-256 the entry must hold")
    parser.add_argument("--log", help="read a whole log from this address instead of a receipt")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args(arguments)
    if bool(given.log) == bool(given.receipt) or not (given.key or given.policy):
        parser.error("give a receipt or --log, and --key or --policy")
    try:
        keys = [read_key(text) for text in given.key]
        policy = Policy(given.policy.read_text("utf-8", "surrogateescape")) if given.policy else None
        if given.log:
            print(read_log(given.log.rstrip("/"), keys, policy))  # noqa: T201
            return 0
        entry = given.entry.read_bytes() if given.entry else None
        proved = check_proof(given.receipt.read_bytes(), keys, policy, entry)
        told = said(proved)
        if given.record:
            digest = sha256(given.record.read_bytes()).hexdigest()
            if not isinstance(told["entry"], dict) or told["entry"].get("sha256") != digest:
                raise NotProved(f"{given.record} is not what the entry holds the digest of.")
    except NotProved as reason:
        print(f"NOT PROVED. {reason}", file=sys.stderr)  # noqa: T201
        return 1
    except OSError as error:
        parser.error(str(error))
    if given.json:
        print(json.dumps(told, sort_keys=True))  # noqa: T201
    else:
        entry_told = json.dumps(told["entry"], ensure_ascii=False)
        print(f"Proved: entry {proved.position} of {proved.size} in '{proved.origin}' is {entry_told}.")  # noqa: T201
        if policy:
            print(f"Witnesses that saw it: {', '.join(sorted(proved.witnesses)) or 'none'}.")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())

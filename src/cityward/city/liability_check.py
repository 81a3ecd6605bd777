"""Checks a liability file without the city: with nothing but the file itself, and a public key where one is given."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from cityward.core.decided import Proof
from cityward.core.errors import UserError
from cityward.core.liability import LiabilityFile
from cityward.core.records import Record, from_json
from cityward.secure.evidence_check import KEY, check_evidence
from cityward.secure.evidence_file import PACKED_BYTES_MAX, unpack
from cityward.secure.keys import load_public_key
from cityward.secure.proofs import check_proof

KIND: Final = "liability"


class Checked(Record, frozen=True, kw_only=True):
    """What a check proved, or where it failed: ``problems`` name every file that is not as it was sealed.

    ``key`` is the public key by which it was checked, ``trusted`` whether it was given and not taken from the file.
    """

    ok: bool
    decision: str
    file: str
    entries: int
    key: str
    trusted: bool
    problems: tuple[str, ...]
    message: str


def check_file(path: Path, key: Path | None = None) -> Checked:
    """Check the liability file in ``path``.

    Parameters
    ----------
    key : pathlib.Path, optional
        The city's public key from somebody who is trusted; the file's own proves only that its parts fit together.

    Raises
    ------
    UserError
        It cannot be read, or is no liability file.
    cityward.core.errors.LedgerError
        ``key`` is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            data = file.read(PACKED_BYTES_MAX + 1)
    except OSError as error:
        raise UserError(f"{path.name} cannot be read: {error.strerror}.", "Check the path.") from None
    return check_bytes(data, load_public_key(key) if key else None)


def check_bytes(data: bytes, key: object | None = None) -> Checked:
    """As `check_file`, of its bytes."""
    files, changed = unpack(data)
    if "liability.json" not in files and not changed:
        raise UserError("This ZIP file is no liability file: liability.json is missing.", "Name another.")
    problems = [*changed, *check_evidence(files, KIND, key)]  # type: ignore[arg-type]
    told = _read(files.get("liability.json", b""))
    if told is None:
        problems.append("liability.json cannot be read.")
    else:
        problems += _texts(told, files)
    problems += _proof(files, key)
    named = files.get(KEY, b"").decode("ascii", "replace").strip()[:64]
    unique = tuple(dict.fromkeys(problems))
    return Checked(
        ok=not unique,
        decision=told.decision if told else "",
        file=told.id if told else "",
        entries=sum(name.startswith("ledger/") for name in files),
        key=named,
        trusted=key is not None and not unique,
        problems=unique,
        message=_message(told, unique, trusted=key is not None),
    )


def _read(data: bytes) -> LiabilityFile | None:
    try:
        return from_json(data, LiabilityFile)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _texts(told: LiabilityFile, files: dict[str, bytes]) -> list[str]:
    """Texts that are not those of which the file gives the digest."""
    problems = []
    if told.system and sha256(files.get("system.json", b"")).hexdigest() != told.system.digest:
        problems.append("system.json is not the version of which liability.json gives the digest.")
    if told.rule:
        uses = [files.get(f"uses/{at}.toml", b"") for at in range(len(told.rule.uses))]
        if sha256(b"\x1e".join((*uses, files.get("rule.toml", b"")))).hexdigest() != told.rule.digest:
            problems.append("rule.toml is not the version of which liability.json gives the digest.")
    missing = [at for at in told.entries if f"ledger/{at}.json" not in files]
    return [*problems, *(f"ledger/{at}.json is missing." for at in missing)]


def _proof(files: dict[str, bytes], key: object | None) -> list[str]:
    """What is wrong with the proof of a decision of a case, if there is one."""
    if "proof.json" not in files:
        return []
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        own = Ed25519PublicKey.from_public_bytes(bytes.fromhex(files[KEY].decode("ascii").strip()))
        found = check_proof(from_json(files["proof.json"], Proof), key or own)  # type: ignore[arg-type]
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, KeyError, RecursionError):
        return ["proof.json cannot be read."]
    return [f"proof.json does not prove the decision: {found}"] if found else []


def _message(told: LiabilityFile | None, problems: tuple[str, ...], *, trusted: bool) -> str:
    if problems:
        return f"This file is not as it was sealed: {problems[0]}"
    if told is None:
        return "This is no liability file."
    whole = f"The liability file {told.id} of {told.decision} is whole: every byte is as it was sealed"
    if trusted:
        return f"{whole}, and the city whose key you gave signed it."
    return (
        f"{whole}. It was checked with the key that it brings; compare that with the city's own, from somebody whom "
        "you trust, or give --key."
    )

"""The folder of a witness: its key, its name, and the keys of the logs that it knows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cityward.core.disk import durable, replace_file
from cityward.core.errors import SettingsError, UserError
from cityward.secure.cosignature import witness_key
from cityward.secure.keys import create_signer, load_public_key, load_signer
from cityward.secure.signed_text import read_verifier_key
from cityward.secure.witness import Witness

_FILE: Final = "witness.json"
_KEY: Final = "witness.key"


class _Known(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    logs: tuple[str, ...] = ()


def make_witness(folder: Path, name: str) -> str:
    """Make the folder of a witness called ``name``; return its verifier key.

    Raises
    ------
    UserError
        There is one, or the name cannot be that of a key.
    """
    if not name or any(sign.isspace() or sign == "+" for sign in name) or len(name) > 200:
        raise UserError("A witness needs a name without blanks and '+'.", "Write one such as witness.example.org/w1.")
    if (folder / _FILE).exists():
        raise UserError(f"{folder} is a witness already.", "Choose a new folder.")
    with durable("making the witness"):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        create_signer(folder / _KEY)
        replace_file(folder / _FILE, msgspec.json.encode(_Known(name=name)))
    return key_of(folder)


def key_of(folder: Path) -> str:
    """The verifier key of the witness in ``folder``."""
    return witness_key(_known(folder).name, load_public_key((folder / _KEY).with_suffix(".pub")))


def trust(folder: Path, key: str) -> str:
    """Let a witness co-sign the log that has this verifier key; return the log's origin."""
    known = _known(folder)
    origin, _ = read_verifier_key(key)
    with durable("keeping the key of a log"):
        logs = tuple(dict.fromkeys((*known.logs, key)))
        replace_file(folder / _FILE, msgspec.json.encode(msgspec.structs.replace(known, logs=logs)))
    return origin


def open_witness(folder: Path) -> Witness:
    """The witness in ``folder``."""
    known = _known(folder)
    logs: dict[str, list[Ed25519PublicKey]] = {}
    for text in known.logs:
        origin, key = read_verifier_key(text)
        logs.setdefault(origin, []).append(key)
    return Witness(folder, known.name, load_signer(folder / _KEY), logs)


def _known(folder: Path) -> _Known:
    try:
        return msgspec.json.decode((folder / _FILE).read_bytes(), type=_Known)
    except (OSError, msgspec.DecodeError):
        raise SettingsError(
            f"{folder} is no witness, or its {_FILE} is damaged.",
            "Make one with 'cityward witness init DIR --name NAME'.",
        ) from None

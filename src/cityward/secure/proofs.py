"""Checks the proof of a decision without the city: with its public key alone."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cityward.core.decided import Proof
from cityward.core.errors import LedgerError
from cityward.secure.handover import Keys, read_handover
from cityward.secure.merkle import leaf_hash, verify_inclusion
from cityward.secure.note import Checkpoint

MADE, CHANGES = "decisions", ("settled", "reversed")
"""Kinds of entries of the ledger about decisions of cases."""


def check_proof(proof: Proof, key: Ed25519PublicKey) -> str:
    """Say what is wrong with a proof; an empty text when it proves what it says.

    Parameters
    ----------
    proof : Proof
        As `cityward decisions prove` prints it.
    key : Ed25519PublicKey
        A public key of the city, today's or an earlier one, from somebody who is trusted.
    """
    if proof.problem:
        return proof.problem
    try:
        # An earlier key leads to the one that signed, by hand-overs that both signed.
        checkpoint = Keys(key, [read_handover(note) for note in proof.handovers]).check(proof.checkpoint)
        problem = _check_made(proof, checkpoint)
        return problem or _check_change(proof, msgspec.json.decode(proof.row), checkpoint)
    except LedgerError as error:
        return str(error)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return "The proof is damaged."


def _check_made(proof: Proof, checkpoint: Checkpoint) -> str:
    path, root = [bytes.fromhex(step) for step in proof.path], bytes.fromhex(proof.root)
    row, entry = msgspec.json.decode(proof.row), msgspec.json.decode(proof.entry)
    told = (entry["kind"], entry["subject"], entry["facts"]["root"], entry["facts"]["count"])
    checks = (
        ((row["id"], row["batch"]) == (proof.id, proof.batch), "The row is of another decision."),
        (
            proof.rule is None or proof.rule.holds(row["rule_digest"]),
            "The text of the rule is not the one that decided.",
        ),
        (
            verify_inclusion(leaf_hash(proof.row.encode()), proof.index, proof.size, path, root),
            "The row is not among those that were decided together.",
        ),
        (told == (MADE, proof.batch, proof.root, proof.size), "The entry of the ledger tells of other rows."),
        (
            _entered(proof.entry, proof.entry_index, proof.entry_path, checkpoint),
            "The entry that tells of the rows is not in the ledger.",
        ),
    )
    return next((problem for holds, problem in checks if not holds), "")


def _check_change(proof: Proof, made: dict[str, Any], checkpoint: Checkpoint) -> str:
    change = proof.change
    if change is None:
        return ""
    row, entry = msgspec.json.decode(change.row), msgspec.json.decode(change.entry)
    if any(row[name] != made[name] for name in STAYS):
        return "What was decided was exchanged later for something else."
    if entry["kind"] not in CHANGES or entry["subject"] != proof.id:
        return "The entry of the ledger tells of another change."
    if entry["sha256"] != sha256(change.row.encode()).hexdigest():
        return "The decision is not the one that was entered in the ledger."
    if not _entered(change.entry, change.entry_index, change.entry_path, checkpoint):
        return "The entry that tells of the change is not in the ledger."
    return ""


def _entered(entry: str, index: int, path: tuple[str, ...], checkpoint: Checkpoint) -> bool:
    steps = [bytes.fromhex(step) for step in path]
    return verify_inclusion(leaf_hash(entry.encode()), index, checkpoint.size, steps, checkpoint.root)


STAYS = (
    "id", "batch", "system", "version", "system_digest", "rule", "rule_version", "rule_digest", "case", "territory",
    "row", "recommended", "inputs_digest", "estimate", "low", "high", "cost", "decided_at",
)  # fmt: skip
"""What of a decision no later state may change."""

"""Receipts read back: what an entry of the ledger says."""

from __future__ import annotations

from typing import Any

import msgspec

from cityward.secure.merkle import leaf_hash


def read_receipt(entry: bytes, index: int) -> dict[str, Any]:
    """Return an entry as ``index, kind, subject, at, sha256, facts, hash``; ``hash`` is its leaf hash (hex)."""
    try:
        fields = msgspec.json.decode(entry)
    except msgspec.DecodeError:
        fields = {}
    read = {name: fields.get(name, "") for name in ("kind", "subject", "at", "sha256")}
    return {"index": index, **read, "facts": fields.get("facts", {}), "hash": leaf_hash(entry).hex()}

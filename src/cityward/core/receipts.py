"""Receipts: what an entry of the ledger says. Digests and facts, never personal data."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from cityward.core.records import to_json


def receipt(kind: str, subject: str, at: datetime, content: bytes, **facts: str | int) -> bytes:
    """Return a canonical entry about ``subject``.

    Parameters
    ----------
    kind : str
        What happened: ``need``, ``decision``, ``refusal``, …
    subject : str
        Identifier of what it happened to.
    at : datetime.datetime
        When (UTC).
    content : bytes
        The record itself; only its SHA-256 is written.
    **facts : str or int
        Facts that may be public.
    """
    return to_json({"kind": kind, "subject": subject, "at": at, "sha256": sha256(content).hexdigest(), "facts": facts})

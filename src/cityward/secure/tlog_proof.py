"""Receipts that are checked offline: an entry, its proof of inclusion and a checkpoint in one text.

The entry, and hand-overs of the log's key, go as its extra data, which nobody has to trust: the entry hashes to what is
proved, and a hand-over is signed by both keys. `cityward.secure.standalone_verifier` checks it without the city.

Source: C2SP tlog-proof (v1).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import msgspec

from cityward.secure.ledger import Ledger
from cityward.secure.note import parse


def tlog_proof(ledger: Ledger, index: int, checkpoint: str, handovers: Sequence[str] = ()) -> str:
    """The receipt of entry ``index``.

    Parameters
    ----------
    checkpoint : str
        The present checkpoint or an earlier one that covers the entry, with all its signatures.
    handovers : sequence of str
        Notes by which the key of the log was handed over, for who knows an earlier one.

    Raises
    ------
    LedgerError
        The ledger has no such entry, or the checkpoint does not cover it.
    """
    path = ledger.inclusion_proof(index, parse(checkpoint).size)
    extra = {"entry": _base64(ledger.entry(index)), "handovers": list(handovers)}
    lines = [
        "c2sp.org/tlog-proof@v1",
        f"extra {_base64(msgspec.json.encode(extra))}",
        f"index {index}",
        *(_base64(step) for step in path),
        "",
        checkpoint,
    ]
    return "\n".join(lines)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

"""Records of what happened to registered systems: approved, accepted, handed over, modified, audited, reversed."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from cityward.core.records import Record

What = Literal[
    "approved", "accepted", "handed over", "modified", "ended", "audited", "suspended", "resumed", "reversed"
]  # fmt: skip


class SystemEvent(Record, frozen=True, kw_only=True):
    """One event in the life of a registered system.

    ``version`` and ``digest`` (SHA-256, hex) name the version that it is about; ``by`` is the person who did it. An
    approval or modification keeps the whole version in ``body`` and its ``changes`` to the one before, of which
    ``substantial`` is the judgement. An acceptance names ``duty`` and ``party``; a hand-over also ``taker``, with the
    key that its giver vouched for, and both keep the signed ``note``. An audit keeps its figures there, as JSON; a
    suspension by the gate is ``by`` the gate; ``reversed`` says that an appeal changed a decision. ``valid_from`` and
    ``valid_until`` are whole days, both included. ``receipt`` is the index in the ledger.
    """

    id: str
    what: What
    system: str
    version: str
    digest: str
    at: datetime
    by: str
    because: str = ""
    duty: str = ""
    party: str = ""
    taker: str = ""
    taker_key: str = ""
    valid_from: date | None = None
    valid_until: date | None = None
    note: str = ""
    body: str = ""
    changes: tuple[str, ...] = ()
    substantial: bool | None = None
    receipt: int = -1

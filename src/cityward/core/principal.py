"""Who asks: the one that a request, a command or a token acts for."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from cityward.core.records import Record

Role = Literal[
    "operator", "analyst", "privacy officer", "security officer", "legislator", "planner", "overseer", "resident",
    "source",
]  # fmt: skip
"""What somebody may be in a city; policies say what each may do."""

Assurance = Literal["none", "password", "password and code", "passkey", "sign-in service", "token", "certificate"]
"""How it is known who asks, weakest first for people; ``none`` is somebody at the machine itself, not signed in."""


class Principal(Record, frozen=True, kw_only=True):
    """Who asks, after the door has made sure of it.

    Attributes
    ----------
    id : str
        Stable and without meaning; what ledger and logs keep.
    name : str
        As people know them; never in a log.
    kind : {"person", "service", "resident"}
        ``resident`` is somebody with the secret link of one report or case, and nothing else.
    roles : tuple of Role
    assurance : Assurance
    at : datetime or None
        When they last proved who they are, UTC; None when they never did.
    scopes : tuple of str
        Of a token: the actions it is limited to (``intake:write``); empty for people.
    session : str
        Digest of the session or token, to revoke it; empty for somebody at the machine.
    """

    id: str
    name: str
    kind: Literal["person", "service", "resident"]
    roles: tuple[Role, ...] = ()
    assurance: Assurance = "none"
    at: datetime | None = None
    scopes: tuple[str, ...] = ()
    session: str = ""

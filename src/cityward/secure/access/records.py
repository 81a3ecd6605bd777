"""What the parts of access hand to each other and to whoever asks them; none of it lets anybody in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal

from cityward.core.errors import Refused
from cityward.core.principal import Assurance, Principal, Role
from cityward.core.records import Record

Events = Callable[[str, Mapping[str, str | int]], None]
"""Is told what a watch should know, as a kind and facts: digests, opaque identifiers and numbers, never names."""

SecondPerson = Callable[[str, str, str], None]
"""Called with (act, about whom, by whom) before what one person may not do alone; raises `Refused` unless another
person agreed."""

MACHINE: Final = "machine"
"""By whom an act is that somebody does at the machine itself, who is not signed in."""


_BROWSERS: Final = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)
"""Marks in a ``User-Agent``, the telling ones first: Chrome calls itself Safari too."""


class Person(Record, frozen=True, kw_only=True):
    """Somebody with a name, roles and, once the invitation is taken, ways to sign in.

    ``state`` is ``invited`` until the first way to sign in is set, then ``active``, and ``revoked`` in the end.
    """

    id: str
    name: str
    roles: tuple[Role, ...]
    state: Literal["invited", "active", "revoked"]
    made_at: datetime


class Credential(Record, frozen=True, kw_only=True):
    """A way of a person to prove who it is; ``count`` is how many codes on paper are left."""

    id: str
    kind: Literal["passkey", "password", "app", "paper"]
    label: str
    made_at: datetime
    used_at: datetime | None
    count: int = 1


class Session(Record, frozen=True, kw_only=True):
    """One sign-in that lasts. ``agent`` is the kind of browser; addresses are not kept."""

    digest: str
    person: str
    agent: str
    assurance: Assurance
    issued_at: datetime
    proved_at: datetime
    used_at: datetime


class ServiceToken(Record, frozen=True, kw_only=True):
    """What a program shows to be let in; only its beginning is known."""

    id: str
    kind: Literal["token", "certificate"]
    name: str
    prefix: str
    scopes: tuple[str, ...]
    made_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


class Visit(Record, frozen=True, kw_only=True):
    """What a request tells of where it comes from.

    ``address`` is an IP address, ``agent`` the kind of browser, ``device`` the cookie of a device on which somebody
    signed in before, ``session`` the cookie of a session that ends when a new one begins.
    """

    address: str = ""
    agent: str = ""
    device: str = ""
    session: str = ""


class Granted(Record, frozen=True, kw_only=True):
    """A sign-in: the secrets for the two cookies, once, and who it is."""

    session: str
    device: str
    principal: Principal


class NotRecognised(Refused):
    """Somebody did not prove who it is. It never says which part was wrong."""

    def __init__(self, what: str = "That does not match.", remedy: str = "Check each field, and try again.") -> None:
        super().__init__("sign-in", what, remedy)


class TooSoon(Refused):
    """After many wrong tries the next may be made only in ``seconds``."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(
            "sign-in-pace",
            f"There were many wrong tries. The next can be made in {seconds} second{'' if seconds == 1 else 's'}.",
            "A passkey, or a device on which you signed in before, is not held up.",
        )


def agent_of(header: str) -> str:
    """The kind of a browser from its ``User-Agent``: enough to know one's own, too little to know a person by."""
    browser = next((name for mark, name in _BROWSERS if mark in header), "a program")
    system = next((f" on {name}" for mark, name in _SYSTEMS if mark in header), "")
    return browser + system

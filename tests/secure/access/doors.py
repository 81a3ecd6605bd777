"""What tests of access share: a clock that is moved by hand, and somebody let in."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from cityward.core.clock import Clock
from cityward.secure.access import Access, AccessSection, Around, Visit, open_access
from cityward.secure.access.codes import code_at, step_of
from cityward.secure.access.people import OFFICER
from cityward.secure.access.records import Granted

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
NAME = "Ana Gómez"
PASSWORD = "lantern hollow brisk umber"  # noqa: S105
HERE = Visit(address="192.0.2.7", agent="Firefox on Linux")


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = START

    def moves(self, **by: float) -> None:
        self.at += timedelta(**by)


class Opened(NamedTuple):
    access: Access
    time: Time
    events: list[tuple[str, dict[str, Any]]]
    url: str
    key: Path

    def code(self, secret: bytes) -> str:
        """What the app shows now."""
        return code_at(secret, step_of(self.time.at))

    def again(self, **settings: Any) -> Access:
        """The same database opened by another program."""
        return opened(self.url, self.key, self.time, **settings).access


def opened(
    url: str, key: Path, time: Time | None = None, around: Mapping[str, Any] | None = None, **settings: Any
) -> Opened:
    time, events = time or Time(), []

    def note(kind: str, facts: Mapping[str, str | int]) -> None:
        events.append((kind, dict(facts)))

    access = open_access(
        url, key, AccessSection(**settings), city="Rivertown", clock=Clock(lambda: time.at),
        around=Around(**{"events": note, "second": lambda *_: None, **(around or {})}),
    )  # fmt: skip
    return Opened(access, time, events, url, key)


def let_in(world: Opened, name: str = NAME, roles: tuple[str, ...] = (OFFICER,)) -> tuple[Granted, bytes, list[str]]:
    """Invite somebody, who takes the invitation with a password; return the sign-in, the app's secret, the paper."""
    person, code = world.access.people.invite(name, roles, "machine")
    new = world.access.signing.new_app(person)
    secret = base64.b32decode(new.text.replace(" ", ""))
    granted, paper = world.access.signing.accept_password(code, PASSWORD, new.sealed, world.code(secret), HERE)
    world.time.moves(seconds=31)  # a code counts once
    return granted, secret, paper


Maker = Callable[..., Opened]

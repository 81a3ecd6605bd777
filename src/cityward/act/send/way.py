"""What every way of sending shares: its settings, its failures, and what it reports back."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from cityward.core.errors import SettingsError
from cityward.core.records import Record
from cityward.core.work import Message

T = TypeVar("T")
_SHARED = ("way", "http", "signing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One ``[[send]]`` table, with its secret read and the folder in which files are exchanged."""

    name: str
    adapter: str
    folder: Path
    now: Callable[[], datetime]
    url: str | None = None
    secret: str | None = field(default=None, repr=False)
    allow_private: bool = False
    timeout_seconds: float = 10.0
    options: dict[str, Any] = field(default_factory=dict)

    def read_options(self, kind: type[T]) -> T:
        """Options of the table, checked.

        Raises
        ------
        SettingsError
            An option is unknown or of the wrong type.
        """
        try:
            return msgspec.convert(self.options, kind)
        except msgspec.ValidationError as error:
            raise SettingsError(
                f"city.toml: the way '{self.name}' has an option that {self.adapter} cannot use: {error}.",
                "Correct it and run again.",
            ) from None

    def required_secret(self) -> str:
        """The secret, or `SettingsError`."""
        if not self.secret:
            raise SettingsError(
                f"city.toml: the way '{self.name}' has no secret.",
                "Name a file with secret_file, or a variable of the environment with secret_environment.",
            )
        return self.secret


class Report(Record, frozen=True, kw_only=True):
    """What a receiver says of an order.

    ``key`` names this report and no other; ``at`` is when it became so, ``round`` of which try it speaks,
    both None where the receiver does not say. ``order`` and ``state`` are as they came: they may be wrong.
    """

    key: str
    order: str
    state: str
    by: str
    because: str = ""
    at: datetime | None = None
    round: int | None = None


class NotDelivered(Exception):
    """A message did not reach its receiver, as far as we can tell.

    Parameters
    ----------
    words : str
        What happened, for the person who has to mend it; never a secret, never what was sent.
    again : bool
        Whether it is worth trying again later.
    after_seconds : float, optional
        Not before so many seconds, says the receiver.
    """

    def __init__(self, words: str, *, again: bool = True, after_seconds: float | None = None) -> None:
        self.words = words
        self.again = again
        self.after_seconds = after_seconds
        super().__init__(words)


class Open(Protocol):
    """A way, ready to send."""

    asks: bool
    """Whether `ask` has something to ask: receivers that do not report by themselves."""

    kinds: tuple[str, ...]
    """Kinds of messages that it can carry: ``dispatch``, ``cancel``, ``ask``."""

    def send(self, message: Message) -> str | None:
        """Deliver a message and return what the receiver calls it; raises `NotDelivered`."""

    def ask(self, message: Message) -> tuple[Report | None, str | None]:
        """Return how a delivered order stands, if that is known, and its new name if it has one."""

    def collect(self) -> Iterable[tuple[Report, Callable[[str], None]]]:
        """Give reports that lie ready, each with a function that says why it could not be used."""

    def close(self) -> None:
        """Give back what it holds."""


def kinds() -> tuple[str, ...]:
    """Names of the ways there are."""
    package = importlib.import_module("cityward.act.send")
    return tuple(sorted(found.name for found in pkgutil.iter_modules(package.__path__) if found.name not in _SHARED))


def open_way(way: Way) -> Open:
    """Return a way ready to send.

    Raises
    ------
    SettingsError
        Its table lacks something, or names what cannot be used.
    """
    if way.adapter not in kinds():
        raise SettingsError(
            f"city.toml: '{way.adapter}' of the way '{way.name}' is none that cityward knows.",
            f"Known: {', '.join(kinds())}.",
        )
    opened: Open = importlib.import_module(f"cityward.act.send.{way.adapter}").open_way(way)
    return opened

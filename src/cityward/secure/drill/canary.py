"""Canaries: numbered, signed reports that a drill sends through the real door all the time.

Each says by itself that it is whole: its identifier is its number and an Ed25519 signature over drill and number. What
was acknowledged is kept in a book outside the sandbox; what comes back is held against it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import httpx
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cityward.core.clock import Clock, monotonic

SOURCE: Final = "drill-canary"
SERVICE: Final = "Drill canary"
READER: Final = "cityward-drill"
MAPPING: Final = f"""\
source = "{SOURCE}"
kind = "request"
domain = "security"

[columns]
id = "id"
occurred_at = "at"

[service]
default = "{SERVICE}"
"""

EVERY_SECONDS: Final = 0.1
_ID: Final = re.compile(r"([a-p]{8})\.([a-p]{128})")
_LETTERS: Final = bytes.maketrans(b"0123456789abcdef", b"abcdefghijklmnop")
_DIGITS: Final = bytes.maketrans(b"abcdefghijklmnop", b"0123456789abcdef")
"""Canaries are spelt in letters: to the door in, digits in a row can be a telephone number, which it redacts."""

_ANSWER_SECONDS: Final = 15.0


@dataclass(slots=True)
class Book:
    """Which canaries were acknowledged, and when (monotonic seconds), by their number.

    Parameters
    ----------
    drill : str
        What the signatures are about, beside the number.
    """

    drill: str
    signer: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    acknowledged: dict[int, float] = field(default_factory=dict)
    sent: int = 0

    def line(self, number: int, at: datetime) -> bytes:
        """A canary as a line of NDJSON."""
        name = f"{number:08x}.{self.signer.sign(self._text(number)).hex()}".encode().translate(_LETTERS).decode()
        return msgspec.json.encode({"id": name, "at": at.isoformat()}) + b"\n"

    def number_of(self, identifier: str) -> int | None:
        """Number of a canary of this drill, or None when it is none, or was changed."""
        match = _ID.fullmatch(identifier)
        if match is None:
            return None
        spelt, signature = (bytes.fromhex(part.encode().translate(_DIGITS).decode()) for part in match.groups())
        number = int.from_bytes(spelt, "big")
        try:
            self.signer.public_key().verify(signature, self._text(number))
        except InvalidSignature:
            return None
        return number

    def lost(self, identifiers: Iterable[str]) -> Loss:
        """Hold what came back against what was acknowledged."""
        back = [self.number_of(identifier) for identifier in identifiers]
        numbers = {number for number in back if number is not None}
        missing = sorted(set(self.acknowledged) - numbers)
        last = max(self.acknowledged, default=0)
        whole = max((number for number in numbers if number in self.acknowledged), default=0)
        seconds = self.acknowledged[last] - self.acknowledged[missing[0]] if missing else 0.0
        return Loss(
            acknowledged=len(self.acknowledged),
            last_acknowledged=last,
            last_recovered=whole,
            missing=len(missing),
            seconds=round(seconds, 3),
            changed=sum(number is None for number in back),
            doubled=len(back) - len(set(back)) - max(0, sum(number is None for number in back) - 1),
        )

    def _text(self, number: int) -> bytes:
        return f"{self.drill}\n{number}\n".encode()


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """What a restore lost of what was acknowledged.

    ``missing`` counts acknowledged canaries that did not come back; ``seconds`` is the time from the first of them to
    the last acknowledged. ``changed`` counts those whose signature does not hold, ``doubled`` those that came twice.
    """

    acknowledged: int
    last_acknowledged: int
    last_recovered: int
    missing: int
    seconds: float
    changed: int
    doubled: int

    @property
    def numbers(self) -> int:
        """Last acknowledged minus last recovered."""
        return self.last_acknowledged - self.last_recovered


class Writer(threading.Thread):
    """Sends canaries to a served city until it is stopped; only what was answered with 200 counts as acknowledged.

    Parameters
    ----------
    book : Book
        Where they are noted.
    url : str
        Of the served sandbox (``http://127.0.0.1:PORT``).
    """

    def __init__(self, book: Book, url: str, clock: Clock) -> None:
        super().__init__(name="canaries", daemon=True)
        self._book, self._url, self._clock = book, f"{url}/api/sources/{SOURCE}/interactions", clock
        self._ended = threading.Event()

    def run(self) -> None:
        """Send one after another."""
        headers = {"content-type": "application/x-ndjson"}
        with httpx.Client(timeout=_ANSWER_SECONDS, headers=headers, trust_env=False) as client:
            while not self._ended.wait(EVERY_SECONDS):
                number = self._book.sent = self._book.sent + 1
                try:
                    answered = client.post(self._url, content=self._book.line(number, self._clock.now()))
                except httpx.HTTPError:
                    continue
                if answered.status_code == httpx.codes.OK and answered.json().get("added") == 1:
                    self._book.acknowledged[number] = monotonic()

    def stop(self) -> None:
        """Stop, and wait for the one that is under way."""
        self._ended.set()
        self.join(2 * _ANSWER_SECONDS)

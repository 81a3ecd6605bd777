"""Answers to who a secret belongs to, kept for a few seconds: a page costs no look into the database."""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from cityward.core.clock import monotonic

SECONDS: Final = 3.0
"""For so long an answer is not looked up again; what another program revokes counts after it at the latest."""

MOST: Final = 10_000

T = TypeVar("T")


class Remembered(Generic[T]):
    """Answers by the digest of what was shown.

    An answer that was looked up before something was revoked is not kept after it: `changes` is read before the look,
    and handed to `keep`.
    """

    def __init__(self) -> None:
        self._held: dict[str, tuple[float, T]] = {}
        self.changes = 0
        """How often everything was forgotten."""

    def find(self, digest: str) -> T | None:
        """An answer of the last few seconds, or None."""
        held = self._held.get(digest)
        return held[1] if held is not None and held[0] > monotonic() else None

    def keep(self, digest: str, answer: T, changes: int) -> None:
        """Keep an answer, unless something was revoked since ``changes`` was read."""
        if changes != self.changes:
            return
        if len(self._held) >= MOST:
            self._held.clear()
        self._held[digest] = (monotonic() + SECONDS, answer)

    def drop(self, digest: str) -> None:
        """Look one up again."""
        self._held.pop(digest, None)

    def forget(self) -> None:
        """Look everything up again: something was revoked or changed."""
        self.changes += 1
        self._held.clear()

"""The door of the ballot box: a ballot goes in for a code, and none comes out before the round is closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from cityward.core.errors import Refused
from cityward.store import ballot_box as store

RULE: Final = "no-ballot-before-the-close 1"


class BallotBox:
    """Codes and ballots of a city; made by `cityward.guard.keeper.Keeper`."""

    __slots__ = ("_inside",)

    def __init__(self, held: store.BallotBox) -> None:
        self._inside = held

    def add_codes(self, name: str, digests: Sequence[str]) -> None:
        """Keep keyed digests of new codes."""
        self._inside.add_codes(name, digests)

    def is_spent(self, name: str, digest: str) -> bool | None:
        """Whether a code was used; None when there is no such code."""
        return self._inside.is_spent(name, digest)

    def vote(self, name: str, digest: str, number: str, body: str) -> bool:
        """Spend a code and put a ballot in, both or neither; False when the code is unknown or was spent."""
        return self._inside.vote(name, digest, number, body)

    def holds(self, name: str, number: str, body: str) -> bool:
        """Whether exactly this ballot lies in the box: told to whoever has it already."""
        return self._inside.ballot(name, number) == body

    def rewrite(self, name: str) -> None:
        """Write the ballots of a round anew, so that the database does not show which came with which code."""
        self._inside.rewrite(name)

    def note_wrong(self, name: str, day: date) -> None:
        """Count a try with a code that there is not."""
        self._inside.note_wrong(name, day)

    def counts(self, name: str) -> dict[str, int]:
        """How many codes, spent codes, ballots and wrong tries there are."""
        return self._inside.counts(name)

    def ballots(self, name: str, closes: date, today: date) -> dict[str, str]:
        """All ballots of a round by their numbers.

        Raises
        ------
        Refused
            The round still takes votes: who saw them now could tell who voted how, and sway others.
        """
        if today <= closes:
            raise Refused(RULE, "The round still takes votes: nobody sees ballots.", f"Ask again after {closes}.")
        return self._inside.ballots(name)

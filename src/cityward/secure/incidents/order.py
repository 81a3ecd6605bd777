"""In which order the tactics of ATT&CK follow each other in an attack, and where techniques stand in it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from cityward.secure.risk.attack import tactics

if TYPE_CHECKING:
    from collections.abc import Iterable

TACTICS: Final = (
    ("reconnaissance",),
    ("resource-development",),
    ("initial-access",),
    ("execution",),
    ("persistence",),
    ("privilege-escalation",),
    ("defense-evasion", "evasion"),
    ("credential-access",),
    ("discovery",),
    ("lateral-movement",),
    ("collection",),
    ("command-and-control",),
    ("exfiltration",),
    ("inhibit-response-function",),
    ("impair-process-control",),
    ("impact",),
)
"""Tactics of ATT&CK in the order of its matrices, Enterprise and ICS in one; those on a line are the same step."""

LEVELS: Final = ("informational", "low", "medium", "high", "critical")
GUESSING: Final = "T1110"
"""Technique in which the account that is seen is a target and not an actor."""


@cache
def _steps() -> dict[str, int]:
    return {name: at for at, names in enumerate(TACTICS) for name in names}


def tactics_of(techniques: Iterable[str]) -> set[str]:
    """Tactics that some techniques belong to; a sub-technique that is not known counts as its technique."""
    known = tactics()
    return {name for one in techniques for name in known.get(one) or known.get(one.partition(".")[0], ())}


def span_of(techniques: Iterable[str]) -> tuple[int, int] | None:
    """First and last step (from 0) of the tactics of some techniques; None where no tactic is known."""
    steps = sorted(at for name in tactics_of(techniques) if (at := _steps().get(name)) is not None)
    return (steps[0], steps[-1]) if steps else None


def only_guesses(techniques: Iterable[str]) -> bool:
    """Whether techniques are all of guessing passwords."""
    held = list(techniques)
    return bool(held) and all(one.partition(".")[0] == GUESSING for one in held)

"""What the ledger tells around one decision: read once, from its first entry to its last."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from cityward.city.holding import every_entry

if TYPE_CHECKING:
    from cityward.city.city import City

FINDINGS: Final = frozenset({"need", "silence", "warning", "alert", "proposal", "outcome"})
"""Kinds of entries of which the first is looked for."""


@dataclass(slots=True)
class Trail:
    """What was found.

    ``first`` is by identifier the first entry about a finding and its moment; ``later`` are those of which the ledger
    tells after the decision too. ``about`` are the entries about the decision itself; ``orders`` those orders that
    it names. ``before`` and ``after`` are the moments of the entries beside that of the decision.
    """

    first: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    about: list[dict[str, Any]] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    before: datetime | None = None
    after: datetime | None = None


def trail(city: City, decision: str, moment: datetime, index: int) -> Trail:
    """Read the ledger for a decision of a moment whose entry has an index."""
    found, orders = Trail(), dict[str, None]()
    words = [decision.encode(), *(b'"kind":"%b"' % kind.encode() for kind in sorted(FINDINGS))]
    for entry in every_entry(city, words):
        kind, subject, facts = entry["kind"], entry["subject"], entry["facts"]
        if subject == decision:
            found.about.append(entry)
        if kind == "order" and facts.get("decision") == decision:
            orders[subject] = None
        at = moment_of(entry) if kind in FINDINGS else None
        if at is not None:
            found.first.setdefault(subject, (entry["index"], at))
            if at > moment:
                found.later.add(subject)
    beside = city.ledger_entries_at([index - 1, index + 1])
    found.before, found.after = (moment_of(beside.get(index + step, {})) for step in (-1, 1))
    found.orders = list(orders)
    return found


def moment_of(entry: dict[str, Any]) -> datetime | None:
    """When an entry says that it was made; None where it says no moment."""
    try:
        at = datetime.fromisoformat(str(entry.get("at", "")))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None

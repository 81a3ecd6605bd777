"""Alerts of the city about itself, as sightings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import polars as pl

from cityward.core.clock import micros
from cityward.secure.incidents.records import RuleSeen
from cityward.secure.monitor.sightings import DAY_US, SCHEMA, joined

if TYPE_CHECKING:
    from cityward.secure.watch.alerts import Kind, SecurityAlert

HOST: Final = "cityward"
"""Host of what the city saw at itself; an asset with this identifier or name stands for it in the inventory."""

TECHNIQUES: Final[dict[Kind, tuple[str, tuple[str, ...]]]] = {
    "files": ("Files of cityward are attacked", ("T1486",)),
    "brute force": ("Passwords of one account of cityward guessed", ("T1110.001",)),
    "spraying": ("Many accounts of cityward tried", ("T1110.003",)),
    "low and slow": ("Passwords of one account of cityward guessed over days", ("T1110.001",)),
    "distributed guessing": ("Accounts of cityward guessed from many networks", ("T1110",)),
    "unusual export": ("More rows read than is usual", ("T1213",)),
    "privilege": ("Somebody was given more rights in cityward", ("T1098",)),
    "silent ledger": ("The ledger falls silent", ("T1562.006",)),
    "silent source": ("A source has sent nothing for long", ("T1562.006",)),
}
"""What each kind of alert is called here, and its techniques. Drills that are due are no attack."""

_LEVELS: Final = {1: "critical", 2: "medium", 3: "low"}
_QUIET: Final = ("privilege", "silent source")
"""Kinds that are mostly no attack: they join what stands open, and open nothing by themselves."""


def rule_of(kind: str) -> str:
    """Identifier of the rule that stands for a kind of alert."""
    return f"cityward-watch-{kind.replace(' ', '-')}"


def alert_sightings(alerts: Iterable[SecurityAlert]) -> tuple[pl.DataFrame, dict[str, RuleSeen]]:
    """Alerts as sightings (`SCHEMA`), and what stands for their rules."""
    rules: dict[str, RuleSeen] = {}
    rows = []
    for one in alerts:
        if one.kind not in TECHNIQUES:
            continue
        title, techniques = TECHNIQUES[one.kind]
        level = "low" if one.kind in _QUIET else _LEVELS[one.duty.grave]
        rule = rule_of(one.kind)
        rules[rule] = RuleSeen(id=rule, title=title, level=level, techniques=techniques)
        first = max(micros(one.opened_at), micros(one.last_at) // DAY_US * DAY_US)
        rows.append((rule, HOST, None, None, min(first, micros(one.last_at)), micros(one.last_at), one.times))
    # Alerts of one kind are one sighting a day: whom they are about is a digest that tells nothing here.
    return joined(pl.DataFrame(rows, schema=SCHEMA, orient="row")), rules

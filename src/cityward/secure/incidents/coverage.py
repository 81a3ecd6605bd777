"""Which techniques of ATT&CK rules claim to see, and which a rule was proven to see, by tactic."""

from __future__ import annotations

from functools import cache
from importlib import resources

import msgspec

from cityward.secure.incidents.order import TACTICS, tactics_of


class Proof(msgspec.Struct, frozen=True):
    """Techniques of a rule, and by what it was proven."""

    techniques: tuple[str, ...]
    how: str


class Table(msgspec.Struct, frozen=True):
    """What ``scripts/prove_rules.py`` wrote.

    ``proven`` are rules that matched a real trace; ``own`` the techniques that rules of cityward name, ``public`` how
    many rules of the public collection name each technique.
    """

    proven: dict[str, Proof]
    own: dict[str, tuple[str, ...]]
    public: dict[str, int]


class Covered(msgspec.Struct, frozen=True):
    """One tactic: techniques (sub-techniques counted by themselves) that rules name, and that a rule was proven on."""

    tactic: str
    claimed_own: int
    claimed: int
    proven_own: int
    proven: int
    missing: tuple[str, ...]
    """Techniques that are named and on which no rule was proven."""


@cache
def table() -> Table:
    """The table that comes with cityward."""
    text = resources.files("cityward.secure.monitor").joinpath("rules", "proven.json").read_bytes()
    return msgspec.json.decode(text, type=Table)


@cache
def coverage() -> tuple[Covered, ...]:
    """Every tactic in the order of ATT&CK."""
    held = table()
    own = {one for techniques in held.own.values() for one in techniques}
    proven = {one for proof in held.proven.values() for one in proof.techniques}
    proven_own = {one for rule in held.own if rule in held.proven for one in held.proven[rule].techniques}
    claimed = own | set(held.public) | proven
    by_tactic: dict[str, set[str]] = {}
    for technique in claimed:
        for tactic in tactics_of([technique]):
            by_tactic.setdefault(tactic, set()).add(technique)
    rows = []
    for name in (name for names in TACTICS for name in names):
        of = by_tactic.get(name, set())
        rows.append(
            Covered(name, len(of & own), len(of), len(of & proven_own), len(of & proven), tuple(sorted(of - proven)))
        )
    return tuple(row for row in rows if row.claimed)

"""Who is represented by what is funded, together and by groups of voters; small groups are left out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np

from cityward.core.small_counts import hide
from cityward.participate.counting.count import has
from cityward.participate.counting.election import Election, Floats, Ints
from cityward.participate.counting.outcome import Outcome

GROUPS: Final = (
    "neighborhood",
    "neighbourhood",
    "district",
    "subdistrict",
    "subunit",
    "age",
    "sex",
    "voting_method",
    "education",
)
LEAST: Final = 5
"""Fewer voters of a group are not told of."""

FEW: Final = 30
"""Fewer voters of a group are flagged: chance moves their figures."""

_AGES: Final = (18, 25, 35, 45, 55, 65)


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A group of voters: how many, and what came of their ballots.

    ``share`` of them have a funded project that they asked for, and ``mean_projects`` of those; ``money_each`` is
    what of the money spent each moved, where the cost of a project is divided among those who asked for it by the
    points that they gave; ``money_ratio`` is that by the mean of all voters.
    """

    group: str
    voters: int | None
    share: float | None = None
    mean_projects: float | None = None
    money_each: float | None = None
    money_ratio: float | None = None
    few: bool = False


class Represented(msgspec.Struct, frozen=True, kw_only=True):
    """Who is represented. ``groups`` holds a list for each thing that the file tells of voters."""

    voters: int
    voters_with_a_project: int
    share: float
    mean_projects: float
    money_each: float
    groups: dict[str, tuple[Group, ...]]


def represent(election: Election, outcome: Outcome, attributes: Mapping[str, Sequence[str]]) -> Represented:
    """Say who is represented.

    Parameters
    ----------
    attributes : mapping
        What is known of each counted voter, in the order of `Election.ballot_of`.
    """
    projects = has(election, outcome)
    money = _money(election, outcome)
    own = projects[election.ballot_of], money[election.ballot_of]
    mean = float(own[1].mean())
    return Represented(
        voters=election.voters,
        voters_with_a_project=int((own[0] > 0).sum()),
        share=float((own[0] > 0).mean()),
        mean_projects=float(own[0].mean()),
        money_each=mean,
        groups={name: _groups(name, values, own, mean) for name, values in attributes.items()},
    )


def _money(election: Election, outcome: Outcome) -> Floats:
    """What of the money spent a voter with each ballot moved, in the currency."""
    supporters = election.supporters
    found = np.zeros(len(election.copies))
    for one in outcome.funded:
        own = supporters.of(one)
        weight = supporters.weight[own]
        each = election.costs[one] / election.unit / int(weight @ supporters.copies[own])
        found[supporters.ballot[own]] += each * weight
    return found


def _groups(name: str, values: Sequence[str], own: tuple[Ints, Floats], mean: float) -> tuple[Group, ...]:
    names = [group_of(name, value) for value in values]
    order = sorted(set(names), key=lambda one: (one == "not stated", one))
    number = {one: at for at, one in enumerate(order)}
    at = np.fromiter((number[one] for one in names), dtype=np.int64, count=len(names))
    voters = np.bincount(at, minlength=len(order))
    hidden = hide(voters, [(range(len(order)), None)], LEAST)
    made = []
    for place, group in enumerate(order):
        if hidden[place]:
            made.append(Group(group=group, voters=None))
            continue
        these = at == place
        money = float(own[1][these].mean())
        made.append(
            Group(
                group=group,
                voters=int(voters[place]),
                share=float((own[0][these] > 0).mean()),
                mean_projects=float(own[0][these].mean()),
                money_each=money,
                money_ratio=money / mean if mean else None,
                few=bool(voters[place] < FEW),
            )
        )
    return tuple(made)


def group_of(name: str, value: str) -> str:
    """The group that a value stands for: ages by bands, all else by itself."""
    if not value or value.lower() in ("none", "nan", "null"):
        return "not stated"
    if name != "age" or not re.fullmatch(r"\d{1,3}", value):
        return value
    bound = next((at for at, edge in enumerate(_AGES) if int(value) < edge), len(_AGES))
    if not bound:
        return f"under {_AGES[0]}"
    return f"{_AGES[-1]} and over" if bound == len(_AGES) else f"{_AGES[bound - 1]} to {_AGES[bound] - 1}"

"""What a count says, whatever the rule: who is funded in which order, and each tie with how it was broken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from cityward.participate.counting.election import Election

TieBreak: TypeAlias = Literal["more votes", "lower cost", "identifier"]


@dataclass(frozen=True, slots=True)
class Tie:
    """Projects that the rule does not tell apart, the one that came first, and by what."""

    projects: tuple[int, ...]
    first: int
    by: TieBreak


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who is funded.

    Parameters
    ----------
    funded : tuple of int
        Projects in the order in which they were bought.
    ties : tuple of Tie
        In the order in which they were met.
    share : Fraction, optional
        Under equal shares, what each voter had in the end, in units.
    prices : tuple of Fraction
        Of the projects bought: under equal shares, the most that one point of a supporter paid; under Phragmén, what
        each supporter bears once it is bought; in units.
    completed : tuple of int
        Projects that a completion added, out of all that are funded.
    rest : int, optional
        A project that is paid for in part from elsewhere.
    """

    funded: tuple[int, ...]
    ties: tuple[Tie, ...] = ()
    share: Fraction | None = None
    prices: tuple[Fraction, ...] = ()
    completed: tuple[int, ...] = ()
    rest: int | None = None

    def cost(self, election: Election) -> int:
        """What all that is funded costs, in units."""
        return cost_of(election, self.funded)


def cost_of(election: Election, projects: Iterable[int]) -> int:
    """What some projects cost together, in units."""
    return sum(election.costs[one] for one in projects)


def break_tie(election: Election, tied: Sequence[int]) -> Tie:
    """The first of projects that a rule does not tell apart: more votes, then lower cost, then identifier."""
    order = sorted(tied, key=election.better)
    first, second = order[0], order[1]
    if election.scores[first] != election.scores[second]:
        return Tie(tuple(order), first, "more votes")
    return Tie(tuple(order), first, "lower cost" if election.costs[first] < election.costs[second] else "identifier")

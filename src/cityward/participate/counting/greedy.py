"""Greedy: the project with most votes (or points) first, for as long as there is money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from cityward.participate.counting.election import Election
from cityward.participate.counting.outcome import Outcome, Tie, break_tie


@dataclass(frozen=True, slots=True)
class Greedy:
    """How a city counts.

    Parameters
    ----------
    skip : bool
        Whether one that does not fit is passed over for those after it; otherwise it ends the count.
    threshold : Fraction, optional
        Fewest votes (or points) of a project that may be funded.
    last_share : Fraction, optional
        The first that does not fit is funded too if so large a share of its cost is left; the rest comes from
        elsewhere, and it ends the count.
    """

    skip: bool = True
    threshold: Fraction | None = None
    last_share: Fraction | None = None


def greedy(election: Election, how: Greedy | None = None, begun: Sequence[int] = ()) -> Outcome:
    """Count greedily.

    Projects that nobody asked for are not funded. Where the first that does not fit ends the count, one that costs
    more than the whole budget is passed over all the same, unless a share of a last one may come from elsewhere:
    otherwise nobody could win who has fewer votes.

    Parameters
    ----------
    begun : sequence of int
        Projects that are funded already; they lead.

    Source: Talmon & Faliszewski 2019, A Framework for Approval-Based Budgeting Methods, section 3 (max-and-greedy).
    """
    how = how or Greedy()
    least = (how.threshold or 0) * election.weight_unit
    taken = set(begun)
    standing = [
        one
        for one in sorted(range(len(election.ids)), key=election.better)
        if election.votes[one] and election.scores[one] >= least and one not in taken
    ]
    left = election.budget - sum(election.costs[one] for one in begun)
    funded = list(begun)
    rest: int | None = None
    for one in standing:
        cost = election.costs[one]
        if cost <= left:
            funded.append(one)
            left -= cost
        elif how.last_share is not None:
            if left >= cost * how.last_share:
                funded.append(one)
                rest = one
            break
        elif not how.skip and cost <= election.budget:
            break
    added = tuple(funded[len(begun) :]) if begun else ()
    return Outcome(tuple(funded), _ties(election, standing), completed=added, rest=rest)


def _ties(election: Election, standing: Sequence[int]) -> tuple[Tie, ...]:
    """Each run of projects with as many votes as each other."""
    runs = [list(run) for _, run in groupby(standing, key=lambda one: int(election.scores[one]))]
    return tuple(break_tie(election, run) for run in runs if len(run) > 1)

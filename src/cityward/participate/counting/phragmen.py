"""Sequential Phragmén: voters earn evenly, and buy a project as soon as those who ask for it can pay.

What supporters of a project have to bear once it is bought is one number for all of them, so a voter's load is that
of the last project bought that he asked for. The load of a project's supporters is then a short sum, kept exactly.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from cityward.participate.counting.election import Election, Ints
from cityward.participate.counting.outcome import Outcome, Tie, break_tie

_NEAR = 1e-9
"""Loads this near to each other, relatively, are compared exactly; sums of doubles are off by far less."""


def phragmen(election: Election) -> Outcome:
    """Count by Phragmén's sequential rule.

    Points are taken as yes where they are above 0. Projects that nobody asks for or that cost more than the whole
    budget do not stand. It ends when the next project does not fit into what is left, or one of those that tie with it.

    Source: Los, Christoff & Grossi 2022, Proportional Budget Allocations: Towards a Systematization (arXiv
    2203.12324), section 2.3; Brill, Freeman, Janson & Lackner 2017, Phragmén's Voting Methods and Justified
    Representation, section 3.
    """
    votes = election.votes
    standing = [one for one in range(len(votes)) if votes[one] and election.costs[one] <= election.budget]
    bought: list[int] = []
    ties: list[Tie] = []
    loads: list[Fraction] = [Fraction(0)]
    last = np.zeros(len(election.copies), dtype=np.int64)
    borne = np.zeros((len(votes), len(standing) + 1), dtype=np.int64)
    borne[:, 0] = votes
    left = election.budget
    costs = np.array(election.costs, dtype=np.float64)
    while standing:
        near = _near(np.array(standing), costs, votes, borne, loads)
        exact = {one: _load(election, one, borne, loads) for one in near}
        least = min(exact.values())
        tied = [one for one in near if exact[one] == least]
        if any(election.costs[one] > left for one in tied):
            break
        if len(tied) > 1:
            ties.append(break_tie(election, tied))
        first = min(tied, key=election.better)
        bought.append(first)
        left -= election.costs[first]
        standing.remove(first)
        loads.append(least)
        _move(election, first, last, borne, len(bought))
    return Outcome(tuple(bought), tuple(ties), prices=tuple(loads[1:]))


def _near(standing: Ints, costs: np.ndarray, votes: Ints, borne: Ints, loads: list[Fraction]) -> list[int]:
    """Projects that may be the next, by doubles."""
    known = borne[standing, : len(loads)] @ np.array([float(load) for load in loads])
    found = (known + costs[standing]) / votes[standing]
    return [int(one) for one in standing[found <= found.min() * (1 + _NEAR)]]


def _load(election: Election, project: int, borne: Ints, loads: list[Fraction]) -> Fraction:
    """What each supporter would bear if the project were bought."""
    at = np.flatnonzero(borne[project, : len(loads)]).tolist()
    known = sum((int(borne[project, one]) * loads[one] for one in at), Fraction(0))
    return (known + election.costs[project]) / int(election.votes[project])


def _move(election: Election, bought: int, last: Ints, borne: Ints, purchase: int) -> None:
    """Let the supporters of what was bought bear its load, in the sums of all projects that they ask for."""
    own = election.supporters.of(bought)
    movers = election.supporters.ballot[own]
    lengths = election.begins[movers + 1] - election.begins[movers]
    marks = np.repeat(election.begins[movers] - np.cumsum(lengths) + lengths, lengths) + np.arange(int(lengths.sum()))
    wanted = election.weight[marks] > 0
    projects = election.project[marks][wanted]
    copies = np.repeat(election.copies[movers], lengths)[wanted]
    np.add.at(borne, (projects, np.repeat(last[movers], lengths)[wanted]), -copies)
    np.add.at(borne, (projects, np.full(len(projects), purchase)), copies)
    last[movers] = purchase

"""The method of equal shares: each voter has the same money, and supporters pay together for what they ask for.

Projects are bought in the order of what a unit of satisfaction costs their supporters, each of whom pays the same for
it, or all that he has left. What is left over can be used by giving every voter more, one unit of the currency at a
time, for as long as what is bought costs no more than the budget (add1).

Source: Peters, Pierczyński & Skowron 2021, Proportional Participatory Budgeting with Additive Utilities (arXiv
2008.13276), section 3 and, for add1, section 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, TypeAlias

import numpy as np

from cityward.core.compiled import prepare
from cityward.participate.counting.election import Election, Supporters
from cityward.participate.counting.greedy import Greedy, greedy
from cityward.participate.counting.outcome import Outcome, Tie, break_tie, cost_of
from cityward.participate.counting.shares_exact import Exact, above, below
from cityward.participate.counting.shares_kernel import DONE, advance, arrays, buy, fresh

Satisfaction: TypeAlias = Literal["cost", "cardinality", "points"]
Completion: TypeAlias = Literal["add1", "add1u", "greedy", "none"]

_PATIENCE: Final = 8
"""After a longer step could not be decided, this many short ones are taken before the next is tried."""


@dataclass(frozen=True, slots=True)
class _Bought:
    funded: tuple[int, ...]
    ties: tuple[Tie, ...]


def equal_shares(
    election: Election, *, satisfaction: Satisfaction | None = None, completion: Completion = "add1"
) -> Outcome:
    """Count by the method of equal shares.

    Parameters
    ----------
    satisfaction : {"cost", "cardinality", "points"}, optional
        What a funded project is worth to those who ask for it: its cost, one, or the points that they gave it.
        Default: cost where ballots say yes, else points.
    completion : {"add1", "add1u", "greedy", "none"}
        What is done with money left over: more for everybody (add1), then greedily as well (add1u); only greedily; or
        nothing.

    Notes
    -----
    Projects without cost are bought first. It does not stop because nothing more would fit: with more money for
    everybody another choice can be bought that costs less than the budget too.
    """
    search = _Search(election, satisfaction)
    share = Fraction(election.budget, election.voters)
    found = search.run(share)
    if completion in ("add1", "add1u"):
        share, found = search.add1(share, found)
    begun = found.funded
    made = Outcome(begun, found.ties, share, (*[Fraction(0)] * len(search.free), *search.after(share, begun).prices))
    if completion not in ("add1u", "greedy"):
        return made
    more = greedy(election, Greedy(), begun)
    return Outcome(more.funded, (*made.ties, *_met(more)), share, made.prices, more.completed)


def exact_after(election: Election, satisfaction: Satisfaction | None, share: Fraction, funded: Sequence[int]) -> Exact:
    """What each voter has, exactly, after purchases in the order of a count."""
    return _Search(election, satisfaction).after(share, funded)


def _met(more: Outcome) -> tuple[Tie, ...]:
    """Ties of a completion in which it mattered who came first."""
    new = set(more.completed)
    return tuple(tie for tie in more.ties if new & set(tie.projects))


class _Search:
    """Buys projects for one election, with one share or another."""

    def __init__(self, election: Election, satisfaction: Satisfaction | None) -> None:
        prepare()
        satisfaction = satisfaction or ("cost" if election.kind == "approval" else "points")
        own = election.supporters
        weight = own.weight if satisfaction == "points" else np.ones_like(own.weight)
        self.election = election
        self.supporters = Supporters(own.begins, own.ballot, weight, own.copies)
        self.worth = tuple(election.costs if satisfaction == "cost" else [1] * len(election.costs))
        self.costs = np.array(election.costs, dtype=np.float64)
        self.worth_doubles = np.array(self.worth, dtype=np.float64)
        wanted = [one for one, votes in enumerate(election.votes.tolist()) if votes]
        self.free = tuple(sorted((one for one in wanted if not election.costs[one]), key=election.better))
        self.wanted = len(wanted)

    def run(self, share: Fraction) -> _Bought:
        """What is bought when every voter has ``share``."""
        found = self.between(share, share)
        if found is None:
            raise AssertionError("a count with one share can always be decided")
        return found

    def add1(self, share: Fraction, found: _Bought) -> tuple[Fraction, _Bought]:
        """Raise the share by one unit of the currency for as long as what is bought fits the budget.

        Several steps are taken at once where bounds show that all of them buy the same.
        """
        unit, stride, wait = self.election.unit, 1, 0
        while len(found.funded) < self.wanted and cost_of(self.election, found.funded) <= self.election.budget:
            steps = stride if not wait else 1
            following = self.between(share + unit, share + steps * unit)
            if following is None:
                stride, wait = max(stride // 4, 1), _PATIENCE
                continue
            if cost_of(self.election, following.funded) > self.election.budget:
                break
            # All these steps buy the same; where that is everything, the first of them was enough.
            share += (1 if len(following.funded) == self.wanted else steps) * unit
            found = following
            wait, stride = (wait - 1, stride) if wait else (0, stride * 2)
        return share, found

    def between(self, share: Fraction, most: Fraction) -> _Bought | None:
        """What is bought with every share from ``share`` to ``most``; None where that could not be shown."""
        projects = len(self.costs)
        own = self.supporters
        low = np.full(len(self.election.copies), below(share))
        high = np.full(len(low), above(most))
        standing, floor, bounds, rich = arrays(projects)
        bought = np.zeros(projects + 1, dtype=np.int64)
        fresh(own.begins, own.weight, own.copies, self.costs, self.worth_doubles, standing, floor)
        exact = Exact(own, self.election.costs, len(low), share) if share == most else None
        ties: list[Tie] = []
        table = (own.begins, own.ballot, own.weight, own.copies, self.costs, self.worth_doubles)
        while advance(*table, low, high, standing, floor, bounds, rich, bought) != DONE:
            open_ = np.flatnonzero(rich >= 0).tolist()
            if (rich[open_] == 1).all():
                # All supporters of all of them pay in full, whatever else they have.
                prices = {one: self._in_full(one) for one in open_}
            elif exact is None:
                return None
            else:
                _follow(exact, bought)
                low[:], high[:] = exact.bounds()
                prices = {one: price for one in open_ if (price := exact.price(one)) is not None}
                standing[[one for one in open_ if one not in prices]] = False
            if prices:
                self._settle(prices, ties, (low, high, standing, bought))
        return _Bought((*self.free, *bought[: bought[projects]].tolist()), tuple(ties))

    def after(self, share: Fraction, funded: Sequence[int]) -> Exact:
        """What each voter has after purchases in this order, of which those without cost come first."""
        exact = Exact(self.supporters, self.election.costs, len(self.election.copies), share)
        for one in funded[len(self.free) :]:
            exact.buy(one)
        return exact

    def _in_full(self, project: int) -> Fraction:
        own = self.supporters.of(project)
        return Fraction(self.election.costs[project], int(self.supporters.weight[own] @ self.supporters.copies[own]))

    def _settle(self, prices: dict[int, Fraction], ties: list[Tie], state: tuple[np.ndarray, ...]) -> None:
        """Buy the one whose satisfaction costs least."""
        low, high, standing, bought = state
        by_worth = {one: price / self.worth[one] for one, price in prices.items()}
        least = min(by_worth.values())
        tied = [one for one, price in by_worth.items() if price == least]
        if len(tied) > 1:
            ties.append(break_tie(self.election, tied))
        first = min(tied, key=self.election.better)
        own = self.supporters.of(first)
        price = prices[first]
        buy(self.supporters.ballot[own], self.supporters.weight[own], low, high, below(price), above(price))
        standing[first] = False
        bought[bought[-1]] = first
        bought[-1] += 1


def _follow(exact: Exact, bought: np.ndarray) -> None:
    """Let those pay who have not yet, for what was bought since."""
    for one in bought[len(exact.prices) : bought[-1]].tolist():
        exact.buy(one)

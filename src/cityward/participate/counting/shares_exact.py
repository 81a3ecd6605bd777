"""Equal shares in fractions: what each voter has after some purchases, and what a point of a project costs then.

What a voter has is the share less what he paid in full, or nothing once he could not. So it is kept as whole numbers:
how many points he paid for at each purchase; the price of each is one fraction. Doubles only sort voters into those
that can surely pay in full, those that surely cannot, and the few between, who are compared exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import numpy as np

from cityward.participate.counting.election import Floats, Ints, Mask, Supporters

_NEAR: Final = 1e-9
"""Of the share: a double of what a voter has is off by at most 2^-52 of it for each purchase."""


class Exact:
    """What each voter has, exactly.

    Parameters
    ----------
    supporters : Supporters
        With the weights of this count.
    costs : sequence of int
    ballots : int
        Distinct ballots.
    share : Fraction
        What each voter has at first.
    """

    def __init__(self, supporters: Supporters, costs: Sequence[int], ballots: int, share: Fraction) -> None:
        self.supporters = supporters
        self.costs = costs
        self.share = share
        self.prices: list[Fraction] = []
        self._near = float(share) * _NEAR
        self._paid = np.zeros((ballots, 8), dtype=np.int64)
        self._spent: Mask = np.zeros(ballots, dtype=np.bool_)

    def price(self, project: int) -> Fraction | None:
        """What a point pays for a project; None where its supporters have too little together."""
        found = self._price(project)
        return None if found is None else found[0]

    def buy(self, project: int) -> None:
        """Let the supporters of a project pay for it."""
        found = self._price(project)
        if found is None:
            raise ValueError("nobody can pay for it")
        price, poor = found
        own = self.supporters.of(project)
        ballot, weight = self.supporters.ballot[own], self.supporters.weight[own]
        at = len(self.prices)
        if at == self._paid.shape[1]:
            self._paid = np.concatenate([self._paid, np.zeros_like(self._paid)], axis=1)
        self._spent[ballot[poor]] = True
        self._paid[ballot[~poor], at] = weight[~poor]
        self.prices.append(price)

    def paying(self, project: int) -> tuple[int, int]:
        """How many voters would pay for a project in full, and how many all that they have left."""
        found = self._price(project)
        if found is None:
            raise ValueError("nobody can pay for it")
        copies = self.supporters.copies[self.supporters.of(project)]
        return int(copies[~found[1]].sum()), int(copies[found[1]].sum())

    def together(self, project: int) -> Fraction:
        """What the supporters of a project have together."""
        own = self.supporters.of(project)
        return self._sum(self.supporters.ballot[own], self.supporters.copies[own])

    def bounds(self) -> tuple[Floats, Floats]:
        """Doubles between which lies what each voter has, of shape (ballots,) each."""
        has = self._money(np.arange(len(self._spent)))
        near = np.where(self._spent, 0.0, self._near)
        return np.maximum(has - near, 0.0), has + near

    def _money(self, ballot: Ints) -> Floats:
        paid = self._paid[ballot, : len(self.prices)] @ np.array([float(one) for one in self.prices])
        found: Floats = np.where(self._spent[ballot], 0.0, np.maximum(float(self.share) - paid, 0.0))
        return found

    def _has(self, ballot: int) -> Fraction:
        if self._spent[ballot]:
            return Fraction(0)
        return self.share - self._worth(self._paid[ballot, : len(self.prices)])

    def _worth(self, points: Ints) -> Fraction:
        """What points paid for at each purchase cost together."""
        pairs = zip(points.tolist(), self.prices, strict=True)
        return sum((count * price for count, price in pairs if count), Fraction(0))

    def _price(self, project: int) -> tuple[Fraction, Mask] | None:
        """What a point pays, and who cannot pay in full."""
        own = self.supporters.of(project)
        ballot, weight, copies = self.supporters.ballot[own], self.supporters.weight[own], self.supporters.copies[own]
        money = self._money(ballot)
        cost = self.costs[project]
        poor = np.zeros(len(ballot), dtype=np.bool_)
        price = Fraction(cost, int(weight @ copies))
        while True:
            # Whoever is poor stays so as the price rises: each round it is at most the true one.
            level = float(price) * weight
            margin = self._near + level * _NEAR
            more = ~poor & (money < level - margin)
            for one in np.flatnonzero(~poor & ~more & (money < level + margin)):
                more[one] = self._has(int(ballot[one])) < price * int(weight[one])
            if not more.any():
                return price, poor
            poor |= more
            rich = int(weight[~poor] @ copies[~poor])
            missing = cost - self._sum(ballot[poor], copies[poor])
            if not rich:
                # All give what they have: it is enough only where it is exactly enough, or was in the round before.
                return None if missing > 0 else (price, poor)
            price = max(price, missing / rich)

    def _sum(self, ballot: Ints, copies: Ints) -> Fraction:
        """What some voters have together."""
        live = ~self._spent[ballot]
        ballot, copies = ballot[live], copies[live]
        return int(copies.sum()) * self.share - self._worth(copies @ self._paid[ballot, : len(self.prices)])


def below(value: Fraction) -> float:
    """A double that is at most ``value``."""
    found = float(value)
    return found if Fraction(found) <= value else math.nextafter(found, -math.inf)


def above(value: Fraction) -> float:
    """A double that is at least ``value``."""
    found = float(value)
    return found if Fraction(found) >= value else math.nextafter(found, math.inf)

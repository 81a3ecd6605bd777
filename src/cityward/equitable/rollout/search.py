"""A good plan without a proof: greedy, then measures near each other are taken out and the room is filled again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cityward.equitable.rollout.gain import Gains
from cityward.equitable.rollout.task import NEVER, Equity, Flags, Floats, Ints, Task, sums

TOLERANCE: Final = 1e-9
"""Of shares; what is less apart is equal."""

WORK_MAX: Final = 6e8
"""Pairs looked at by one search: about a second."""

ROUNDS_MAX: Final = 400
OUT_MAX: Final = 4
"""Most measures that are taken out at once."""

Score = tuple[float, float]


@dataclass(slots=True)
class Search:
    """Looks for plans of one task.

    Parameters
    ----------
    task : Task
    gains : Gains
    equity : Equity
        Max-min is not looked for here: it is a floor whose height is sought.
    at_risk : ndarray, shape (measures,), optional
        Person-years a year that a measure loses at worst.
    protected : int
        So many of the largest losses are taken off the benefit.
    weights : ndarray, shape (groups,), optional
        How much more a person helped at the end is worth by group, because of the equity.
    """

    task: Task
    gains: Gains
    equity: Equity
    at_risk: Floats | None = None
    protected: int = 0
    weights: Floats | None = None
    _sets: list[list[int]] = field(init=False)
    _held: Floats = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.task.measures)
        self._sets = [[] for _ in range(count)]
        for at, members in enumerate(self.task.exclusive):
            for measure in members.tolist():
                self._sets[measure].append(at)
        reached = sums(self.task.place, self.task.share, len(self.task.places)) > 0
        self._held = np.where(reached, self.task.in_need, 0.0)

    # -- what a plan is worth ------------------------------------------------------------------------

    def missed(self, helped: Floats, logs: Floats | None = None) -> Floats:
        """By how many people the equity is missed, shape (...): 0 where it holds.

        Parameters
        ----------
        helped : ndarray, shape (..., groups)
        """
        task, equity = self.task, self.equity
        if equity.kind == "floor" and equity.by == "group":
            wanted = equity.level * task.by_group(task.in_need)
            short: Floats = np.maximum(wanted * (1 - TOLERANCE) - helped, 0).sum(axis=-1)
            return short
        if equity.kind == "gap":
            people, need = task.by_group(task.people), task.by_group(task.in_need)
            known = people > 0
            rate = (need[known] - helped[..., known]) / people[known]
            gap = rate.max(axis=-1) - rate.min(axis=-1)
            wide: Floats = np.maximum(gap - equity.level - TOLERANCE, 0) * people.sum()
            return wide
        nothing: Floats = np.zeros(helped.shape[:-1])
        return nothing if logs is None else nothing + self._short(logs).sum()

    def _short(self, logs: Floats) -> Floats:
        """What places that are reached at all lack to their floor, by their people in need, shape (places,)."""
        wanted = -np.log1p(-min(self.equity.level, 1 - TOLERANCE)) * (1 - TOLERANCE)
        short: Floats = np.maximum(wanted - logs, 0) * self._held
        return short

    def loss(self, begun: Ints) -> float:
        """Person-years that are lost when those that lose most fall to their low effect."""
        if self.at_risk is None or not self.protected:
            return 0.0
        years = np.where(begun != NEVER, self.task.years - begun, 0)
        return float(np.sort(self.at_risk * years)[-self.protected :].sum())

    def score(self, begun: Ints) -> Score:
        """How a plan compares, the least first: what equity misses, then the benefit."""
        left = self.gains.left(begun, self.task.years - 1)
        helped = self.task.by_group(self.task.in_need * (1 - left))
        logs = -np.log(left) if self.equity.by == "place" and self.equity.kind == "floor" else None
        return float(self.missed(helped, logs)), self.loss(begun) - self.gains.benefit(begun)

    # -- making one ----------------------------------------------------------------------------------

    def _allowed(self, begun: Ints, room: Floats) -> Flags:
        """Which measure can begin in which year, shape (years, measures)."""
        task = self.task
        taken = {one for measure in np.flatnonzero(begun != NEVER).tolist() for one in self._sets[measure]}
        free = begun == NEVER
        for one in taken:
            free[task.exclusive[one]] = False
        slack = TOLERANCE * max(1.0, float(task.budgets.max()))
        allowed: Flags = free[None, :] & (task.cost[None, :] <= room[:, None] + slack)
        for measure, other in task.requires.tolist():
            allowed[:, measure] &= begun[other] != NEVER
            allowed[: max(begun[other], 0), measure] = False
        return allowed

    def _room(self, begun: Ints) -> Floats:
        there = begun != NEVER
        return self.task.budgets - sums(begun[there], self.task.cost[there], self.task.years)

    def fill(self, begun: Ints, banned: Ints | None = None, *, weighted: bool = True) -> Ints:
        """Begin measures while there is room and something to gain, the most for its cost first.

        Equity enters by weights of the groups, or else as what is seen to first.
        """
        weights = self.weights if weighted else None
        task = self.task
        begun, years = begun.copy(), task.years
        cost = np.maximum(task.cost, 1e-9 * max(1.0, float(task.cost.max())))
        left = np.array([self.gains.left(begun, year) for year in range(years)])
        while True:
            allowed = self._allowed(begun, self._room(begun))
            if banned is not None:
                allowed[:, banned] = False
            if not allowed.any():
                return begun
            gain = np.cumsum([self.gains.adding(one) for one in left[::-1]], axis=0)[::-1] - self._risk(begun)
            now, after = self._misses(left[-1])
            better = (now - after)[None, :] * np.ones((years, 1))
            if weights is not None:
                worth = gain + self.gains.adding_by_group(left[-1]) @ weights
            else:
                worth = better if now > 0 and (allowed & (better > TOLERANCE)).any() else gain
            allowed &= (worth > TOLERANCE) & (better >= -TOLERANCE * max(1.0, now))
            if not allowed.any():
                return begun
            ratio = np.where(allowed, worth / cost, -np.inf)
            year, measure = np.unravel_index(int(ratio.argmax()), ratio.shape)
            begun[measure] = year
            pairs = slice(self.gains.starts[measure], np.searchsorted(task.of, measure, side="right"))
            left[int(year) :, task.place[pairs]] *= 1 - self.gains.chance[pairs]

    def _risk(self, begun: Ints) -> Floats:
        """What each measure adds to the loss, shape (years, measures)."""
        if self.at_risk is None or not self.protected:
            return np.zeros((self.task.years, len(self.task.measures)))
        years = np.where(begun != NEVER, self.task.years - begun, 0)
        losses = np.sort(self.at_risk * years)[::-1]
        least = float(losses[self.protected - 1]) if losses.size >= self.protected else 0.0
        remaining = self.task.years - np.arange(self.task.years)
        return np.maximum(self.at_risk[None, :] * remaining[:, None] - least, 0)

    def _misses(self, left: Floats) -> tuple[float, Floats]:
        """What equity misses now, and with each measure more."""
        if self.equity.kind == "none":
            return 0.0, np.zeros(len(self.task.measures))
        if self.equity.kind == "floor" and self.equity.by == "place":
            short = self._short(-np.log(left))
            place = self.task.place
            saved = np.minimum(short[place], -self.gains.log_miss * self._held[place])
            return float(short.sum()), float(short.sum()) - np.add.reduceat(saved, self.gains.starts)
        helped = self.task.by_group(self.task.in_need * (1 - left))
        return float(self.missed(helped)), self.missed(helped + self.gains.adding_by_group(left))

    def without(self, begun: Ints, measures: Ints) -> Ints:
        """Take measures out, and those that need them."""
        begun = begun.copy()
        begun[measures] = NEVER
        for _ in range(len(self.task.requires)):
            late = [
                measure
                for measure, other in self.task.requires.tolist()
                if begun[measure] != NEVER and not 0 <= begun[other] <= begun[measure]
            ]
            if not late:
                break
            begun[late] = NEVER
        return begun

    def improve(self, begun: Ints, generator: np.random.Generator, rounds: int | None = None) -> Ints:
        """Take out one measure, or some near each other, and fill again, while that helps."""
        pairs = max(1, self.task.of.size * self.task.years)
        if rounds is None:
            chosen = max(1, int((begun != NEVER).sum()))
            rounds = int(min(ROUNDS_MAX, max(4, WORK_MAX / (pairs * OUT_MAX * 4)), 40 * chosen))
        best, score = begun, self.score(begun)
        for at in range(rounds):
            chosen_now = np.flatnonzero(best != NEVER)
            if not chosen_now.size:
                break
            if at < rounds // 2:
                out = chosen_now[[at % chosen_now.size]]
            else:
                size = int(generator.integers(2, OUT_MAX + 1))
                out = generator.choice(chosen_now, min(size, chosen_now.size), replace=False)
            bare = self.without(best, out)
            for banned in (None, out[:1]):
                weighted = bool(at % 3)
                tried = self.fill(bare, banned, weighted=weighted)
                if banned is not None:
                    tried = self.fill(tried, weighted=weighted)
                found = self.score(tried)
                if _better(found, score):
                    best, score = tried, found
        return best


def _better(one: Score, other: Score) -> bool:
    if abs(one[0] - other[0]) > TOLERANCE * max(1.0, abs(other[0])):
        return one[0] < other[0]
    return one[1] < other[1] - TOLERANCE * max(1.0, abs(other[1]))

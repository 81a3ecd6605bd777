"""Solves one goal of one task to a proven gap: limits, then a search, then whole measures while the gap is too wide."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import highspy
import numpy as np

from cityward.core.clock import monotonic
from cityward.equitable.rollout.program import WHOLE, Goal, Program
from cityward.equitable.rollout.search import Search
from cityward.equitable.rollout.task import NEVER, Equity, Floats, Ints, sums

RELAX_ROUNDS: Final = 60
BROKEN_ENOUGH: Final = 0.05
"""Limits are looked for until all that is broken is this share of the gap that is asked for."""

WHOLE_ROUNDS: Final = 40
FIRST_GAP: Final = 0.8
"""Part of the gap that the solver of whole measures may leave at first."""

SCALES: Final = (1.0, 1.01, 1.03, 1.06, 1.1, 1.2, 1.4, 1.8, 2.5, 4.0)
"""Budgets, as multiples of the proven least, with which a plan that holds is looked for."""

WEIGHED: Final = (1.0, 1.05, 1.15, 1.3, 1.6, 2.0)
"""Multiples of the weights of groups that are tried until the equity holds: whole measures need a little more."""

ROUNDING: Final = 1e-7
"""Share by which a bound is widened: what the solver's tolerances may be worth."""


@dataclass(frozen=True, slots=True)
class Solved:
    """A plan and what no plan can be better than.

    Attributes
    ----------
    begun : ndarray of int, shape (measures,), or None
        None when no plan was found that holds.
    value, bound : float
        Of the goal: person-years (the higher the better), share of the floor (the higher), or scale (the lower).
    price : ndarray, shape (years,)
        Person-years that one more unit of money in a year is worth in the relaxation.
    possible : bool
        False when it is proven that no plan holds.
    """

    begun: Ints | None
    value: float
    bound: float
    price: Floats
    possible: bool = True

    @property
    def gap(self) -> float:
        """How far the plan is at most from the best there can be, as a share of its value."""
        if self.begun is None:
            return float("inf")
        return abs(self.bound - self.value) / max(abs(self.value), 1e-12) if self.bound != self.value else 0.0


@dataclass(slots=True)
class Solver:
    """Solves goals of one program; limits that one goal needed serve the next.

    Parameters
    ----------
    program : Program
    random : numpy.random.Generator
        Of the search.
    gap : float
        At which it stops, as a share.
    seconds : float
        After which it stops too, for each goal: the only thing by which two runs may differ.
    """

    program: Program
    random: np.random.Generator
    gap: float = 1e-3
    seconds: float = 60.0
    clock: Callable[[], float] = monotonic
    _known: list[Ints] = field(default_factory=list)

    def solve(
        self, goal: Goal, equity: Equity, *, scale: float = 1.0, begin: Sequence[Ints] = (), gap: float | None = None
    ) -> Solved:
        """Return the best plan for a goal.

        Parameters
        ----------
        goal : {"benefit", "level", "scale", "gap"}
            The benefit; the highest floor; the least multiple of the budgets with which the equity holds; the
            narrowest gap between groups.
        equity : Equity
            What has to hold.
        scale : float
            Of the budgets.
        begin : sequence of ndarray
            Plans that may be good already.
        """
        run = _Run(self, goal, equity, scale, self.gap if gap is None else gap, self.clock() + self.seconds)
        solved = run.solve([*begin, *self._known])
        if solved.begun is not None:
            self._known = [solved.begun, *self._known][:6]
        return solved

    def level(self, begun: Ints) -> float:
        """The least share of people in need that is helped in any group or place at the end."""
        program, task = self.program, self.program.task
        left = program.gains.left(begun, task.years - 1)
        if program.by == "place":
            return float(1 - left[program.held()].max())
        total = task.by_group(task.in_need)
        helped = task.by_group(task.in_need * (1 - left))
        return float((helped[total > 0] / total[total > 0]).min())

    def gap_between(self, begun: Ints) -> float:
        """The widest difference between the shares in need of two groups at the end."""
        task = self.program.task
        left = self.program.gains.left(begun, task.years - 1)
        people = task.by_group(task.people)
        rates = task.by_group(task.in_need * left)[people > 0] / people[people > 0]
        return float(rates.max() - rates.min())


@dataclass(slots=True)
class _Run:
    """One goal being solved."""

    solver: Solver
    goal: Goal
    equity: Equity
    scale: float
    gap: float
    deadline: float
    best: Ints | None = None
    value: float = -np.inf
    bound: float = np.inf
    weights: Floats | None = None

    @property
    def program(self) -> Program:
        return self.solver.program

    @property
    def sign(self) -> float:
        """A scale and a gap are the better the lower they are."""
        return -1.0 if self.goal in ("scale", "gap") else 1.0

    @property
    def gaps(self) -> bool:
        """Whether limits below matter."""
        return self.goal == "gap" or self.equity.kind == "gap"

    def search(self, budgets: Floats, equity: Equity | None = None) -> Search:
        """A search under some budgets."""
        program = self.program
        task = dataclasses.replace(program.task, budgets=budgets)
        return Search(task, program.gains, equity or self.equity, program.at_risk, program.protected, self.weights)

    def solve(self, begin: Sequence[Ints]) -> Solved:
        """Relax, search, then take measures as whole while the gap is wide and there is time."""
        program = self.program
        program.aim(self.goal, self.equity, self.scale)
        values, price, self.weights = self._relax()
        if values is None:
            return Solved(None, np.nan, np.nan, price, possible=False)
        for one in begin:
            self._offer(one)
        self._look(values)
        if not self._enough():
            possible = self._whole()
            if not possible and self.best is None:
                return Solved(None, np.nan, np.nan, price, possible=False)
        value = self.sign * self.value if self.best is not None else np.nan
        bound = self.sign * max(self.bound, self.value)
        return Solved(self.best, value, bound, price)

    # -- values --------------------------------------------------------------------------------------

    def _offer(self, begun: Ints) -> float:
        """Take a plan if it holds and is better; return by how many people it misses the equity."""
        program, task = self.program, self.program.task
        there = begun != NEVER
        spent = sums(begun[there], task.cost[there], task.years)
        if self.goal != "scale" and (spent > self.scale * task.budgets + 1e-7 * max(1.0, program.money)).any():
            return np.inf
        search = self.search(self.scale * task.budgets)
        missed, worse = search.score(begun)
        if self.goal == "level":
            missed, value = 0.0, self.solver.level(begun)
        elif self.goal == "gap":
            missed, value = 0.0, -self.solver.gap_between(begun)
        elif self.goal == "benefit":
            value = -worse
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                value = -float(np.where(spent > 0, spent / task.budgets, 0.0).max())
        if missed <= 0 and (self.best is None or value > self.value):
            self.best, self.value = begun, value
        return missed

    def _bound(self, objective: float) -> None:
        """Take a bound that the program proves, in the unit of the goal."""
        if self.goal == "benefit":
            found = -objective * float(self.program.task.in_need.sum()) / WHOLE
        elif self.goal == "level":
            found = -objective if self.program.by == "group" else float(-np.expm1(objective))
        else:
            found = -objective
        self.bound = min(self.bound, found + ROUNDING * abs(found))

    def _enough(self) -> bool:
        return self.best is not None and self.bound - self.value <= self.gap * max(abs(self.value), 1e-12)

    def _time(self) -> float:
        return self.deadline - self.solver.clock()

    def _limit_time(self, least_seconds: float) -> None:
        """Let the solver, whose clock runs on from run to run, work until the deadline."""
        highs = self.program.highs
        highs.setOptionValue("time_limit", highs.getRunTime() + max(least_seconds, self._time()))

    # -- steps ---------------------------------------------------------------------------------------

    def _relax(self) -> tuple[Floats | None, Floats, Floats | None]:
        """Add limits to the relaxation until it is near the truth.

        Returns
        -------
        values, prices, weights
            Its solution, or None when nothing holds; prices of the budgets; weights of the groups by the equity.
        """
        program = self.program
        program.whole(False)
        least = 1e-7 * WHOLE / program.clusters
        values: Floats | None = None
        price, weights = np.zeros(program.task.years), None
        for _ in range(RELAX_ROUNDS):
            self._limit_time(1.0)
            program.highs.run()
            status = program.highs.getModelStatus()
            if status == highspy.HighsModelStatus.kInfeasible:
                return None, price, weights
            if status != highspy.HighsModelStatus.kOptimal:
                return np.zeros(program.size) if values is None else values, price, weights
            solution = program.highs.getSolution()
            values = np.array(solution.col_value)
            self._bound(program.highs.getInfo().objective_function_value)
            dual = np.array(solution.row_dual)
            if self.goal == "benefit" and self.equity.kind != "none" and program.by == "group":
                weights = program.group_weights(dual)
            price = np.abs(dual[program.budget_rows]) * (float(program.task.in_need.sum()) / WHOLE / program.money)
            broken = program.limit(values, gaps=self.gaps, least=least)
            program.purge()
            if broken <= BROKEN_ENOUGH * self.gap * WHOLE or self._time() <= 0:
                break
        return values, price, weights

    def _look(self, values: Floats) -> None:
        """Search for plans: from nothing, from those that are known, and from what the relaxation takes wholly."""
        program, task = self.program, self.program.task
        near = values.copy()
        near[near < 0.99] = 0
        seeds = [np.full(len(task.measures), NEVER), program.begun(near)]
        if self.best is not None:
            seeds.append(self.best)
        if self.goal == "scale":
            for factor in SCALES:
                search = self.search(-self.bound * factor * task.budgets)
                found = search.improve(search.fill(seeds[0]), self.solver.random, 40)
                if self._offer(found) <= 0 or self._time() <= 0:
                    return
            return
        equity = self.equity
        if self.goal == "level":
            equity = Equity("floor", self.bound, program.by)
        elif self.goal == "gap":
            equity = Equity("gap", max(0.0, -self.bound))
        search = self.search(self.scale * task.budgets, equity)
        filled = self._filled(search, seeds)
        best = min(filled, key=search.score)
        for one in filled:
            self._offer(one)
        if not self._enough():
            self._offer(search.improve(best, self.solver.random))

    def _filled(self, search: Search, seeds: list[Ints]) -> list[Ints]:
        """Plans that grow from seeds: equity first, and by weights of groups that are raised until equity holds."""
        within = [self._within(search, seed) for seed in seeds]
        filled = [search.fill(seed, weighted=False) for seed in within]
        if self.weights is None:
            return filled
        for factor in WEIGHED:
            search.weights = self.weights * factor
            weighted = [search.fill(seed) for seed in within]
            filled += weighted
            if min(search.score(one)[0] for one in weighted) <= 0:
                break
        return filled

    def _within(self, search: Search, begun: Ints) -> Ints:
        """A plan without what breaks a budget, the dearest first."""
        begun = search.without(begun, np.empty(0, np.int64))
        for year in range(self.program.task.years):
            while True:
                mine = np.flatnonzero(begun == year)
                if self.program.task.cost[mine].sum() <= search.task.budgets[year] * (1 + 1e-9):
                    break
                begun = search.without(begun, mine[[self.program.task.cost[mine].argmax()]])
        return begun

    def _whole(self) -> bool:
        """Solve with whole measures, adding limits where they look better than they are; False: nothing can hold."""
        program, highs = self.program, self.program.highs
        # The solver is given no plan to begin with: HiGHS 1.16 with presolve may take a wrong objective for it.
        program.whole(True)
        least = 1e-9 * WHOLE / program.clusters
        for round_ in range(WHOLE_ROUNDS):
            # The first answer should do: what remains of the gap is for what the limits are off by.
            highs.setOptionValue("mip_rel_gap", self.gap * (FIRST_GAP if not round_ else FIRST_GAP / 2))
            self._limit_time(0.1)
            highs.run()
            status = highs.getModelStatus()
            if status == highspy.HighsModelStatus.kInfeasible:
                return False
            info = highs.getInfo()
            if np.isfinite(info.mip_dual_bound):
                self._bound(info.mip_dual_bound)
            if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
                return True
            values = np.array(highs.getSolution().col_value)
            values[: program.theta] = np.round(values[: program.theta])
            self._offer(program.begun(values))
            broken = program.limit(values, gaps=self.gaps, least=least)
            if self._enough() or self._time() <= 0 or broken <= least:
                return True
        return True

"""Makes a roll-out: the plan, what equity costs, what more money buys, how sure it is, and why each measure is in."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from cityward.core.clock import rng
from cityward.core.errors import UserError
from cityward.equitable.rollout import uncertain
from cityward.equitable.rollout.check import check
from cityward.equitable.rollout.gain import Gains
from cityward.equitable.rollout.program import Program
from cityward.equitable.rollout.report import FloorPrice, GapClosed, MoreBudget, Point, Robust, Rollout
from cityward.equitable.rollout.search import Search
from cityward.equitable.rollout.solve import Solved, Solver
from cityward.equitable.rollout.task import MIDDLE, NEVER, Equity, Floats, Ints, Task
from cityward.equitable.rollout.telling import Facts, close_finding, tell
from cityward.equitable.rollout.why import lost_without

POINTS: Final = 5
"""Floors between none and the highest that are priced."""

MORE: Final = 0.05
"""More budget that is asked about, as a share of each year's."""

HELD: Final = 1 - 1e-7
"""A floor that a plan reached is asked of others a little lower, within the solver's tolerance."""

SIDE_GAP: Final = 0.01
"""At which each further plan is good enough."""

SIDE_SECONDS: Final = 0.4
"""Share of the seconds that each further plan (of the frontier, of more budget) may take."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of a plan.

    Attributes
    ----------
    equity : Equity
    robust : bool
        Whether the plan is protected against low effects.
    protect : int, optional
        How many measures may fall to their low effect; default by `uncertain.budget_of_uncertainty`.
    sides : bool
        Whether the frontier, the price of the floor and more budget are computed.
    gap : float
        At which a plan is good enough, as a share.
    seconds : float
        For the plan.
    seed : int
    """

    equity: Equity = field(default_factory=Equity)
    robust: bool = False
    protect: int | None = None
    sides: bool = True
    gap: float = 5e-3
    seconds: float = 60.0
    seed: int = 1


def make(task: Task, asked: Asked, notes: tuple[str, ...] = ()) -> Rollout:
    """Return the plan of a task.

    Raises
    ------
    UserError
        The budget buys nothing, or the equity cannot be had: says what would be needed.
    Defect
        The plan did not pass its second computation.
    """
    _check_budget(task)
    return _Making(task, asked).rollout([*notes, *_notes(task)])


def _check_budget(task: Task) -> None:
    if task.budgets.max() <= 0 < task.cost.min():
        raise UserError("A budget of 0 buys nothing.", f"The cheapest measure costs {task.cost.min():,.0f}.")
    if task.cost.min() > task.budgets.max():
        raise UserError(
            f"No measure can be paid: the cheapest costs {task.cost.min():,.0f}, the largest budget of a year is "
            f"{task.budgets.max():,.0f}.",
            "Give more, or split the measures.",
        )


def _notes(task: Task) -> Iterable[str]:
    if task.cost.sum() <= task.budgets[0]:
        yield "The first budget pays for all measures; only rules between measures leave any out."
    reached = np.isin(np.arange(len(task.places)), task.place[task.share > 0])
    unreached = (task.in_need > 0) & ~reached
    if unreached.any():
        names = ", ".join(task.names[at] for at in np.flatnonzero(unreached)[:5])
        yield f"{int(unreached.sum()):,} places with people in need are reached by no measure: {names}."


class _Making:
    """One roll-out being made."""

    def __init__(self, task: Task, asked: Asked) -> None:
        self.task, self.asked = task, asked
        self.gains = Gains(task)
        self.uncertain = bool((task.effect[:, 0] < task.effect[:, 2]).any())
        self.solver = self._solver(0)

    def _solver(self, protected: int) -> Solver:
        risk = uncertain.at_risk(self.task) if protected else None
        program = Program(self.task, self.gains, self.asked.equity.by, risk, protected)
        return Solver(program, rng(self.asked.seed, "rollout"), self.asked.gap, self.asked.seconds)

    def rollout(self, notes: list[str]) -> Rollout:
        """The plan and all that is told of it."""
        free = self.solver.solve("benefit", Equity(by=self.asked.equity.by))
        equity, solved = self._with_equity(free)
        begun = self._found(solved)
        protected = self._protected(begun) if self.asked.robust else 0
        if protected:
            begun = self._found(self._solver(protected).solve("benefit", equity, begin=[begun]))
            notes.append(
                f"Protection against low effects costs {max(0.0, solved.value - self.gains.benefit(begun)):,.0f} "
                "person-years while effects are as expected."
            )
        benefit = self.gains.benefit(begun)
        check(self.task, begun, benefit, equity)
        effects = uncertain.draws(self.task, uncertain.draw_count(self.task), rng(self.asked.seed, "draws"))
        totals, rates = uncertain.outcomes(self.task, begun, effects)
        shares = None
        robust = None
        if self.asked.robust:
            shares = uncertain.scenario_shares(self.task, begun, equity, rng(self.asked.seed, "scenarios"))
            robust = self._robust(begun, totals, shares, protected)
        facts = Facts(
            task=self.task,
            search=Search(self.task, self.gains, equity),
            begun=begun,
            solved=dataclasses.replace(solved, begun=begun, value=benefit, bound=max(solved.bound, benefit)),
            equity=equity,
            asked=self.asked.equity.kind,
            totals=totals,
            rates=rates,
            shares=shares,
        )
        told = tell(facts, tuple(notes))
        if not self.asked.sides:
            return msgspec.structs.replace(told, robust=robust)
        self.solver.seconds = max(1.0, SIDE_SECONDS * self.asked.seconds)
        self.solver.gap = max(self.solver.gap, SIDE_GAP)
        full: Rollout = msgspec.structs.replace(
            told,
            robust=robust,
            floor_price=self._price(free, solved),
            more_budget=self._more(equity, solved),
            frontier=self._frontier(free),
        )
        return full

    def _with_equity(self, free: Solved) -> tuple[Equity, Solved]:
        asked = self.asked.equity
        if asked.kind == "none":
            return asked, free
        if asked.kind == "max-min":
            highest = self.solver.solve("level", Equity(by=asked.by))
            asked = Equity("floor", highest.value * HELD, asked.by)
        solved = self.solver.solve("benefit", asked)
        if solved.begun is None:
            raise self._unmet(asked, proven=not solved.possible)
        return asked, solved

    @staticmethod
    def _found(solved: Solved) -> Ints:
        if solved.begun is None:
            raise UserError("No plan was found in the time given.", "Give more with --seconds.")
        return solved.begun

    # -- what cannot be had --------------------------------------------------------------------------

    def _unmet(self, equity: Equity, *, proven: bool) -> UserError:
        """Say how far the equity is out of reach: what is possible, and the budget that it takes."""
        task = self.task
        sure = "No plan holds" if proven else "No plan was found that holds"
        least = self.solver.solve("scale", equity)
        if equity.kind == "floor":
            highest = self.solver.solve("level", Equity(by=equity.by))
            what = (
                f"{sure} a floor of {equity.level:g}: with this budget the highest that was reached is "
                f"{math.floor(highest.value * 1e4) / 1e4:g}, and none above {math.ceil(highest.bound * 1e4) / 1e4:g} "
                f"can be."
            )
        else:
            narrow = self.solver.solve("gap", Equity(by=equity.by))
            what = (
                f"{sure} a gap of {100 * equity.level:g} points between groups: with this budget the narrowest that "
                f"was reached is {100 * narrow.value:.2f} points."
            )
        if least.begun is None:
            never = (
                "Not even all measures together reach it." if not least.possible else "How much it takes was not found."
            )
            return UserError(f"{what} {never}", "Add measures for those who are left behind, or ask for less.")
        total = task.budgets * least.value
        told = ", ".join(f"{one:,.0f}" for one in total[:5]) + ("…" if total.size > 5 else "")
        return UserError(
            f"{what} It takes {least.value:.3g} times the budget: {told}"
            + (" in each year." if total.size > 1 else "."),
            "Give that with --budget, or ask for less.",
        )

    # -- robustness ----------------------------------------------------------------------------------

    def _protected(self, begun: Ints) -> int:
        chosen = int((begun != NEVER).sum())
        wanted = self.asked.protect if self.asked.protect is not None else uncertain.budget_of_uncertainty(chosen)
        return min(wanted, len(self.task.measures)) if self.uncertain else 0

    def _robust(self, begun: Ints, totals: Floats, shares: Floats, protected: int) -> Robust:
        expected = self.gains.benefit(begun)
        search = Search(self.task, self.gains, Equity(), uncertain.at_risk(self.task), protected)
        chosen = np.flatnonzero(begun != NEVER)
        names = self.task.measures
        return Robust(
            protected=protected,
            guaranteed=expected - search.loss(begun) if protected else None,
            expected=expected,
            holds_at_90=float(np.quantile(totals, 0.1)),
            share_at_90=float(np.quantile(totals, 0.1)) / max(expected, 1e-12),
            interval=(float(np.quantile(totals, 0.05)), float(np.quantile(totals, 0.95))),
            draws=totals.size,
            scenarios=uncertain.SCENARIOS,
            sure=tuple(names[at] for at in chosen if shares[at] >= 1),
            likely=tuple(names[at] for at in chosen if 0.5 <= shares[at] < 1),
            doubtful=tuple(names[at] for at in chosen if shares[at] < 0.5),
        )

    # -- sides ---------------------------------------------------------------------------------------

    def _price(self, free: Solved, solved: Solved) -> FloorPrice | None:
        if self.asked.equity.kind == "none":
            return None
        return FloorPrice(
            benefit_without=free.value,
            price=max(0.0, free.value - solved.value),
            at_least=max(0.0, free.value - solved.bound),
            at_most=max(0.0, free.bound - solved.value),
        )

    def _more(self, equity: Equity, solved: Solved) -> MoreBudget | None:
        begin = [solved.begun] if solved.begun is not None else []
        richer = self.solver.solve("benefit", equity, scale=1 + MORE, begin=begin)
        if richer.begun is None:
            return None
        extra = MORE * float(self.task.budgets.sum())
        gain = max(0.0, richer.value - solved.value)
        return MoreBudget(
            extra=extra,
            gain=gain,
            at_least=max(0.0, richer.value - solved.bound),
            at_most=max(gain, richer.bound - solved.value),
            gain_per_unit=gain / extra,
            relaxation_price=float((solved.price * self.task.budgets).sum() / self.task.budgets.sum()),
        )

    def _frontier(self, free: Solved) -> tuple[Point, ...]:
        """The best benefit for floors from none to the highest."""
        by = self.asked.equity.by
        highest = self.solver.solve("level", Equity(by=by))
        if free.begun is None or highest.begun is None:
            return ()
        lowest = self._level(free.begun)
        points = [self._point(lowest, free)]
        for part in np.linspace(0, 1, POINTS)[1:].tolist():
            floor = (lowest + part * (highest.value - lowest)) * HELD
            if highest.value - lowest < 1e-6:
                break
            solved = self.solver.solve("benefit", Equity("floor", floor, by), begin=[highest.begun])
            if solved.begun is not None:
                points.append(self._point(floor, solved))
        return tuple(points)

    def _level(self, begun: Ints) -> float:
        return self.solver.level(begun)

    def _point(self, floor: float, solved: Solved) -> Point:
        begun = self._found(solved)
        helped = self.gains.helped(begun, self.task.years - 1)
        people = self.task.by_group(self.task.people)
        rate = self.task.by_group(self.task.in_need - helped)[people > 0] / people[people > 0]
        return Point(
            floor=floor,
            benefit=solved.value,
            bound=solved.bound,
            people_helped=float(helped.sum()),
            least_helped=self._level(begun),
            group_gap=float(rate.max() - rate.min()),
        )


def close_gap(task: Task, share: float, asked: Asked, notes: tuple[str, ...] = ()) -> GapClosed:
    """Return the least cost by which the gap between groups shrinks by a share, and where it starts.

    Parameters
    ----------
    task : Task
        With its budgets when it is to be told how many years it takes, or budgets of infinity.
    share : float
        Of the gap, more than 0 and up to 1.

    Raises
    ------
    UserError
        There is no gap, or not all measures together close so much of it.
    """
    people = task.by_group(task.people)
    rate = task.by_group(task.in_need)[people > 0] / people[people > 0]
    before = float(rate.max() - rate.min())
    if rate.size < 2 or before < 1e-9:
        raise UserError("There is no gap between groups to close.", "Name the column of groups with --group.")
    wanted = Equity("gap", (1 - share) * before)
    whole = dataclasses.replace(task, budgets=np.array([1.0]))
    making = _Making(whole, dataclasses.replace(asked, equity=Equity()))
    solved = making.solver.solve("scale", wanted)
    if solved.begun is None:
        narrow = making.solver.solve("gap", Equity(), scale=float(task.cost.sum()))
        raise UserError(
            f"The gap of {100 * before:.1f} points cannot be closed by {share:.0%}: the narrowest that any plan "
            f"reached leaves {100 * narrow.value:.1f} points.",
            "Add measures for the groups that are left behind, or ask for less.",
        )
    whole = dataclasses.replace(task, budgets=np.array([solved.value]))
    making = _Making(whole, dataclasses.replace(asked, equity=Equity()))
    effects = uncertain.draws(whole, uncertain.draw_count(whole), rng(asked.seed, "draws"))
    totals, rates = uncertain.outcomes(whole, solved.begun, effects)
    benefit = making.gains.benefit(solved.begun)
    check(whole, solved.begun, benefit, wanted)
    told = tell(
        Facts(
            task=whole,
            search=Search(whole, making.gains, wanted),
            begun=solved.begun,
            solved=Solved(solved.begun, benefit, benefit, np.zeros(1)),
            equity=wanted,
            asked="gap",
            totals=totals,
            rates=rates,
            shares=None,
        ),
        notes,
    )
    return close_finding(whole, told, share, before, solved, _begin(whole, solved.begun), _years(task, solved))


def _begin(task: Task, begun: Ints) -> tuple[str, ...]:
    """Measures of a plan, those first that do most for their cost in the group that is worst off."""
    people = task.by_group(task.people)
    rates = np.divide(task.by_group(task.in_need), people, out=np.zeros(people.size), where=people > 0)
    worst = dataclasses.replace(task, people=np.where(task.group == int(rates.argmax()), task.people, 0.0))
    worth = lost_without(Gains(worst, task.effect[:, MIDDLE]), begun) / np.maximum(task.cost, 1e-9)
    chosen = np.flatnonzero(begun != NEVER)
    return tuple(task.measures[at] for at in chosen[np.argsort(-worth[chosen], kind="stable")])


def _years(task: Task, solved: Solved) -> int | None:
    """Years of the budget that the cost takes; None when no budget is given or it never suffices."""
    reached = np.cumsum(task.budgets) >= solved.value
    return int(reached.argmax()) + 1 if np.isfinite(task.budgets).all() and reached.any() else None

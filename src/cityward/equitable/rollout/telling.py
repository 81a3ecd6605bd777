"""Tells a plan: years, groups, places, and the finding in one paragraph."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np

from cityward.core.words import percent
from cityward.equitable.rollout.report import Choice, GapClosed, Group, Place, Rollout, Year
from cityward.equitable.rollout.search import Search
from cityward.equitable.rollout.solve import Solved
from cityward.equitable.rollout.task import NEVER, Equity, Floats, Ints, Task, sums
from cityward.equitable.rollout.why import choices


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told of: a plan, its proof and its draws (see `uncertain.outcomes`)."""

    task: Task
    search: Search
    begun: Ints
    solved: Solved
    equity: Equity
    asked: str
    totals: Floats
    rates: Floats
    shares: Floats | None


def tell(facts: Facts, notes: tuple[str, ...]) -> Rollout:
    """Return a plan with its figures and its finding."""
    task, begun = facts.task, facts.begun
    helped = facts.search.gains.helped(begun, task.years - 1)
    gaps = facts.rates[:, task.by_group(task.people) > 0]
    spread = gaps.max(axis=1) - gaps.min(axis=1)
    people = float(task.people.sum())
    told = Rollout(
        finding="",
        equity=facts.asked,
        level=None if facts.equity.kind == "none" else facts.equity.level,
        budgets=tuple(task.budgets.tolist()),
        cost=float(task.cost[begun != NEVER].sum()),
        cost_of_all=float(task.cost.sum()),
        chosen=int((begun != NEVER).sum()),
        measures=begun.size,
        people_helped=float(helped.sum()),
        people_in_need=float(task.in_need.sum()),
        benefit=facts.solved.value,
        bound=facts.solved.bound,
        gap=facts.solved.gap,
        need_before=float(task.in_need.sum()) / people,
        need_after=float((task.in_need - helped).sum()) / people,
        group_gap_before=group_gap(task, np.zeros(len(task.places))),
        group_gap_after=group_gap(task, helped),
        group_gap_interval=_middle(spread),
        years=_years(facts),
        groups=_groups(facts, helped),
        choices=_choices(facts),
        places=_places(facts, helped),
        notes=notes,
    )
    return msgspec.structs.replace(told, finding=_finding(told, facts))


def group_gap(task: Task, helped: Floats) -> float:
    """Widest difference between the shares in need of two groups, when some people have been helped."""
    people = task.by_group(task.people)
    rates = task.by_group(task.in_need - helped)[people > 0] / people[people > 0]
    return float(rates.max() - rates.min())


def _middle(values: Floats) -> tuple[float, float]:
    """What holds 90 of 100 draws."""
    low, high = np.quantile(values, [0.05, 0.95]).tolist()
    return low, high


def _years(facts: Facts) -> tuple[Year, ...]:
    task, told = facts.task, []
    for year in range(task.years):
        mine = np.flatnonzero(facts.begun == year)
        helped = facts.search.gains.helped(facts.begun, year)
        told.append(
            Year(
                year=year + 1,
                budget=float(task.budgets[year]),
                spent=float(task.cost[mine].sum()),
                begins=tuple(task.measures[at] for at in mine),
                people_helped=float(helped.sum()),
                need=float((task.in_need - helped).sum() / task.people.sum()),
                gap=group_gap(task, helped),
            )
        )
    return tuple(told)


def _groups(facts: Facts, helped: Floats) -> tuple[Group, ...]:
    task, told = facts.task, []
    people, needy = task.by_group(task.people), task.by_group(task.in_need)
    saved, places = task.by_group(helped), task.by_group(np.ones(len(task.places)))
    spent = _spent_by_group(task, facts.begun)
    for at, name in enumerate(task.groups):
        whole = max(float(people[at]), 1e-12)
        told.append(
            Group(
                group=name,
                places=int(places[at]),
                people=float(people[at]),
                need_before=float(needy[at]) / whole,
                need_after=float(needy[at] - saved[at]) / whole,
                interval=_middle(facts.rates[:, at]),
                helped_share=float(saved[at] / needy[at]) if needy[at] > 0 else 0.0,
                spent=float(spent[at]),
            )
        )
    return tuple(told)


def _spent_by_group(task: Task, begun: Ints) -> Floats:
    """Cost of the plan by group: that of a measure is shared out by the people that it reaches."""
    reached = task.share * task.people[task.place]
    total = np.add.reduceat(reached, task.starts)
    part = np.divide(reached, total[task.of], out=np.zeros(reached.size), where=total[task.of] > 0)
    cost = np.where(begun != NEVER, task.cost, 0.0)[task.of] * part
    spent: Floats = sums(task.group[task.place], cost, len(task.groups)).astype(np.float64)
    return spent


def _choices(facts: Facts) -> tuple[Choice, ...]:
    told = choices(facts.task, facts.search, facts.begun, facts.solved.price)
    if facts.shares is None:
        return told
    share = dict(zip(facts.task.measures, facts.shares.tolist(), strict=True))
    return tuple(msgspec.structs.replace(one, sure=_sure(share[one.measure], one.year)) for one in told)


def _sure(share: float, year: int | None) -> str:
    if year is None:
        return "out in every scenario" if share <= 0 else f"in {percent(share)} of scenarios"
    return "sure: in every scenario" if share >= 1 else f"in {percent(share)} of scenarios"


def _places(facts: Facts, helped: Floats) -> tuple[Place, ...]:
    task, begun = facts.task, facts.begun
    there: list[list[str]] = [[] for _ in task.places]
    could = np.bincount(task.place[task.share > 0], minlength=len(task.places))
    for measure, place in zip(task.of.tolist(), task.place.tolist(), strict=True):
        if begun[measure] != NEVER:
            there[place].append(task.measures[measure])
    order = np.argsort(-(task.in_need - helped), kind="stable")
    return tuple(
        Place(
            place=task.places[at],
            name=task.names[at],
            group=task.groups[task.group[at]],
            people=float(task.people[at]),
            need_before=float(task.need[at]),
            need_after=float(task.need[at] - helped[at] / task.people[at]) if task.people[at] > 0 else 0.0,
            people_helped=float(helped[at]),
            measures=tuple(there[at]),
            because=_reached(len(there[at]), int(could[at]), float(task.in_need[at])),
        )
        for at in order.tolist()
    )


def _reached(there: int, could: int, in_need: float) -> str:
    if in_need <= 0:
        return "Nobody is in need."
    if not could:
        return "No measure reaches it; add one."
    if there:
        return f"{there:,} of the {could:,} measures that reach it are chosen."
    return f"None of the {could:,} measures that reach it is chosen; see why with each."


def _finding(told: Rollout, facts: Facts) -> str:
    low, high = _middle(facts.totals)
    unit = "person-years of help" if len(told.budgets) > 1 else "people helped"
    spread = f" (90 of 100 draws: {low:,.0f} to {high:,.0f})" if high - low > 0.5 else ""
    proof = f"at most {percent(told.gap, 2)} below the best that there can be" if told.gap > 0 else "the best there is"
    held = {
        "none": "",
        "floor": f" In every {facts.equity.by} at least {percent(facts.equity.level, 1)} of those in need are helped.",
        "max-min": f" The worst-off {facts.equity.by} is helped as far as can be: {percent(facts.equity.level, 1)}.",
        "gap": f" The gap between groups is held to {100 * facts.equity.level:.1f} points.",
    }[facts.asked]
    gap = ""
    if len(told.groups) > 1:
        low, high = told.group_gap_interval
        gap = (
            f" The gap between groups goes from {100 * told.group_gap_before:.1f} to "
            f"{100 * told.group_gap_after:.1f} points ({100 * low:.1f} to {100 * high:.1f})."
        )
    return (
        f"{told.chosen:,} of {told.measures:,} measures for {told.cost:,.0f}: {told.benefit:,.0f} {unit}{spread}, "
        f"{proof}. People in need go from {percent(told.need_before, 1)} to {percent(told.need_after, 1)}.{gap}{held}"
    )


def _where(task: Task, measure: str) -> tuple[str, ...]:
    """Names of the places that a measure reaches."""
    mine = task.of == task.measures.index(measure)
    return tuple(task.names[at] for at in task.place[mine].tolist())


def close_finding(
    task: Task, told: Rollout, share: float, before: float, solved: Solved, begin: tuple[str, ...], years: int | None
) -> GapClosed:
    """Tell what closing a share of the gap costs."""
    least = min(solved.bound, solved.value)
    above = (solved.value - least) / max(solved.value, 1e-12)
    sure = f"at most {percent(above, 1)} above the least that it can cost" if above > 5e-4 else "the least it can cost"
    takes = f" With this budget it takes {years} years." if years else ""
    finding = (
        f"Closing {percent(share)} of the gap between groups ({100 * before:.1f} to "
        f"{100 * told.group_gap_after:.1f} points) costs {solved.value:,.0f} ({sure}): "
        f"{told.chosen:,} measures.{takes} Start with {', '.join(begin[:3])}."
    )
    return GapClosed(
        finding=finding,
        share=share,
        gap_before=before,
        gap_asked=(1 - share) * before,
        gap_after=told.group_gap_after,
        cost=solved.value,
        at_least=least,
        begin=begin,
        where=tuple(_where(task, measure) for measure in begin),
        years=years,
        plan=told,
    )

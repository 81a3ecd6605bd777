"""Computes a plan a second time, place by place in plain arithmetic, before it is told."""

from __future__ import annotations

import math
from collections import defaultdict

from cityward.core.errors import Defect
from cityward.equitable.rollout.task import MIDDLE, NEVER, Equity, Ints, Task

TOLERANCE = 1e-6
"""Share by which two ways to compute may differ, and equity may be missed."""


def check(task: Task, begun: Ints, benefit: float, equity: Equity) -> None:
    """Raise `Defect` unless a plan keeps every rule, holds the equity and has the benefit that is told.

    Nothing of `gain`, `search` or `program` is used here.
    """
    years = begun.tolist()
    _check_rules(task, years)
    by_place: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for measure, place, share in zip(task.of.tolist(), task.place.tolist(), task.share.tolist(), strict=True):
        if years[measure] != NEVER:
            by_place[place].append((years[measure], float(task.effect[measure, MIDDLE]) * share))
    reached = set(task.place[task.share > 0].tolist())
    total, helped_by_group = 0.0, [0.0] * len(task.groups)
    shares = []
    for place, (people, need, group) in enumerate(
        zip(task.people.tolist(), task.need.tolist(), task.group.tolist(), strict=True)
    ):
        still = 1.0
        for year in range(task.years):
            still = math.prod(1 - chance for begins, chance in by_place[place] if begins <= year)
            total += people * need * (1 - still)
        helped_by_group[group] += people * need * (1 - still)
        if people * need > 0 and place in reached:
            shares.append(1 - still)
    if not math.isclose(total, benefit, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        raise Defect(f"a plan is told to help {benefit:g} person-years and helps {total:g}")
    _check_equity(task, helped_by_group, shares, equity)


def _check_rules(task: Task, years: list[int]) -> None:
    spent: dict[int, float] = defaultdict(float)
    for measure, year in enumerate(years):
        if year != NEVER:
            spent[year] += float(task.cost[measure])
    for year, cost in spent.items():
        if cost > float(task.budgets[year]) * (1 + TOLERANCE) + TOLERANCE:
            raise Defect(f"year {year + 1} of a plan costs {cost:g} of {float(task.budgets[year]):g}")
    for members in task.exclusive:
        if sum(years[measure] != NEVER for measure in members.tolist()) > 1:
            raise Defect("a plan takes two measures that exclude one another")
    for measure, other in task.requires.tolist():
        if years[measure] != NEVER and not 0 <= years[other] <= years[measure]:
            raise Defect("a plan begins a measure before another that it requires")


def _check_equity(task: Task, helped: list[float], shares: list[float], equity: Equity) -> None:
    people, needy = task.by_group(task.people).tolist(), task.by_group(task.in_need).tolist()
    if equity.kind == "floor":
        reached = shares if equity.by == "place" else [h / n for h, n in zip(helped, needy, strict=True) if n > 0]
        if min(reached) < equity.level - TOLERANCE:
            raise Defect(f"a plan misses its floor of {equity.level:g}: {min(reached):g}")
    if equity.kind == "gap":
        rates = [(n - h) / p for n, h, p in zip(needy, helped, people, strict=True) if p > 0]
        if max(rates) - min(rates) > equity.level + TOLERANCE:
            raise Defect(f"a plan leaves a gap of {max(rates) - min(rates):g}; {equity.level:g} is allowed")

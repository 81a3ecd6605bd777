"""Plans of small tasks against every plan that there is, computed in plain arithmetic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cityward.equitable.rollout.gain import Gains
from cityward.equitable.rollout.program import Program
from cityward.equitable.rollout.solve import Solved, Solver
from cityward.equitable.rollout.task import NEVER, Equity, Task
from cityward.equitable.rollout.uncertain import at_risk

CLOSE = 2e-6


def drawn(seed: int) -> Task:
    random = np.random.default_rng(seed)
    measures, places, years = int(random.integers(2, 6)), int(random.integers(2, 6)), int(random.integers(1, 3))
    pairs = [
        (measure, int(place))
        for measure in range(measures)
        for place in sorted(random.choice(places, int(random.integers(1, places + 1)), replace=False))
    ]
    of, place = np.array(pairs).T
    middle = np.round(random.uniform(0.05, 1, measures), 2)
    cost = np.round(random.uniform(1, 9, measures))
    requires = [(1, 0)] if random.uniform() < 0.4 else []
    return Task(
        measures=tuple(f"m{at}" for at in range(measures)),
        kinds=("a",) * measures,
        cost=cost,
        effect=np.column_stack([middle / 2, middle, middle]),
        of=of,
        place=place,
        share=np.round(random.uniform(0.1, 1, of.size), 2),
        places=tuple(f"p{at}" for at in range(places)),
        names=tuple(f"p{at}" for at in range(places)),
        people=np.round(random.uniform(50, 500, places)),
        need=np.round(random.uniform(0.05, 0.9, places), 2),
        group=np.arange(places) % 2,
        groups=("x", "y"),
        budgets=np.round(random.uniform(0.2, 0.6, years) * cost.sum() + cost.min()),
        exclusive=(np.array([0, measures - 1]),) if random.uniform() < 0.4 and not requires else (),
        requires=np.array(requires, np.int64).reshape(-1, 2),
    )


def worth(task: Task, begun: tuple[int, ...]) -> tuple[float, list[float], list[float]]:
    """Person-years, helped share of each group, and share in need of each group at the end."""
    total, helped, needy, people = 0.0, [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]
    for place in range(len(task.places)):
        who = float(task.people[place] * task.need[place])
        for year in range(task.years):
            still = math.prod(
                1 - float(task.effect[of, 1] * share)
                for of, at, share in zip(task.of, task.place, task.share, strict=True)
                if at == place and begun[of] != NEVER and begun[of] <= year
            )
            total += who * (1 - still)
        group = int(task.group[place])
        helped[group] += who * (1 - still)
        needy[group] += who
        people[group] += float(task.people[place])
    return (
        total,
        [h / n for h, n in zip(helped, needy, strict=True)],
        [(n - h) / p for h, n, p in zip(helped, needy, people, strict=True)],
    )


def plans(task: Task, *, paid: bool = True) -> Iterator[tuple[int, ...]]:
    for begun in itertools.product(range(NEVER, task.years), repeat=len(task.measures)):
        spent = [sum(task.cost[m] for m, y in enumerate(begun) if y == year) for year in range(task.years)]
        if paid and any(cost > budget for cost, budget in zip(spent, task.budgets, strict=True)):
            continue
        if any(sum(begun[m] != NEVER for m in members) > 1 for members in task.exclusive):
            continue
        if any(begun[m] != NEVER and not 0 <= begun[o] <= begun[m] for m, o in task.requires.tolist()):
            continue
        yield begun


def solver(task: Task, protected: int = 0, by: Literal["group", "place"] = "group") -> Solver:
    program = Program(task, Gains(task), by, at_risk(task) if protected else None, protected)
    return Solver(program, np.random.default_rng(1), gap=0.0, seconds=20)


def bounded(solved: Solved, best: float) -> None:
    assert solved.value == pytest.approx(best, rel=CLOSE, abs=CLOSE)
    assert solved.bound == pytest.approx(best, rel=CLOSE, abs=CLOSE)


small = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@small
@given(st.integers(0, 10_000))
def test_the_best_plan_with_and_without_equity(seed: int) -> None:
    task = drawn(seed)
    known = {begun: worth(task, begun) for begun in plans(task)}
    solving = solver(task)
    bounded(solving.solve("benefit", Equity()), max(total for total, _, _ in known.values()))
    highest = max(min(helped) for _, helped, _ in known.values())
    bounded(solving.solve("level", Equity()), highest)
    floor = 0.6 * highest
    held = max(total for total, helped, _ in known.values() if min(helped) >= floor - 1e-9)
    bounded(solving.solve("benefit", Equity("floor", floor)), held)
    narrowest = min(abs(x - y) for _, _, (x, y) in known.values())
    bounded(solving.solve("gap", Equity()), narrowest)
    width = narrowest + 0.02
    held = max(total for total, _, (x, y) in known.values() if abs(x - y) <= width + 1e-9)
    bounded(solving.solve("benefit", Equity("gap", width)), held)


@small
@given(st.integers(0, 10_000))
def test_the_least_budget_that_reaches_a_floor_or_closes_a_gap(seed: int) -> None:
    task = drawn(seed)
    known = {begun: worth(task, begun) for begun in plans(task, paid=False)}
    solving = solver(task)

    def scale(begun: tuple[int, ...]) -> float:
        spent = [sum(task.cost[m] for m, y in enumerate(begun) if y == year) for year in range(task.years)]
        return max(cost / budget for cost, budget in zip(spent, task.budgets, strict=True))

    floor = 0.7 * max(min(helped) for _, helped, _ in known.values())
    least = min(scale(begun) for begun, (_, helped, _) in known.items() if min(helped) >= floor - 1e-9)
    bounded(solving.solve("scale", Equity("floor", floor)), least)
    width = min(abs(x - y) for _, _, (x, y) in known.values()) + 0.01
    least = min(scale(begun) for begun, (_, _, (x, y)) in known.items() if abs(x - y) <= width + 1e-9)
    bounded(solving.solve("scale", Equity("gap", width)), least)
    impossible = solving.solve("benefit", Equity("floor", 1.0))
    assert impossible.begun is None or min(worth(task, tuple(impossible.begun.tolist()))[1]) > 1 - 1e-6


@small
@given(st.integers(0, 10_000))
def test_a_protected_plan_is_the_best_at_its_worst(seed: int) -> None:
    task = drawn(seed)
    risk, protected = at_risk(task), 2

    def worst(begun: tuple[int, ...]) -> float:
        losses = sorted((risk[m] * (task.years - y) for m, y in enumerate(begun) if y != NEVER), reverse=True)
        return worth(task, begun)[0] - sum(losses[:protected])

    bounded(solver(task, protected).solve("benefit", Equity()), max(worst(begun) for begun in plans(task)))


@small
@given(st.integers(0, 10_000))
def test_a_floor_for_each_place_that_is_reached(seed: int) -> None:
    task = drawn(seed)
    gains, solving = Gains(task), solver(task, by="place")
    reached = np.unique(task.place)

    def least(begun: tuple[int, ...]) -> float:
        return float((1 - gains.left(np.array(begun), task.years - 1))[reached].min())

    known = {begun: least(begun) for begun in plans(task)}
    highest = max(known.values())
    bounded(solving.solve("level", Equity(by="place")), highest)
    floor = 0.8 * highest
    held = max(worth(task, begun)[0] for begun, level in known.items() if level >= floor - 1e-9)
    bounded(solving.solve("benefit", Equity("floor", floor, "place")), held)


@small
@given(st.integers(0, 10_000))
def test_what_is_guaranteed_holds_whichever_measures_fall(seed: int) -> None:
    task = drawn(seed)
    begun = np.array(next(iter(reversed(list(plans(task))))))
    risk = at_risk(task)
    losses = np.sort(np.where(begun != NEVER, task.years - begun, 0) * risk)
    promised = Gains(task).benefit(begun) - losses[-2:].sum()
    for fallen in itertools.combinations(range(begun.size), 2):
        effect = task.effect[:, 1].copy()
        effect[list(fallen)] = task.effect[list(fallen), 0]
        assert Gains(task, effect).benefit(begun) >= promised - 1e-9

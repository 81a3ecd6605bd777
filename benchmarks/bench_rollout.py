"""Roll-outs: seconds and proven gap for 2,500 territories and 200 measures over three years, with and without a floor.

``python benchmarks/bench_rollout.py``. Places lie in a square, need grows to one side; each measure reaches the places
around it, the nearer the more, and costs by how many they are. The budget pays for a quarter of all measures.
"""

from __future__ import annotations

from time import perf_counter, process_time

import numpy as np

from cityward.core.clock import rng
from cityward.equitable.rollout.check import check
from cityward.equitable.rollout.gain import Gains
from cityward.equitable.rollout.program import Program
from cityward.equitable.rollout.search import Search
from cityward.equitable.rollout.solve import Solved, Solver
from cityward.equitable.rollout.task import NEVER, Equity, Task

GAP = 0.01
SECONDS = 60


def generated(places: int = 2_500, measures: int = 200, years: int = 3, seed: int = 1) -> Task:
    """A task with about 22,000 pairs of a measure and a place that it reaches."""
    random = rng(seed, "rollout benchmark")
    where, sites = random.uniform(size=(places, 2)), random.uniform(size=(measures, 2))
    radius = random.uniform(0.07, 0.17, measures)
    metres = np.hypot(where[None, :, 0] - sites[:, None, 0], where[None, :, 1] - sites[:, None, 1])
    metres[np.arange(measures), metres.argmin(axis=1)] = 0.0
    of, place = np.nonzero(metres < radius[:, None])
    need = np.clip(0.05 + 0.24 * where[:, 0] + 0.16 * random.uniform(size=places), 0, 1)
    middle = random.uniform(0.2, 0.6, measures)
    cost = np.round(random.uniform(0.5, 1.5, measures) * (20 + np.bincount(of, minlength=measures)))
    names = tuple(f"p{at}" for at in range(places))
    return Task(
        measures=tuple(f"m{at}" for at in range(measures)),
        kinds=tuple("abcde"[at % 5] for at in range(measures)),
        cost=cost,
        effect=np.column_stack([0.7 * middle, middle, 1.2 * middle]),
        of=of,
        place=place,
        share=np.clip(1 - metres[of, place] / radius[of], 0.05, 1),
        places=names,
        names=names,
        people=np.round(random.lognormal(7, 0.6, places)),
        need=need,
        group=np.searchsorted(np.quantile(need, [0.25, 0.5, 0.75]), need),
        groups=("a", "b", "c", "d"),
        budgets=np.full(years, cost.sum() / 4 / years),
    )


def _solved(task: Task, equity: Equity) -> tuple[Solved, float, float]:
    began, worked = perf_counter(), process_time()
    gains = Gains(task)
    solver = Solver(Program(task, gains), rng(1, "rollout"), GAP, SECONDS)
    solved = solver.solve("benefit", equity)
    assert solved.begun is not None
    check(task, solved.begun, gains.benefit(solved.begun), equity)
    return solved, perf_counter() - began, process_time() - worked


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    _solved(generated(30, 10), Equity())  # compiles, once for each installation
    task = generated()
    solved, seconds, worked = _solved(task, Equity())
    gains = Gains(task)
    greedy = gains.benefit(Search(task, gains, Equity()).fill(np.full(task.cost.size, NEVER)))
    helped = task.by_group(gains.helped(solved.begun, task.years - 1)) / task.by_group(task.in_need)
    floor = float(helped.min() + 0.5 * (helped.mean() - helped.min()))
    held, floor_seconds, floor_worked = _solved(task, Equity("floor", floor))
    return {
        "roll-out of 2,500 places, 200 measures, 3 years, s": (seconds, "≤ 60"),
        "roll-out of 2,500 places, 200 measures, processor s": (worked, ""),
        "roll-out of 2,500 places, 200 measures, proven gap %": (100 * solved.gap, "≤ 1"),
        "roll-out, proven gap of the greedy choice %": (100 * (solved.bound / greedy - 1), ""),
        "roll-out with a floor, s": (floor_seconds, "≤ 60"),
        "roll-out with a floor, processor s": (floor_worked, ""),
        "roll-out with a floor, proven gap %": (100 * held.gap, "≤ 1"),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:,.3f} {target}")

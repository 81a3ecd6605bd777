"""What becomes of a plan when effects are not as expected.

In a draw an effect lies between its low and high end, in half of the draws below the middle. Half of the measures of a
kind err together, because what is not known of a kiosk is not known of all kiosks; the others err by themselves.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from cityward.equitable.rollout.gain import Gains
from cityward.equitable.rollout.search import Search
from cityward.equitable.rollout.task import HIGH, LOW, MIDDLE, NEVER, Equity, Floats, Ints, Task, sums

TOGETHER: Final = 0.5
"""Chance that a measure errs as its kind does."""

DRAWS_MAX: Final = 1_000
DRAWS_MIN: Final = 100
WORK_MAX: Final = 1e8
SCENARIOS: Final = 20
"""Plans made anew: one with all effects low, one with all high, and others drawn."""

CONFIDENT: Final = 1.2816
"""Quantile of the normal distribution at 90 %."""


def draws(task: Task, count: int, random: np.random.Generator) -> Floats:
    """Effects of each draw, shape (count, measures)."""
    kinds, kind = np.unique(np.array(task.kinds), return_inverse=True)
    shared = random.uniform(size=(count, kinds.size))[:, kind]
    own = random.uniform(size=(count, kind.size))
    at = np.where(random.uniform(size=own.shape) < TOGETHER, shared, own)
    low, middle, high = task.effect.T
    effects: Floats = np.where(at < 0.5, low + (middle - low) * 2 * at, middle + (high - middle) * (2 * at - 1))
    return effects


def outcomes(task: Task, begun: Ints, effects: Floats) -> tuple[Floats, Floats]:
    """Benefit of each draw, shape (draws,), and the share in need of each group at the end, shape (draws, groups)."""
    there = (begun != NEVER)[task.of]
    of, place, share = task.of[there], task.place[there], task.share[there]
    year = begun[of]
    size, total, people = len(task.places), np.zeros(len(effects)), task.by_group(task.people)
    rates = np.zeros((len(effects), len(task.groups)))
    for at, effect in enumerate(effects):
        logs = np.log1p(-np.minimum(effect[of] * share, 1 - 1e-9))
        left = np.ones(size)
        for now in range(task.years):
            mine = year == now
            if mine.any():
                left = left * np.exp(sums(place[mine], logs[mine], size))
            total[at] += float((task.in_need * (1 - left)).sum())
        rates[at] = np.divide(task.by_group(task.in_need * left), people, out=np.zeros(people.size), where=people > 0)
    return total, rates


def draw_count(task: Task) -> int:
    """How many draws a task of this size gets."""
    return int(min(DRAWS_MAX, max(DRAWS_MIN, WORK_MAX / max(1, task.of.size * task.years))))


def at_risk(task: Task) -> Floats:
    """Person-years a year that each measure loses at its low effect where it is alone, shape (measures,).

    Beside others it loses less, so the sum of the losses of some measures is never less than what is lost when they
    all fall: the limit of the roll-out holds whatever overlaps.
    """
    loss = (task.effect[:, MIDDLE] - task.effect[:, LOW])[task.of] * task.share * task.in_need[task.place]
    return np.add.reduceat(loss, task.starts)


def budget_of_uncertainty(chosen: int) -> int:
    """How many measures are let fall to their low effect so that more do in at most 10 % of cases.

    **Source**: Bertsimas and Sim (2004), "The price of robustness", Operations Research 52(1), the normal
    approximation of their bound B(n, Γ): Γ = 1 + Φ⁻¹(0.9) · √n. It supposes independent errors; `draws` do not, and
    tell what really holds.
    """
    return min(chosen, math.ceil(1 + CONFIDENT * math.sqrt(chosen)))


def scenario_shares(task: Task, begun: Ints, equity: Equity, random: np.random.Generator) -> Floats:
    """Share of `SCENARIOS` plans that have each measure, shape (measures,); every scenario is planned anew."""
    effects = np.vstack([task.effect[:, LOW], task.effect[:, HIGH], draws(task, SCENARIOS - 2, random)])
    counted = np.zeros(len(task.measures))
    for effect in effects:
        search = Search(task, Gains(task, effect), equity)
        plans = [search.fill(np.full(begun.size, NEVER)), begun]
        best = search.improve(min(plans, key=search.score), random, 60)
        counted += best != NEVER
    return counted / SCENARIOS

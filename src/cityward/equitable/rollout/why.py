"""Why a measure is in a plan or not: what it adds, what its money is worth elsewhere, what it takes the place of."""

from __future__ import annotations

from typing import Final

import numpy as np

from cityward.equitable.rollout.gain import Gains
from cityward.equitable.rollout.report import Choice
from cityward.equitable.rollout.search import Search
from cityward.equitable.rollout.task import NEVER, Floats, Ints, Task

EXCHANGES_MAX: Final = 300
"""For so many measures of each side the exchange is computed."""


def choices(task: Task, search: Search, begun: Ints, price: Floats) -> tuple[Choice, ...]:
    """Tell of each measure, those that begin first at the top.

    Parameters
    ----------
    price : ndarray, shape (years,)
        Person-years that one unit of money is worth in each year.
    """
    value = search.gains.benefit(begun)
    lost, added = lost_without(search.gains, begun), added_by(search.gains, begun)
    for other in np.unique(task.requires[:, 1]).tolist():
        if begun[other] != NEVER:  # what requires it goes with it
            lost[other] = value - search.gains.benefit(search.without(begun, np.array([other])))
    margins = added - price[:, None] * task.cost[None, :]
    best_year = margins.argmax(axis=0)
    chosen = np.flatnonzero(begun != NEVER)
    chosen = chosen[np.lexsort((-lost[chosen], begun[chosen]))]
    others = np.flatnonzero(begun == NEVER)
    others = others[np.argsort(-margins.max(axis=0)[others], kind="stable")]
    told = []
    for at, measure in enumerate(chosen.tolist()):
        year = int(begun[measure])
        exchange, change = _in_its_place(search, begun, measure, value) if at < EXCHANGES_MAX else ((), None)
        told.append(_choice(task, measure, year, float(lost[measure]), float(price[year]), exchange, change, ""))
    for at, measure in enumerate(others.tolist()):
        year = int(best_year[measure])
        barred = _barred(task, begun, measure)
        exchange, change = ((), None) if barred or at >= EXCHANGES_MAX else _to_go(search, begun, measure, year, lost)
        gain = float(added[year, measure])
        told.append(_choice(task, measure, None, gain, float(price[year]), exchange, change, barred))
    return tuple(told)


def lost_without(gains: Gains, begun: Ints) -> Floats:
    """Person-years that are lost without each chosen measure, shape (measures,); 0 for others."""
    task, lost = gains.task, np.zeros(begun.size)
    again = gains.chance / (1 - gains.chance)
    for year in range(task.years):
        there = (begun != NEVER) & (begun <= year)
        worth = np.add.reduceat((task.in_need * gains.left(begun, year))[task.place] * again, gains.starts)
        lost += np.where(there, worth, 0)
    return lost


def added_by(gains: Gains, begun: Ints) -> Floats:
    """Person-years that each measure would add if it began in a year, shape (years, measures)."""
    yearly = [gains.adding(gains.left(begun, year)) for year in range(gains.task.years)]
    return np.cumsum(yearly[::-1], axis=0)[::-1]


def _barred(task: Task, begun: Ints, measure: int) -> str:
    """The rule that keeps a measure out, whatever it is worth; empty without one."""
    if task.cost[measure] > task.budgets.max():
        return f"It costs more than the largest budget of a year, {task.budgets.max():,.0f}."
    for other in task.requires[task.requires[:, 0] == measure, 1].tolist():
        if begun[other] == NEVER:
            return f"It requires {task.measures[other]}, which is not chosen."
    for members in task.exclusive:
        if measure in members:
            taken = members[begun[members] != NEVER]
            if taken.size:
                return f"{task.measures[taken[0]]} is chosen, and only one of them can be."
    return ""


def _in_its_place(search: Search, begun: Ints, measure: int, value: float) -> tuple[tuple[int, ...], float | None]:
    """What would come in if a measure were left out."""
    bare = search.without(begun, np.array([measure]))
    filled = search.fill(bare, np.array([measure]))
    new = np.flatnonzero((filled != NEVER) & (bare == NEVER))
    return tuple(new.tolist()), search.gains.benefit(filled) - value


def _to_go(search: Search, begun: Ints, measure: int, year: int, lost: Floats) -> tuple[tuple[int, ...], float | None]:
    """What would have to go in a year so that a measure fits, the least lost for its cost first."""
    task = search.task
    mine = np.flatnonzero(begun == year)
    room = float(task.budgets[year] - task.cost[mine].sum())
    order = mine[np.argsort(lost[mine] / np.maximum(task.cost[mine], 1e-12), kind="stable")]
    freed = room + np.cumsum(task.cost[order])
    count = 0 if room >= task.cost[measure] else int(np.searchsorted(freed, task.cost[measure] - 1e-9)) + 1
    if count > order.size:
        return (), None
    gone = order[:count]
    changed = search.without(begun, gone)
    changed[measure] = year
    return tuple(gone.tolist()), search.gains.benefit(changed) - search.gains.benefit(begun)


def _choice(
    task: Task,
    measure: int,
    year: int | None,
    gain: float,
    price: float,
    exchange: tuple[int, ...],
    change: float | None,
    barred: str,
) -> Choice:
    cost = float(task.cost[measure])
    pairs = slice(*np.searchsorted(task.of, [measure, measure + 1]).tolist())
    worth = gain / price if price > 0 else None
    names = tuple(task.measures[one] for one in exchange)
    return Choice(
        measure=task.measures[measure],
        kind=task.kinds[measure],
        cost=cost,
        year=None if year is None else year + 1,
        places=int(pairs.stop - pairs.start),
        people_reached=float((task.share[pairs] * task.people[task.place[pairs]]).sum()),
        gain=gain,
        gain_per_cost=gain / cost if cost > 0 else None,
        cut_off=price if price > 0 else None,
        margin=gain - price * cost,
        worth_cost=worth,
        exchange=names,
        exchange_gain=change,
        because=_because(year, gain, cost, price, worth, names, change, barred),
    )


def _because(
    year: int | None,
    gain: float,
    cost: float,
    price: float,
    worth: float | None,
    names: tuple[str, ...],
    change: float | None,
    barred: str,
) -> str:
    few = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    if year is not None:
        instead = f"without it {few} would come in" if names else "without it nothing else would fit"
        net = (
            f", {abs(change):,.0f} person-years {'fewer' if change <= 0 else 'more'} in all"
            if change is not None
            else ""
        )
        return f"{gain:,.0f} person-years would be lost; {instead}{net}."
    if barred:
        return barred
    if gain < 0.5:
        return "It adds nothing beside those that are chosen."
    if worth is None:
        return f"It would add {gain:,.0f} person-years; the money is not what is short."
    told = f"It would add {gain:,.0f} person-years for {cost:,.0f}; that money buys {price * cost:,.0f} elsewhere"
    limit = f". It would get in at a cost of {worth:,.0f}" if worth < cost else ", so it is a near miss"
    if change is None:
        return f"{told}{limit}."
    room = f"{few} would have to go" if names else "there is room for it"
    return f"{told}{limit}; {room} ({change:+,.0f} person-years in all)."

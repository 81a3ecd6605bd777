"""Sites that share people: capacities, budgets and covering, as integer programs for HiGHS.

Columns are y_j (is site j open) and the share x_ij of the people of place i that go to site j. Each place goes
somewhere once, no site takes more than it has room for, and x_ij ≤ y_j, which makes the bound tight.

**Source**: Church and ReVelle (1974), "The maximal covering location problem", Papers of the Regional Science
Association 32; Current and Storbeck (1988), "Capacitated covering models", Environment and Planning B 15; for the
p-median ReVelle and Swain (1970), "Central facilities location", Geographical Analysis 2, with capacities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.errors import UserError
from cityward.core.limits import SITE_PAIRS
from cityward.equitable.siting.median import median
from cityward.equitable.siting.precision import Precision, step_of
from cityward.equitable.siting.program import Program
from cityward.equitable.siting.task import Choice, Served, Task

LEAST_SHARE: Final = 1e-7
"""Smaller shares of a place are errors of rounding."""

BEGIN_SHARE: Final = 0.2
"""Of the time, for a bound and good sites without capacities."""

_NONE: Final = np.empty(0, dtype=np.int64)
_NOBODY: Final = Served(_NONE, _NONE, np.empty(0))


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Who may go where: place, site, and what each pair adds to the sum that is made least."""

    place: NDArray[np.int64]
    site: NDArray[np.int64]
    cost: NDArray[np.float64]


def capacitated(task: Task, left: Callable[[], float], begin: NDArray[np.int64]) -> Choice:
    """Return the choice for a task with capacities, a budget or covering.

    Parameters
    ----------
    begin : array
        Sites within the terms from which everybody can be served; empty where none are known.

    Raises
    ------
    UserError
        Nobody can be served so, or there are more than `SITE_PAIRS` pairs, or nothing was found in time.
    """
    pairs = _pairs(task, np.arange(task.way.shape[0]))
    if pairs.place.size > SITE_PAIRS:
        raise UserError(
            f"There are {pairs.place.size:,} pairs of a place and a site that it may go to; with capacities, budgets "
            f"or covering the limit is {SITE_PAIRS:,}.",
            "Leave out ways that nobody would go (empty cells), give a smaller --radius, or join places.",
        )
    if not pairs.place.size:
        return _choice(task, filled(task, task.kept), _NOBODY, 0.0)
    low, known = _without(task, left, begin)
    program = _program(task, pairs)
    start = _start(task, program, pairs, known)
    solved = program.solve(left, start=start)
    if solved.impossible:
        raise _unserved(task, left)
    if not solved.values.size:
        raise UserError(
            "No choice that serves everybody was found in the time, nor was it proven that there is none.",
            "Give a longer --time-limit.",
        )
    sites = np.sort(filled(task, np.flatnonzero(solved.values[: task.way.shape[0]] > 0.5)))
    served = serve(task, sites)
    if served is None:
        raise UserError("The sites that were found serve everybody only after rounding.", "Give whole numbers.")
    return _choice(task, sites, served, max(solved.bound, low))


def _unserved(task: Task, left: Callable[[], float]) -> UserError:
    """What is said when not everybody can be served: how many people are left out."""
    farthest = float(task.way[np.isfinite(task.way)].max())
    most = capacitated(replace(task, objective="covering", radius=farthest), left, _NONE)
    people = float(task.people.sum())
    return UserError(
        f"No choice of sites serves everybody within the capacities and ways: {people - most.bound:,.0f} of "
        f"{people:,.0f} people at least are left out.",
        "Give more sites or a larger capacity, or ask for --objective covering, which serves as many as it can.",
    )


def serve(task: Task, sites: NDArray[np.int64]) -> Served | None:
    """Return who goes where when these sites are open, at the least sum; None where they cannot serve everybody."""
    pairs = _pairs(task, sites)
    if not pairs.place.size:
        return _NOBODY if task.objective == "covering" else None
    if task.capacity is None:
        places = np.unique(pairs.place)
        return Served(places, sites[np.argmin(task.way[np.ix_(sites, places)], axis=0)], task.people[places])
    column = np.searchsorted(sites, pairs.site)
    size = pairs.place.size
    program = Program(pairs.cost, np.zeros(size), np.ones(size), np.full(size, task.whole))
    _go_once(program, task, pairs, 0)
    program.add(column, np.arange(size), task.people[pairs.place], -math.inf, task.capacity[sites], sites.size)
    solved = program.solve(lambda: math.inf)
    if not solved.values.size:
        return None
    share = np.clip(np.round(solved.values) if task.whole else solved.values, 0.0, 1.0)
    some = share > LEAST_SHARE
    total = np.bincount(pairs.place[some], share[some], minlength=task.people.size)
    if task.objective != "covering":
        share = share / np.where(total > 0, total, 1.0)[pairs.place]
    return Served(pairs.place[some], pairs.site[some], (share * task.people[pairs.place])[some])


def filled(task: Task, sites: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add sites up to the number that is asked: more sites never make a way longer."""
    if not task.counted:
        return sites
    others = np.setdiff1d(np.arange(task.way.shape[0]), sites)
    return np.concatenate([sites, others[: max(0, int(task.most) - sites.size)]])


def _pairs(task: Task, sites: NDArray[np.int64]) -> _Pairs:
    way = task.way[sites]
    if task.objective == "covering":
        at, place = np.nonzero(way <= (task.radius or 0.0))
        return _Pairs(place, sites[at], -task.people[place])
    at, place = np.nonzero(np.isfinite(way))
    return _Pairs(place, sites[at], task.people[place] * way[at, place])


def _without(task: Task, left: Callable[[], float], begin: NDArray[np.int64]) -> tuple[float, NDArray[np.int64]]:
    """A bound from the same task without capacities, and sites to begin from."""
    if task.objective == "covering":
        return -float(task.people.sum()), _NONE
    if not task.counted or not np.isfinite(task.way).all():
        return 0.0, begin
    whole = left()
    free = median(
        task.way * task.people,
        int(min(task.most, task.way.shape[0])),
        kept=task.kept,
        begin=_NONE,
        precision=Precision(),
        left=lambda: left() - (1 - BEGIN_SHARE) * whole,
    )
    return free.bound, free.sites


def _program(task: Task, pairs: _Pairs) -> Program:
    sites, size = task.way.shape[0], pairs.place.size
    lower = np.zeros(sites + size)
    lower[task.kept] = 1.0
    whole = np.ones(sites + size, dtype=np.bool_)
    whole[sites:] = task.whole and task.capacity is not None
    program = Program(np.concatenate([np.zeros(sites), pairs.cost]), lower, np.ones(sites + size), whole)
    program.one(np.arange(sites), task.price, -math.inf, task.most)
    _go_once(program, task, pairs, sites)
    rows, columns = np.arange(size), sites + np.arange(size)
    program.add(
        np.concatenate([rows, rows]),
        np.concatenate([columns, pairs.site]),
        np.concatenate([np.ones(size), -np.ones(size)]),
        -math.inf,
        0.0,
        size,
    )
    if task.capacity is not None:
        program.add(
            np.concatenate([pairs.site, np.arange(sites)]),
            np.concatenate([columns, np.arange(sites)]),
            np.concatenate([task.people[pairs.place], -np.minimum(task.capacity, task.people.sum())]),
            -math.inf,
            0.0,
            sites,
        )
    return program


def _go_once(program: Program, task: Task, pairs: _Pairs, first: int) -> None:
    """Each place goes to one site in all, or to at most one where not everybody has to be covered."""
    least = 0.0 if task.objective == "covering" else 1.0
    program.add(pairs.place, first + np.arange(pairs.place.size), 1.0, least, 1.0, task.people.size)


def _start(task: Task, program: Program, pairs: _Pairs, sites: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Values of the columns for known sites; None where they do not serve everybody."""
    served = serve(task, np.sort(sites)) if sites.size else None
    if served is None:
        return None
    values = np.zeros(program.cost.size)
    values[sites] = 1.0
    column = np.full(task.way.shape, -1)
    column[pairs.site, pairs.place] = np.arange(pairs.place.size)
    values[task.way.shape[0] + column[served.site, served.place]] = served.people / task.people[served.place]
    return values


def _choice(task: Task, sites: NDArray[np.int64], served: Served, bound: float) -> Choice:
    # Whole people and room for whole people are served best by whole people, as flows in a network are whole.
    counted = task.people
    if task.capacity is not None and not task.whole:
        counted = np.concatenate([task.people, task.capacity])
    step = step_of(counted)
    if task.objective == "covering":
        precision, value = Precision(step), -math.fsum(served.people.tolist())
    else:
        precision = Precision(step * task.unit)
        value = math.fsum((task.way[served.site, served.place] * served.people).tolist())
    least = precision.bound(bound, value)
    sign = -1.0 if task.objective == "covering" else 1.0
    return Choice(sites, served, sign * value, sign * least, optimal=precision.closed(least, value))

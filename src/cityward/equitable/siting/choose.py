"""Chooses sites: what cannot be done is said first, then the method that fits is asked, then its answer is checked."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from cityward.core.errors import UserError
from cityward.equitable.siting.centre import centre
from cityward.equitable.siting.check import check
from cityward.equitable.siting.cover import cover, greedy_cover
from cityward.equitable.siting.median import median
from cityward.equitable.siting.precision import Precision, step_of
from cityward.equitable.siting.shared import capacitated, filled
from cityward.equitable.siting.task import Choice, Served, Task


def choose(task: Task, left: Callable[[], float]) -> Choice:
    """Return the best sites that were found, with a bound.

    Parameters
    ----------
    task : Task
    left : callable
        Seconds that are left; when there are none the best so far is returned with the bound so far.

    Raises
    ------
    UserError
        No choice fulfils the terms; says by how much.
    """
    _affordable(task)
    if task.objective == "covering":
        choice = capacitated(task, left, np.empty(0, dtype=np.int64))
    else:
        begin = _reaching(task, left)
        if task.objective == "p-centre":
            found = centre(task.way, task.most, kept=task.kept, begin=begin, price=task.price, left=left)
            sites = np.sort(filled(task, found.sites))
            choice = _nearest(task, sites, found.value, found.bound, Precision(task.unit))
        elif task.counted and task.capacity is None:
            choice = _median(task, begin, left)
        else:
            choice = capacitated(task, left, begin)
    check(task, choice)
    return choice


def _median(task: Task, begin: NDArray[np.int64], left: Callable[[], float]) -> Choice:
    precision = Precision(step_of(task.people) * task.unit)
    found = median(
        task.way * task.people,
        int(min(task.most, task.way.shape[0])),
        kept=task.kept,
        begin=begin,
        precision=precision,
        left=left,
    )
    return _nearest(task, found.sites, found.value, found.bound, precision)


def _nearest(task: Task, sites: NDArray[np.int64], value: float, bound: float, precision: Precision) -> Choice:
    """A choice in which everybody goes to the nearest site."""
    places = np.arange(task.people.size)
    served = Served(places, sites[np.argmin(task.way[sites], axis=0)], task.people)
    return Choice(sites, served, value, bound, optimal=precision.closed(bound, value))


def _affordable(task: Task) -> None:
    spent = float(task.price[task.kept].sum())
    if spent > task.most:
        what = f"{task.kept.size:,} sites" if task.counted else f"{spent:,g}"
        raise UserError(
            f"The sites that are open already take {what}, more than the {task.most:,g} that there are.",
            f"Give at least {spent:,g}.",
        )
    if task.capacity is None or task.objective == "covering":
        return
    free = np.setdiff1d(np.arange(task.way.shape[0]), task.kept)
    room = float(task.capacity[task.kept].sum())
    if task.counted:
        room += float(np.sort(task.capacity[free])[::-1][: int(task.most - spent)].sum())
    else:
        room += float(task.capacity[free].sum())
    people = float(task.people.sum())
    if room < people * (1 - 1e-9):
        of = f"The {task.most:,g} largest sites" if task.counted else "All sites"
        raise UserError(
            f"{of} have room for {room:,.0f} people; {people:,.0f} need one: room for {people - room:,.0f} is missing.",
            "Give more sites or a larger capacity, or ask for --objective covering, which serves as many as it can.",
        )


def _reaching(task: Task, left: Callable[[], float]) -> NDArray[np.int64]:
    """Sites within the terms from which every place is reached; the kept ones first.

    Raises
    ------
    UserError
        There are none; says how many places are out of reach, or how many sites reach all.
    """
    reach = np.isfinite(task.way)
    unreached = ~reach.any(axis=0)
    if unreached.any():
        raise UserError(
            f"{int(unreached.sum()):,} of {unreached.size:,} places, with {task.people[unreached].sum():,.0f} people, "
            f"cannot be reached from any site (the first is place {int(np.argmax(unreached)) + 1:,} of the file).",
            "Add sites or ways for them, or ask for --objective covering, which serves as many as it can.",
        )
    found = cover(reach, task.most, kept=task.kept, price=task.price, left=left)
    if found.sites is not None:
        return filled(task, found.sites)
    every = greedy_cover(reach, task.kept, np.maximum(task.price, 1e-9))
    needed = float(task.price[every].sum())
    missed = ~_partly(task, reach)
    sure = "cannot" if math.isinf(found.least) and found.least > 0 else "were not found to"
    raise UserError(
        f"Not everybody can be reached from every site, and {task.most:,g} {_what(task)} {sure} reach all: "
        f"{int(missed.sum()):,} places with {task.people[missed].sum():,.0f} people would be left out.",
        f"{needed:,g} {_what(task)} are enough.",
    )


def _what(task: Task) -> str:
    return "sites" if task.counted else "of budget"


def _partly(task: Task, reach: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which places are reached when sites are opened that reach most new people, as long as they can be paid."""
    got = np.asarray(reach[task.kept].any(axis=0))
    rest = task.most - float(task.price[task.kept].sum())
    while True:
        gain = np.where(task.price <= rest, (reach[:, ~got] * task.people[~got]).sum(axis=1), 0.0)
        site = int(np.argmax(gain))
        if gain[site] <= 0:
            return got
        got |= reach[site]
        rest -= float(task.price[site])

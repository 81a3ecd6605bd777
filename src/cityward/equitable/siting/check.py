"""Computes the value of a choice again, from the ways and nothing else; what does not agree is not told."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from cityward.core.errors import Defect
from cityward.equitable.siting.task import Choice, Task

_TOLERANCE: Final = 1e-6


def check(task: Task, choice: Choice) -> None:
    """Check sites, prices, capacities, who goes where, the value and the side of the bound.

    Raises
    ------
    Defect
        Something of it does not hold.
    """
    open_sites = set(choice.sites.tolist())
    _hold(len(open_sites) == choice.sites.size, "a site is named twice")
    _hold(open_sites <= set(range(task.way.shape[0])), "a site is not among the candidates")
    _hold(set(task.kept.tolist()) <= open_sites, "a site that stays open is missing")
    spent = sum(float(task.price[site]) for site in open_sites)
    _hold(spent <= task.most * (1 + 1e-9) + _TOLERANCE, "more is spent than may be")
    _people(task, choice, open_sites)
    value = _value(task, choice)
    _hold(math.isclose(value, choice.value, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE), "the value is another")
    better = choice.bound - choice.value if task.objective == "covering" else choice.value - choice.bound
    _hold(better >= -_TOLERANCE * max(1.0, abs(choice.value)), "the bound is on the wrong side")


def _people(task: Task, choice: Choice, open_sites: set[int]) -> None:
    places, load = np.zeros(task.people.size), np.zeros(task.way.shape[0])
    for place, site, people in zip(choice.served.place, choice.served.site, choice.served.people, strict=True):
        _hold(int(site) in open_sites, "somebody goes to a site that is shut")
        _hold(math.isfinite(task.way[site, place]), "somebody goes where there is no way")
        _hold(people > 0, "nobody is sent somewhere")
        if task.objective == "covering":
            _hold(task.radius is not None and task.way[site, place] <= task.radius, "somebody goes too far")
        places[place] += people
        load[site] += people
    most = task.people * (1 + _TOLERANCE) + _TOLERANCE
    _hold(bool((places <= most).all()), "a place has more people than live there")
    if task.objective != "covering":
        _hold(bool((places >= task.people * (1 - _TOLERANCE) - _TOLERANCE).all()), "a place is left out")
    if task.capacity is not None:
        _hold(bool((load <= task.capacity * (1 + _TOLERANCE) + _TOLERANCE).all()), "a site has too many people")
        if task.whole:
            _hold(np.unique(choice.served.place).size == choice.served.place.size, "a place is parted")


def _value(task: Task, choice: Choice) -> float:
    served = choice.served
    if task.capacity is None and choice.sites.size:
        nearest = task.way[choice.sites].min(axis=0)
        if task.objective == "p-median":
            return math.fsum((nearest * task.people).tolist())
        if task.objective == "p-centre":
            return float(nearest.max())
        return math.fsum(task.people[nearest <= (task.radius or 0.0)].tolist())
    if task.objective == "covering":
        return math.fsum(served.people.tolist())
    return math.fsum((task.way[served.site, served.place] * served.people).tolist())


def _hold(fact: bool, otherwise: str) -> None:
    if not fact:
        raise Defect(f"a choice of sites was not told, because {otherwise}.")

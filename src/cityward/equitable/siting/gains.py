"""Who gains: the way to a site by group of places, before and after, and how far a group is above the floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.records import Record
from cityward.equitable.siting.task import Choice, Task

SMALL_GROUP: Final = 5
"""The mean of fewer places says little; such a group is flagged."""


class Gain(Record, frozen=True, kw_only=True):
    """The ways of one group, in the unit of the ways; ``before`` is None where no site was open or some reach none.

    ``served_share`` is the share of its people who have a site (for covering: within the radius). ``ratio`` is its
    mean over the mean of all; ``above_floor`` by how much its mean is above the floor times that mean.
    """

    group: str
    places: int
    people: float
    served_share: float
    served_share_before: float
    mean: float | None
    worst: float | None
    mean_before: float | None
    worst_before: float | None
    ratio: float | None
    above_floor: float | None
    small: bool


def gains(task: Task, choice: Choice, groups: Sequence[str], floor: float) -> tuple[Gain, ...]:
    """Return the gain of each group in the order of their names, and of all as the first.

    Parameters
    ----------
    groups : sequence of places
        The group of each place.
    floor : float
        Most times the mean of all that the mean of a group may be.
    """
    names = np.array(groups)
    before = task.way[task.kept].min(axis=0) if task.kept.size else np.full(task.people.size, np.inf)
    radius = task.radius if task.objective == "covering" and task.radius is not None else np.inf
    before_share = np.where(np.isfinite(before) & (before <= radius), 1.0, 0.0)
    served = choice.served
    share = np.bincount(served.place, served.people, minlength=task.people.size) / task.people
    total = np.bincount(served.place, served.people * task.way[served.site, served.place], minlength=task.people.size)
    longest = np.zeros(task.people.size)
    np.maximum.at(longest, served.place, task.way[served.site, served.place])
    overall = float(total.sum() / served.people.sum()) if served.people.size else None

    def of(name: str, inside: NDArray[np.bool_]) -> Gain:
        people = task.people[inside]
        going = float((share[inside] * people).sum())
        mean = float(total[inside].sum() / going) if going > 0 else None
        known = bool(np.isfinite(before[inside]).all())
        return Gain(
            group=name,
            places=int(inside.sum()),
            people=float(people.sum()),
            served_share=going / float(people.sum()),
            served_share_before=float((before_share[inside] * people).sum() / people.sum()),
            mean=mean,
            worst=float(longest[inside].max()) if going > 0 else None,
            mean_before=float((before[inside] * people).sum() / people.sum()) if known else None,
            worst_before=float(before[inside].max()) if known else None,
            ratio=mean / overall if mean is not None and overall else None,
            above_floor=max(0.0, mean - floor * overall) if mean is not None and overall is not None else None,
            small=int(inside.sum()) < SMALL_GROUP,
        )

    every = np.ones(task.people.size, dtype=np.bool_)
    return (of("all", every), *(of(str(name), names == name) for name in np.unique(names)))

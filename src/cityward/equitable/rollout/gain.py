"""What measures do together: the people whose need ends, place by place.

A measure reaches a share of a place's people and ends the need of a share of those in need among them: its *chance*.
Measures reach people independently of each other, so a person stays in need when every measure misses him:

    helped people of a place = people in need × (1 − Π (1 − chance of each measure that is there)).

The gain of one more measure falls with those already there and never passes the need. **Source**: expected covering,
Daskin (1983), "A maximum expected covering location model", Transportation Science 17(1), eq. 1, with a chance of its
own for each pair as in Camm, Norman, Polasky and Solow (2002), Operations Research 50(6).
"""

from __future__ import annotations

from typing import Final

import numpy as np

from cityward.equitable.rollout.task import MIDDLE, NEVER, Floats, Ints, Task, sums

CHANCE_MAX: Final = 1 - 1e-9
"""A chance of one would leave nothing to divide by; of a thousand million people this leaves one."""


class Gains:
    """The gains of one task for one set of effects.

    Parameters
    ----------
    task : Task
    effect : ndarray, shape (measures,), optional
        Default the middle ones.
    """

    def __init__(self, task: Task, effect: Floats | None = None) -> None:
        effect = task.effect[:, MIDDLE] if effect is None else effect
        self.task = task
        self.chance: Floats = np.minimum(effect[task.of] * task.share, CHANCE_MAX)
        self.log_miss: Floats = np.log1p(-self.chance)
        self.starts = task.starts
        self._in_need = task.in_need
        self._cell = task.of * len(task.groups) + task.group[task.place]

    def left(self, begun: Ints, year: int) -> Floats:
        """Share of the people in need of each place who still are at the end of a year, shape (places,).

        Parameters
        ----------
        begun : ndarray of int, shape (measures,)
            Year in which each measure begins, or `NEVER`.
        """
        there = ((begun != NEVER) & (begun <= year))[self.task.of]
        logs = sums(self.task.place[there], self.log_miss[there], len(self.task.places))
        return np.exp(logs)

    def helped(self, begun: Ints, year: int) -> Floats:
        """People helped in each place at the end of a year, shape (places,)."""
        return self._in_need * (1 - self.left(begun, year))

    def benefit(self, begun: Ints) -> float:
        """People helped, summed over the years: person-years."""
        return float(sum(self.helped(begun, year).sum() for year in range(self.task.years)))

    def adding(self, left: Floats) -> Floats:
        """People that each measure would help beside those that are there, shape (measures,)."""
        place = self.task.place
        return np.add.reduceat((self._in_need * left)[place] * self.chance, self.starts)

    def adding_by_group(self, left: Floats) -> Floats:
        """The same by group, shape (measures, groups)."""
        size = len(self.task.measures) * len(self.task.groups)
        weights = (self._in_need * left)[self.task.place] * self.chance
        return sums(self._cell, weights, size).reshape(len(self.task.measures), -1)

"""The plan as a mixed-integer program whose every solution is at least as good as it looks: so its bound is proven.

Columns, in this order: whether a measure is there in a year (measures by year), the share of all need that is met in
a cluster of places in a year, what each group is helped at least, the height of the floor, the widest gap, the scale
of the budgets, and the terms of the loss. What measures do together enters by limits above and below, added where a
solution needs them (`envelope`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import highspy
import numpy as np

from cityward.core.solver import Silent
from cityward.equitable.rollout.envelope import above, below
from cityward.equitable.rollout.gain import Gains
from cityward.equitable.rollout.task import NEVER, Equity, Floats, Ints, Task, sums

WHOLE: Final = 1_000.0
"""All people in need, in the program's unit: its tolerances (1e-6) are a thousand-millionth of that."""

PURGED_AFTER: Final = 4
"""Rounds after which a limit that nothing leans on is left out again."""

Goal = Literal["benefit", "level", "scale", "gap"]


@dataclass(slots=True)
class Program:
    """One task as a program; goals, budgets, floors and gaps can be set anew and the limits stay.

    Parameters
    ----------
    task : Task
        Without budgets of 0 in every year.
    gains : Gains
    by : {"group", "place"}
        Whom a floor holds for.
    at_risk : ndarray, shape (measures,), optional
        As in `search.Search`.
    protected : int
    """

    task: Task
    gains: Gains
    by: Literal["group", "place"] = "group"
    at_risk: Floats | None = None
    protected: int = 0
    highs: Any = field(init=False)
    budget_rows: list[int] = field(init=False, default_factory=list)
    group_rows: list[tuple[int, int]] = field(init=False, default_factory=list)
    _idle: Ints = field(init=False)

    def __post_init__(self) -> None:
        task = self.task
        self._order = np.lexsort((task.of, task.place))
        counts = np.bincount(task.place, minlength=len(task.places))
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self._measure = task.of[self._order]
        self._chance = self.gains.chance[self._order]
        self._at = task.place[self._order]
        self._weight = task.in_need * (WHOLE / float(task.in_need.sum()))
        self._clusters()
        self._columns()
        self.highs = Silent()  # type: ignore[no-untyped-call]
        for name in ("mip_feasibility_tolerance", "primal_feasibility_tolerance"):
            self.highs.setOptionValue(name, 1e-9)
        self.highs.addVars(self.size, np.zeros(self.size), self.upper)
        self._rules()
        self._fixed = self.highs.getNumRow()
        self._idle = np.empty(0, np.int64)

    _order: Ints = field(init=False)
    _starts: Ints = field(init=False)
    _measure: Ints = field(init=False)
    _chance: Floats = field(init=False)
    _at: Ints = field(init=False)
    _weight: Floats = field(init=False)
    _cluster: Ints = field(init=False)
    _cluster_group: Ints = field(init=False)
    _cells: Ints = field(init=False)
    _cell_of: Ints = field(init=False)
    _group_cells: Ints = field(init=False)
    _group_cell_of: Ints = field(init=False)
    _fixed: int = field(init=False)
    size: int = field(init=False)
    upper: Floats = field(init=False)
    theta: int = field(init=False)
    least: int = field(init=False)
    floor: int = field(init=False)
    gap: int = field(init=False)
    scale: int = field(init=False)
    risk: int = field(init=False)

    # -- shape ---------------------------------------------------------------------------------------

    def _clusters(self) -> None:
        """Places of one group that the same measure reaches best: one limit for them all keeps the program small."""
        measures = len(self.task.measures)
        best = np.zeros(len(self.task.places), np.int64)
        by_chance = np.lexsort((self._chance, self._at))
        best[self._at[by_chance]] = self._measure[by_chance]  # the last of each place stays, which is its best
        key = self.task.group * measures + best
        known, self._cluster = np.unique(key, return_inverse=True)
        self._cluster_group = known // measures
        cells = self._cluster[self._at] * measures + self._measure
        self._cells, self._cell_of = np.unique(cells, return_inverse=True)
        group_cells = self.task.group[self._at] * measures + self._measure
        self._group_cells, self._group_cell_of = np.unique(group_cells, return_inverse=True)

    @property
    def clusters(self) -> int:
        """Number of clusters."""
        return int(self._cluster_group.size)

    def _columns(self) -> None:
        measures, years, groups = len(self.task.measures), self.task.years, len(self.task.groups)
        self.theta = measures * years
        self.least = self.theta + self.clusters * years
        self.floor = self.least + groups
        self.gap = self.floor + 1
        self.scale = self.gap + 3  # the widest gap, the most and the least that any group is in need
        self.risk = self.scale + 1
        protected = self.protected and self.at_risk is not None
        self.size = self.risk + (1 + measures if protected else 0)
        self.upper = np.full(self.size, highspy.kHighsInf)
        self.upper[: self.theta] = 1
        self.upper[self.theta : self.least] = np.tile(sums(self._cluster, self._weight, self.clusters), years)
        self.upper[self.least : self.floor] = self.task.by_group(self._weight)
        self.upper[self.gap : self.gap + 3] = 1

    def _add(self, low: float, high: float, index: Any, value: Any) -> None:
        self.highs.addRow(low, high, len(index), np.asarray(index, np.int32), np.asarray(value, float))

    def _rules(self) -> None:
        task, infinite = self.task, highspy.kHighsInf
        measures, last = len(task.measures), (task.years - 1) * len(task.measures)
        everything = np.arange(measures)
        unit = self.money
        for year in range(task.years):
            index, value = everything + year * measures, task.cost / unit
            if year:
                index = np.concatenate([index, index - measures])
                value = np.concatenate([value, -value])
                for measure in range(measures):
                    self._add(0, infinite, [measure + year * measures, measure + (year - 1) * measures], [1, -1])
            self.budget_rows.append(self.highs.getNumRow())
            self._add(-infinite, 0, np.append(index, self.scale), np.append(value, -task.budgets[year] / unit))
            for measure, other in task.requires.tolist():
                self._add(-infinite, 0, [measure + year * measures, other + year * measures], [1, -1])
        for members in task.exclusive:
            self._add(-infinite, 1, members + last, np.ones(members.size))
        self._floors(last)
        self._gaps()
        if self.size > self.risk:
            assert self.at_risk is not None  # noqa: S101 (there is a column for it)
            loss = self.at_risk * (WHOLE / float(task.in_need.sum()))
            for measure in range(measures):
                index = np.append(measure + measures * np.arange(task.years), [self.risk, self.risk + 1 + measure])
                self._add(-infinite, 0, index, np.append(np.full(task.years, loss[measure]), [-1, -1]))

    @property
    def money(self) -> float:
        """The program's unit of money."""
        return max(float(self.task.budgets.max()), float(self.task.cost.max()), 1e-9)

    def _floors(self, last: int) -> None:
        """The floor: of groups as a share of their people in need, of places in logarithms, where it is exact."""
        task, infinite = self.task, highspy.kHighsInf
        if self.by == "group":
            total = task.by_group(self._weight)
            for group in np.flatnonzero(total > 0).tolist():
                mine = np.flatnonzero(self._cluster_group == group)
                index = np.append(self.theta + (task.years - 1) * self.clusters + mine, self.floor)
                self.group_rows.append((self.highs.getNumRow(), group))
                self._add(0, infinite, index, np.append(np.ones(mine.size), -total[group]))
            return
        for place in self.held().tolist():
            here = slice(self._starts[place], self._starts[place + 1])
            index = np.append(last + self._measure[here], self.floor)
            self._add(0, infinite, index, np.append(-np.log1p(-self._chance[here]), -1.0))

    def held(self) -> Ints:
        """Places with people in need that some measure reaches: a floor by place holds for them."""
        reached = sums(self.task.place, self.task.share, len(self.task.places)) > 0
        return np.flatnonzero((self.task.in_need > 0) & reached)

    def _gaps(self) -> None:
        task, infinite = self.task, highspy.kHighsInf
        people = task.by_group(task.people) * (WHOLE / float(task.in_need.sum()))
        need = task.by_group(self._weight)
        for group in np.flatnonzero(people > 0).tolist():
            mine = np.flatnonzero(self._cluster_group == group)
            index = np.append(self.theta + (task.years - 1) * self.clusters + mine, self.gap + 1)
            row = self.highs.getNumRow()
            self.group_rows += [(row, group), (row + 1, group)]
            self._add(need[group], infinite, index, np.append(np.ones(mine.size), people[group]))
            self._add(-infinite, need[group], [self.least + group, self.gap + 2], [1, people[group]])
        self._add(0, infinite, [self.gap, self.gap + 1, self.gap + 2], [1, -1, 1])

    # -- goals ---------------------------------------------------------------------------------------

    def aim(self, goal: Goal, equity: Equity, scale: float = 1.0) -> None:
        """Set what is sought (``benefit``, the highest floor, or the least scale of the budgets) and what holds."""
        cost = np.zeros(self.size)
        if goal == "benefit":
            cost[self.theta : self.least] = -1
            cost[self.risk :] = 1
            if self.size > self.risk:
                cost[self.risk] = self.protected
        elif goal == "level":
            cost[self.floor] = -1
        elif goal == "gap":
            cost[self.gap] = 1
        else:
            cost[self.scale] = 1
        self.highs.changeColsCost(self.size, np.arange(self.size, dtype=np.int32), cost)
        floor = equity.level if equity.kind == "floor" else 0.0
        height = floor if self.by == "group" else float(-np.log1p(-min(floor, 1 - 1e-9)))
        top = 1.0 if self.by == "group" else 25.0
        self.highs.changeColBounds(self.floor, 0 if goal == "level" else height, top if goal == "level" else height)
        self.highs.changeColBounds(self.gap, 0, equity.level if equity.kind == "gap" else 1.0)
        free = goal == "scale"
        self.highs.changeColBounds(self.scale, 0 if free else scale, highspy.kHighsInf if free else scale)

    def whole(self, integer: bool) -> None:
        """Whether measures are whole."""
        kind = highspy.HighsVarType.kInteger if integer else highspy.HighsVarType.kContinuous
        index = np.arange(self.theta, dtype=np.int32)
        self.highs.changeColsIntegrality(self.theta, index, np.full(self.theta, kind))

    # -- limits --------------------------------------------------------------------------------------

    def limit(self, values: Floats, *, gaps: bool, least: float) -> float:
        """Add limits that a solution breaks by more than ``least``; return by how much it breaks them in all."""
        measures, broken = len(self.task.measures), 0.0
        for year in range(self.task.years):
            x = np.clip(values[year * measures : (year + 1) * measures], 0, 1)
            constant, coefficients, value = above(self._starts, self._measure, self._chance, x)
            weight = self._weight
            at = self.theta + year * self.clusters
            allowed = sums(self._cluster, weight * value, self.clusters)
            over = values[at : at + self.clusters] - allowed
            constants = sums(self._cluster, weight * constant, self.clusters)
            cells = sums(self._cell_of, weight[self._at] * coefficients, self._cells.size)
            wanted = np.flatnonzero(over > least)
            broken += float(np.maximum(over, 0).sum())
            self._limits(wanted, self._cells, cells, constants, at, year * measures, above_=True)
        if gaps:
            x = np.clip(values[(self.task.years - 1) * measures : self.task.years * measures], 0, 1)
            coefficients = below(self._starts, self._measure, self._chance, x)
            cells = sums(self._group_cell_of, self._weight[self._at] * coefficients, self._group_cells.size)
            owner, measure = self._group_cells // measures, self._group_cells % measures
            held = sums(owner, cells * x[measure], len(self.task.groups))
            short = held - values[self.least : self.floor]
            broken += float(np.maximum(short, 0).sum())
            last = (self.task.years - 1) * measures
            self._limits(
                np.flatnonzero(short > least),
                self._group_cells,
                cells,
                np.zeros(held.size),
                self.least,
                last,
                above_=False,
            )
        return broken

    def _limits(
        self, wanted: Ints, keys: Ints, cells: Floats, constants: Floats, column: int, offset: int, *, above_: bool
    ) -> None:
        if not wanted.size:
            return
        measures = len(self.task.measures)
        first = np.searchsorted(keys, wanted * measures)
        last = np.searchsorted(keys, (wanted + 1) * measures)
        starts, index, value = [0], [], []
        for one, begin, end in zip(wanted.tolist(), first.tolist(), last.tolist(), strict=True):
            nonzero = begin + np.flatnonzero(cells[begin:end])
            index.append(np.append(keys[nonzero] % measures + offset, column + one))
            value.append(np.append(-cells[nonzero], 1.0))
            starts.append(starts[-1] + index[-1].size)
        infinite = np.full(wanted.size, highspy.kHighsInf)
        low, high = (-infinite, constants[wanted]) if above_ else (constants[wanted], infinite)
        self.highs.addRows(
            wanted.size,
            low,
            high,
            starts[-1],
            np.array(starts[:-1], np.int32),
            np.concatenate(index).astype(np.int32),
            np.concatenate(value),
        )
        self._idle = np.concatenate([self._idle, np.zeros(wanted.size, np.int64)])

    def purge(self, most: int = PURGED_AFTER) -> None:
        """Leave out limits on which no solution has leaned for some rounds."""
        dual = np.abs(np.array(self.highs.getSolution().row_dual)[self._fixed :])
        count = min(dual.size, self._idle.size)
        self._idle[:count] = np.where(dual[:count] > 1e-9, 0, self._idle[:count] + 1)
        old = np.flatnonzero(self._idle > most)
        if old.size > self._idle.size // 4:
            self.highs.deleteRows(old.size, (old + self._fixed).astype(np.int32))
            self._idle = np.delete(self._idle, old)

    # -- solutions -----------------------------------------------------------------------------------

    def begun(self, values: Floats) -> Ints:
        """The year in which each measure begins in a whole solution."""
        there = values[: self.theta].reshape(self.task.years, -1) > 0.5
        return np.where(there.any(axis=0), there.argmax(axis=0), NEVER)

    def group_weights(self, row_dual: Floats) -> Floats:
        """How much more a helped person of each group is worth than others, by the equity, shape (groups,)."""
        weights = np.zeros(len(self.task.groups))
        for row, group in self.group_rows:
            weights[group] += row_dual[row]
        return weights

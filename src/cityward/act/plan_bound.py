"""A proven bound: no plan of the model has less waiting and travel than this.

A linear program that every plan fulfils: visits, the edges that tours are made of, and the time that crews have.
Edges must lead every visited job to a base; rings without one are cut off as they appear.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import highspy
import numpy as np
from numpy.typing import NDArray

from cityward.act.plan_model import Model
from cityward.core.solver import Silent

NEAR_JOBS: Final = 8
NEAR_BASES: Final = 5
"""Edges to so many nearest are in the program from the beginning; others come in when their price asks."""

ROUNDS_MAX: Final = 12
CUTS_MAX: Final = 60
PRICED_MAX: Final = 1_500
GROWN_MAX: Final = 40
"""Most jobs of a set that is grown in search of a cut."""

LARGE: Final = 1_000
LARGE_ROUNDS: Final = 4
"""With more jobs than this fewer cuts are looked for: the bound stays true and is weaker."""

SKILLS_MAX: Final = 5
"""Of more skills only single ones have a row for their time: the bound stays true and is weaker."""

_EPS: Final = 1e-6
_LEVELS: Final = (0.05, 0.3, 0.5, 0.7, 0.9)
_NONE = np.empty(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class _Cut:
    """``step`` + ``minute`` × minutes of each edge inside ``group``, and ``visits`` of its jobs, are at most 0."""

    group: NDArray[np.int64]
    step: float
    minute: float
    visits: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bound:
    """The least objective, and the least days by which every plan breaches the floor (0 where one may hold)."""

    objective: float
    breach_days: float


def bound(
    model: Model, *, floor: float | None = None, most_visits: int | None = None, rounds: int = ROUNDS_MAX
) -> Bound:
    """Return what no plan can be better than.

    Parameters
    ----------
    floor : float, optional
        Most times the city's mean that a group may wait. Where no plan holds it, ``breach_days`` says by how much
        it is missed at least, and ``objective`` is that of plans without it.

    Notes
    -----
    **Source**: subtour elimination for prize collecting tours, Balas (1989), "The prize collecting traveling
    salesman problem", Networks 19; degree and time rows as in two-index vehicle-flow models, Toth and Vigo (2014),
    "Vehicle Routing", section 1.3.
    """
    nothing = float(model.weight.sum()) * model.later_days
    if not model.able.any():
        return Bound(nothing, _breach_of_nothing(model, floor))
    if floor is not None:
        least = _Program(model, floor, most_visits, breach_only=True).solve(2)
        if least > _EPS:
            return Bound(bound(model, most_visits=most_visits, rounds=rounds).objective, least)
    return Bound(nothing + _Program(model, floor, most_visits).solve(rounds), 0.0)


def _breach_of_nothing(model: Model, floor: float | None) -> float:
    if floor is None or not model.weight.size:
        return 0.0
    waiting = model.waiting_days(np.full(model.weight.size, -1, dtype=np.int32))
    return max(0.0, float(model.group_means(waiting).max() - floor * waiting.mean()))


class _Program:
    """The linear program, and the edges and cuts that are in it."""

    def __init__(
        self, model: Model, floor: float | None, most_visits: int | None, *, breach_only: bool = False
    ) -> None:
        self.model = model
        self.jobs = np.flatnonzero(model.able.any(axis=0))
        self.crews = np.flatnonzero(model.able.any(axis=1))
        self.able = model.able[np.ix_(self.crews, self.jobs)]
        self.between = model.between[np.ix_(self.jobs, self.jobs)].astype(np.float64)
        self.base = model.base[np.ix_(self.crews, self.jobs)].astype(np.float64)
        self.together = (self.able.T.astype(np.float32) @ self.able.astype(np.float32)) > 0
        np.fill_diagonal(self.together, val=False)
        self.minute_cost = 0.0 if breach_only else model.minute_cost
        self.breach_only = breach_only
        self.cuts: list[_Cut] = []
        self.highs = Silent()  # type: ignore[no-untyped-call]
        self._rows(floor, most_visits)
        self._fixed_columns(floor, most_visits)
        self._first_edges()

    # Rows: degree of each job, visits of each job, degree of each base, time in all and by skill, time of each day,
    # floor of each group, cap, and after them the cuts.

    def _rows(self, floor: float | None, most_visits: int | None) -> None:
        model, inf = self.model, highspy.kHighsInf
        n, m = self.jobs.size, self.crews.size
        self.kinds = self._kinds()
        self.at_visit, self.at_base = n, 2 * n
        self.at_time = self.at_base + m
        self.at_day = self.at_time + len(self.kinds)
        self.at_floor = self.at_day + model.days
        self.at_cap = self.at_floor + (len(model.groups) if floor is not None else 0)
        shifts = float(model.shift[self.crews].sum())
        lower = [0.0] * n + [-inf] * n + [0.0] * m + [-inf] * (len(self.kinds) + model.days)
        upper = [0.0] * n + [1.0] * n + [0.0] * m + [0.0] * len(self.kinds) + [shifts] * model.days
        if floor is not None:
            waiting = model.waiting_days(np.full(model.weight.size, -1, dtype=np.int32))
            upper += (floor * waiting.mean() - model.group_means(waiting)).tolist()
            lower += [-inf] * len(model.groups)
        if most_visits is not None:
            upper, lower = [*upper, float(most_visits)], [*lower, -inf]
        self.highs.addRows(len(upper), np.array(lower), np.array(upper), 0, _NONE, _NONE, np.empty(0))

    def _kinds(self) -> list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
        """Rows of time: which jobs count, which crews may work on them, and which work on nothing else."""
        skills = np.unique(self.model.skilled[np.ix_(self.crews, self.jobs)].T, axis=0)
        n, m = self.jobs.size, self.crews.size
        kinds = [(np.ones(n), np.ones(m), np.ones(m))]
        skilled = self.model.skilled[np.ix_(self.crews, self.jobs)]
        single = range(len(skills)) if len(skills) > 1 else range(0)
        sets: list[tuple[int, ...]] = [(one,) for one in single]
        if len(skills) <= SKILLS_MAX:
            sets += [pair for size in range(2, len(skills)) for pair in combinations(single, size)]
        for chosen in sets:
            jobs = np.zeros(n, dtype=bool)
            for one in chosen:
                jobs |= (skills[one] == skilled.T).all(axis=1)
            may = skilled[:, jobs].any(axis=1)
            only = may & ~skilled[:, ~jobs].any(axis=1)
            kinds.append((jobs.astype(float), may.astype(float), only.astype(float)))
        return kinds

    def _fixed_columns(self, floor: float | None, most_visits: int | None) -> None:
        """The breach, how often each base is left, and the visit of each job on each day."""
        model, inf = self.model, highspy.kHighsInf
        m, groups = self.crews.size, len(model.groups)
        columns: list[tuple[float, float, list[int], list[float]]] = []
        floors = list(range(self.at_floor, self.at_floor + groups)) if floor is not None else []
        columns.append((1.0, inf if self.breach_only else 0.0, floors, [-1.0] * len(floors)))
        for c in range(m):
            shift = float(model.shift[self.crews[c]])
            rows = [self.at_base + c, *(self.at_time + k for k, kind in enumerate(self.kinds) if kind[1][c])]
            columns.append((0.0, float(model.days), rows, [-2.0, *[-shift] * (len(rows) - 1)]))
        arrival = np.minimum(
            np.where(self.together, self.between, np.inf).min(axis=1, initial=np.inf),
            np.where(self.able, self.base, np.inf).min(axis=0),
        )
        sizes = np.bincount(model.group, minlength=groups)
        self.visit_column = len(columns)
        for at, j in enumerate(self.jobs):
            minutes = float(model.minutes[j])
            for day in range(model.days):
                saved = model.saved_days(day)
                rows, values = [at, self.at_visit + at], [-2.0, 1.0]
                for k, kind in enumerate(self.kinds):
                    if kind[0][at]:
                        rows.append(self.at_time + k)
                        values.append(minutes)
                rows.append(self.at_day + day)
                values.append(minutes + float(arrival[at]))
                for g in range(groups) if floor is not None else ():
                    rows.append(self.at_floor + g)
                    values.append(floor * saved / model.group.size - (saved / sizes[g] if model.group[j] == g else 0.0))  # type: ignore[operator]
                if most_visits is not None:
                    rows.append(self.at_cap)
                    values.append(1.0)
                spared = 0.0 if self.breach_only else -float(model.weight[j]) * saved
                columns.append((spared, 1.0, rows, values))
        self._add(columns)

    def _add(self, columns: list[tuple[float, float, list[int], list[float]]]) -> None:
        if not columns:
            return
        costs, uppers, rows, values = zip(*columns, strict=True)
        starts = np.concatenate([[0], np.cumsum([len(one) for one in rows])[:-1]]).astype(np.int32)
        index = np.concatenate([np.asarray(one, dtype=np.int32) for one in rows])
        flat = np.concatenate([np.asarray(one, dtype=np.float64) for one in values])
        count = len(columns)
        self.highs.addCols(count, np.array(costs), np.zeros(count), np.array(uppers), flat.size, starts, index, flat)

    # -- edges ---------------------------------------------------------------------------------------

    def _first_edges(self) -> None:
        n = self.jobs.size
        away = np.where(self.together, self.between, np.inf)
        near = np.argsort(away, axis=1, kind="stable")[:, :NEAR_JOBS]
        pairs = np.zeros((n, n), dtype=bool)
        pairs[np.arange(n)[:, None], near] = True
        pairs = np.triu((pairs | pairs.T) & self.together)
        home = np.where(self.able, self.base, np.inf)
        bases = np.zeros(self.able.shape, dtype=bool)
        bases[np.argsort(home, axis=0, kind="stable")[:NEAR_BASES], np.arange(n)] = True
        bases[np.arange(self.crews.size)[:, None], np.argsort(home, axis=1, kind="stable")[:, : 2 * NEAR_BASES]] = True
        bases &= self.able
        self.heads = np.empty(0, dtype=np.int64)
        self.tails = np.empty(0, dtype=np.int64)  # a job, or -1 - crew for its base
        self.first_edge = self.highs.getNumCol()
        self.missing, self.missing_base = np.triu(self.together), self.able.copy()
        self._add_edges(np.argwhere(pairs), np.argwhere(bases))

    def _add_edges(self, pairs: NDArray[np.int64], bases: NDArray[np.int64]) -> None:
        inside = [set(cut.group.tolist()) for cut in self.cuts]
        at_cut = self.highs.getNumRow() - len(self.cuts)
        columns: list[tuple[float, float, list[int], list[float]]] = []
        for j, k in pairs.tolist():
            minutes = float(self.between[j, k])
            rows, values = [j, k], [1.0, 1.0]
            for at, kind in enumerate(self.kinds):
                share = (kind[0][j] + kind[0][k]) / 2
                if share and minutes:
                    rows.append(self.at_time + at)
                    values.append(share * minutes)
            hit = [at for at, cut in enumerate(inside) if j in cut and k in cut]
            rows += [at_cut + at for at in hit]
            values += [self.cuts[at].step + self.cuts[at].minute * minutes for at in hit]
            columns.append((self.minute_cost * minutes, 1.0, rows, values))
        for c, j in bases.tolist():
            minutes = float(self.base[c, j])
            rows, values = [j, self.at_base + c], [1.0, 1.0]
            for at, kind in enumerate(self.kinds):
                share = (kind[0][j] + kind[2][c]) / 2
                if share and minutes:
                    rows.append(self.at_time + at)
                    values.append(share * minutes)
            columns.append((self.minute_cost * minutes, 2.0, rows, values))
        self._add(columns)
        self.missing[pairs[:, 0], pairs[:, 1]] = False
        self.missing_base[bases[:, 0], bases[:, 1]] = False
        self.heads = np.concatenate([self.heads, pairs[:, 0], bases[:, 1]])
        self.tails = np.concatenate([self.tails, pairs[:, 1], -1 - bases[:, 0]])

    def _price(self) -> float:
        """Bring in edges whose price asks for it; return by how much all that are missing could lower the value."""
        dual = np.array(self.highs.getSolution().row_dual)
        n = self.jobs.size
        degree = dual[:n]
        cost = np.full((n, n), self.minute_cost)
        cost_base = np.full(self.able.shape, self.minute_cost)
        for at, (jobs, _, only) in enumerate(self.kinds):
            time = dual[self.at_time + at]
            if time:
                cost -= time * (jobs[:, None] + jobs[None, :]) / 2
                cost_base -= time * (jobs[None, :] + only[:, None]) / 2
        reduced = cost * self.between - degree[:, None] - degree[None, :]
        at_cut = self.highs.getNumRow() - len(self.cuts)
        for at, cut in enumerate(self.cuts):
            if dual[at_cut + at]:
                within = np.ix_(cut.group, cut.group)
                reduced[within] -= dual[at_cut + at] * (cut.step + cut.minute * self.between[within])
        reduced_base = (
            cost_base * self.base - degree[None, :] - dual[self.at_base : self.at_base + self.crews.size, None]
        )
        pairs = np.argwhere(self.missing & (reduced < -_EPS))
        bases = np.argwhere(self.missing_base & (reduced_base < -_EPS))
        short = float(np.minimum(reduced, 0)[self.missing].sum()) + 2 * float(
            np.minimum(reduced_base, 0)[self.missing_base].sum()
        )
        if pairs.shape[0] > PRICED_MAX:
            order = np.argsort(reduced[pairs[:, 0], pairs[:, 1]], kind="stable")[:PRICED_MAX]
            pairs = pairs[np.sort(order)]
        if pairs.size or bases.size:
            self._add_edges(pairs, bases)
        return short

    # -- cuts ----------------------------------------------------------------------------------------

    def _found(self) -> list[_Cut]:
        """Cuts that the last solution breaks, the worst first: rings without a base, and more work than tours."""
        values = np.array(self.highs.getSolution().col_value)
        n, days = self.jobs.size, self.model.days
        visits = values[self.visit_column : self.visit_column + n * days].reshape(n, days).sum(axis=1)
        inner = self.tails >= 0
        heads, tails, weight = self.heads[inner], self.tails[inner], values[self.first_edge :][inner]
        edges = np.zeros((n, n))
        edges[heads, tails] = edges[tails, heads] = weight
        pairs = np.flatnonzero(weight > np.minimum(visits[heads], visits[tails]) + 0.01)
        sets = [np.array(sorted((int(heads[at]), int(tails[at])))) for at in pairs]
        for level in _LEVELS:
            sets += _components(n, heads[weight > level], tails[weight > level])
        if n <= LARGE:
            sets += self._crowded(edges, visits)
        known = {(cut.group.tobytes(), cut.minute) for cut in self.cuts}
        found: list[tuple[float, _Cut]] = []
        for group in sets:
            within = np.ix_(group, group)
            inside, way = edges[within].sum() / 2, (edges[within] * self.between[within]).sum() / 2
            for cut in (self._ring(group, visits), self._crowd(group)):
                key = (group.tobytes(), cut.minute)
                excess = cut.step * inside + cut.minute * way + float(cut.visits @ visits[group])
                if excess > 0.02 * cut.step and key not in known:
                    known.add(key)
                    found.append((excess / cut.step, cut))
        found.sort(key=lambda one: (-one[0], one[1].group.tolist()))
        return [cut for _, cut in found[:CUTS_MAX]]

    def _ring(self, group: NDArray[np.int64], visits: NDArray[np.float64]) -> _Cut:
        """Edges inside are at most the visits without those of the job that is visited most."""
        counted = -np.ones(group.size)
        counted[np.argmax(visits[group])] = 0.0
        return _Cut(group, 1.0, 0.0, counted)

    def _crowd(self, group: NDArray[np.int64]) -> _Cut:
        """Work and ways inside fit in the time of the tours that come in, each less its way to and from its base."""
        room = self._room(group)
        return _Cut(group, room, 1.0, self.model.minutes[self.jobs[group]].astype(np.float64) - room)

    def _room(self, group: NDArray[np.int64]) -> float:
        """Most minutes that a tour has inside a set of jobs."""
        home = np.where(self.able[:, group], self.base[:, group], np.inf).min(axis=1)
        return max(1.0, float((self.model.shift[self.crews] - 2 * home).max()))

    def _crowded(self, edges: NDArray[np.float64], visits: NDArray[np.float64]) -> list[NDArray[np.int64]]:
        """Sets grown from each job along the strongest edges, each where its work overflows most."""
        n = visits.size
        within = np.eye(n, dtype=bool)
        link, way = edges.copy(), edges * self.between
        inside, spent = np.zeros(n), self.model.minutes[self.jobs] * visits
        mass, room = visits.copy(), float(self.model.shift[self.crews].max())
        best, size = np.full(n, -np.inf), np.ones(n, dtype=np.int64)
        order = np.zeros((n, GROWN_MAX), dtype=np.int64)
        order[:, 0] = seeds = np.arange(n)
        for step in range(1, min(GROWN_MAX, n)):
            masked = np.where(within, -1.0, link)
            add = masked.argmax(axis=1)
            inside += np.maximum(masked[seeds, add], 0)
            spent += way[seeds, add] + self.model.minutes[self.jobs[add]] * visits[add]
            mass += visits[add]
            within[seeds, add] = True
            order[:, step] = add
            link += edges[add]
            way += (edges * self.between)[add]
            over = spent - room * (mass - inside)
            better = over > best
            best[better], size[better] = over[better], step + 1
        return [np.sort(order[at, : size[at]]) for at in np.unique(np.flatnonzero(size > 2))]

    def _cut(self, cut: _Cut) -> None:
        within = np.zeros(self.jobs.size, dtype=bool)
        within[cut.group] = True
        inner = np.flatnonzero(self.tails >= 0)
        inner = inner[within[self.heads[inner]] & within[self.tails[inner]]]
        minutes = self.between[self.heads[inner], self.tails[inner]]
        days = self.model.days
        visits = (self.visit_column + cut.group[:, None] * days + np.arange(days)[None, :]).ravel()
        index = np.concatenate([self.first_edge + inner, visits]).astype(np.int32)
        values = np.concatenate([cut.step + cut.minute * minutes, np.repeat(cut.visits, days)])
        self.highs.addRow(-highspy.kHighsInf, 0.0, index.size, index, values)
        self.cuts.append(cut)

    def solve(self, rounds: int) -> float:
        """Cut and price in turn; the value returned is a bound whenever it stops."""
        best = -np.inf
        for _ in range(rounds if self.jobs.size <= LARGE else min(rounds, LARGE_ROUNDS)):
            self.highs.run()
            value = self.highs.getInfo().objective_function_value
            cuts, before = self._found(), self.heads.size
            best = max(best, value + self._price())
            for cut in cuts:
                self._cut(cut)
            if not cuts and self.heads.size == before:
                break
        return float(best)


def _components(n: int, heads: NDArray[np.int64], tails: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Connected sets of at least three jobs."""
    root = np.arange(n)

    def find(at: int) -> int:
        while root[at] != at:
            root[at] = root[root[at]]
            at = int(root[at])
        return at

    for j, k in zip(heads.tolist(), tails.tolist(), strict=True):
        a, b = find(j), find(k)
        root[max(a, b)] = min(a, b)
    roots = np.array([find(at) for at in range(n)])
    sets: list[Any] = [np.flatnonzero(roots == one) for one in np.unique(roots)]
    return [one for one in sets if one.size >= 3]

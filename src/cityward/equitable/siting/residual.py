"""What bounds leave of a p-median, as one small integer program.

Of each place only the levels of cost below that of the nearest site that is open anyhow are in it: z_ik is 1 when no
open site is within level k, and the place then pays the step to the next level.

**Source**: Elloumi (2010), "A tighter formulation of the p-median problem", Journal of Combinatorial Optimization 19,
formulation (NF) with its chained rows; García, Labbé and Marín (2011), "Solving large p-median problems with a radius
formulation", INFORMS Journal on Computing 23.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.equitable.siting.lagrange import FREE, OPEN
from cityward.equitable.siting.program import Program

PAIRS_MAX: Final = 40_000
"""Most pairs of a place and a free site in it; with more the tree is quicker."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The sites that are open in the best choice (None: none better was found), and a bound that holds for all."""

    chosen: NDArray[np.bool_] | None
    bound: float


def rest(
    cost: NDArray[np.float64],
    state: NDArray[np.int8],
    need: int,
    value: float,
    farthest: NDArray[np.float64],
    left: Callable[[], float],
) -> Rest | None:
    """Return the best choice of ``need`` free sites; None where the program would be too large.

    Parameters
    ----------
    cost : array, sites × places
    state : array of sites
        `FREE`, `OPEN` or shut.
    value : float
        Of the best choice known.
    farthest : array of places
        No choice that is better has a higher cost of the place: with prices λ and bound L, a choice in which it pays
        c ≥ λ_i costs at least L + c − λ_i.
    left : callable
        Seconds that are left.
    """
    free = np.flatnonzero(state == FREE)
    nearest = cost[state == OPEN].min(axis=0) if (state == OPEN).any() else np.full(cost.shape[1], np.inf)
    nearest = np.where(nearest <= farthest, nearest, np.inf)
    inside = (cost[free] < nearest) & (cost[free] <= farthest)
    if (~inside.any(axis=0) & np.isinf(nearest)).any():
        return Rest(None, value)
    if inside.sum() > PAIRS_MAX:
        return None
    sites, places = np.nonzero(inside)
    order = np.lexsort((cost[free[sites], places], places))
    sites, places = sites[order], places[order]
    ways = cost[free[sites], places]
    new = np.ones(places.size, dtype=np.bool_)
    new[1:] = (places[1:] != places[:-1]) | (ways[1:] != ways[:-1])
    level = np.cumsum(new) - 1
    first = np.ones(int(new.sum()), dtype=np.bool_)
    place, way = places[new], ways[new]
    first[1:] = place[1:] != place[:-1]
    following = nearest[place].copy()
    following[:-1][~first[1:]] = way[1:][~first[1:]]
    closed = ~np.isfinite(following)
    fixed = float(way[first].sum()) + float(nearest[~inside.any(axis=0)].sum())
    size = free.size
    program = Program(
        np.concatenate([np.zeros(size), np.where(closed, 0.0, following - way)]),
        np.zeros(size + first.size),
        np.concatenate([np.ones(size), np.where(closed, 0.0, 1.0)]),
        np.concatenate([np.ones(size, dtype=np.bool_), np.zeros(first.size, dtype=np.bool_)]),
    )
    program.one(np.arange(size), 1.0, float(need), float(need))
    rows = np.arange(first.size)
    program.add(
        np.concatenate([rows, rows[~first], level]),
        np.concatenate([size + rows, size + rows[~first] - 1, sites]),
        np.concatenate([np.ones(first.size), -np.ones(int((~first).sum())), np.ones(sites.size)]),
        np.where(first, 1.0, 0.0),
        math.inf,
        first.size,
    )
    solved = program.solve(left, above=value - fixed)
    bound = value if solved.impossible else min(value, solved.bound + fixed)
    if not solved.values.size:
        return Rest(None, bound)
    chosen = state == OPEN
    chosen[free[solved.values[:size] > 0.5]] = True
    return Rest(chosen, bound)

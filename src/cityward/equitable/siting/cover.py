"""Set cover: the fewest (or cheapest) sites that reach every place, after what others imply is left out.

**Source**: the reductions are those of Toregas and ReVelle (1972), "Optimal location under time or distance
constraints", Papers of the Regional Science Association 28; HiGHS solves what is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.equitable.siting.program import Program

REDUCED_MAX: Final = 2_000
"""With more places or sites comparing each with each takes longer than it saves."""

REDUCTIONS: Final = 6
"""Rounds of leaving out; nearly all that falls falls in the first two."""


@dataclass(frozen=True, slots=True)
class Cover:
    """Sites that reach every place (None: none were found), and a number that no cover has fewer sites than."""

    sites: NDArray[np.int64] | None
    least: float


def greedy_cover(reach: NDArray[np.bool_], kept: NDArray[np.int64], price: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return sites that reach every place, each the one that reaches most new places for its price.

    Parameters
    ----------
    reach : array, sites × places
        Every place is reached by some site.
    kept : array
        Sites that are open anyhow; they come first.
    price : array of sites
        Above 0.
    """
    missing = ~reach[kept].any(axis=0)
    new = reach[:, missing].sum(axis=1).astype(np.float64)
    sites = kept.tolist()
    while missing.any():
        site = int(np.argmax(new / price))
        sites.append(site)
        gone = missing & reach[site]
        new -= reach[:, gone].sum(axis=1)
        missing &= ~gone
    order = np.array(sites, dtype=np.int64)
    for site in sites[: kept.size - 1 : -1] if kept.size else sites[::-1]:
        rest = order[order != site]
        if reach[rest].any(axis=0).all():
            order = rest
    return order


def cover(
    reach: NDArray[np.bool_],
    most: float,
    *,
    kept: NDArray[np.int64],
    price: NDArray[np.float64],
    left: Callable[[], float],
) -> Cover:
    """Return a cover whose prices sum to at most ``most``, or prove that there is none.

    Parameters
    ----------
    reach : array, sites × places
    most : float
        The most that is of interest.
    kept : array
        Sites that are open anyhow and have their price.
    price : array of sites
        At least 0; all 1 counts sites.
    left : callable
        Seconds that are left.

    Returns
    -------
    Cover
        ``least`` is above ``most`` where there is none; -infinite where the time did not suffice.
    """
    if not reach.any(axis=0).all():
        return Cover(None, math.inf)
    found = greedy_cover(reach, kept, np.maximum(price, 1e-9))
    if price[found].sum() <= most:
        return Cover(found, -math.inf)
    if left() <= 0:
        return Cover(None, -math.inf)
    spent = float(price[kept].sum())
    rows = np.flatnonzero(~reach[kept].any(axis=0))
    columns = np.setdiff1d(np.arange(reach.shape[0]), kept)
    rows, columns = _reduced(reach, rows, columns, price, left)
    if apart(reach[np.ix_(columns, rows)], price[columns]) + spent > most + 1e-6:
        return Cover(None, math.inf)
    return _solved(reach, rows, columns, price, most - spent, kept, left)


def _solved(
    reach: NDArray[np.bool_],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    price: NDArray[np.float64],
    most: float,
    kept: NDArray[np.int64],
    left: Callable[[], float],
) -> Cover:
    size = columns.size
    at, by = np.nonzero(reach[np.ix_(columns, rows)].T)
    relaxed = Program(price[columns], np.zeros(size), np.ones(size), np.zeros(size, dtype=np.bool_))
    relaxed.add(at, by, 1.0, 1.0, math.inf, rows.size)
    first = relaxed.solve(left)
    whole = bool((price == np.floor(price)).all())
    bound = math.ceil(first.bound - 1e-6) if whole and math.isfinite(first.bound) else first.bound
    if bound > most + 1e-6:
        return Cover(None, math.inf)
    program = Program(price[columns], np.zeros(size), np.ones(size), np.ones(size, dtype=np.bool_))
    program.add(at, by, 1.0, 1.0, math.inf, rows.size)
    found = program.solve(left, cutoff=most)
    if found.values.size:
        sites = np.concatenate([kept, columns[found.values > 0.5]])
        if reach[sites].any(axis=0).all() and price[columns[found.values > 0.5]].sum() <= most + 1e-6:
            return Cover(sites, -math.inf)
    none = found.impossible or found.bound > most + 1e-6
    return Cover(None, math.inf if none else -math.inf)


def _reduced(
    reach: NDArray[np.bool_],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    price: NDArray[np.float64],
    left: Callable[[], float],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Leave out places that are reached wherever another is, and sites that reach no more than one no dearer."""
    for _ in range(REDUCTIONS):
        if left() <= 0 or max(rows.size, columns.size) > REDUCED_MAX:
            break
        size = rows.size + columns.size
        part = reach[np.ix_(columns, rows)].astype(np.float32)
        columns = columns[~_within(part, price[columns])]
        part = np.ascontiguousarray(reach[np.ix_(columns, rows)].T).astype(np.float32)
        rows = rows[~_holds(part)]
        if rows.size + columns.size == size:
            break
    return rows, columns


def _within(part: NDArray[np.float32], price: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each row of ``part`` lies within another that is no dearer; of equal ones the first stays."""
    size = part.sum(axis=1)
    inside = (part @ part.T) >= size[:, None]
    inside &= price[None, :] <= price[:, None]
    same = inside & inside.T & (size[:, None] == size[None, :])
    later = np.tri(size.size, k=-1, dtype=np.bool_)
    found: NDArray[np.bool_] = (inside & (~same | later)).any(axis=1) if size.size else np.zeros(0, dtype=np.bool_)
    return found


def _holds(part: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each row of ``part`` holds all of another, which implies it; of equal ones the first stays."""
    size = part.sum(axis=1)
    holds = (part @ part.T) >= size[None, :]
    same = holds & holds.T
    later = np.tri(size.size, k=-1, dtype=np.bool_)
    found: NDArray[np.bool_] = (holds & (~same | later)).any(axis=1) if size.size else np.zeros(0, dtype=np.bool_)
    return found


def apart(part: NDArray[np.bool_], price: NDArray[np.float64]) -> float:
    """A bound from places no two of which share a site: each needs one of its own, at the least price."""
    missing = np.ones(part.shape[1], dtype=np.bool_)
    few = part.sum(axis=0)
    total = 0.0
    for place in np.argsort(few, kind="stable").tolist():
        if missing[place]:
            by = part[:, place]
            total += float(price[by].min())
            missing &= ~part[by].any(axis=0)
    return total

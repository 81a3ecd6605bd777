"""The p-centre, proven: the least longest way, by halving the ways that it can be, each asked as a set cover.

**Source**: Minieka (1970), "The m-center problem", SIAM Review 12; the bounds before the halving are those of greedy
covers from above and of each place's nearest site from below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.equitable.siting.cover import apart, cover, greedy_cover


@dataclass(frozen=True, slots=True)
class Centre:
    """The rows that are open, the longest way to the nearest of them, and a way that no choice is below."""

    sites: NDArray[np.int64]
    value: float
    bound: float


def centre(
    way: NDArray[np.float64],
    most: float,
    *,
    kept: NDArray[np.int64],
    begin: NDArray[np.int64],
    price: NDArray[np.float64],
    left: Callable[[], float],
) -> Centre:
    """Return the sites with the least longest way of a place to its nearest site.

    Parameters
    ----------
    way : array, sites × places
        At least 0; infinite where a place cannot be reached.
    most : float
        The most that the prices of sites may sum to.
    kept, begin : arrays
        Sites that are open anyhow, and sites within ``most``, those of ``kept`` among them, that reach every place.
    price : array of sites
        All 1 where ``most`` is a number of sites.
    left : callable
        Seconds that are left. When there are none the best sites so far are returned with the bound so far.
    """
    sites = begin
    value = float(way[sites].min(axis=0).max())
    low = float(np.min(way, axis=0).max())
    levels = np.unique(way[np.isfinite(way)])
    levels = levels[(levels >= low) & (levels <= value)]
    sites, top = _first(way, levels, most, sites, kept, price)
    bottom = _lowest(way, levels[: top + 1], most, kept, price)
    while bottom < top and left() > 0:
        middle = (bottom + top) // 2
        found = cover(way <= levels[middle], most, kept=kept, price=price, left=left)
        if found.sites is not None:
            sites = found.sites
            top = int(np.searchsorted(levels, way[sites].min(axis=0).max()))
        elif math.isinf(found.least) and found.least > 0:
            bottom = middle + 1
        else:
            break
    return Centre(np.sort(sites), float(way[sites].min(axis=0).max()), float(levels[bottom]))


def _first(
    way: NDArray[np.float64],
    levels: NDArray[np.float64],
    most: float,
    sites: NDArray[np.int64],
    kept: NDArray[np.int64],
    price: NDArray[np.float64],
) -> tuple[NDArray[np.int64], int]:
    """Halve by greedy covers alone: they find a good longest way at once."""
    bottom, top = 0, levels.size - 1
    while bottom < top:
        middle = (bottom + top) // 2
        found = greedy_cover(way <= levels[middle], kept, np.maximum(price, 1e-9))
        if price[found].sum() <= most:
            sites, top = found, middle
        else:
            bottom = middle + 1
    return sites, top


def _lowest(
    way: NDArray[np.float64],
    levels: NDArray[np.float64],
    most: float,
    kept: NDArray[np.int64],
    price: NDArray[np.float64],
) -> int:
    """Halve by places no two of which share a site: they prove at once that a longest way is too short."""
    bottom, top = 0, levels.size - 1
    spent = float(price[kept].sum())
    others = np.setdiff1d(np.arange(way.shape[0]), kept)
    while bottom < top:
        middle = (bottom + top) // 2
        reach = way <= levels[middle]
        missing = ~reach[kept].any(axis=0)
        if apart(reach[np.ix_(others, missing)], price[others]) + spent > most + 1e-6:
            bottom = middle + 1
        else:
            top = middle
    return bottom

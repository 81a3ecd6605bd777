"""Walking: straight lines times a detour, at one speed; there is no street in it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EARTH_METRES: Final = 6_371_008.8
"""Mean radius. **Source**: IUGG, in Moritz (2000), Geodetic Reference System 1980, table 1."""

NOT_REACHED: Final = 2**40
"""Seconds of what cannot be reached."""

BLOCK: Final = 4_000_000
"""Distances that are computed at once."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How people walk.

    Attributes
    ----------
    metres_per_second : float
    detour : float
        Length of the way over that of the straight line, at least 1.
    most_seconds : float
        To a stop, and from the last stop to the service.
    change_seconds : float
        Longest walk from one stop to another when changing.
    """

    metres_per_second: float = 1.25
    detour: float = 1.3
    most_seconds: float = 900.0
    change_seconds: float = 300.0

    def slower(self, metres_per_second: float) -> Walk:
        """The same at another speed, if that is lower."""
        return replace(self, metres_per_second=min(metres_per_second, self.metres_per_second))

    def seconds(self, metres: Floats) -> Ints:
        """Whole seconds, rounded up, of straight lines."""
        return np.ceil(metres * (self.detour / self.metres_per_second) - 1e-9).astype(np.int64)

    def metres(self, seconds: float) -> float:
        """The straight line that is walked in so many seconds."""
        return seconds * self.metres_per_second / self.detour


def plane(lon: Floats, lat: Floats, at: float) -> tuple[Floats, Floats]:
    """Metres east and north of (0, 0) on a plane that is true near a latitude: 0.1 % within a city."""
    x = np.radians(lon) * EARTH_METRES * np.cos(np.radians(at))
    return x, np.radians(lat) * EARTH_METRES


@njit(cache=True, nogil=True)
def _near(
    ax: Floats, ay: Floats, bx: Floats, by: Floats, metres: float, count_only: bool, index: Ints, far: Floats
) -> Ints:
    """Points b, ordered by x, within some metres of each a: where each list begins; fills ``index`` and ``far``."""
    starts = np.zeros(ax.size + 1, np.int64)
    at = 0
    for i in range(ax.size):
        first = np.searchsorted(bx, ax[i] - metres)
        for j in range(first, bx.size):
            if bx[j] > ax[i] + metres:
                break
            square = (bx[j] - ax[i]) ** 2 + (by[j] - ay[i]) ** 2
            if square <= metres * metres:
                if not count_only:
                    index[at], far[at] = j, np.sqrt(square)
                at += 1
        starts[i + 1] = at
    return starts


def near(ax: Floats, ay: Floats, bx: Floats, by: Floats, metres: float) -> tuple[Ints, Ints, Floats]:
    """Pairs of a point a and a point b that lie near: starts by a (a + 1,), positions of b, metres."""
    order = np.argsort(bx, kind="stable")
    x, y = bx[order], by[order]
    starts = _near(ax, ay, x, y, metres, True, np.empty(0, np.int64), np.empty(0))
    index, far = np.empty(starts[-1], np.int64), np.empty(int(starts[-1]))
    _near(ax, ay, x, y, metres, False, index, far)
    return starts, order[index], far


def nearest_metres(ax: Floats, ay: Floats, bx: Floats, by: Floats) -> Floats:
    """Metres from each a to the nearest b, shape (a,); infinite without any."""
    found = np.full(ax.size, np.inf)
    step = max(1, BLOCK // max(1, bx.size))
    for at in range(0, ax.size if bx.size else 0, step):
        part = slice(at, at + step)
        square = (ax[part, None] - bx[None, :]) ** 2 + (ay[part, None] - by[None, :]) ** 2
        found[part] = np.sqrt(square.min(axis=1))
    return found

"""Circular windows: around each place, the places in order of distance, up to a limit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import njit, prange
from cityward.core.errors import UserError
from cityward.core.limits import SCAN_NEIGHBOURS, SCAN_PLACES

EARTH_RADIUS_KM = 6367.0
"""Mean radius as the reference program for such scans takes it, so that limits in km mean the same."""

Floats = NDArray[np.float64]


def neighbours(
    x: Floats,
    y: Floats,
    weights: Floats,
    *,
    sphere: bool = True,
    most_weight: float = math.inf,
    max_km: float | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return for each place the places in order of distance, itself first, and how many a window may take.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Longitude and latitude in degrees, or plane coordinates.
    weights : ndarray, shape (n,)
        What a window may hold at most ``most_weight`` of (cases, people or expected cases).
    sphere : bool
        Great-circle distances; else those of the plane.
    most_weight : float
        A window that holds more is too large.
    max_km : float, optional
        Largest radius; in units of the coordinates on the plane.

    Returns
    -------
    order : ndarray of int32, shape (n, k)
        Positions of places; of equal distances the lesser coordinate comes first, as in the reference
        program; -1 after the last.
    reach : ndarray of int64, shape (n,)
        Places that a window around each may take; 0 where even the place alone is too large.

    Raises
    ------
    UserError
        More places or neighbours than fit into memory.
    """
    if x.size > SCAN_PLACES:
        raise UserError(
            f"{x.size:,} places are more than a scan compares ({SCAN_PLACES:,}).", "Sum them to larger places first."
        )
    points = _points(x, y) if sphere else np.column_stack([x, y, np.zeros(x.size)])
    far = np.inf
    if max_km is not None:
        far = 2 * math.sin(min(max_km / (2 * EARTH_RADIUS_KM), math.pi / 2)) if sphere else max_km
    limit = most_weight * (1 + 1e-12)
    far *= 1 + 1e-12  # rounding must not leave out a place at the very limit
    ranked = np.lexsort((points[:, 2], points[:, 1], points[:, 0]))
    reach = _reaches(points, ranked, weights, limit, far)
    if reach.sum() > SCAN_NEIGHBOURS:
        raise UserError(
            f"The circles around {x.size:,} places take {reach.sum():,} neighbours; {SCAN_NEIGHBOURS:,} fit.",
            "Set a smaller --max-km or --max-share, or sum the places to larger ones.",
        )
    order = np.full((x.size, max(int(reach.max(initial=0)), 1)), -1, dtype=np.int32)
    _fill(points, ranked, reach, far, order)
    return order, reach


def radius_km(x: Floats, y: Floats, *, sphere: bool = True) -> float:
    """Distance from the first place to the farthest of the others; plane units on the plane."""
    points = _points(x, y) if sphere else np.column_stack([x, y, np.zeros(x.size)])
    chord = float(np.sqrt(((points - points[0]) ** 2).sum(axis=1)).max())
    return 2 * EARTH_RADIUS_KM * math.asin(min(chord / 2, 1.0)) if sphere else chord


def _points(lon: Floats, lat: Floats) -> Floats:
    """Points of the unit sphere: chords grow as great circles do, and cost no inverse functions."""
    east, north = np.radians(lon), np.radians(lat)
    return np.column_stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])


@njit(cache=True)
def _in_order(points: Floats, ranked: NDArray[np.int64], centre: int, far: float) -> NDArray[np.int64]:
    """Places no farther than ``far``, in order of distance, then of coordinates (``ranked``)."""
    squares = np.empty(points.shape[0])
    for at in range(points.shape[0]):
        place = ranked[at]
        squares[at] = (
            (points[place, 0] - points[centre, 0]) ** 2
            + (points[place, 1] - points[centre, 1]) ** 2
            + (points[place, 2] - points[centre, 2]) ** 2
        )
        if place == centre:
            squares[at] = -1.0  # itself first, also among places at one point
    near = np.flatnonzero(squares <= far * far)
    return ranked[near[np.argsort(squares[near], kind="mergesort")]]


@njit(cache=True, parallel=True)
def _reaches(points: Floats, ranked: NDArray[np.int64], weights: Floats, limit: float, far: float) -> NDArray[np.int64]:
    reach = np.zeros(points.shape[0], dtype=np.int64)
    for centre in prange(points.shape[0]):
        order = _in_order(points, ranked, centre, far)
        weight = 0.0
        for taken in range(order.size):
            weight += weights[order[taken]]
            if weight > limit:
                break
            reach[centre] = taken + 1
    return reach


@njit(cache=True, parallel=True)
def _fill(
    points: Floats, ranked: NDArray[np.int64], reach: NDArray[np.int64], far: float, order: NDArray[np.int32]
) -> None:
    for centre in prange(points.shape[0]):
        found = _in_order(points, ranked, centre, far)
        for taken in range(reach[centre]):
            order[centre, taken] = found[taken]

"""Circular windows: for each place, all places in order of distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_KM = 6371.0


def distance_order(
    lon: NDArray[np.float64], lat: NDArray[np.float64], *, max_km: float | None = None
) -> NDArray[np.int32]:
    """Return for each place (row) the places in order of great-circle distance, itself first.

    Parameters
    ----------
    lon, lat : ndarray, shape (n,)
        Degrees.
    max_km : float, optional
        Places farther away are -1, at the end of the row.

    Returns
    -------
    ndarray, shape (n, n)
        Equal distances stand in the order of the places.
    """
    x, y = np.radians(lon), np.radians(lat)
    half = np.sin((y[:, None] - y) / 2) ** 2 + np.cos(y)[:, None] * np.cos(y) * np.sin((x[:, None] - x) / 2) ** 2
    km = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    np.fill_diagonal(km, -1.0)
    order = np.argsort(km, axis=1, kind="stable").astype(np.int32)
    if max_km is not None:
        far = np.take_along_axis(km, order.astype(np.int64), axis=1) > max_km
        order[far] = -1
    return order

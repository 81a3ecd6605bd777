"""Tells sound without a header by what its samples are like: they swing around rest, smoothly and at many speeds."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.guard.content import words

BYTES_MIN: Final = 1600
"""A tenth of a second of speech at 8,000 samples of 16 bits; a shorter piece tells nobody apart."""
_BYTES: Final = 2**18


def is_sound(data: bytes, name: str = "") -> bool:
    """Return whether ``data`` are samples of sound: 16 bits of either order, 8 bits or G.711.

    A series of a sensor lies around a level instead; a name such as ``vibration`` excuses a waveform.
    """
    if len(data) < BYTES_MIN or words.SERIES.search(name):
        return False
    part = data[:_BYTES]
    whole = part[: len(part) // 2 * 2]
    unsigned = np.frombuffer(part, dtype=np.uint8)
    orders = [np.frombuffer(whole, kind).astype(np.float64) for kind in ("<i2", ">i2")]
    if _swings(max(orders, key=_alike), 300):  # in the wrong order neighbours are less alike
        return True
    return _swings(unsigned.astype(np.float64) - 128, 3) or _swings(_mu_law(unsigned), 300)


def _swings(x: NDArray[np.float64], spread_min: float) -> bool:
    """Whether ``x`` swings around zero, neighbours alike, and crosses it at changing intervals."""
    spread = float(np.std(x))
    if spread < spread_min or abs(float(np.mean(x))) > 0.12 * spread:
        return False
    y, alike = x - x.mean(), _alike(x)
    crossings = np.flatnonzero(np.diff(np.signbit(y)))
    return alike > 0.6 and y.size * 0.01 < crossings.size < y.size * 0.45 and np.unique(np.diff(crossings)).size > 4


def is_waveform(x: NDArray[np.float64]) -> bool:
    """Return whether numbers under a name that says sound swing like it."""
    return x.size >= BYTES_MIN // 4 and bool(np.all(np.isfinite(x))) and _swings(x, 1e-4)


def _alike(x: NDArray[np.float64]) -> float:
    y = x - x.mean()
    total = float(np.dot(y, y))
    return float(np.dot(y[:-1], y[1:])) / total if total else 0.0


def _mu_law(data: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Samples of G.711 as numbers (Source: ITU-T G.711, µ-law)."""
    inverted = (~data).astype(np.int64)
    size = ((((inverted & 15) << 3) + 132) << ((inverted >> 4) & 7)) - 132
    return np.where(inverted & 128, -size, size).astype(np.float64)

"""What is far above the usual: a limit from the past that a few odd days do not move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

DAYS_MIN: Final = 7
"""With fewer days of the past nothing is called unusual."""

TIMES_SPREAD: Final = 6.0
"""So many robust standard deviations above the median are unusual."""

FLOOR_FACTOR: Final = 2.0
"""And at least so many times the largest of the past but one: a quiet past has no spread."""

_MAD_TO_SIGMA: Final = 1.4826


def limit_of(past: Sequence[float]) -> float | None:
    """The limit above which a day is unusual, from the days before it; None when they are too few.

    Source: median and median absolute deviation; F. R. Hampel, The Influence Curve and Its Role in Robust Estimation,
    JASA 69 (1974), 383-393; 1.4826 makes it a standard deviation where values are normal.
    """
    if len(past) < DAYS_MIN:
        return None
    values = np.asarray(past, dtype=float)
    median = float(np.median(values))
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(values - median)))
    second = float(np.sort(values)[-2])
    return max(median + TIMES_SPREAD * spread, FLOOR_FACTOR * second)

"""Bounds of a rate ratio when rates differ from place to place: the gamma-Poisson distribution, exactly.

A count is Poisson around a rate, and the rate is gamma around what is expected. Pure: arrays in, arrays out.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.beta import incomplete_beta

Floats = NDArray[np.float64]

_HALVINGS: Final = 60


def ratio_bounds(heard: Floats, expected: Floats, variance: Floats, tail: float = 0.05) -> tuple[Floats, Floats]:
    """Return the lowest and the highest ratio to ``expected`` that ``heard`` is still compatible with.

    Parameters
    ----------
    heard : ndarray of float, shape (n,)
        Counts.
    expected : ndarray of float, shape (n,)
        Above 0.
    variance : ndarray of float, shape (n,)
        Relative variance (squared coefficient of variation) of the gamma distribution, above 0.
    tail : float
        Probability left out on each side: 0.05 for a 90 % interval.

    Notes
    -----
    At the highest ratio so few reports or fewer have probability ``tail``; at the lowest so many or more
    (Clopper and Pearson 1934, The use of confidence or fiducial limits, with the negative binomial in the
    place of the binomial). The lowest ratio of a count of zero is 0.
    """
    shape = 1 / variance
    some = heard > 0
    low = np.zeros_like(expected)
    # P(Y <= y) = I_p(shape, y + 1) with p = shape / (shape + mean).
    low[some] = _ratio(1 - tail, shape[some], heard[some], expected[some])
    return low, _ratio(tail, shape, heard + 1, expected)


def _ratio(probability: float, shape: Floats, other: Floats, expected: Floats) -> Floats:
    """Ratio at which ``incomplete_beta(p)`` is ``probability``."""
    below, above = np.zeros_like(shape), np.ones_like(shape)
    for _ in range(_HALVINGS):
        middle = (below + above) / 2
        less = incomplete_beta(shape, other, middle) < probability
        below, above = np.where(less, middle, below), np.where(less, above, middle)
    p = (below + above) / 2
    ratio: Floats = shape * (1 - p) / p / expected
    return ratio

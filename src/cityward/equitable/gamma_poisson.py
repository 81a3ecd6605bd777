"""Bounds of a rate ratio when rates differ from place to place: the gamma-Poisson distribution, exactly.

A count is Poisson around a rate, and the rate is gamma around what is expected. Pure: arrays in, arrays out.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TINY: Final = 1e-300
_PRECISION: Final = 1e-11
_MOST_TERMS: Final = 5_000
_HALVINGS: Final = 60


def _log_gamma(values: Floats) -> Floats:
    return np.fromiter(map(math.lgamma, values), dtype=np.float64, count=len(values))


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


def incomplete_beta(a: Floats, b: Floats, x: Floats) -> Floats:
    """Regularised incomplete beta function I_x(a, b), for ``a``, ``b`` > 0 and 0 < ``x`` < 1.

    Source: DLMF 8.17.22, the continued fraction, by Lentz's method as modified by Thompson and Barnett (1986).
    """
    # The fraction converges fast left of the mean; right of it, the symmetry I_x(a, b) = 1 - I_{1-x}(b, a) helps.
    mirrored = x > (a + 1) / (a + b + 2)
    a, b, x = np.where(mirrored, b, a), np.where(mirrored, a, b), np.where(mirrored, 1 - x, x)
    front = np.exp(_log_gamma(a + b) - _log_gamma(a) - _log_gamma(b) + a * np.log(x) + b * np.log1p(-x)) / a
    value = front * _continued_fraction(a, b, x)
    below: Floats = np.where(mirrored, 1 - value, value)
    return below


def _continued_fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    numerator = np.ones_like(x)
    denominator = 1 / _not_zero(1 - (a + b) * x / (a + 1))
    fraction = denominator.copy()
    for term in range(1, _MOST_TERMS):
        even = term * (b - term) * x / ((a + 2 * term - 1) * (a + 2 * term))
        odd = -(a + term) * (a + b + term) * x / ((a + 2 * term) * (a + 2 * term + 1))
        for coefficient in (even, odd):
            denominator = 1 / _not_zero(1 + coefficient * denominator)
            numerator = _not_zero(1 + coefficient / numerator)
            step = numerator * denominator
            fraction = fraction * step
        if np.all(np.abs(step - 1) < _PRECISION):
            break
    return fraction


def _not_zero(value: Floats) -> Floats:
    return np.where(np.abs(value) < _TINY, _TINY, value)

"""The beta distribution in arrays: its distribution function and its quantiles, without a library of statistics."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TINY: Final = 1e-300
_PRECISION: Final = 1e-11
_CLOSE: Final = 1e-7  # of log odds; the step after it would be far smaller
_FAR: Final = 690.0  # log odds of the smallest numbers
_MOST_TERMS: Final = 5_000
_MOST_STEPS: Final = 80


def beta_quantile(a: Floats, b: Floats, probability: float) -> Floats:
    """Value below which a beta distribution has ``probability``, for ``a``, ``b`` > 0; shape as ``a``.

    Notes
    -----
    Halley steps on the log odds, which a bracket keeps in check, from the normal approximation of Abramowitz and
    Stegun 26.5.22.
    """
    logit = _near(a, b, probability)
    below, above = np.full_like(logit, -_FAR), np.full_like(logit, _FAR)
    constant = log_beta(a, b)
    for _ in range(_MOST_STEPS):
        x = np.clip(1 / (1 + np.exp(-logit)), _TINY, 1 - 1e-16)
        excess = incomplete_beta(a, b, x) - probability
        below, above = np.where(excess < 0, logit, below), np.where(excess < 0, above, logit)
        slope = np.exp(a * np.log(x) + b * np.log1p(-x) - constant)
        newton = excess / np.maximum(slope, _TINY)
        bend = np.clip(newton * (a * (1 - x) - b * x) / 2, -0.9, 0.5)
        step = logit - newton / (1 - bend)
        following = np.where((step >= below) & (step <= above), step, (below + above) / 2)
        moved = np.abs(following - logit)
        logit = following
        if np.all(moved <= _CLOSE):
            break
    return 1 / (1 + np.exp(-logit))


def _near(a: Floats, b: Floats, probability: float) -> Floats:
    far = -NormalDist().inv_cdf(probability)
    first, second = 1 / np.maximum(2 * a - 1, 1), 1 / np.maximum(2 * b - 1, 1)
    harmonic, spread = 2 / (first + second), (far * far - 3) / 6
    w = far * np.sqrt(np.maximum(harmonic + spread, 0)) / harmonic - (second - first) * (
        spread + 5 / 6 - 2 / (3 * harmonic)
    )
    return np.clip(np.log(a / b) - 2 * w, -_FAR, _FAR)


def log_beta(a: Floats, b: Floats) -> Floats:
    """Logarithm of the beta function."""
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)


def log_gamma(values: Floats) -> Floats:
    """Logarithm of the gamma function of each value above 0; shape as ``values``."""
    flat = np.fromiter(map(math.lgamma, values.ravel().tolist()), dtype=np.float64, count=values.size)
    return flat.reshape(values.shape)


def incomplete_beta(a: Floats, b: Floats, x: Floats) -> Floats:
    """Regularised incomplete beta function I_x(a, b), for ``a``, ``b`` > 0 and 0 < ``x`` < 1.

    Source: DLMF 8.17.22, the continued fraction, by Lentz's method as modified by Thompson and Barnett (1986).
    """
    # The fraction converges fast left of the mean; right of it, the symmetry I_x(a, b) = 1 - I_{1-x}(b, a) helps.
    mirrored = x > (a + 1) / (a + b + 2)
    a, b, x = np.where(mirrored, b, a), np.where(mirrored, a, b), np.where(mirrored, 1 - x, x)
    front = np.exp(a * np.log(x) + b * np.log1p(-x) - log_beta(a, b)) / a
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

"""Numbers behind `reporting`: the city's baseline by age, clustering of reports, and rates pooled over territories.

Pure: arrays in, arrays out. Territories are rows, services columns, ages of a case the last axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BASELINE_ROUNDS: Final = 30
BORROWED_REPORTS: Final = 5.0
"""A service's own profile over the ages of a case weighs as much as the city's once it has so many reports."""

SPREADS: Final = np.array(
    [0.02, 0.04, 0.06, 0.08, 0.1, 0.125, 0.15, 0.18, 0.22, 0.27, 0.33, 0.4, 0.5, 0.6, 0.75, 0.95, 1.2, 1.6]
)
"""Standard deviations of log readiness between territories that are weighed against each other."""

SPREAD_SCALE: Final = 0.5
"""Rayleigh prior of the spread: factors of two between places are ordinary, factors of ten are not.

It vanishes at 0, where a spread estimated from few places often falls by chance and would make intervals too
short. Source: Chung and others (2013), A nondegenerate penalized likelihood estimator for variance parameters
in multilevel models, Psychometrika 78.
"""

SLOPE_SCALE: Final = 1.0
"""Normal prior of a coefficient per standard deviation."""

_INTERCEPT_SCALE: Final = 3.0
_NODES, _NODE_WEIGHTS = np.polynomial.hermite.hermgauss(9)
_NEWTON_STEPS: Final = 25
_LARGEST_SIZE: Final = 1e6
_GRID: Final = np.linspace(-4.5, 4.5, 31)
_BLOCK_CELLS: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of each territory's readiness, shape (territories,).

    ``events`` further reports were counted where ``expected`` would come at the city's baseline; ``size`` is
    that of the gamma-Poisson distribution (large: Poisson; small: reports cluster on few incidents).
    """

    events: Floats
    expected: Floats
    size: Floats


@dataclass(frozen=True, slots=True)
class Pooled:
    """Posterior of coefficients, for each of `SPREADS`: weights (g,), modes (g, p), covariances (g, p, p)."""

    weights: Floats
    modes: Floats
    covariances: Floats

    def slope(self, position: int) -> tuple[float, float]:
        """Mean and standard deviation of one coefficient."""
        mean = float(self.weights @ self.modes[:, position])
        within = self.covariances[:, position, position] + (self.modes[:, position] - mean) ** 2
        return mean, math.sqrt(float(self.weights @ within))


def baseline(events: Floats, days: Floats) -> Floats:
    """City-wide rate of further reports per open day, by service and age.

    Parameters
    ----------
    events, days : ndarray of float, shape (territories, services, ages)
        Further reports, and days that cases were open at that age.

    Returns
    -------
    ndarray of float, shape (services, ages)
        Rates such that ``events ~ readiness[territory] * rate * days``, by alternating maximum likelihood.

    Notes
    -----
    Readiness must be fitted together with the baseline: where ready places are those whose cases close
    early, a baseline without it would blame the age. Services with few reports borrow the city's profile.
    """
    readiness = np.ones(len(events))
    by_territory, by_cell = events.sum(axis=(1, 2)), events.sum(axis=0)
    for _ in range(BASELINE_ROUNDS):
        weighted = np.tensordot(readiness, days, axes=1)
        profile = _share(by_cell.sum(axis=0), weighted.sum(axis=0))
        level = _share(by_cell.sum(axis=1), weighted @ profile)
        prior = level[:, None] * profile
        # A gamma prior around the service's level times the city's profile, worth BORROWED_REPORTS.
        rate = np.where(prior > 0, prior * (by_cell + BORROWED_REPORTS) / (prior * weighted + BORROWED_REPORTS), 0.0)
        expected = np.tensordot(days, rate, axes=2)
        # Half a report keeps a place without any from a readiness of nothing.
        fitted = (by_territory + 0.5) / (expected + 0.5)
        before, readiness = readiness, fitted / max(float(_share(fitted @ expected, expected.sum())), 1e-12)
        if np.abs(readiness - before).max() < 1e-7:
            break
    return rate


def _share(part: Floats, whole: Floats) -> Floats:
    shared: Floats = np.divide(
        part, whole, out=np.zeros_like(np.asarray(part, dtype=float)), where=np.asarray(whole) > 0
    )
    return shared


def clustering(counts: Floats, means: Floats, territory: Integers, evidence: Floats, expected: Floats) -> float:
    """Variance of the gamma factor that incidents have of their own, by moments; at least 0.

    Parameters
    ----------
    counts, means : ndarray of float, shape (incidents,)
        Further reports of each incident, and what the baseline expects.
    territory : ndarray of int, shape (incidents,)
    evidence, expected : ndarray of float, shape (territories,)
        Their sums over territories.

    Notes
    -----
    Each territory's readiness is taken out first, shrunk by as much as it is uncertain; the part of the
    noise that goes with it is put back.
    """
    spread = max(float(((evidence - expected) ** 2 - evidence).sum()), 0.0) / max(float(expected @ expected), 1e-12)
    borrowed = 1 / max(spread, 1e-4)
    readiness = (evidence + borrowed) / (expected + borrowed)
    fitted = means * readiness[territory]
    square = float(fitted @ fitted)
    if square <= 0:
        return 0.0
    taken = np.bincount(territory, fitted**2, minlength=len(expected)) / (readiness * (expected + borrowed))
    return max((float(((counts - fitted) ** 2 - fitted).sum()) + float(taken.sum())) / square, 0.0)


def size_of(expected: Floats, squares: Floats, variance: float) -> Floats:
    """Size of the gamma-Poisson distribution of a territory's sum, by matching the variance.

    A sum of counts with means m and gamma factors of variance v has variance sum(m) + v sum(m²).
    """
    spread = variance * squares
    return np.minimum(np.divide(expected**2, spread, out=np.full_like(expected, _LARGEST_SIZE), where=spread > 0), 1e6)


def pool(evidence: Evidence, design: Floats) -> Pooled:
    """Partially pool log readiness over territories: normal around ``design @ coefficients``.

    Parameters
    ----------
    evidence : Evidence
    design : ndarray of float, shape (territories, coefficients)
        The first column is 1, the others are standardised.

    Notes
    -----
    Each territory's own deviation is integrated out by adaptive Gauss-Hermite quadrature, coefficients by
    Laplace's approximation and the spread over a grid (Rue, Martino and Chopin 2009, Approximate Bayesian
    inference for latent Gaussian models, section 3).
    """
    spread = SPREADS[:, None]
    size = design.shape[1]
    precision = np.diag(np.r_[_INTERCEPT_SCALE**-2.0, np.full(size - 1, SLOPE_SCALE**-2.0)])
    modes = np.zeros((len(SPREADS), size))
    log_rate = np.zeros((len(SPREADS), len(design)))
    for _ in range(_NEWTON_STEPS):
        log_rate, mean, variance, log_marginal = _integrate(evidence, modes @ design.T, spread, log_rate)
        slope = ((mean - modes @ design.T) / spread**2) @ design - modes @ precision
        # Louis's identity: observed = complete - missing information; above 0 up to rounding.
        information = np.maximum(1 / spread**2 - variance / spread**4, 0.0)
        curvature = np.einsum("gt,tp,tq->gpq", information, design, design) + precision
        step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
        modes = modes + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-5:
            break
    prior = (
        -0.5 * np.einsum("gp,pq,gq->g", modes, precision, modes) + np.log(SPREADS) - 0.5 * (SPREADS / SPREAD_SCALE) ** 2
    )
    score = log_marginal.sum(axis=1) + prior - 0.5 * np.linalg.slogdet(curvature)[1] + np.log(np.gradient(SPREADS))
    weights = np.exp(score - score.max())
    return Pooled(weights / weights.sum(), modes, np.linalg.inv(curvature))


def _integrate(
    evidence: Evidence, centre: Floats, spread: Floats, start: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Mode, mean, variance and log marginal likelihood of log readiness, shape (g, territories)."""
    mode, deviation = _mode(evidence, centre, spread, start)
    values = mode[..., None] + math.sqrt(2) * deviation[..., None] * _NODES
    log_density = _log_density(evidence, values, centre[..., None], spread[..., None])
    terms = log_density + np.log(_NODE_WEIGHTS) + _NODES**2
    top = terms.max(axis=-1, keepdims=True)
    share = np.exp(terms - top)
    total = share.sum(axis=-1, keepdims=True)
    share /= total
    mean = (share * values).sum(axis=-1)
    variance = (share * (values - mean[..., None]) ** 2).sum(axis=-1)
    return mode, mean, variance, top[..., 0] + np.log(total[..., 0] * deviation) - np.log(spread)


def _mode(evidence: Evidence, centre: Floats, spread: Floats, start: Floats) -> tuple[Floats, Floats]:
    value = start
    for _ in range(_NEWTON_STEPS):
        part = evidence.expected * np.exp(value)
        part = part / (evidence.size + part)
        every = evidence.events + evidence.size
        information = every * part * (1 - part) + spread**-2.0
        step = (evidence.events - every * part - (value - centre) / spread**2) / information
        value = value + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-6:
            break
    return value, 1 / np.sqrt(information)


def _log_density(evidence: Evidence, values: Floats, centre: Floats, spread: Floats) -> Floats:
    events, expected, size = (column[:, None] for column in (evidence.events, evidence.expected, evidence.size))
    likelihood = events * values - (events + size) * np.log1p(expected * np.exp(values) / size)
    density: Floats = likelihood - 0.5 * ((values - centre) / spread) ** 2
    return density


def draw(evidence: Evidence, design: Floats, pooled: Pooled, draws: int, stream: np.random.Generator) -> Floats:
    """Draw log readiness from its joint posterior, shape (draws, territories)."""
    at = stream.choice(len(SPREADS), size=draws, p=pooled.weights)
    factors = np.linalg.cholesky(pooled.covariances)
    noise = stream.standard_normal((draws, design.shape[1]))
    coefficients = pooled.modes[at] + np.einsum("dpq,dq->dp", factors[at], noise)
    spread = SPREADS[at][:, None]
    uniform = stream.random((draws, len(design)))
    out = np.empty((draws, len(design)))
    block = max(_BLOCK_CELLS // (draws * len(_GRID)), 1)
    for first in range(0, len(design), block):
        part = slice(first, first + block)
        some = Evidence(evidence.events[part], evidence.expected[part], evidence.size[part])
        out[:, part] = _invert(some, coefficients @ design[part].T, spread, uniform[:, part])
    return out


def _invert(evidence: Evidence, centre: Floats, spread: Floats, uniform: Floats) -> Floats:
    """Draw by inverting the distribution function on a grid around the mode."""
    mode, deviation = _mode(evidence, centre, spread, centre)
    values = mode[..., None] + deviation[..., None] * _GRID
    log_density = _log_density(evidence, values, centre[..., None], spread[..., None])
    density = np.exp(log_density - log_density.max(axis=-1, keepdims=True))
    reached = np.cumsum((density[..., 1:] + density[..., :-1]) / 2, axis=-1)
    target = uniform * reached[..., -1]
    cell = np.minimum((reached < target[..., None]).sum(axis=-1), reached.shape[-1] - 1)[..., None]
    above = np.take_along_axis(reached, cell, axis=-1)[..., 0]
    below = np.where(cell[..., 0] > 0, np.take_along_axis(reached, np.maximum(cell - 1, 0), axis=-1)[..., 0], 0.0)
    within = (target - below) / np.maximum(above - below, 1e-300)
    drawn: Floats = mode + deviation * (_GRID[cell[..., 0]] + within * (_GRID[1] - _GRID[0]))
    return drawn


def normal_tail(value: float) -> float:
    """Probability that a standard normal is farther from 0 than ``value``."""
    return math.erfc(abs(value) / math.sqrt(2))


def student_quantile(share: float, degrees: int) -> float:
    """Quantile of Student's t: how far a coefficient is from 0 by chance when few places tell the spread.

    Source: Abramowitz and Stegun (1964), 26.7.5, to the second order; 4 % too small at 6 degrees, 0.2 % from 18 on.
    """
    far, few = NormalDist().inv_cdf(share), max(degrees, 1)
    return far + (far**3 + far) / (4 * few) + (5 * far**5 + 16 * far**3 + 3 * far) / (96 * few**2)


def chi_square_tail(value: float, degrees: int) -> float:
    """Probability above ``value``. Source: Wilson and Hilferty (1931), The distribution of chi-square."""
    if degrees < 1:
        return 1.0
    width = 2 / (9 * degrees)
    return 0.5 * math.erfc(((value / degrees) ** (1 / 3) - 1 + width) / math.sqrt(2 * width))


def constant_rate_slope(events: Floats, days: Floats, values: Floats) -> float:
    """Slope of log reports per open day, as if the rate did not change with age: what is shown to be wrong.

    Poisson regression by Newton's method; NaN without reports.
    """
    if events.sum() <= 0 or np.ptp(values) <= 0:
        return math.nan
    design = np.column_stack([np.ones(len(values)), values])
    coefficients = np.array([math.log(events.sum() / days.sum()), 0.0])
    for _ in range(_NEWTON_STEPS):
        mean = days * np.exp(np.clip(design @ coefficients, -50, 50))
        information = (design * mean[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.clip(np.linalg.solve(information, design.T @ (events - mean)), -1, 1)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-9:
            break
    return float(coefficients[1])

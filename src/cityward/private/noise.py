"""Noise of releases: discrete Laplace and discrete Gaussian on a vector of whole numbers, by OpenDP.

OpenDP draws from the operating system's cryptographic source and in exact arithmetic, so that neither a guessed
seed nor the spacing of floating-point numbers tells what lies beneath. There is no way to seed it, on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from cityward.core.errors import UserError

Counts = NDArray[np.int64]

EPSILON_MIN: Final = 1e-4
EPSILON_MAX: Final = 10.0
"""With epsilon 10 an answer is 22,000 times likelier with a person than without: more protects nobody."""

RHO_MAX: Final = EPSILON_MAX**2 / 2
SENSITIVITY_MAX: Final = 2**40
"""Largest change by one person: with it and `EPSILON_MIN`, values and noise stay far from the ends of 64 bits."""

_CONTINUOUS_SIGMA: Final = 1e4  # beyond it the quantiles of the discrete and continuous normal agree to 1 in 10^4


@dataclass(frozen=True)
class Mechanism:
    """Noise of one release; made by `laplace` or `gaussian`.

    Attributes
    ----------
    kind : str
        ``laplace`` or ``gaussian``.
    scale : float
        Of the discrete Laplace ``P(x) ∝ exp(-|x| / scale)``, or of the discrete Gaussian ``P(x) ∝ exp(-x²/2 scale²)``.
    draw : callable
        Adds noise to a list of whole numbers.
    """

    kind: Literal["laplace", "gaussian"]
    scale: float
    draw: Callable[[list[int]], list[int]]

    def add(self, values: Counts) -> Counts:
        """Return ``values`` (n,) with independent noise on each."""
        return np.asarray(self.draw(values.tolist()), dtype=np.int64) if values.size else values.copy()

    def error(self, level: float = 0.95) -> float:
        """The smallest whole ``t`` so that the noise is at most ``t`` in size with probability ``level`` or more."""
        if self.kind == "laplace":
            p = math.exp(-1 / self.scale)  # P(|x| > t) = 2 p^(t + 1) / (1 + p)
            bound = math.log((1 - level) * (1 + p) / 2) / math.log(p) - 1
            return float(max(0, math.ceil(bound - 1e-12)))
        if self.scale > _CONTINUOUS_SIGMA:
            return float(math.ceil(_normal_quantile(level) * self.scale))
        sizes, mass = self._mass
        return float(sizes[np.searchsorted(np.cumsum(mass), level - 1e-15)])

    @property
    def mean_absolute(self) -> float:
        """Expected size of the noise.

        Notes
        -----
        Source: of the discrete Laplace with p = exp(-1 / scale) it is 2 p / (1 - p²); 0.851 at scale 1.
        """
        if self.kind == "laplace":
            p = math.exp(-1 / self.scale)
            return 2 * p / (1 - p * p)
        if self.scale > _CONTINUOUS_SIGMA:
            return self.scale * math.sqrt(2 / math.pi)
        sizes, mass = self._mass
        return float((sizes * mass).sum())

    @property
    def variance(self) -> float:
        """Variance of the noise on one number; of the Gaussian the usual, slightly larger, bound."""
        if self.kind == "laplace":
            p = math.exp(-1 / self.scale)
            return 2 * p / (1 - p) ** 2
        return self.scale**2

    @cached_property
    def _mass(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        sizes = np.arange(math.ceil(12 * self.scale) + 2, dtype=np.float64)
        mass = np.exp(-(sizes**2) / (2 * self.scale**2)) * np.where(sizes == 0, 1.0, 2.0)
        return sizes, mass / mass.sum()


def laplace(sensitivity: int, epsilon: float) -> Mechanism:
    """Return discrete Laplace noise that makes a release ``epsilon``-private.

    Parameters
    ----------
    sensitivity : int
        Most that one person changes the sum of all absolute values (L1), 1 to `SENSITIVITY_MAX`.
    epsilon : float
        `EPSILON_MIN` to `EPSILON_MAX`.

    Raises
    ------
    UserError
        A parameter is out of its range, or is no number.

    Notes
    -----
    Source: Ghosh, Roughgarden and Sundararajan, Universally utility-maximizing privacy mechanisms (2009); sampled
    as in Canonne, Kamath and Steinke, The discrete Gaussian for differential privacy (2020), algorithm 2.
    """
    check_epsilon(epsilon)
    check_sensitivity(sensitivity)
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    make = partial(dp.m.make_laplace, *space)
    scale, measurement = _wide_enough(make, sensitivity / epsilon, int(sensitivity), epsilon)
    return Mechanism("laplace", scale, measurement)


def gaussian(sensitivity: float, rho: float) -> Mechanism:
    """Return discrete Gaussian noise that makes a release ``rho``-zero-concentrated private.

    ``sensitivity`` is the most that one person changes the vector's length (L2); ``rho`` is above 0, at most `RHO_MAX`.

    Raises
    ------
    UserError
        A parameter is out of its range, or is no number.

    Notes
    -----
    Source: Canonne, Kamath and Steinke (2020), theorem 4: sigma = sensitivity / sqrt(2 rho).
    """
    check_rho(rho)
    check_sensitivity(sensitivity)
    dp = _opendp()
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    make = partial(dp.m.make_gaussian, *space)
    scale, measurement = _wide_enough(make, sensitivity / math.sqrt(2 * rho), float(sensitivity), rho)
    return Mechanism("gaussian", scale, measurement)


def _wide_enough(make: Callable[..., Any], scale: float, sensitivity: float, cost: float) -> tuple[float, Any]:
    """The least scale from ``scale`` on whose noise costs no more than was asked for: quotients are rounded down."""
    measurement = make(scale=scale)
    while measurement.map(sensitivity) > cost:
        scale = math.nextafter(scale * (1 + 1e-15), math.inf)
        measurement = make(scale=scale)
    return scale, measurement


def check_epsilon(epsilon: float) -> None:
    """Raise `UserError` unless ``epsilon`` is one that can be asked for."""
    if not (math.isfinite(epsilon) and EPSILON_MIN <= epsilon <= EPSILON_MAX):
        raise UserError(
            f"epsilon is {epsilon}; it must lie between {EPSILON_MIN} and {EPSILON_MAX:g}.",
            "Usual values are 0.1 (strong) to 1; a larger one protects less.",
        )


def check_rho(rho: float) -> None:
    """Raise `UserError` unless ``rho`` is one that can be asked for."""
    if not (math.isfinite(rho) and EPSILON_MIN**2 / 2 <= rho <= RHO_MAX):
        raise UserError(
            f"rho is {rho}; it must lie between {EPSILON_MIN**2 / 2:g} and {RHO_MAX:g}.",
            "Usual values are 0.005 (strong) to 0.5; a larger one protects less.",
        )


def check_sensitivity(sensitivity: float) -> None:
    """Raise `UserError` unless one person's largest change is one that can be hidden."""
    if not (math.isfinite(sensitivity) and 0 < sensitivity <= SENSITIVITY_MAX):
        raise UserError(
            f"One person may change this release by {sensitivity:g}, which no noise here can hide.",
            "Give narrower bounds: fewer rows and cells a person, values between a smaller --low and --high, or a "
            "larger --step.",
        )


def _normal_quantile(level: float) -> float:
    """The size that a standard normal number stays within with probability ``level``."""
    from statistics import NormalDist

    return NormalDist().inv_cdf((1 + level) / 2)


def _opendp() -> Any:
    """OpenDP takes a third of a second to load and 265 MB of disk, so only a release loads it, and it is an extra."""
    try:
        import opendp.prelude as dp
    except ImportError as error:
        raise UserError(
            "Nothing can be released: OpenDP, which makes the noise, is not installed.",
            "Install it with 'pip install cityward[release]'.",
        ) from error
    dp.enable_features("contrib")  # the mechanisms used here are proven and reviewed, but still carry the flag
    return dp

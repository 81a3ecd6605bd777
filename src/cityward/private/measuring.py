"""Measures cells with noise: counts, sums, means, quantiles and histograms of bounded rows. Pure but for the noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.clock import rng
from cityward.core.errors import UserError
from cityward.private.bounding import Bounds
from cityward.private.noise import Mechanism, gaussian, laplace

Real = NDArray[np.float64]
Whole = NDArray[np.int64]

EDGES_MAX: Final = 200
_DRAWS: Final = 4_000  # of noise alone, for the error of a quantile


@dataclass(frozen=True, slots=True)
class Cost:
    """What is paid: ``epsilon`` or ``rho``, exactly one.

    Raises
    ------
    UserError
        Both or neither is given.
    """

    epsilon: float | None
    rho: float | None

    def __post_init__(self) -> None:
        if (self.epsilon is None) == (self.rho is None):
            raise UserError(
                "A release costs either epsilon (Laplace noise) or rho (Gaussian noise).", "Give one of the two."
            )

    def mechanism(self, l1: int, l2: float, share: float = 1.0) -> Mechanism:
        """Noise for ``share`` of the cost."""
        if self.epsilon is not None:
            laplace(1, self.epsilon)  # the whole must be one that can be asked for
            return laplace(l1, self.epsilon * share)
        if self.rho is not None:
            gaussian(1, self.rho)
            return gaussian(l2, self.rho * share)
        raise UserError("A release costs either epsilon or rho.", "Give one of the two.")


@dataclass(frozen=True, slots=True)
class Values:
    """Range and resolution of a measured value: cut to ``low`` and ``high``, rounded to ``step``.

    Raises
    ------
    UserError
        A bound is missing, not a number, or the range is empty or finer than 10⁹ steps.
    """

    low: float
    high: float
    step: float

    def __post_init__(self) -> None:
        finite = all(isinstance(one, int | float) and math.isfinite(one) for one in (self.low, self.high, self.step))
        if not finite or not self.low < self.high or not 0 < self.step <= self.high - self.low:
            raise UserError(
                "Sums and means need a lowest value, a larger highest one, and a step between 0 and their difference.",
                "Give --low, --high and --step from what is publicly known, never from the data.",
            )
        if (self.high - self.low) / self.step > 1e9 or max(abs(self.low), abs(self.high)) / self.step > 1e9:
            raise UserError("The step is too small for the range.", "Take a larger --step.")

    def whole(self, values: Real) -> Whole:
        """Values as whole numbers of steps."""
        return np.rint(np.clip(values, self.low, self.high) / self.step).astype(np.int64)

    @property
    def largest(self) -> int:
        """Largest size in steps."""
        return max(abs(round(self.low / self.step)), abs(round(self.high / self.step)), 1)

    @property
    def middle(self) -> int:
        """Middle of the range in steps: deviations from it are half as large as the range."""
        return round((self.low + self.high) / 2 / self.step)

    @property
    def reach(self) -> int:
        """Largest deviation from `middle` in steps."""
        return max(round(self.high / self.step) - self.middle, self.middle - round(self.low / self.step), 1)


def sum_noise(cost: Cost, bounds: Bounds, values: Values, levels: int = 1) -> Mechanism:
    """Noise of sums in steps of ``values``."""
    return cost.mechanism(bounds.l1(levels) * values.largest, bounds.l2(levels) * values.largest)


def mean_noise(cost: Cost, bounds: Bounds, values: Values) -> tuple[Mechanism, Mechanism]:
    """Noise of sums of deviations from the middle, and of counts: half of the cost each."""
    return (
        cost.mechanism(bounds.l1() * values.reach, bounds.l2() * values.reach, 0.5),
        cost.mechanism(bounds.l1(), bounds.l2(), 0.5),
    )


def mean_of(deviations: Whole, counts: Whole, noise: tuple[Mechanism, Mechanism], values: Values) -> tuple[Real, Real]:
    """Return means and their 95 % errors from noisy sums of deviations and noisy counts.

    Each of the two noises stays within its own 97.5 % quantile with that probability, so both do with 95 %; the
    error is the farthest mean that is then possible.
    """
    off, few = noise[0].error(0.975), noise[1].error(0.975)
    held: Real = counts.astype(np.float64)
    least, most = np.maximum(held - few, 1.0), np.maximum(held + few, 1.0)

    def shown(deviation: Real, count: Real) -> Real:
        return np.clip((values.middle + deviation / count) * values.step, values.low, values.high)

    mean = shown(deviations.astype(np.float64), np.maximum(held, 1.0))
    corners = [
        shown(deviations.astype(np.float64) + sign * off, count) for sign in (-1.0, 1.0) for count in (least, most)
    ]
    error = np.max([np.abs(corner - mean) for corner in corners], axis=0)
    unknown = counts - few < 1  # perhaps nobody: any value of the range is possible
    error = np.where(unknown, np.maximum(mean - values.low, values.high - mean), error)
    return mean, error


def check_edges(edges: tuple[float, ...]) -> None:
    """Raise `UserError` unless ``edges`` bound buckets."""
    ascending = all(a < b for a, b in pairwise(edges))
    if not 2 <= len(edges) <= EDGES_MAX or not ascending or not all(math.isfinite(edge) for edge in edges):
        raise UserError(
            f"Histograms and quantiles need 2 to {EDGES_MAX} edges, each larger than the one before.",
            "Give --edges 0,1,2,5,10,30 from what is publicly known, never from the data.",
        )


def bucket_of(values: Real, edges: tuple[float, ...]) -> Whole:
    """Return the bucket (0 to ``len(edges) - 2``) of each value; those outside go to the first or last."""
    found: Whole = np.clip(np.searchsorted(np.asarray(edges), values, side="right") - 1, 0, len(edges) - 2)
    return found


def quantile_of(noisy: Whole, edges: tuple[float, ...], level: float, noise: Mechanism) -> tuple[Real, Real]:
    """Return the quantile of each row of noisy bucket counts (cells, buckets), and its 95 % error.

    The quantile is where the running sum passes ``level`` of the total. How far noise alone may move the running sum
    at any edge is drawn anew from the noise's own distribution, which is public; the error is the distance to the
    farthest edge at which the sum may still have passed.
    """
    if not 0 < level < 1:
        raise UserError(f"The quantile {level} is not between 0 and 1.", "0.5 is the median.")
    bound = np.asarray(edges, dtype=np.float64)
    running = np.concatenate([np.zeros((len(noisy), 1)), np.cumsum(noisy, axis=1)], axis=1)
    passed = running - level * running[:, -1:]
    wide = _band(noisy.shape[1], level, noise)
    # The true sum only grows, so it is nearest to the mean of the largest before and the smallest after.
    grown = (np.maximum.accumulate(passed, axis=1) + np.minimum.accumulate(passed[:, ::-1], axis=1)[:, ::-1]) / 2
    at = np.clip((grown < 0).sum(axis=1), 1, len(edges) - 1)
    rows = np.arange(len(noisy))
    before, after = grown[rows, at - 1], grown[rows, at]
    share = np.where(after > before, np.clip(-before / np.where(after > before, after - before, 1), 0, 1), 0.5)
    value = bound[at - 1] + share * (bound[at] - bound[at - 1])
    low = bound[np.where((passed < -wide).any(axis=1), _last(passed < -wide), 0)]
    high = bound[np.where((passed > wide).any(axis=1), np.argmax(passed > wide, axis=1), len(edges) - 1)]
    return value, np.maximum(np.maximum(value - low, high - value), 0.0)


def _last(found: NDArray[np.bool_]) -> Whole:
    place: Whole = found.shape[1] - 1 - np.argmax(found[:, ::-1], axis=1)
    return place


def _band(buckets: int, level: float, noise: Mechanism) -> float:
    """Size that the noise of ``running - level * total`` stays within at every edge, in 95 % of draws."""
    chance = rng(1, "band of a quantile", buckets)
    if noise.kind == "laplace":
        p = math.exp(-1 / noise.scale)
        shape = (_DRAWS, buckets)
        drawn = (chance.geometric(1 - p, shape) - chance.geometric(1 - p, shape)).astype(np.float64)
    else:
        drawn = np.rint(chance.normal(0, noise.scale, (_DRAWS, buckets)))
    sums = np.concatenate([np.zeros((_DRAWS, 1)), np.cumsum(drawn, axis=1)], axis=1)
    return float(np.quantile(np.abs(sums - level * sums[:, -1:]).max(axis=1), 0.95))

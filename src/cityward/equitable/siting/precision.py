"""What a computed bound proves: sums of whole numbers are whole, other sums are known up to a small share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

ROUNDING: Final = 1e-10
"""Share of a value that may be an error of rounding; a sum of 10,000 doubles is more exact."""

ENOUGH: Final = 1e-6
"""Sums that are no multiples of a step are proven when the bound is so near, as a share of the value."""

STEP_MAX: Final = 2**53
"""Larger numbers are not exact as doubles."""


@dataclass(frozen=True, slots=True)
class Precision:
    """The step of which every value is a whole multiple; 0 where there is none."""

    step: float = 0.0

    def _steps(self, value: float) -> bool:
        return self.step > 4 * ROUNDING * max(abs(value), 1.0)

    def target(self, value: float) -> float:
        """A bound from here on proves that nothing is below ``value``."""
        if not math.isfinite(value):
            return math.inf
        if self._steps(value):
            return value - self.step + ROUNDING * max(abs(value), 1.0)
        return value - ENOUGH * abs(value)

    def closed(self, bound: float, value: float) -> bool:
        """Whether nothing is below ``value``, or nothing by more than `ENOUGH` of it, where ``bound`` holds."""
        return bound >= self.target(value)

    def all_closed(self, bounds: NDArray[np.float64], value: float) -> NDArray[np.bool_]:
        """`closed` of each bound."""
        found: NDArray[np.bool_] = bounds >= self.target(value)
        return found

    def bound(self, computed: float, value: float) -> float:
        """The bound that may be told: a step up where values have steps, else at most what is proven of ``value``."""
        if not self._steps(value):
            return min(computed - ROUNDING * abs(computed), self.target(value))
        return min(math.ceil((computed - ROUNDING * max(abs(computed), 1.0)) / self.step) * self.step, value)


def step_of(people: NDArray[np.float64]) -> float:
    """Return the largest number of which all are whole multiples; 0 where some are not whole."""
    if not ((people == np.floor(people)) & (people < STEP_MAX)).all():
        return 0.0
    return float(np.gcd.reduce(people.astype(np.int64)))

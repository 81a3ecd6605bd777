"""What a scan looks at: counts by place and interval, with what the null hypothesis says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cityward.core.errors import UserError
from cityward.core.limits import SCAN_CASES

Model = Literal["space-time-permutation", "poisson", "bernoulli"]
Shape = Literal["prospective", "retrospective", "spatial", "temporal", "temporal-prospective"]
Rates = Literal["high", "low", "both"]

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Study:
    """Cases and their null hypothesis.

    Parameters
    ----------
    x, y : ndarray, shape (places,)
        Longitude and latitude in degrees (``sphere``), or plane coordinates.
    cases : ndarray of int, shape (strata, intervals, places)
        Times are permuted within a stratum only (a weekday, a category). Other models have one stratum.
    model : str
        ``space-time-permutation``, ``poisson`` or ``bernoulli``.
    base : ndarray, shape (intervals, places)
        Poisson: cases expected, in sum those observed. Bernoulli: people, cases and controls. Permutation:
        not used, empty.
    sphere : bool
        Whether ``x`` and ``y`` are degrees.

    Raises
    ------
    UserError
        Counts or a base that cannot be scanned.
    """

    x: Floats
    y: Floats
    cases: Counts
    model: Model = "space-time-permutation"
    base: Floats = field(default_factory=lambda: np.zeros((0, 0)))
    sphere: bool = True

    def __post_init__(self) -> None:
        if self.cases.min(initial=0) < 0:
            raise UserError("A count of cases is negative.", "Give counts of 0 or more.")
        if self.cases.sum() > SCAN_CASES:
            raise UserError(f"More than {SCAN_CASES:,} cases cannot be scanned.", "Scan a shorter time.")
        if self.model == "space-time-permutation":
            return
        if self.base.shape != self.cases.shape[1:] or not np.isfinite(self.base).all() or self.base.min(initial=0) < 0:
            raise UserError("The population does not fit the cases.", "Give 0 or more for each place and interval.")
        cases = self.cases.sum(axis=0)
        if self.model == "bernoulli" and (cases > self.base).any():
            raise UserError("A place has more cases than cases and controls together.", "Check the control file.")
        if self.model == "poisson" and (cases.sum(axis=0)[self.base.sum(axis=0) <= 0] > 0).any():
            raise UserError("A place without population has cases.", "Correct its population, or leave it out.")

    @property
    def total(self) -> int:
        """All cases."""
        return int(self.cases.sum())

    @property
    def intervals(self) -> int:
        """Intervals of time."""
        return int(self.cases.shape[1])

    def weights(self) -> Floats:
        """What the share of a window is measured in, by place: cases (permutation), else the base."""
        if self.model == "space-time-permutation":
            return np.asarray(self.cases.sum(axis=(0, 1)), dtype=np.float64)
        return np.asarray(self.base.sum(axis=0), dtype=np.float64)

    def sizes(self, first: Counts, last: Counts) -> Floats:
        """Size of each place in each lane (intervals ``first`` to before ``last``), shape (places, lanes).

        Permutation: expected cases by Kulldorff 2005, equations 1 and 2, summed over strata. Poisson:
        expected cases. Bernoulli: people.
        """
        if self.model != "space-time-permutation":
            sums = np.concatenate([np.zeros((1, self.x.size)), np.cumsum(self.base, axis=0)])
            return np.ascontiguousarray((sums[last] - sums[first]).T)
        found = np.zeros((self.x.size, first.size))
        for stratum in self.cases:
            by_time = np.concatenate([[0], np.cumsum(stratum.sum(axis=1))])
            if by_time[-1]:
                found += np.outer(stratum.sum(axis=0), (by_time[last] - by_time[first]) / by_time[-1])
        return found

    def spatial(self) -> Study:
        """The same without time."""
        base = self.base.sum(axis=0, keepdims=True) if self.base.size else self.base
        cases = self.cases.sum(axis=(0, 1), keepdims=True)
        return Study(self.x, self.y, cases, self.model, base, self.sphere)

    def temporal(self) -> Study:
        """The same without space: one place."""
        base = self.base.sum(axis=1, keepdims=True) if self.base.size else self.base
        nowhere = np.zeros(1)
        return Study(nowhere, nowhere, self.cases.sum(axis=2, keepdims=True), self.model, base, sphere=False)

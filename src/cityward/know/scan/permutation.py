"""Prospective space-time permutation scan.

Source: Kulldorff, Heffernan, Hartman, Assunção, Mostashari (2005), A space-time permutation scan statistic
for disease outbreak detection, PLoS Medicine 2(3) e59: expectation by equations 1 and 2, likelihood ratio by
equation 4, significance by Monte Carlo (Dwass 1957).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cityward.know.scan import kernels

PILOT_REPLICATES = 19
"""Replicates computed in full to learn how large their statistics are."""

_BOUND_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cylinder with more cases than expected.

    ``members`` are positions of places in order of distance, ``first_day`` and ``last_day`` rows of the
    counts; ``recurrence_days`` is one over the p-value for a scan repeated every day.
    """

    members: tuple[int, ...]
    first_day: int
    last_day: int
    observed: int
    expected: float
    statistic: float
    p_value: float
    recurrence_days: float


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Clusters without common places, best first, and the largest statistic of each replicate."""

    clusters: list[Cluster]
    replicate_statistics: NDArray[np.float64]


def scan_permutation(
    counts: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    *,
    max_days: int,
    rng: np.random.Generator,
    max_cases_share: float = 0.5,
    min_cases: int = 2,
    replicates: int = 999,
    secondary: int = 10,
) -> ScanResult:
    """Scan all cylinders that are alive on the last day.

    Parameters
    ----------
    counts : ndarray of int, shape (days, places)
        Cases.
    neighbours : ndarray of int32, shape (places, k)
        Places in order of distance from each place, itself first; -1 ends a row.
    max_days : int
        Longest duration of a cluster in days (≥ 1).
    rng : numpy.random.Generator
        Seeds the replicates; results do not depend on the number of threads.
    max_cases_share : float
        Largest share (0 to 1) of all cases that the places of a cluster may have.
    min_cases : int
        Fewest cases of a cluster.
    replicates : int
        Monte Carlo replicates.
    secondary : int
        Most clusters that are returned.
    """
    counts = np.ascontiguousarray(counts, dtype=np.int64)
    total = int(counts.sum())
    length = min(max_days, counts.shape[0])
    if total < min_cases or length < 1:
        return ScanResult([], np.zeros(0))
    by_place = counts.sum(axis=0)
    in_window = counts[-length:][::-1].sum(axis=1)  # cases per day, last day first
    reach = kernels.reaches(neighbours, by_place, int(max_cases_share * total))
    share = np.cumsum(in_window) / total  # of all cases, in the last 1, 2, … days
    best = kernels.best_per_place(counts[-length:][::-1].T.copy(), neighbours, reach, by_place, share, total, min_cases)
    maxima = _replicates(neighbours, reach, by_place, in_window, share, total, min_cases, replicates, rng)
    return ScanResult(_choose(best, neighbours, by_place, share, counts.shape[0], maxima, secondary), maxima)


def _replicates(
    neighbours: NDArray[np.int32],
    reach: NDArray[np.int64],
    by_place: NDArray[np.int64],
    in_window: NDArray[np.int64],
    share: NDArray[np.float64],
    total: int,
    min_cases: int,
    replicates: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Largest statistic of each replicate.

    Under the null the margins are fixed, so every window's expectation is, and so is the smallest count
    that reaches a given statistic. A replicate then only adds and compares; the logarithm is taken for
    the rare window that passes. A replicate without such a window is computed in full.
    """
    seeds = rng.integers(1, 2**63, size=replicates, dtype=np.uint64)
    cases = np.repeat(np.arange(by_place.size, dtype=np.int32), by_place)
    pilot = min(PILOT_REPLICATES, replicates)
    nothing = np.zeros((0, 0, 0), dtype=np.int32)
    fixed = (neighbours, reach, by_place, in_window, share, total, min_cases, cases)
    maxima = np.empty(replicates)
    maxima[:pilot] = kernels.replicate_maxima(seeds[:pilot], *fixed, nothing)
    if pilot < replicates:
        bound = _BOUND_SHARE * float(maxima[:pilot].min())
        limits = kernels.smallest_counts(neighbours, reach, by_place, share, total, min_cases, bound)
        maxima[pilot:] = kernels.replicate_maxima(seeds[pilot:], *fixed, limits)
    return maxima


def _choose(
    best: NDArray[np.float64],
    neighbours: NDArray[np.int32],
    by_place: NDArray[np.int64],
    share: NDArray[np.float64],
    days: int,
    maxima: NDArray[np.float64],
    most: int,
) -> list[Cluster]:
    """Take the best cylinder of each place, strongest first, leaving out those that overlap a taken one."""
    clusters: list[Cluster] = []
    taken: set[int] = set()
    # Equal statistics: the smaller cylinder, which has no places without cases at its edge.
    for centre in np.lexsort((best[:, 1], -best[:, 0].round(10))):
        statistic, places, length, observed = best[centre]
        if statistic <= 0 or len(clusters) == most:
            break
        members = tuple(int(place) for place in neighbours[centre, : int(places)])
        if taken.intersection(members):
            continue
        taken.update(members)
        p_value = (1 + int((maxima >= statistic - 1e-12).sum())) / (1 + maxima.size)
        clusters.append(
            Cluster(
                members=members,
                first_day=days - int(length),
                last_day=days - 1,
                observed=int(observed),
                expected=float(by_place[list(members)].sum() * share[int(length) - 1]),
                statistic=float(statistic),
                p_value=p_value,
                recurrence_days=1 / p_value,
            )
        )
    return clusters

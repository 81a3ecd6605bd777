"""The scan: windows of space and time with more or fewer cases than chance explains.

Source: Kulldorff (1997), A spatial scan statistic, Communications in Statistics 26(6), sections 4 and 5
(Bernoulli and Poisson); Kulldorff (2001), Prospective time periodic geographical disease surveillance using
a scan statistic, JRSS A 164(1), section 2 (windows that are alive); Kulldorff, Heffernan, Hartman, Assunção,
Mostashari (2005), A space-time permutation scan statistic for disease outbreak detection, PLoS Medicine 2(3)
e59, equations 1, 2 and 4; significance by Monte Carlo (Dwass 1957).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import prepare
from cityward.core.errors import UserError
from cityward.core.limits import SCAN_LANES, SCAN_REPLICATES, SCAN_TABLE_BYTES
from cityward.know.scan import windows
from cityward.know.scan.draws import Deal, cells, labels, times
from cityward.know.scan.places import neighbours
from cityward.know.scan.significance import Significance, significance
from cityward.know.scan.statistic import BERNOULLI, HIGH, LOW, POISSON, critical_sizes, expectation
from cityward.know.scan.study import Counts, Floats, Rates, Shape, Study


@dataclass(frozen=True, slots=True)
class Design:
    """Which windows are tried, and how chance is judged.

    Parameters
    ----------
    shape : str
        ``prospective`` (windows that reach the last interval), ``retrospective``, ``spatial``, ``temporal`` or
        ``temporal-prospective``.
    rates : str
        ``high``, ``low`` or ``both``.
    max_share : float
        Largest share of all cases (permutation), expected cases or people that the places of a window may
        have, above 0 and at most 1.
    max_km : float, optional
        Largest radius.
    max_intervals : int, optional
        Longest window in time; default half of the study.
    min_cases : int
        Fewest cases of a window with a high rate.
    replicates : int
        Monte Carlo replicates.
    stop_after : int, optional
        Stop once so many replicates are as strong as the strongest window (sequential Monte Carlo).
    most : int
        Most clusters that are returned.
    """

    shape: Shape = "prospective"
    rates: Rates = "high"
    max_share: float = 0.5
    max_km: float | None = None
    max_intervals: int | None = None
    min_cases: int = 2
    replicates: int = 999
    stop_after: int | None = None
    most: int = 10

    def __post_init__(self) -> None:
        bounds = {
            "max_share": 0 < self.max_share <= 1,
            "max_km": self.max_km is None or self.max_km >= 0,
            "max_intervals": self.max_intervals is None or self.max_intervals >= 1,
            "min_cases": self.min_cases >= 1,
            "replicates": 0 <= self.replicates <= SCAN_REPLICATES,
            "stop_after": self.stop_after is None or self.stop_after >= 1,
        }
        for name, holds in bounds.items():
            if not holds:
                raise UserError(f"{name} = {getattr(self, name)} is out of range.", "See 'cityward scan --help'.")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A window that stands out.

    Attributes
    ----------
    members : tuple of int
        Positions of its places in order of distance, the centre first.
    first, last : int
        First and last interval.
    high : bool
        Whether it has more cases than expected.
    observed, expected : int, float
        Cases.
    size : float
        Expected cases, or people (Bernoulli).
    statistic : float
        Logarithm of the likelihood ratio.
    p_value, p_gumbel : float
        Monte Carlo p-value; and from a Gumbel distribution fitted to the replicates, for windows stronger
        than all of them (Abrams, Kulldorff, Kleinman 2010).
    """

    members: tuple[int, ...]
    first: int
    last: int
    high: bool
    observed: int
    expected: float
    size: float
    statistic: float
    p_value: float
    p_gumbel: float

    @property
    def recurrence(self) -> float:
        """Intervals between findings as strong by chance alone, if scanned at each interval."""
        return 1 / self.p_value


@dataclass(frozen=True, slots=True)
class Found:
    """Clusters without common places, the strongest first, and the largest statistic of each replicate."""

    clusters: list[Cluster]
    maxima: Floats


def scan(study: Study, design: Design, rng: np.random.Generator) -> Found:
    """Scan a study.

    Parameters
    ----------
    study : Study
        Cases and null hypothesis.
    design : Design
        Windows and Monte Carlo.
    rng : numpy.random.Generator
        Seeds the replicates; the result does not depend on the number of threads.

    Raises
    ------
    UserError
        There are more places, neighbours or intervals than can be scanned.
    """
    prepare()
    study = _reduced(study, design)
    first, last = lanes(study.intervals, design)
    if study.total < design.min_cases:
        return Found([], np.zeros(0))
    weights = study.weights()
    most = math.inf if design.shape.startswith("temporal") else design.max_share * float(weights.sum())
    order, reach = neighbours(study.x, study.y, weights, sphere=study.sphere, most_weight=most, max_km=design.max_km)
    search = _Search(study, design, first, last, order, reach)
    best = search.best()
    strongest = float(max(found[:, 0].max(initial=0.0) for found in best.values()))
    judged = significance(search.maxima, search.start(), design.replicates, design.stop_after, strongest, rng)
    return Found(_choose(best, search, judged, design.most), judged.maxima)


def _reduced(study: Study, design: Design) -> Study:
    if design.shape not in ("prospective", "retrospective"):
        if study.model == "space-time-permutation":
            raise UserError(
                "The permutation model compares places over time; it has no purely spatial or temporal form.",
                "Choose the poisson or bernoulli model.",
            )
        return study.spatial() if design.shape == "spatial" else study.temporal()
    return study


def lanes(intervals: int, design: Design) -> tuple[Counts, Counts]:
    """First and past-the-last interval of each lane, the shortest first.

    Raises
    ------
    UserError
        There are too many.
    """
    if design.shape == "spatial":
        return np.zeros(1, dtype=np.int64), np.array([intervals], dtype=np.int64)
    longest = min(design.max_intervals or max(intervals // 2, 1), intervals)
    lengths = np.arange(1, longest + 1, dtype=np.int64)
    if design.shape.endswith("prospective"):
        return intervals - lengths, np.full(longest, intervals, dtype=np.int64)
    amount = int((intervals - lengths + 1).sum())
    if amount > SCAN_LANES:
        raise UserError(
            f"{amount:,} intervals of time are more than a scan tries ({SCAN_LANES:,}).",
            "Set a shorter --max-days, or a longer unit of time.",
        )
    first = np.concatenate([np.arange(intervals - length + 1) for length in lengths])
    return first, first + np.repeat(lengths, intervals - lengths + 1)


class _Search:
    """One study, prepared: sizes of windows, limits, and the deal of replicates."""

    def __init__(
        self,
        study: Study,
        design: Design,
        first: Counts,
        last: Counts,
        order: NDArray[np.int32],
        reach: NDArray[np.int64],
    ) -> None:
        self.study, self.order, self.reach = study, order, reach
        self.first, self.last = first, last
        self.sizes = study.sizes(first, last)
        self.model = BERNOULLI if study.model == "bernoulli" else POISSON
        self.total = float(study.total)
        self.people = float(study.base.sum()) if self.model == BERNOULLI else 0.0
        self.fewest = {direction: design.min_cases if direction == HIGH else 0 for direction in _directions(design)}
        self._from = int(first.min())  # what comes earlier no window reaches
        self._deal = _deal(study, self._from)
        self._most = min(self._deal.most, study.total)
        # Half of the range is for limits that no count reaches: their difference must not overflow.
        self._counted = np.int16 if self._most < np.iinfo(np.int16).max // 2 else np.int32
        self._table: tuple[tuple[Any, ...], NDArray[Any]] | None = None
        self._padded = _whole_groups(order, study.x.size)
        # Lanes in parts of whole vectors, the last filled up with lanes without time.
        empty = -first.size % windows.VECTOR
        ends = (np.append(edge - self._from, np.zeros(empty, np.int64)) for edge in (first, last))
        self._lanes = tuple(edge.reshape(-1, windows.VECTOR) for edge in ends)
        sizes = np.pad(self.sizes, ((0, 0), (0, empty))).reshape(study.x.size, -1, windows.VECTOR)
        self._lane_sizes = np.ascontiguousarray(sizes.transpose(1, 0, 2))

    def best(self) -> dict[int, Floats]:
        """Strongest window around each centre, by direction."""
        sums = np.concatenate([np.zeros((1, self.study.x.size), np.int64), self.study.cases.sum(axis=0).cumsum(axis=0)])
        rows = np.ascontiguousarray((sums[self.last] - sums[self.first]).T)
        fixed = (rows, self.order, self.reach, self.sizes, self.model)
        return {
            direction: windows.best_windows(*fixed, direction, fewest, self.total, self.people)
            for direction, fewest in self.fewest.items()
        }

    def maxima(self, seeds: NDArray[np.uint64], bound: float) -> Floats:
        """Largest statistic of each replicate; 0 where it is below ``bound``."""
        found = [self._maxima(seeds, bound, direction, fewest) for direction, fewest in self.fewest.items()]
        return np.asarray(np.max(found, axis=0), dtype=np.float64)

    def start(self) -> float:
        """A first guess of how strong the strongest window of a replicate is, from how many are tried."""
        return max(0.25 * math.log(float(self.reach.sum()) * self.first.size + 1), 0.5)

    def _maxima(self, seeds: NDArray[np.uint64], bound: float, direction: int, fewest: int) -> Floats:
        deal = self._deal
        found = np.zeros(seeds.size)
        for parts, centres in self._slices() if seeds.size else ():
            around, reach, sizes = self._padded[centres], self.reach[centres], self._lane_sizes[parts]
            limits = self._limits(parts, centres, bound, direction, fewest)
            maxima = windows.replicate_maxima(
                seeds,
                deal.kind,
                deal.deck,
                deal.starts,
                deal.tickets,
                deal.odds,
                deal.whole,
                self.study.intervals - self._from,
                self._lanes[0][parts],
                self._lanes[1][parts],
                around,
                reach,
                sizes,
                limits,
                self.model,
                direction,
                self.total,
                self.people,
            )
            np.maximum(found, maxima, out=found)
        return found

    def _limits(self, parts: slice, centres: slice, bound: float, direction: int, fewest: int) -> NDArray[Any]:
        """Table of limits; the last one is kept, and its memory used again."""
        around, sizes = self._padded[centres], self._lane_sizes[parts]
        key = (parts.start, centres.start, bound, direction)
        shape = (sizes.shape[0], *around.shape, windows.VECTOR)
        if self._table is None or self._table[1].shape != shape:
            self._table = ((), np.empty(shape, dtype=self._counted))
        if self._table[0] != key:
            critical = critical_sizes(self.model, direction, self._most, self.total, self.people, bound)
            self._table = (key, self._table[1])
            windows.all_limits(around, self.reach[centres], sizes, critical, direction, fewest, self._table[1])
        return self._table[1]

    def _slices(self) -> Iterator[tuple[slice, slice]]:
        """Slices of parts and of centres whose limits together are kept in memory."""
        parts, centres = self._lane_sizes.shape[0], self.reach.size
        of_part = self._padded.size * windows.VECTOR * np.dtype(self._counted).itemsize
        wide = max(SCAN_TABLE_BYTES // of_part, 1)
        high = max(centres * SCAN_TABLE_BYTES // of_part, 1)
        for part in range(0, parts, wide):
            for centre in range(0, centres, high):
                yield slice(part, part + wide), slice(centre, centre + high)


def _whole_groups(order: NDArray[np.int32], places: int) -> NDArray[np.int32]:
    """Neighbours filled up with ``places``, which stands for none, to whole groups."""
    width = -(-order.shape[1] // windows.GROUP) * windows.GROUP
    padded = np.full((order.shape[0], width), places, dtype=np.int32)
    padded[:, : order.shape[1]] = np.where(order < 0, places, order)
    return padded


def _directions(design: Design) -> tuple[int, ...]:
    return {"high": (HIGH,), "low": (LOW,), "both": (HIGH, LOW)}[design.rates]


def _deal(study: Study, begin: int) -> Deal:
    """How replicates are dealt; only intervals from ``begin`` on are reached by windows."""
    if study.model == "space-time-permutation":
        return times(study.cases.sum(axis=1), study.cases[:, begin:].sum(axis=2))
    if study.model == "poisson":
        return cells(study.base[begin:].T, study.total)
    people = np.rint(study.base).astype(np.int64)
    return labels(people[begin:].T, int(people[:begin].sum()), study.total)


def _choose(best: dict[int, Floats], search: _Search, judged: Significance, most: int) -> list[Cluster]:
    """Take the strongest window of each centre, strongest first, leaving out those that overlap a taken one.

    A centre has one window, high or low: its strongest.
    """
    rows = [
        max(((direction, centre, *found[centre]) for direction, found in best.items()), key=lambda row: row[2])
        for centre in range(search.study.x.size)
    ]
    clusters: list[Cluster] = []
    taken: set[int] = set()
    # Equal statistics: the smaller window, which has no places without cases at its edge.
    for direction, centre, statistic, places, lane, cases, size in sorted(
        rows, key=lambda row: (-round(row[2], 9), row[3], row[1])
    ):
        members = tuple(int(place) for place in search.order[centre, : int(places)])
        if statistic <= 0 or len(clusters) == most:
            break
        if taken.intersection(members):
            continue
        p_value, p_gumbel = judged.p_values(statistic)
        if judged.maxima.size and p_value >= 1:  # weaker than every replicate, and so are all that follow
            break
        taken.update(members)
        clusters.append(
            Cluster(
                members=members,
                first=int(search.first[int(lane)]),
                last=int(search.last[int(lane)]) - 1,
                high=direction == HIGH,
                observed=int(cases),
                expected=float(expectation(search.model, size, search.total, search.people)),
                size=float(size),
                statistic=float(statistic),
                p_value=p_value,
                p_gumbel=p_gumbel,
            )
        )
    return clusters

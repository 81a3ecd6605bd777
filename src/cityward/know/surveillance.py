"""Daily surveillance: the scan of one service as of each day, and alarms that last joined to one.

Counts up to a day in, signals of that day out; signals of many days in, alarms out. A signal is a window
that chance alone would show less often than once in so many days (the recurrence interval), when the same
service is scanned every day. With several services each has its own threshold, so the false alarms of all
together are bounded by their sum.

Source: Kulldorff (2001), JRSS A 164(1), section 2 (prospective windows); Kleinman, Lazarus, Platt (2004),
American Journal of Epidemiology 159(3) (recurrence intervals); Besag and Clifford (1991), Biometrika 78(2)
(sequential Monte Carlo); Abrams, Kulldorff, Kleinman (2010), International Journal of Health Geographics 9:61
(Gumbel tails).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numba
import numpy as np
from numpy.typing import NDArray

from cityward.core.clock import rng
from cityward.core.errors import UserError
from cityward.core.records import Record
from cityward.know.scan import Cluster, Design, Found, Study, scan
from cityward.know.scan.places import neighbours
from cityward.know.scan.search import lanes
from cityward.know.scan.statistic import HIGH, POISSON
from cityward.know.scan.windows import best_windows

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

DAYS_IN_YEAR = 365

DAYS_IN_WEEK = 7

FEWEST_CASES = 20
"""With fewer incidents in the background there is nothing to compare with; as for needs."""

WEEKDAY_CASES = 1_000
"""Background from which on times are dealt within weekdays. With fewer a weekday has too few cases to deal."""

QUIET_DAYS = 7
"""An alarm that was silent for so long is over: the next in the same places begins anew."""

FIRST_LOOK = 99
"""Replicates that tell a day on which chance is often stronger, before more are dealt."""

SURELY = 1e-6
"""How seldom the first look may miss what would have been a signal."""

CLEARLY_RARE, CLEARLY_COMMON = 0.02, 5.0
"""A window whose chance, by the tail fitted to the first look, is so many times that of the threshold is decided."""

YARDSTICK_DAYS = 14
YARDSTICK_SHARE = 0.5
"""For so many days a day weaker than this share of a day's replicates counts as quiet without its own."""

BATCH_SHARE = 0.5
"""With more than this share of its reports on one day a signal may be a batch of data entry."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is looked for each day, and what counts as a signal.

    Parameters
    ----------
    min_recurrence_days : float
        Recurrence interval from which on a window is a signal, at least 2.
    max_days : int
        Longest window in time.
    max_share : float
        Largest share of all incidents that the places of a window may have, above 0 and at most 1.
    replicates : int
        Most Monte Carlo replicates of a scan, at least 99. Rarer than once in ``replicates + 1`` days is
        told by a Gumbel distribution fitted to them.
    seed : int
        Of the run; each service and day has its own stream.
    """

    min_recurrence_days: float
    max_days: int = 30
    max_share: float = 0.5
    replicates: int = 999
    seed: int = 1

    def __post_init__(self) -> None:
        if not 2 <= self.min_recurrence_days < math.inf:
            raise UserError(
                f"A recurrence interval of {self.min_recurrence_days:g} days is no threshold.", "Give 2 or more."
            )
        if self.replicates < FIRST_LOOK:
            raise UserError(
                f"{self.replicates} replicates are too few to tell what is rare.", f"Give {FIRST_LOOK} or more."
            )

    @property
    def chance(self) -> float:
        """Probability that chance alone gives a signal in one scan; at most one over the threshold."""
        whole = self.replicates + 1
        if self.min_recurrence_days > whole:
            return 1 / self.min_recurrence_days
        return math.floor(whole / self.min_recurrence_days + 1e-9) / whole

    @property
    def stop_first(self) -> int:
        """So many of the first `FIRST_LOOK` replicates as strong as the window, and surely it is no signal.

        What would be a signal has so many with a probability of less than `SURELY`.
        """
        chance, left = 1 / self.min_recurrence_days, 1.0
        for amount in range(FIRST_LOOK):
            left -= math.comb(FIRST_LOOK, amount) * chance**amount * (1 - chance) ** (FIRST_LOOK - amount)
            if left < SURELY:
                return amount + 1
        return FIRST_LOOK


class Signal(Record, frozen=True, kw_only=True):
    """What one scan of one day found rarer than the threshold.

    ``starts`` is the first day of the window, which reaches to ``day``. ``recurrence_days`` is how often
    chance alone would show one as strong; ``extrapolated`` says that it was rarer than all replicates and
    comes from the fitted tail. ``one_day_share`` is the largest share of one day (0 to 1).
    """

    service: str
    day: date
    territories: tuple[str, ...]
    starts: date
    observed: int
    expected: float
    statistic: float
    recurrence_days: float
    extrapolated: bool
    one_day_share: float


class Alarm(Record, frozen=True, kw_only=True):
    """Signals of one service in overlapping places, from the first day to the last.

    ``first`` is what was known when it began, ``strongest`` the strongest of its signals; ``days`` are the
    days with a signal, which need not follow each other without a gap.
    """

    service: str
    begins: date
    last: date
    days: int
    first: Signal
    strongest: Signal


def threshold_days(analyses: int, alarms_per_year: float) -> float:
    """Recurrence interval at which ``analyses`` daily scans have so many false alarms a year together.

    Raises
    ------
    UserError
        No positive number, or more alarms than the scans could be held to.
    """
    days = DAYS_IN_YEAR * analyses / alarms_per_year if alarms_per_year > 0 else math.inf
    if not 2 <= days < math.inf:
        raise UserError(
            f"{alarms_per_year:g} alarms a year cannot be held with {analyses} scans a day.",
            f"Give a number above 0 and at most {DAYS_IN_YEAR * analyses // 2}.",
        )
    return days


def false_alarms_per_year(analyses: int, min_recurrence_days: float) -> float:
    """False alarms a year to expect at most from ``analyses`` daily scans, if chance alone were at work."""
    return DAYS_IN_YEAR * analyses / min_recurrence_days


def study_of(counts: Counts, lon: Floats, lat: Floats) -> Study:
    """Study of ``counts`` (shape (days, places)), by weekday where there are enough cases."""
    days = counts.shape[0]
    strata = DAYS_IN_WEEK if counts.sum() >= WEEKDAY_CASES and days >= DAYS_IN_WEEK else 1
    cases = np.zeros((strata, *counts.shape), dtype=np.int64)
    for stratum in range(strata):
        cases[stratum, stratum::strata] = counts[stratum::strata]
    return Study(lon, lat, cases)


@contextmanager
def _one_thread() -> Iterator[None]:
    """For many small scans: threads would wait for each other, and for what prepares the next day beside them."""
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        yield
    finally:
        numba.set_num_threads(threads)


@dataclass(slots=True)
class Lookout:
    """Scans one service day after day.

    Parameters
    ----------
    service : str
        Its name, also in the random stream.
    territories : sequence of str
        Identifiers of the places.
    lon, lat : ndarray, shape (places,)
        Degrees.
    watch : Watch
        What is looked for.

    Attributes
    ----------
    dealt : int
        Replicates that were dealt so far.
    """

    service: str
    territories: Sequence[str]
    lon: Floats
    lat: Floats
    watch: Watch
    dealt: int = 0
    _yardstick: tuple[date, float] = field(default=(date.min, 0.0))

    def signals(self, day: date, counts: Counts) -> list[Signal] | None:
        """What stands out on ``day``, the last row of ``counts`` (shape (days, places)); the strongest first.

        Returns
        -------
        list of Signal, or None
            None when there are fewer than `FEWEST_CASES` in all of ``counts``.
        """
        if counts.sum() < FEWEST_CASES:
            return None
        with _one_thread():
            return self._found(day, counts)

    def _found(self, day: date, counts: Counts) -> list[Signal]:
        study, watch = study_of(counts, self.lon, self.lat), self.watch
        design = Design(max_intervals=watch.max_days, max_share=watch.max_share, replicates=0)
        if self._is_quiet(day, study, design):
            return []
        found = self._scan(day, study, replace(design, replicates=FIRST_LOOK, stop_after=watch.stop_first))
        if found.maxima.size < FIRST_LOOK:  # stopped: chance is often as strong
            return []
        clear = all(self._is_clear(cluster) for cluster in found.clusters)
        if not clear:
            # All in one go: a sequential stop would look ten times, and few days that come so far are quiet.
            found = self._scan(day, study, replace(design, replicates=watch.replicates))
        judged = ((cluster, *self._rarity(cluster, by_rank=not clear)) for cluster in found.clusters)
        return [self._signal(cluster, day, counts, days, beyond) for cluster, days, beyond, rare in judged if rare]

    def _is_clear(self, cluster: Cluster) -> bool:
        """Whether the tail fitted to the first look is far from the threshold, on either side."""
        times = self.watch.min_recurrence_days * cluster.p_gumbel
        return times < CLEARLY_RARE or times > CLEARLY_COMMON

    def _scan(self, day: date, study: Study, design: Design) -> Found:
        found = scan(study, design, rng(self.watch.seed, "replay", self.service, day.isoformat()))
        self.dealt += found.maxima.size
        if found.maxima.size:
            self._yardstick = day, float(np.quantile(found.maxima, YARDSTICK_SHARE))
        return found

    def _is_quiet(self, day: date, study: Study, design: Design) -> bool:
        measured, usual = self._yardstick
        if not timedelta(0) <= day - measured <= timedelta(days=YARDSTICK_DAYS):
            return False
        return max((window.statistic for window in look(study, design, most=1)), default=0.0) < usual

    def _rarity(self, cluster: Cluster, *, by_rank: bool) -> tuple[float, bool, bool]:
        """Recurrence in days, whether it is extrapolated, and whether it makes a signal."""
        whole, limit = self.watch.replicates + 1, self.watch.min_recurrence_days
        ranked, fitted = 1 / cluster.p_value, 1 / cluster.p_gumbel
        if not by_rank or limit > whole:
            return fitted, True, fitted >= limit
        beyond = ranked > whole - 0.5
        return (max(ranked, fitted) if beyond else ranked), beyond, ranked >= limit - 1e-9

    def _signal(self, cluster: Cluster, day: date, counts: Counts, days: float, beyond: bool) -> Signal:
        daily = counts[cluster.first :, list(cluster.members)].sum(axis=1)
        return Signal(
            service=self.service,
            day=day,
            territories=tuple(self.territories[place] for place in cluster.members),
            starts=day - timedelta(days=cluster.last - cluster.first),
            observed=cluster.observed,
            expected=cluster.expected,
            statistic=cluster.statistic,
            recurrence_days=days,
            extrapolated=beyond,
            one_day_share=float(daily.max() / daily.sum()),
        )


@dataclass(frozen=True, slots=True)
class Window:
    """A window without its significance: its places, first interval, and the statistic."""

    members: tuple[int, ...]
    first: int
    statistic: float


def look(study: Study, design: Design, most: int = 10) -> list[Window]:
    """Strongest windows of a permutation study that do not overlap, the strongest first, without replicates.

    The same windows that `cityward.know.scan.scan` reports; a look costs a small part of a scan.
    """
    first, last = lanes(study.intervals, design)
    weights = study.weights()
    order, reach = neighbours(study.x, study.y, weights, most_weight=design.max_share * float(weights.sum()))
    sums = np.concatenate([np.zeros((1, study.x.size), np.int64), study.cases.sum(axis=0).cumsum(axis=0)])
    rows = np.ascontiguousarray((sums[last] - sums[first]).T)
    sizes, total = study.sizes(first, last), float(study.total)
    best = best_windows(rows, order, reach, sizes, POISSON, HIGH, design.min_cases, total, 0.0)
    found: list[Window] = []
    taken: set[int] = set()
    for centre in np.lexsort((best[:, 1], -best[:, 0].round(9))):
        statistic, places, lane = best[centre, :3]
        members = tuple(int(place) for place in order[centre, : int(places)])
        if statistic <= 0 or len(found) == most:
            break
        if not taken.intersection(members):
            taken.update(members)
            found.append(Window(members, int(first[int(lane)]), float(statistic)))
    return found


def join(signals: Iterable[Signal], quiet_days: int = QUIET_DAYS) -> list[Alarm]:
    """Join signals of one service that share places, with at most ``quiet_days`` between them, to alarms.

    A signal goes on with the alarm that shares most places with it, of those that had signals lately.

    Returns
    -------
    list of Alarm
        In the order in which they began; of one day the rarest first.
    """
    ordered = sorted(signals, key=lambda signal: (signal.day, -signal.recurrence_days, -signal.statistic))
    chains: list[list[Signal]] = []
    for signal in ordered:
        shared, at = max(((_shared(signal, chain, quiet_days), -at) for at, chain in enumerate(chains)), default=(0, 0))
        if shared:
            chains[-at].append(signal)
        else:
            chains.append([signal])
    return [_alarm(chain) for chain in chains]


def _shared(signal: Signal, chain: list[Signal], quiet_days: int) -> int:
    """Places of ``signal`` that are also in a signal of the chain of the last days."""
    lately: set[str] = set()
    if chain[0].service == signal.service:
        for earlier in reversed(chain):
            if (signal.day - earlier.day).days > quiet_days:
                break
            lately.update(earlier.territories)
    return len(lately.intersection(signal.territories))


def _alarm(chain: list[Signal]) -> Alarm:
    return Alarm(
        service=chain[0].service,
        begins=chain[0].day,
        last=chain[-1].day,
        days=len({signal.day for signal in chain}),
        first=chain[0],
        strongest=max(chain, key=lambda signal: (signal.recurrence_days, signal.statistic)),
    )

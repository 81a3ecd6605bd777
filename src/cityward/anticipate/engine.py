"""The forecast of many series at once: floors, a learned model, and which of them has earned it where.

Nothing here reads the cube or knows of services: arrays in, arrays out. Models are tried on the last
windows before the origin, learned from what came before these windows. Series are grouped by how much
they bring; a group gets the model with the least loss there, and the floor where none is better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from time import perf_counter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cityward.anticipate.features import Counts, History, history
from cityward.anticipate.floors import MEDIAN, Distribution, empirical_quantiles, seasonal_naive, tsb
from cityward.anticipate.learned import Learned, available
from cityward.anticipate.rhythm import Rhythm
from cityward.anticipate.spread import SIZE_FACTORS, UNTRIED, Reach, around, interval, interval_scale, loss, sizes

FLOOR: Final = "seasonal naive"
LEARNED: Final = "LightGBM"
FLOORS: Final[Mapping[str, Callable[[Counts, int, Rhythm], Distribution]]] = {
    FLOOR: seasonal_naive,
    "TSB": tsb,
    "empirical quantiles": empirical_quantiles,
}
"""The simplest first: on equal scores the first is chosen."""

BLENDS: Final = {f"{LEARNED} with {name}": name for name in ("TSB", "empirical quantiles")}
"""Averages of two models' quantiles: where both err, they often err apart."""

TRIED_STEPS: Final = 84
"""Models are tried on about twelve weeks of days, or as many hours: windows of one horizon each."""

WINDOWS: Final = (3, 12)
"""Fewest and most windows to try on."""

GROUP_SERIES: Final = 12
GROUPS_MAX: Final = 4

BETTER: Final = 0.99
"""A model must have a loss smaller than this share of the floor's: a tie is no reason to leave it."""

_SIZED_SERIES_MAX: Final = 2_000
"""Series on which the factor of the spread is tried; more say the same."""

_OWN_DAYS: Final = 365


class Setting(NamedTuple):
    """When the first step is, what the rhythm is, known holidays, the seed, and whether to use the learner.

    ``every`` asks for the forecasts of the models that were not chosen as well.
    """

    start: datetime
    rhythm: Rhythm
    holidays: frozenset[date] = frozenset()
    seed: int = 1
    threads: int = 2
    learn: bool = True
    every: bool = False


class Tested(NamedTuple):
    """How a model did: arrays by series of loss and absolute error summed, and share inside the interval."""

    model: str
    loss: Counts
    error: Counts
    inside: Counts
    seconds: float


class Ahead(NamedTuple):
    """What is expected: distribution, 80 % interval (series, horizon), and the model of each series.

    ``tested`` has one entry a model, in the windows that begin at the steps ``origins``; ``groups`` is the
    group of each series, 0 being those that bring least. ``tested`` and ``origins`` are empty when the
    history is too short. ``others`` holds every model's forecast and interval, when asked for.
    """

    distribution: Distribution
    low: Counts
    high: Counts
    model: NDArray[np.str_]
    tested: list[Tested]
    origins: list[int]
    groups: NDArray[np.intp]
    others: dict[str, tuple[Distribution, Counts, Counts]]


def ahead(values: Counts, horizon: int, setting: Setting) -> Ahead:
    """Forecast every series for the ``horizon`` steps after its last.

    Parameters
    ----------
    values : ndarray of float, shape (series, steps)
        At least 0; NaN where nothing is known.
    horizon : int
        Steps ahead (≥ 1).
    setting : Setting

    Notes
    -----
    Equal inputs give equal bytes. With no window to try on, the floor is used, untested.
    """
    past = history(values, setting.start, setting.rhythm, setting.holidays)
    end = values.shape[1]
    origins = _origins(past, end, horizon)
    groups = _groups(past)
    if not origins:
        floor = _floor(FLOOR, past, end, horizon)
        low, high = interval(floor, UNTRIED)
        return Ahead(floor, low, high, np.full(len(values), FLOOR), [], [], groups, {FLOOR: (floor, low, high)})
    tries, seconds, factor = _tries(past, origins, horizon, setting, groups)
    future = np.stack([np.where(past.known, past.values, np.nan)[:, at : at + horizon] for at in origins], axis=1)
    tested, scales = _test(tries, seconds, future)
    chosen = _choose(tested, groups)
    names = [one.model for one in tested]
    wanted = set(names) if setting.every else {names[one] for one in np.unique(chosen)}
    made = _now(past, end, horizon, setting, wanted, factor)
    others = {name: (made[name], *interval(made[name], scales[names.index(name)])) for name in names if name in wanted}
    found = _assemble(others, [names[one] for one in chosen])
    model = np.array(names)[chosen]
    return Ahead(*found, model, tested, origins, groups, others if setting.every else {})


def _assemble(
    others: dict[str, tuple[Distribution, Counts, Counts]], names: list[str]
) -> tuple[Distribution, Counts, Counts]:
    """Each series' row from its own model."""
    first, low, high = next(iter(others.values()))
    mean, quantiles, low, high = first.mean.copy(), first.quantiles.copy(), low.copy(), high.copy()
    for name, (made, its_low, its_high) in others.items():
        members = np.array(names) == name
        mean[members], quantiles[members] = made.mean[members], made.quantiles[members]
        low[members], high[members] = its_low[members], its_high[members]
    return Distribution(mean, quantiles), low, high


def _origins(past: History, end: int, horizon: int) -> list[int]:
    windows = int(np.clip(TRIED_STEPS // horizon, *WINDOWS))
    found = [end - horizon * back for back in range(windows, 0, -1)]
    return [at for at in found if at >= past.rhythm.shortest and past.values[:, :at].any()]


def _groups(past: History) -> NDArray[np.intp]:
    """Series with alike levels, in at most `GROUPS_MAX` groups of at least `GROUP_SERIES`."""
    lately = past.values[:, -_OWN_DAYS * past.rhythm.day :].mean(axis=1)
    count = int(np.clip(len(lately) // GROUP_SERIES, 1, GROUPS_MAX))
    ranks = np.argsort(np.argsort(lately, kind="stable"), kind="stable")
    found: NDArray[np.intp] = ranks * count // len(lately)
    return found


def _floor(name: str, past: History, origin: int, horizon: int) -> Distribution:
    return FLOORS[name](past.values[:, :origin], horizon, past.rhythm)


def _stack(parts: list[Distribution]) -> Distribution:
    """Windows side by side: (series, windows, horizon[, levels])."""
    return Distribution(np.stack([one.mean for one in parts], 1), np.stack([one.quantiles for one in parts], 1))


def _blend(first: Distribution, second: Distribution) -> Distribution:
    return Distribution((first.mean + second.mean) / 2, (first.quantiles + second.quantiles) / 2)


def _tries(
    past: History, origins: list[int], horizon: int, setting: Setting, groups: NDArray[np.intp]
) -> tuple[dict[str, Distribution], dict[str, float], Counts]:
    """Every model in every window, the seconds it took, and the factor of the learner's spread by series."""
    tries, seconds = {}, {}
    for name in FLOORS:
        began = perf_counter()
        tries[name] = _stack([_floor(name, past, at, horizon) for at in origins])
        seconds[name] = perf_counter() - began
    factor = np.ones(len(past.values))
    if not _learnable(past, origins[0], horizon, setting):
        return tries, seconds, factor
    began = perf_counter()
    learned = Learned(past, origins[0], horizon, seed=setting.seed, threads=setting.threads)
    means = [learned.mean(past, at, horizon) for at in origins]
    wide = [sizes(past, at) for at in origins]
    for group in range(groups.max() + 1):
        members = np.flatnonzero(groups == group)
        some = members[:: max(1, len(members) // _SIZED_SERIES_MAX)]
        factor[members] = _size_factor(past, origins, [mean[some] for mean in means], [one[some] for one in wide], some)
    tries[LEARNED] = _stack([around(mean, size, factor) for mean, size in zip(means, wide, strict=True)])
    seconds[LEARNED] = perf_counter() - began
    for name, other in BLENDS.items():
        tries[name] = _blend(tries[LEARNED], tries[other])
        seconds[name] = seconds[LEARNED] + seconds[other]
    return tries, seconds, factor


def _learnable(past: History, end: int, horizon: int, setting: Setting) -> bool:
    """The learner needs as much again as it looks back on, and at least one horizon of outcomes."""
    return setting.learn and available() and end >= 2 * past.rhythm.shortest + horizon


def _size_factor(
    past: History, origins: list[int], means: list[Counts], wide: list[Counts], some: NDArray[np.intp]
) -> float:
    losses = []
    for factor in SIZE_FACTORS:
        total = 0.0
        for at, mean, size in zip(origins, means, wide, strict=True):
            window = slice(at, at + mean.shape[1])
            future = np.where(past.known[some, window], past.values[some, window], np.nan)
            quantiles = around(mean, size, np.full(len(some), factor)).quantiles
            total += float(np.nansum(loss(future, quantiles)))
        losses.append(total)
    return SIZE_FACTORS[int(np.argmin(losses))]


def _test(
    tries: dict[str, Distribution], seconds: dict[str, float], future: Counts
) -> tuple[list[Tested], list[Reach]]:
    """Score every model by series, and say how its interval is to be scaled."""
    tested, scales = [], []
    for name, tried in tries.items():
        scales.append(interval_scale(future, tried))
        low, high = interval(tried, scales[-1])
        inside = np.where(np.isfinite(future), (future >= low) & (future <= high), np.nan).reshape(len(future), -1)
        error = np.nansum(np.abs(future - tried.quantiles[..., MEDIAN]), axis=(1, 2))
        lost = np.nansum(loss(future, tried.quantiles), axis=(1, 2))
        tested.append(Tested(name, lost, error, _share(inside), seconds[name]))
    return tested, scales


def _share(inside: Counts) -> Counts:
    known = np.isfinite(inside).sum(axis=1)
    share: Counts = np.divide(np.nansum(inside, axis=1), known, out=np.full(len(inside), np.nan), where=known > 0)
    return share


def _choose(tested: list[Tested], groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """The model of each series: its group's best, if it is clearly better than the floor."""
    chosen = np.zeros(len(groups), dtype=np.intp)
    for group in range(groups.max() + 1):
        members = groups == group
        losses = np.array([one.loss[members].sum() for one in tested])
        best = int(np.argmin(losses))
        chosen[members] = best if losses[best] < BETTER * losses[0] else 0
    return chosen


def _now(
    past: History, end: int, horizon: int, setting: Setting, wanted: set[str], factor: Counts
) -> dict[str, Distribution]:
    """The wanted models, and those that they are blended of, from all that is known."""
    needed = wanted | {BLENDS[name] for name in wanted if name in BLENDS}
    made = {name: _floor(name, past, end, horizon) for name in FLOORS if name in needed}
    if wanted - set(FLOORS):
        learned = Learned(past, end, horizon, seed=setting.seed, threads=setting.threads)
        made[LEARNED] = around(learned.mean(past, end, horizon), sizes(past, end), factor)
        made |= {name: _blend(made[LEARNED], made[other]) for name, other in BLENDS.items() if name in wanted}
    return made

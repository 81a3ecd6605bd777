"""The forecast of many series at once: floors, a learned model, and which of them has earned it where.

Nothing here reads the cube or knows of services: arrays in, arrays out. Models are tried on the last
windows before the origin, learned from what came before these windows. Series are grouped by how much
they bring; `cityward.anticipate.choice` says which model speaks for a group, the floor where none is better.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from time import perf_counter
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cityward.anticipate.choice import choose
from cityward.anticipate.features import NO_HOLIDAYS, Counts, History, history
from cityward.anticipate.floors import MEDIAN, Distribution, empirical_quantiles, seasonal_naive, tsb, yearly_naive
from cityward.anticipate.learned import Learned, available
from cityward.anticipate.rhythm import Rhythm
from cityward.anticipate.seasons import level_and_season
from cityward.anticipate.spread import (
    SILENT_MEAN,
    SIZE_FACTORS,
    UNTRIED,
    WHOLE,
    Reach,
    around,
    interval,
    interval_scale,
    loss,
    sizes,
)

FLOOR: Final = "seasonal naive"
SEASONED: Final = "level and season"
LEARNED: Final = "LightGBM"
CHECKPOINT: Final = "checkpoint"
FLOORS: Final[Mapping[str, Callable[[Counts, int, Rhythm], Distribution]]] = {
    FLOOR: seasonal_naive,
    "yearly naive": yearly_naive,
    "TSB": tsb,
    "empirical quantiles": empirical_quantiles,
}
"""The simplest first: on equal scores the first is chosen."""

TOGETHER: Final = f"{LEARNED} with {SEASONED}"
MEANS: Final = (SEASONED, LEARNED, TOGETHER)
"""Models of the mean; a negative binomial stands around it."""

LEARNED_SHARE: Final = 0.7
"""Of the learned mean in the average of both: chosen on Chicago's spring and summer."""

AVERAGE: Final = f"{LEARNED} with two floors"
_QUANTILES_OF_WEEKDAY: Final = "empirical quantiles"
BLENDS: Final[Mapping[str, Mapping[str, float]]] = {
    f"{LEARNED} with {_QUANTILES_OF_WEEKDAY}": {LEARNED: 0.5, _QUANTILES_OF_WEEKDAY: 0.5},
    AVERAGE: {LEARNED: 0.5, _QUANTILES_OF_WEEKDAY: 0.25, FLOOR: 0.25},
}
"""Averages of models' quantiles, with weights: where they err, they often err apart. The weights are round."""

TRIED_DAYS: Final = 84
"""Models are tried on about twelve weeks: windows of one horizon each."""

WINDOWS: Final = (3, 7)
"""Fewest and most windows to try on: hours a day ahead are tried on each weekday."""

GROUP_SERIES: Final = 12
GROUPS_MAX: Final = 4

_SIZED_SERIES_MAX: Final = 2_000
"""Series on which the factor of the spread is tried; more say the same."""

WIDEST: Final = 0.95
"""Most that is asked of an interval on the days tried, to hold 80 % of others."""

_OWN_DAYS: Final = 365


class Setting(NamedTuple):
    """When the first step is, what the rhythm is, names of holidays, the seed, and whether to use the learner.

    ``every`` asks for the forecasts of the models that were not chosen as well. ``outside`` is a model from
    elsewhere (`cityward.anticipate.checkpoint`), called with known values and a horizon; it is tried as any other.
    """

    start: datetime
    rhythm: Rhythm
    holidays: Mapping[date, str] = NO_HOLIDAYS
    seed: int = 1
    threads: int = 2
    learn: bool = True
    every: bool = False
    outside: Callable[[Counts, int], Distribution] | None = None


class Tested(NamedTuple):
    """How a model did: loss (series, weeks or windows); absolute error summed, and share inside the interval."""

    model: str
    loss: Counts
    error: Counts
    inside: Counts
    seconds: float


class Ahead(NamedTuple):
    """What is expected: distribution, 80 % interval (series, horizon), and the model of each series.

    ``came`` is the sum of what each series brought in the windows tried.

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
    came: Counts
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
        used, none = np.full(len(values), FLOOR), np.zeros(len(values))
        return Ahead(floor, low, high, used, [], [], groups, none, {FLOOR: (floor, low, high)})
    whole = bool((past.values == np.round(past.values)).all())
    tries = _tries(past, origins, horizon, setting, groups, whole)
    future = np.stack([np.where(past.known, past.values, np.nan)[:, at : at + horizon] for at in origins], axis=1)
    tested, scales = _test(tries, future, past.rhythm.week)
    names = list(tries.models)
    averages = [names.index(name) for name in (AVERAGE, TOGETHER) if name in names]
    chosen = choose(np.stack([one.loss for one in tested]), groups, averages)
    wanted = set(names) if setting.every else {names[one] for one in np.unique(chosen)}
    made = _now(past, end, horizon, setting, wanted, tries, whole)
    others = {name: (made[name], *interval(made[name], scales[names.index(name)])) for name in names if name in wanted}
    found = _assemble(others, [names[one] for one in chosen])
    came = np.nansum(future, axis=(1, 2))
    return Ahead(*found, np.array(names)[chosen], tested, origins, groups, came, others if setting.every else {})


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
    windows = int(np.clip(TRIED_DAYS * past.rhythm.day // horizon, *WINDOWS))
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


def _blend(models: Mapping[str, Distribution], weights: Mapping[str, float], whole: bool) -> Distribution:
    """The average of some; in whole numbers where only these come: between two counts nothing is ever right."""
    mean, quantiles = (
        sum(weight * part for part, weight in zip(parts, weights.values(), strict=True))
        for parts in zip(*(models[name] for name in weights), strict=True)
    )
    return Distribution(np.asarray(mean), np.round(quantiles) if whole else np.asarray(quantiles))


class Tries(NamedTuple):
    """Every model in every window, the seconds it took, and the factor of the spread of `MEANS` by series.

    ``learned`` are the trees that were tried, which are those that speak: they correct ratios to what lately
    came, so a quarter of a year more teaches them little, and only of these trees it is known how they do.
    """

    models: dict[str, Distribution]
    seconds: dict[str, float]
    factor: dict[str, Counts]
    learned: Learned | None


def _tries(
    past: History, origins: list[int], horizon: int, setting: Setting, groups: NDArray[np.intp], whole: bool
) -> Tries:
    began = perf_counter()
    tries = Tries({}, {}, {}, _learn(past, origins[0], horizon, setting))
    learning = perf_counter() - began
    for name in FLOORS:
        began = perf_counter()
        tries.models[name] = _stack([_floor(name, past, at, horizon) for at in origins])
        tries.seconds[name] = perf_counter() - began
    began = perf_counter()
    wide = [sizes(past, at) for at in origins]
    means = {SEASONED: [_seasoned(past, at, horizon) for at in origins]}
    tries.seconds[SEASONED] = perf_counter() - began
    if tries.learned:
        began = perf_counter() - learning
        means[LEARNED] = [_begun(past, at, tries.learned.mean(past, at, horizon)) for at in origins]
        means[TOGETHER] = [_together(*both) for both in zip(means[LEARNED], means[SEASONED], strict=True)]
        tries.seconds[LEARNED] = perf_counter() - began
        tries.seconds[TOGETHER] = tries.seconds[LEARNED] + tries.seconds[SEASONED]
    for name, some in means.items():
        tries.factor[name] = _factors(past, origins, some, wide, groups)
        tries.models[name] = _stack([around(*one, tries.factor[name]) for one in zip(some, wide, strict=True)])
    for name, weights in (BLENDS if LEARNED in means else {}).items():
        tries.models[name] = _blend(tries.models, weights, whole)
        tries.seconds[name] = sum(tries.seconds[one] for one in weights)
    if setting.outside:
        began = perf_counter()
        tries.models[CHECKPOINT] = _stack([_outside(setting.outside, past, at, horizon) for at in origins])
        tries.seconds[CHECKPOINT] = perf_counter() - began
    return tries


def _seasoned(past: History, origin: int, horizon: int) -> Counts:
    return _begun(past, origin, level_and_season(past, origin, np.arange(len(past.values)), np.arange(horizon)))


def _begun(past: History, origin: int, mean: Counts) -> Counts:
    """Nothing is expected of a series that has never brought anything."""
    return np.where(past.sums[:, [origin]] > 0, mean, 0.0)


def _together(learned: Counts, seasoned: Counts) -> Counts:
    return LEARNED_SHARE * learned + (1 - LEARNED_SHARE) * seasoned


def _outside(model: Callable[[Counts, int], Distribution], past: History, origin: int, horizon: int) -> Distribution:
    return model(np.where(past.known, past.values, np.nan)[:, :origin], horizon)


def _factors(
    past: History, origins: list[int], means: list[Counts], wide: list[Counts], groups: NDArray[np.intp]
) -> Counts:
    """The factor of the spread that would have lost least, by series; equal within a group."""
    factor = np.ones(len(groups))
    for group in range(groups.max() + 1):
        members = np.flatnonzero(groups == group)
        some = members[:: max(1, len(members) // _SIZED_SERIES_MAX)]
        factor[members] = _size_factor(past, origins, [mean[some] for mean in means], [one[some] for one in wide], some)
    return factor


def _learn(past: History, end: int, horizon: int, setting: Setting) -> Learned | None:
    """The learner needs as much again as it looks back on, and at least one horizon of outcomes."""
    if not (setting.learn and available() and end >= 2 * past.rhythm.shortest + horizon):
        return None
    return Learned.of(past, end, horizon, seed=setting.seed, threads=setting.threads)


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


def _blocks(lost: Counts, week: int) -> Counts:
    """Sums over the weeks of every window, shape (series, blocks): days of a week share its weather, weeks less so."""
    parts = np.array_split(np.arange(lost.shape[2]), max(1, lost.shape[2] // week))
    return np.concatenate([lost[:, :, part].sum(axis=2) for part in parts], axis=1)


def _test(tries: Tries, future: Counts, week: int) -> tuple[list[Tested], list[Reach]]:
    """Score every model by series, and say how its interval is to be scaled."""
    tested, scales = [], []
    for name, tried in tries.models.items():
        inside, scale = _interval(future, tried)
        scales.append(scale)
        error = np.nansum(np.abs(future - tried.quantiles[..., MEDIAN]), axis=(1, 2))
        lost = _blocks(np.nan_to_num(loss(future, tried.quantiles)), week)
        tested.append(Tested(name, lost, error, _share(inside), tries.seconds[name]))
    return tested, scales


def _interval(future: Counts, tried: Distribution) -> tuple[Counts, Reach]:
    """What the interval held, shape (series, steps), and its scale.

    Days differ more than the steps of a day, so few windows promise too much to each other. As much as they
    hold too little of one another, the share asked for is larger.
    """
    inside = _inside(future, tried, WHOLE)
    held = inside[(tried.mean > SILENT_MEAN) & np.isfinite(inside)]
    short = WHOLE - float(held.mean()) if held.size else 0.0
    if short <= 0 or future.shape[1] == 1:
        return inside.reshape(len(future), -1), interval_scale(future, tried)
    share = min(WHOLE + short, WIDEST)
    return _inside(future, tried, share).reshape(len(future), -1), interval_scale(future, tried, share)


def _inside(future: Counts, tried: Distribution, share: float) -> Counts:
    """1 where the interval holds what came, each window's calibrated on the other windows; NaN where unknown."""
    windows = future.shape[1]
    found = np.full(future.shape, np.nan)
    for window in range(windows):
        others = [one for one in range(windows) if one != window] or [window]
        scale = interval_scale(future[:, others], _windows(tried, others), share)
        low, high = interval(_windows(tried, [window]), scale)
        came = future[:, [window]]
        found[:, [window]] = np.where(np.isfinite(came), (came >= low) & (came <= high), np.nan)
    return found


def _windows(tried: Distribution, some: list[int]) -> Distribution:
    return Distribution(tried.mean[:, some], tried.quantiles[:, some])


def _share(inside: Counts) -> Counts:
    known = np.isfinite(inside).sum(axis=1)
    share: Counts = np.divide(np.nansum(inside, axis=1), known, out=np.full(len(inside), np.nan), where=known > 0)
    return share


def _now(
    past: History,
    end: int,
    horizon: int,
    setting: Setting,
    wanted: set[str],
    tries: Tries,
    whole: bool,
) -> dict[str, Distribution]:
    """The wanted models, and those that they are blended of, from all that is known."""
    needed = wanted.union(*(BLENDS[name] for name in wanted if name in BLENDS))
    made = {name: _floor(name, past, end, horizon) for name in FLOORS if name in needed}
    means = {SEASONED: _seasoned(past, end, horizon)}
    if tries.learned and needed & {LEARNED, TOGETHER}:
        means[LEARNED] = _begun(past, end, tries.learned.mean(past, end, horizon))
        means[TOGETHER] = _together(means[LEARNED], means[SEASONED])
    size = sizes(past, end)
    made |= {name: around(mean, size, tries.factor[name]) for name, mean in means.items() if name in needed}
    made |= {name: _blend(made, BLENDS[name], whole) for name in wanted if name in BLENDS}
    if CHECKPOINT in wanted and setting.outside:
        made[CHECKPOINT] = _outside(setting.outside, past, end, horizon)
    return made

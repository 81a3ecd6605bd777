"""Every level of a city in one forecast: areas, groups of areas and the whole, which add up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cityward.anticipate.engine import Setting, ahead
from cityward.anticipate.floors import LEVELS, tsb
from cityward.anticipate.reconcile import (
    Level,
    Numbers,
    Tree,
    better_reconciled,
    bottom_up,
    reconcile,
    shrunk,
)
from cityward.anticipate.rhythm import DAILY
from cityward.core.frames import FORECAST, conform
from cityward.core.records import LevelTest

TRIED_WEEKS: Final = 26
"""Weeks of forecasts that are compared with what came: errors of the first half teach, the others test."""

TESTED_WEEKS: Final = 12
FEWEST_WEEKS: Final = 8
"""With fewer, a covariance of so many nodes is guesswork: areas are then summed."""

MEMORY_DAYS: Final = 182
TRIED_SERIES: Final = 40_000
"""Most nodes times weeks that are tried at each turn; a larger city tries fewer weeks."""

SUMMED: Final = "sum of areas"
RECONCILED: Final = "reconciled"

_QUANTILES: Final = {"q05": 0.05, "q10": 0.1, "q50": 0.5, "q90": 0.9, "q95": 0.95}
_ENDS: Final = ("low", "high")
_WEEK: Final = 7


class Together(NamedTuple):
    """Forecasts of all levels (`cityward.core.frames.FORECAST`), and how each level did with and without."""

    frame: pl.DataFrame
    tests: list[LevelTest]


def together(
    areas: pl.DataFrame,
    counts: Numbers,
    tree: Tree,
    *,
    services: Sequence[str],
    level: str,
    as_of: date,
) -> Together:
    """Add groups and the whole city to the forecasts of areas, and make all of them add up.

    Parameters
    ----------
    areas : polars.DataFrame
        `FORECAST` columns: for each service, area and day one row, in this order.
    counts : ndarray, shape (services, areas, days)
        Interactions, the last day being ``as_of``.
    tree : Tree
        Which areas each upper node holds.
    services : sequence of str
        In the order of ``areas``.
    level : str
        What an area is called.

    Returns
    -------
    Together
        Rows of areas come first, then those of upper nodes. Means of an upper node are exactly the sums of
        its areas' means. Every node keeps the shape of its own distribution, moved with its mean: a sum of
        quantiles would be no quantile.

    Notes
    -----
    Upper nodes are forecast by the floors, which cost next to nothing. Areas and upper nodes are reconciled
    for the services where that erred no more than summing the areas, at any level, in the last weeks.
    """
    if not areas.height:
        return Together(conform(areas.with_columns(level=pl.lit(level)), FORECAST), [])
    lately = counts[:, :, -(MEMORY_DAYS + TRIED_WEEKS * _WEEK) :]
    errors, seen = _errors(np.concatenate([tree.sums(lately), lately], axis=1))
    weeks = _tested_days(seen.shape[2]) // _WEEK
    horizon = areas.height // (counts.shape[0] * counts.shape[1])
    upper = _upper(tree.sums(counts), horizon, as_of)
    own = areas["mean"].to_numpy().reshape(*counts.shape[:2], horizon)
    found, tests, used = [], [], []
    for at, service in enumerate(services):
        levels = _tested(errors[at], seen[at], tree, level)
        use = better_reconciled(levels)
        alone = np.concatenate([upper.mean[at], own[at]])
        moved = reconcile(alone, shrunk(errors[at].T), tree.members) if use else bottom_up(alone, tree.members)
        found.append(moved[len(tree.ids) :].round(4))
        used.append(use)
        tests += [LevelTest(service=service, weeks=weeks, used=use, **one._asdict()) for one in levels]
    means = np.stack(found)
    lower = _moved(areas, own, means).with_columns(level=pl.lit(level))
    higher = _higher(tree, services, areas, tree.sums(means).round(4), upper, used)
    return Together(pl.concat([conform(lower, FORECAST), conform(higher, FORECAST)]), tests)


def _errors(nodes: Numbers) -> tuple[Numbers, Numbers]:
    """Errors and counts of the last weeks, each forecast from what came before it: (services, nodes, days)."""
    services, each, days = nodes.shape
    weeks = int(np.clip(TRIED_SERIES // (services * each), FEWEST_WEEKS, TRIED_WEEKS))
    weeks = min(weeks, (days - 4 * _WEEK) // _WEEK)
    if weeks < FEWEST_WEEKS:
        return np.zeros((services, each, 2)), np.zeros((services, each, 0))
    origins = [days - _WEEK * back for back in range(weeks, 0, -1)]
    memory = min(MEMORY_DAYS, origins[0])
    flat = nodes.reshape(-1, days)
    # One call for each: TSB shares its weekdays among the series of a call, and they must not be of later weeks.
    expected = np.concatenate([tsb(flat[:, at - memory : at], _WEEK).mean for at in origins], axis=1)
    seen = flat[:, origins[0] :]
    return (seen - expected).reshape(services, each, -1), seen.reshape(services, each, -1)


def _tested_days(days: int) -> int:
    """How many of the days that were tried are kept to test on: at most the later half, in whole weeks."""
    return min(TESTED_WEEKS * _WEEK, days // (2 * _WEEK) * _WEEK)


def _tested(errors: Numbers, seen: Numbers, tree: Tree, level: str) -> list[Level]:
    """How forecasts alone, summed and reconciled did in the last weeks; the covariance is older than they are."""
    tested = _tested_days(seen.shape[1])
    if not tested or not seen.any():
        return []
    alone = seen[:, -tested:] - errors[:, -tested:]
    moved = reconcile(alone, shrunk(errors[:, :-tested].T), tree.members)
    summed = bottom_up(alone, tree.members)
    labels = np.array([*tree.levels, *([level] * (len(seen) - len(tree.levels)))])
    found = []
    for name in dict.fromkeys(labels.tolist()):
        rows = labels == name
        error = [float(np.abs(seen[rows, -tested:] - made[rows]).mean()) for made in (alone, summed, moved)]
        found.append(Level(name, int(rows.sum()), *(round(one, 6) for one in error)))
    return found


class _Upper(NamedTuple):
    """Forecasts of upper nodes, with (services, nodes, horizon) first; ``ends`` are those of the interval."""

    mean: Numbers
    quantiles: Numbers
    ends: Numbers
    model: NDArray[np.str_]


def _upper(sums: Numbers, horizon: int, as_of: date) -> _Upper:
    """Forecast upper nodes by the floors."""
    services, each, days = sums.shape
    first = datetime.combine(as_of - timedelta(days=days - 1), time())
    made = ahead(sums.reshape(-1, days), horizon, Setting(first, DAILY, learn=False))
    shape = (services, each, horizon)
    kept = [LEVELS.index(level) for level in _QUANTILES.values()]
    return _Upper(
        made.distribution.mean.reshape(shape),
        made.distribution.quantiles[..., kept].reshape(*shape, len(kept)),
        np.stack([made.low, made.high], axis=-1).reshape(*shape, 2),
        made.model.reshape(services, each),
    )


def _ratio(before: Numbers, after: Numbers) -> Numbers:
    found: Numbers = np.divide(after, before, out=np.ones_like(after), where=before > 0)
    return found


def _scaled(quantiles: Numbers, ratio: Numbers) -> Numbers:
    """Move quantiles (last axis) with the mean; whole numbers stay whole, for a day's count is one.

    Without that an upper bound of 1 would become 0.98, and hold no day with one report any more.
    """
    moved = quantiles * ratio[..., None]
    whole = np.isclose(quantiles, np.round(quantiles), atol=1e-9)
    found: Numbers = np.maximum.accumulate(np.where(whole, np.round(moved), moved), axis=-1)
    return found.round(4)


def _columns(quantiles: Numbers, ends: Numbers, ratio: Numbers) -> dict[str, Numbers]:
    """Quantiles and interval moved with the mean, by name; the interval holds the median."""
    moved = _scaled(quantiles, ratio)
    middle = moved[..., list(_QUANTILES.values()).index(0.5)]
    low, high = np.moveaxis(_scaled(ends, ratio), -1, 0)
    named = {name: moved[..., at].ravel() for at, name in enumerate(_QUANTILES)}
    return named | {"low": np.minimum(low, middle).ravel(), "high": np.maximum(high, middle).ravel()}


def _moved(areas: pl.DataFrame, before: Numbers, after: Numbers) -> pl.DataFrame:
    quantiles, ends = areas.select(_QUANTILES.keys()).to_numpy(), areas.select(_ENDS).to_numpy()
    columns = _columns(quantiles, ends, _ratio(before, after).ravel())
    return areas.with_columns(
        pl.Series("mean", after.ravel()), *(pl.Series(name, values) for name, values in columns.items())
    )


def _higher(
    tree: Tree,
    services: Sequence[str],
    areas: pl.DataFrame,
    means: Numbers,
    upper: _Upper,
    used: Sequence[bool],
) -> pl.DataFrame:
    horizon = means.shape[2]
    ranks = np.arange(means.shape[0] * means.shape[1]).repeat(horizon)
    how = np.array([RECONCILED if use else SUMMED for use in used]).repeat(len(tree.ids))
    names = [f"{one}, {way}" if way == RECONCILED else way for one, way in zip(upper.model.ravel(), how, strict=True)]
    return pl.DataFrame(
        {
            "service": pl.Series(services, dtype=pl.String).gather(ranks // len(tree.ids)),
            "territory": pl.Series(tree.ids, dtype=pl.String).gather(ranks % len(tree.ids)),
            "day": areas["day"].head(horizon).gather(np.tile(np.arange(horizon), len(ranks) // horizon)),
            "mean": means.ravel(),
            **_columns(upper.quantiles, upper.ends, _ratio(upper.mean, means)),
            "model": pl.Series(names, dtype=pl.String).gather(ranks),
            "level": pl.Series(tree.levels, dtype=pl.String).gather(ranks % len(tree.ids)),
        }
    )

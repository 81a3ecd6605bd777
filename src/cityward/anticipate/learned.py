"""The learned model: gradient-boosted trees over all series at once. Needs the extra ``learn``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cityward.anticipate.features import RATIO_MAX, Counts, History, features
from cityward.anticipate.seasons import level_and_season
from cityward.core.clock import rng

ROWS_MAX: Final = 50_000
"""Rows that each of the `SEEDS` learns from: twice as many cost twice the time and did not help on Chicago."""

SEEDS: Final = 2
"""Forests whose average speaks. Each learns in one thread, so that any number of threads gives equal bytes;
many threads in one forest would also wait for each other on a busy machine."""

SIZE: Final = 5.0
"""A count's weight is its precision as a negative binomial of this size; else the busiest place decides all."""

PART_ROWS: Final = 70_000
"""Rows that are told at once."""

ORIGINS_MAX: Final = 120
STEPS_MAX: Final = 12
"""Of each origin so many steps are drawn: neighbours along the horizon say the same."""

ROUNDS: Final = 200
LEAST_ROWS: Final = 50
"""Rows of a leaf, fewer where there are few rows at all."""

LEAST_GAIN: Final = 12.0
"""A split must gain this much likelihood: on places of a report a week trees stay small, and grow where hours
bring hundreds. Chosen on Chicago's 2014 until September and on twelve days of Melbourne's last year."""

_PARAMETERS: Final[dict[str, Any]] = {
    "objective": "poisson",
    "learning_rate": 0.06,
    "num_leaves": 63,
    "min_data_in_leaf": LEAST_ROWS,
    "min_gain_to_split": LEAST_GAIN,
    "feature_fraction": 0.4,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 20.0,
    "max_bin": 63,
    "verbose": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}


def available() -> bool:
    """Say whether LightGBM is installed."""
    try:
        import lightgbm  # noqa: F401 (an extra)
    except ImportError:
        return False
    return True


class Learned:
    """Trees that correct the baseline of `cityward.anticipate.features`, knowing what level and season say.

    Source: Ke et al. (2017), LightGBM, NeurIPS 30; a global Poisson model as in Makridakis et al. (2022),
    The M5 accuracy competition, International Journal of Forecasting 38(4).
    """

    def __init__(self, forests: list[Any], threads: int) -> None:
        self._forests, self._threads = forests, threads

    @classmethod
    def of(cls, past: History, end: int, horizon: int, *, seed: int, threads: int = 2) -> Learned | None:
        """Learn from the steps before ``end`` (the first unknown one), for ``horizon`` steps ahead.

        None where no series that was alive brought anything afterwards: that teaches nothing.
        """
        with ThreadPoolExecutor(threads) as pool:
            forests = list(pool.map(lambda one: _forest(past, end, horizon, seed, one), range(SEEDS)))
        return None if None in forests else cls(forests, threads)

    def mean(self, past: History, origin: int, horizon: int) -> Counts:
        """Return the expected values of the ``horizon`` steps from ``origin``, shape (series, horizon)."""
        series, steps = np.arange(len(past.values)), np.arange(horizon)
        found = np.empty((len(series), horizon))

        def tell(some: NDArray[np.intp]) -> None:
            columns, base = _told(past, origin, some, steps)
            ratio = sum(np.asarray(forest.predict(columns, num_threads=1)) for forest in self._forests) / SEEDS
            found[some] = np.asarray(ratio).reshape(base.shape) * base

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(tell, np.array_split(series, max(1, len(series) * horizon // PART_ROWS))))
        return found


def _forest(past: History, end: int, horizon: int, seed: int, number: int) -> Any:
    import lightgbm

    columns, ratios, weights = _rows(past, end, horizon, rng(seed, "forecast", end, number))
    if not ratios.any():
        return None
    leaf = int(np.clip(len(ratios) // 400, 20, LEAST_ROWS))
    parameters = {**_PARAMETERS, "seed": seed + number, "min_data_in_leaf": leaf}
    return lightgbm.train(parameters, lightgbm.Dataset(columns, ratios, weight=weights, params=parameters), ROUNDS)


def _told(past: History, origin: int, series: NDArray[np.intp], steps: NDArray[np.intp]) -> tuple[Any, Counts]:
    """The columns of `features` and what `level_and_season` says, over the baseline; and the baseline."""
    columns, base = features(past, origin, series, steps)
    seasoned = level_and_season(past, origin, series, steps)
    ratio = np.log(seasoned / base).reshape(-1, 1).astype(np.float32)
    return np.concatenate([columns, ratio], axis=1), base


def _rows(
    past: History, end: int, horizon: int, chance: np.random.Generator
) -> tuple[NDArray[np.float32], Counts, Counts]:
    """Rows to learn from: origins at even distances, and some steps and series of each."""
    first = min(past.rhythm.year + 8 * past.rhythm.week, max(past.rhythm.shortest, (end - horizon) // 2))
    count = int(min(ORIGINS_MAX, max(1, (end - horizon - first) // past.rhythm.day)))
    # All at the hour at which the forecast begins: what a step is like depends on it.
    apart = max((end - horizon - first) // past.rhythm.day // count, 1) * past.rhythm.day
    origins = np.arange(end - horizon, first - 1, -apart)[::-1] if end - horizon > first else np.array([end - horizon])
    each = min(horizon, STEPS_MAX)
    take = int(min(len(past.values), max(1, ROWS_MAX // (len(origins) * each))))
    columns, ratios, weights = [], [], []
    for origin in origins:
        steps = np.sort(chance.choice(horizon, each, replace=False))
        series = np.sort(chance.choice(len(past.values), take, replace=False))
        some, base = _told(past, int(origin), series, steps)
        # A place that says nothing now has no level to be a ratio of; a gap is no outcome.
        use = (past.known[np.ix_(series, origin + steps)] & past.alive(int(origin))[series, None]).ravel()
        columns.append(some[use])
        ratios.append(np.minimum(past.values[np.ix_(series, origin + steps)] / base, RATIO_MAX).ravel()[use])
        weights.append((base / (1 + base / SIZE)).ravel()[use])
    return np.concatenate(columns), np.concatenate(ratios), np.concatenate(weights)

"""Many years of a city under a set of controls: losses, hours of service, their spread and where they come from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import prepare
from cityward.core.errors import UserError
from cityward.core.limits import RISK_EVENTS, RISK_YEARS
from cityward.secure.risk.cascade_kernel import make_bench
from cityward.secure.risk.cast import City, factors_of, rates
from cityward.secure.risk.records import Control
from cityward.secure.risk.year_kernel import Factors, Sums, run_years

Floats = NDArray[np.float64]
BLOCKS: Final = 40
"""Parts that the years are simulated in, whatever the machine; their spread is the error of every mean."""


@dataclass(frozen=True, slots=True)
class Years:
    """What simulated years came to; ``b`` blocks, ``k`` scenarios, ``a`` assets, ``t`` targets of hits.

    Attributes
    ----------
    money, citizen_hours : ndarray
        Shape (years). Loss and hours of service lost by people, of each year.
    by_scenario : ndarray
        Shape (b, 3, k). Mean a year of events, money and citizen-hours.
    asset_hours : ndarray
        Shape (b, a). Mean hours a year that each asset is down.
    target_hours : ndarray
        Shape (t). Mean citizen-hours a year that go back to each target of each hit.
    """

    money: Floats
    citizen_hours: Floats
    by_scenario: Floats
    asset_hours: Floats
    target_hours: Floats


def simulate(city: City, controls: Sequence[Control], *, years: int, seed: int) -> Years:
    """Simulate ``years`` years; equal seeds give equal years under any controls, but for what these take away.

    Raises
    ------
    UserError
        Too few or too many years, or more events than can be simulated.
    """
    if not BLOCKS <= years <= RISK_YEARS:
        raise UserError(f"{years:,} years cannot be simulated.", f"Take from {BLOCKS} to {RISK_YEARS:,}.")
    events = float(rates(city).sum()) * years
    if events > RISK_EVENTS:
        raise UserError(
            f"{years:,} years have about {events:,.0f} tries; at most {RISK_EVENTS:,} are simulated.",
            "Take fewer years, or count as a try only what comes close.",
        )
    return simulate_with(city, factors_of(city, controls), years=years, seed=seed)


def simulate_with(city: City, factors: Factors, *, years: int, seed: int) -> Years:
    """As `simulate`, for factors."""
    prepare()
    edges = np.linspace(0, years, BLOCKS + 1).astype(np.int64)
    parts = [np.zeros((BLOCKS, 3, len(city.scenarios))), np.zeros((BLOCKS, len(city.graph.assets)))]
    money, hours = np.zeros(years), np.zeros(years)
    workers = min(os.cpu_count() or 1, BLOCKS)
    targets = np.zeros((BLOCKS if city.cast.target.size * BLOCKS < _MOST_CELLS else 1, city.cast.target.size))
    if targets.shape[0] == 1:
        workers = 1

    def run(blocks: range) -> None:
        bench = make_bench(len(city.graph.assets))
        for block in blocks:
            first, last = int(edges[block]), int(edges[block + 1])
            sums = Sums(
                money[first:last],
                hours[first:last],
                parts[0][block],
                parts[1][block],
                targets[min(block, len(targets) - 1)],
            )
            run_years(city.net, city.cast, factors, bench, sums, seed, first, last - first)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, [range(at, BLOCKS, workers) for at in range(workers)]))
    length = np.diff(edges).astype(np.float64)
    return Years(
        money, hours, parts[0] / length[:, None, None], parts[1] / length[:, None], targets.sum(axis=0) / years
    )


_MOST_CELLS: Final = 20_000_000

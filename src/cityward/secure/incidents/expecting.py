"""What an attack of a kind is expected to cost once it succeeds, by the city's own scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from cityward.secure.incidents.records import Behind, Expected
from cityward.secure.risk.analysis import BLOCKS, simulate
from cityward.secure.risk.cast import City, rates
from cityward.secure.risk.graph import Graph, reach

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

YEARS: Final = 20_000
SEED: Final = 1
SUCCESSES_MIN: Final = 30
"""With fewer simulated successes of a scenario its mean is not told."""


@dataclass(frozen=True, slots=True)
class Scenarios:
    """Scenarios of a city, each with what one success comes to; ``s`` scenarios.

    Attributes
    ----------
    city : City
    success : ndarray
        Shape (s). Which share of tries succeeds, with the controls that are in place.
    mean, error : ndarray
        Shape (2, s). Money and hours that people are without a service, of one success; NaN where too few were seen.
    """

    city: City
    success: NDArray[np.float64]
    mean: NDArray[np.float64]
    error: NDArray[np.float64]


def simulated(city: City, years: int = YEARS, seed: int = SEED) -> Scenarios:
    """Simulate once what each scenario comes to.

    Notes
    -----
    A mean of one success is a ratio of two sums over blocks of years; its error is that of the ratio's residuals.

    **Source**: Cochran, Sampling Techniques, 3rd ed., equation 6.9.
    """
    present = [control for control in city.file.controls if control.present]
    years = max(BLOCKS, min(years, int(5e6 / max(1e-9, float(rates(city).sum())))))
    seen = simulate(city, present, years=years, seed=seed).by_scenario
    events, sums = seen[:, 0], np.swapaxes(seen[:, 1:], 0, 1)
    count = events.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = sums.mean(axis=1) / count
        residual = sums - mean[:, None, :] * events[None]
        error = residual.std(axis=1, ddof=1) / np.sqrt(BLOCKS) / count
        success = count / rates(city)
    few = count * years < SUCCESSES_MIN
    return Scenarios(city, np.clip(np.nan_to_num(success), 0, 1), np.where(few, np.nan, mean), error)


def expected(scenarios: Scenarios, techniques: Iterable[str], assets: Iterable[str]) -> tuple[Expected, ...]:
    """Scenarios that name one of the techniques, the costliest first.

    Those that can bring down one of the assets stand alone where there are any: of the others only the technique fits.
    A technique stands for its sub-techniques, as in `cityward.secure.risk.scenario_check.acts_on`.
    """
    wanted = {one.partition(".")[0] for one in techniques}
    graph, cast = scenarios.city.graph, scenarios.city.cast
    hit = np.array(sorted(graph.place[one] for one in assets if one in graph.place), np.int64)
    found = []
    for at, scenario in enumerate(scenarios.city.scenarios):
        if not wanted & {one.partition(".")[0] for one in scenario.techniques} or np.isnan(scenarios.mean[0, at]):
            continue
        reached = cast.reach[cast.reach_begin[at] : cast.reach_begin[at + 1]]
        fits = bool(np.isin(hit, reached).any())
        found.append(
            Expected(
                scenario=scenario.id,
                name=scenario.name or scenario.id,
                fits="techniques and assets" if fits else "techniques",
                success=float(scenarios.success[at]),
                money=float(scenarios.mean[0, at]),
                money_error=float(scenarios.error[0, at]),
                citizen_hours=float(scenarios.mean[1, at]),
                citizen_hours_error=float(scenarios.error[1, at]),
            )
        )
    sure = [one for one in found if one.fits == "techniques and assets"]
    worth = scenarios.city.file.value_of_citizen_hour
    return tuple(
        sorted(
            sure or found,
            key=lambda one: (-one.success * (one.money + worth * one.citizen_hours), -one.citizen_hours, one.scenario),
        )
    )


def services_behind(graph: Graph, territories: dict[str, float], assets: Iterable[str]) -> tuple[list[Behind], float]:
    """Services that may go down with some assets, the largest first, and how many people at least use one of them.

    Notes
    -----
    People of several services are partly the same, so within a territory only those of its largest service count.
    """
    hit = np.array(sorted(graph.place[one] for one in assets if one in graph.place), np.int64)
    if not hit.size:
        return [], 0.0
    services, most = [], dict[str, float]()
    for at in reach(graph, hit).tolist():
        asset = graph.assets[at]
        if asset.serves:
            services.append(Behind(id=asset.id, name=asset.name or asset.id, people=float(sum(asset.serves.values()))))
        for territory, people in asset.serves.items():
            within = min(people, territories.get(territory, people))
            most[territory] = max(most.get(territory, 0.0), within)
    return sorted(services, key=lambda one: (-one.people, one.id)), float(sum(most.values()))

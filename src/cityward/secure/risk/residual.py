"""What a year costs on average under any set of controls: rates and factors multiply, cascades are simulated once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import prepare
from cityward.core.errors import UserError
from cityward.secure.risk.cascade_kernel import Bench, make_bench
from cityward.secure.risk.cast import City, factors_of, rates
from cityward.secure.risk.quantities import drawn
from cityward.secure.risk.records import Control
from cityward.secure.risk.year_kernel import Factors, Sums, run_events

Floats = NDArray[np.float64]
EVENTS: Final = 400
"""Events of a scenario that its cascade is measured on; always the same ones, so that differences are sharp."""


@dataclass(slots=True)
class Residual:
    """Mean cost of a year of a city under controls, counted in money.

    Parameters
    ----------
    city : City
    controls : sequence of Control
        Those that can be bought, ``c`` of them.
    present : sequence of Control
        Those that are there anyhow.
    rate : ndarray
        Shape (k). Successful events a year of each scenario, without any control.
    value : float
        What an hour counts for that one resident is without a service.
    seed : int

    Attributes
    ----------
    cost, tried, spread, loss, restore : ndarray
        Shape (c) and (c, k): price a year and factors of each control.
    """

    city: City
    controls: Sequence[Control]
    present: Sequence[Control]
    rate: Floats
    value: float
    seed: int
    cost: Floats = field(init=False)
    tried: Floats = field(init=False)
    spread: Floats = field(init=False)
    loss: Floats = field(init=False)
    restore: Floats = field(init=False)
    _base: Factors = field(init=False)
    _mean_loss: Floats = field(init=False)
    _bench: Bench = field(init=False)
    _known: dict[tuple[int, float, float], float] = field(init=False, default_factory=dict)
    _cascading: list[int] = field(init=False)

    def __post_init__(self) -> None:
        prepare()
        each = [factors_of(self.city, [control]) for control in self.controls]
        shape = (len(each), len(self.city.scenarios))
        self.cost = np.array([control.cost_per_year for control in self.controls], np.float64)
        self.tried = np.array([one.tried for one in each]).reshape(shape)
        self.spread = np.array([one.spread for one in each]).reshape(shape)
        self.loss = np.array([one.loss for one in each]).reshape(shape)
        self.restore = np.array([one.restore for one in each]).reshape(shape)
        self._base = factors_of(self.city, self.present)
        self._mean_loss = np.array([drawn(one.loss, "loss").mean for one in self.city.scenarios])
        self._bench = make_bench(len(self.city.graph.assets))
        self._cascading = [at for at, one in enumerate(self.city.scenarios) if one.hits and self.rate[at] > 0]

    def cascades(self, chosen: NDArray[np.bool_]) -> Floats:
        """Mean cost of the cascade of one event of each scenario, shape (k), under the chosen controls."""
        spread = self._base.spread * np.prod(self.spread[chosen], axis=0)
        restore = self._base.restore * np.prod(self.restore[chosen], axis=0)
        found = np.zeros(len(self.city.scenarios))
        for at in self._cascading:
            key = (at, round(float(spread[at]), 9), round(float(restore[at]), 9))
            if key not in self._known:
                self._known[key] = self._cascade(*key)
            found[at] = self._known[key]
        return found

    def _cascade(self, at: int, spread: float, restore: float) -> float:
        ones, size = np.ones(len(self.city.scenarios)), len(self.city.scenarios)
        sums = Sums(
            np.zeros(EVENTS), np.zeros(EVENTS), np.zeros((3, size)), np.zeros(len(self.city.graph.assets)),
            np.zeros(self.city.cast.target.size),
        )  # fmt: skip
        factors = Factors(ones, ones * spread, 0 * ones, ones * restore)
        run_events(self.city.net, self.city.cast, factors, self._bench, sums, self.seed, at, EVENTS)
        return float(sums.by_scenario[1, at] + self.value * sums.by_scenario[2, at]) / EVENTS

    def parts(self, chosen: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Events a year, and direct loss of one, of each scenario under the chosen controls; shapes (k)."""
        events = self.rate * self._base.tried * np.prod(self.tried[chosen], axis=0)
        return events, self._mean_loss * self._base.loss * np.prod(self.loss[chosen], axis=0)

    def taken(self, chosen: NDArray[np.bool_]) -> tuple[Control, ...]:
        """The controls that a choice names; shape (c)."""
        return tuple(one for one, taken in zip(self.controls, chosen.tolist(), strict=True) if taken)

    def of(self, chosen: NDArray[np.bool_]) -> float:
        """Mean cost of a year under the chosen controls (shape (c)), without their price."""
        events, direct = self.parts(chosen)
        return float(events @ (direct + self.cascades(chosen)))


def event_rates(city: City, seen: Floats) -> Floats:
    """Successful events a year of each scenario without controls: in closed form, or as they were simulated.

    Parameters
    ----------
    city : City
    seen : ndarray
        Shape (k). Events a year in a simulation without controls.
    """
    rate = rates(city) * np.array([drawn(one.success, "success").mean for one in city.scenarios])
    open_ = np.array([one.count == "rounded" or one.capability is not None for one in city.scenarios], np.bool_)
    return np.where(open_, seen, rate)


def residual_of(city: City, present: Sequence[Control], seen: Floats, value: float, seed: int) -> Residual:
    """The residual of all controls that are not there yet.

    Parameters
    ----------
    city : City
    present : sequence of Control
    seen : ndarray
        Shape (b, 3, k). `Years.by_scenario` of a simulation with those that are there.
    value : float
        What an hour counts for that one resident is without a service.
    seed : int

    Raises
    ------
    UserError
        There is no control to buy.
    """
    absent = [control for control in city.file.controls if not control.present]
    if not absent:
        raise UserError("There is no control to buy.", "Write [[controls]] with id, cost_per_year and what it does.")
    tried = factors_of(city, present).tried
    events = np.divide(seen[:, 0].mean(axis=0), tried, out=np.zeros(tried.size), where=tried > 0)
    return Residual(city, absent, present, event_rates(city, events), value, seed)

"""One event of a scenario told hour by hour: what is struck, what goes down after it, and when each is back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.core.compiled import prepare
from cityward.core.errors import UserError
from cityward.secure.risk.cascade_kernel import Bench, Net, make_bench, settle, touched
from cityward.secure.risk.cast import City, factors_of
from cityward.secure.risk.chance_kernel import Key, bare, mixed
from cityward.secure.risk.year_kernel import YEAR, Cast, Factors, Sums, run_events, strike_all

EVENTS: Final = 400
"""Events of a scenario among which one is chosen by how bad it is."""


@dataclass(frozen=True, slots=True)
class Outage:
    """When an asset is down in one event, in hours since it began; ``struck`` itself, or for want of another."""

    asset: int
    struck: bool
    spells: tuple[tuple[float, float], ...]

    @property
    def began(self) -> float:
        """Hours after which it first goes down."""
        return self.spells[0][0]


def trace(city: City, scenario: int, *, severity: float, seed: int) -> list[Outage]:
    """Follow one event of a scenario, the first to go down first.

    Parameters
    ----------
    city : City
    scenario : int
        Its place among the scenarios.
    severity : float
        From 0 to 1: which share of `EVENTS` events cost residents fewer hours of service (or, where none costs any,
        less money).
    seed : int

    Raises
    ------
    UserError
        The severity is not from 0 to 1.
    """
    if not 0 <= severity <= 1:
        raise UserError(f"Severity {severity:g} is not from 0 to 1.", "0.8 is an event of which one in five is worse.")
    prepare()
    factors = factors_of(city, [one for one in city.file.controls if one.present])
    bench = make_bench(len(city.graph.assets))
    size = len(city.scenarios)
    sums = Sums(
        np.zeros(EVENTS), np.zeros(EVENTS), np.zeros((3, size)), np.zeros(len(city.graph.assets)),
        np.zeros(city.cast.target.size),
    )  # fmt: skip
    run_events(city.net, city.cast, factors, bench, sums, seed, scenario, EVENTS)
    worst = np.lexsort((sums.money, sums.citizen_hours))
    event = int(worst[round(severity * (EVENTS - 1))])
    struck = np.zeros(len(city.graph.assets), np.bool_)
    _follow(city.net, city.cast, factors, bench, seed, scenario, event, struck)
    found = [
        Outage(at, bool(struck[at]), tuple(zip(bench.start[at, :n].tolist(), bench.end[at, :n].tolist(), strict=True)))
        for at, n in enumerate(bench.spells.tolist())
        if n
    ]
    return sorted(found, key=lambda one: (one.began, not one.struck, one.asset))


@bare()
def _follow(
    net: Net,
    cast: Cast,
    factors: Factors,
    bench: Bench,
    seed: Key,
    scenario: int,
    event: int,
    struck: NDArray[np.bool_],
) -> None:
    """Let the event ``event`` of `run_events` happen again, and leave on the bench who is down when."""
    key = mixed(mixed(mixed(seed, cast.stream[scenario]), YEAR), event)
    if cast.hit_begin[scenario] == cast.hit_begin[scenario + 1]:
        return
    strike_all(net, cast, factors, bench, scenario, key)
    for at in range(cast.reach_begin[scenario], cast.reach_begin[scenario + 1]):
        asset = cast.reach[at]
        struck[asset] = bench.spells[asset] > 0
    for at in range(cast.reach_begin[scenario], cast.reach_begin[scenario + 1]):
        asset = cast.reach[at]
        if touched(net.need_begin, net.member_begin, net.member, bench.spells, asset):
            settle(net, bench, asset, key)

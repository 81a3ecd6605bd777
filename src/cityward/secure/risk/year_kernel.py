"""Compiled years: which events come, which of them succeed, and what each brings down and costs."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cityward.secure.risk.cascade_kernel import Bench, Net, settle, strike, touched
from cityward.secure.risk.chance_kernel import Key, bare, draw, mixed, normal, quantile_together, uniform
from cityward.secure.risk.quantities import FIXED, Columns

GAP, TRY, LOSS, SHARED, YEAR, PICKED, CAPABILITY = 1, 2, 3, 4, 5, 6, 7
_SHARE: Final = 1_000
_RESISTANCE: Final = 100_000


class Cast(NamedTuple):
    """Scenarios as arrays: ``k`` scenarios, ``h`` hits, ``t`` targets, ``s`` shocks."""

    stream: NDArray[np.uint64]
    frequency: Columns
    rounded: NDArray[np.bool_]
    success: Columns
    contested: NDArray[np.bool_]
    capability: Columns
    resistance_begin: NDArray[np.int64]
    resistance: Columns
    loss: Columns
    together: NDArray[np.float64]
    hit_begin: NDArray[np.int64]
    share: Columns
    after_hours: NDArray[np.float64]
    own_hours: NDArray[np.bool_]
    hours: Columns
    target_begin: NDArray[np.int64]
    target: NDArray[np.int64]
    reach_begin: NDArray[np.int64]
    reach: NDArray[np.int64]
    shock_stream: NDArray[np.uint64]
    shock_frequency: Columns
    shock_begin: NDArray[np.int64]
    shock_scenario: NDArray[np.int64]
    shock_share: NDArray[np.float64]


class Factors(NamedTuple):
    """What the controls that are in place leave of each scenario, by scenario, from 0 to 1."""

    tried: NDArray[np.float64]
    spread: NDArray[np.float64]
    loss: NDArray[np.float64]
    restore: NDArray[np.float64]


class Sums(NamedTuple):
    """Sums over the years of one block.

    ``money`` and ``citizen_hours`` by year; of each scenario ``events`` and three sums (rows of ``by_scenario``:
    events, money, citizen-hours); hours by asset; citizen-hours by target.
    """

    money: NDArray[np.float64]
    citizen_hours: NDArray[np.float64]
    by_scenario: NDArray[np.float64]
    asset_hours: NDArray[np.float64]
    target_hours: NDArray[np.float64]


@bare()
def strike_all(net: Net, cast: Cast, factors: Factors, bench: Bench, scenario: int, key: Key) -> float:
    """Decide which targets of an event fail and for how long; returns what mending them costs."""
    cost, together = 0.0, cast.together[scenario]
    shared = normal(uniform(key, SHARED)) if together > 0.0 else 0.0
    for hit in range(cast.hit_begin[scenario], cast.hit_begin[scenario + 1]):
        local = hit - cast.hit_begin[scenario]
        share = draw(cast.share, hit, key, _SHARE + local) * factors.spread[scenario]
        for slot in range(cast.target_begin[hit], cast.target_begin[hit + 1]):
            asset = cast.target[slot]
            own = mixed(mixed(key, net.stream[asset]), local)
            if share < 1.0 and uniform(own, 1) >= share:
                continue
            cost += net.repair_cost[asset]
            if cast.own_hours[hit]:
                hours = quantile_together(cast.hours, hit, shared, together, uniform(own, 2))
            else:
                hours = quantile_together(net.repair, asset, shared, together, uniform(own, 2))
            first = cast.after_hours[hit]
            strike(bench, asset, first, first + hours * factors.restore[scenario], slot)
    return cost


@bare()
def happen(
    net: Net, cast: Cast, factors: Factors, bench: Bench, sums: Sums, scenario: int, key: Key, year: int
) -> None:
    """Let an event that succeeded happen."""
    money = draw(cast.loss, scenario, key, LOSS) * factors.loss[scenario]
    citizen_hours = 0.0
    if cast.hit_begin[scenario] < cast.hit_begin[scenario + 1]:
        money += strike_all(net, cast, factors, bench, scenario, key)
        for at in range(cast.reach_begin[scenario], cast.reach_begin[scenario + 1]):
            asset = cast.reach[at]
            if not touched(net.need_begin, net.member_begin, net.member, bench.spells, asset):
                continue
            hours = settle(net, bench, asset, key)
            if hours > 0.0:
                sums.asset_hours[asset] += hours
                money += hours * net.cost_per_hour[asset]
                lost = hours * net.people[asset]
                citizen_hours += lost
                sums.target_hours[bench.root[asset]] += lost
        for at in range(cast.reach_begin[scenario], cast.reach_begin[scenario + 1]):
            bench.spells[cast.reach[at]] = 0
    sums.money[year] += money
    sums.citizen_hours[year] += citizen_hours
    sums.by_scenario[0, scenario] += 1.0
    sums.by_scenario[1, scenario] += money
    sums.by_scenario[2, scenario] += citizen_hours


@bare()
def _succeeds(cast: Cast, factors: Factors, scenario: int, key: Key, year_key: Key) -> bool:
    """Whether a try succeeds; what controls take away is thinned, so that the rest are the same tries."""
    chance = draw(cast.success, scenario, mixed(year_key, cast.stream[scenario]), PICKED) * factors.tried[scenario]
    if chance < 1.0 and uniform(key, TRY) >= chance:
        return False
    if not cast.contested[scenario]:
        return True
    first, last = cast.resistance_begin[scenario], cast.resistance_begin[scenario + 1]
    resistance = 0.0
    for at in range(first, last):
        resistance += draw(cast.resistance, at, key, _RESISTANCE + at - first)
    return bool(draw(cast.capability, scenario, key, CAPABILITY) > resistance / max(1, last - first))


@bare()
def next_try(rate: float, key: Key, tried: int, at: float) -> float:
    """Moment of the next of the tries that come at a rate a year."""
    return at - math.log(uniform(mixed(key, tried), GAP)) / rate


@bare(nogil=True)
def run_years(
    net: Net, cast: Cast, factors: Factors, bench: Bench, sums: Sums, seed: Key, first_year: int, years: int
) -> None:
    """Simulate ``years`` from ``first_year`` on; work grows with events, not with years, where rates are certain."""
    for scenario in range(cast.stream.size):
        own = mixed(seed, cast.stream[scenario])
        certain = cast.frequency[0][scenario] == FIXED and not cast.rounded[scenario]
        pieces = 1 if certain else years
        for piece in range(pieces):
            key = mixed(own, first_year + piece)
            rate = draw(cast.frequency, scenario, key, YEAR)
            if rate <= 0.0:
                continue
            tried, until = 0, (years if certain else 1)
            left = round(rate) if cast.rounded[scenario] else -1
            at = 0.0 if left >= 0 else next_try(rate, key, 0, 0.0)
            while (left < 0 and at < until) or left > 0:
                year, event = piece + int(at), mixed(key, tried)
                if _succeeds(cast, factors, scenario, event, mixed(seed, first_year + year)):
                    happen(net, cast, factors, bench, sums, scenario, event, year)
                tried += 1
                if left > 0:
                    left -= 1
                else:
                    at = next_try(rate, key, tried, at)
    _run_shocks(net, cast, factors, bench, sums, seed, first_year, years)


@bare()
def _run_shocks(
    net: Net, cast: Cast, factors: Factors, bench: Bench, sums: Sums, seed: Key, first_year: int, years: int
) -> None:
    for shock in range(cast.shock_stream.size):
        own = mixed(seed, cast.shock_stream[shock])
        certain = cast.shock_frequency[0][shock] == FIXED
        for piece in range(1 if certain else years):
            key = mixed(own, first_year + piece)
            rate = draw(cast.shock_frequency, shock, key, YEAR)
            if rate <= 0.0:
                continue
            tried, until = 0, (years if certain else 1)
            at = next_try(rate, key, 0, 0.0)
            while at < until:
                year, event = piece + int(at), mixed(key, tried)
                for one in range(cast.shock_begin[shock], cast.shock_begin[shock + 1]):
                    scenario = cast.shock_scenario[one]
                    of_it = mixed(event, cast.stream[scenario])
                    if uniform(of_it, PICKED) < cast.shock_share[one] and _succeeds(
                        cast, factors, scenario, of_it, mixed(seed, first_year + year)
                    ):
                        happen(net, cast, factors, bench, sums, scenario, of_it, year)
                tried += 1
                at = next_try(rate, key, tried, at)


@bare(nogil=True)
def run_events(
    net: Net, cast: Cast, factors: Factors, bench: Bench, sums: Sums, seed: Key, scenario: int, events: int
) -> None:
    """Let ``events`` of one scenario succeed, one a year."""
    own = mixed(mixed(seed, cast.stream[scenario]), YEAR)
    for event in range(events):
        happen(net, cast, factors, bench, sums, scenario, mixed(own, event), event)

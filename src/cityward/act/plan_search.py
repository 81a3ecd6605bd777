"""Finds a good plan: takes some jobs out of their tours and puts jobs in where they are worth most, again and again.

What comes out is a plan that holds every shift and skill; how good it is at worst says `cityward.act.plan_bound`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cityward.act.plan_model import Model
from cityward.act.plan_tours import EXACT_STOPS, better_order, shortest_order, tour_minutes
from cityward.core.compiled import njit

ROUNDS: Final = 120_000
"""Rounds of taking out and putting in. Not a time: equal input gives an equal plan on every machine."""

ROUNDS_LARGE: Final = 40_000
LARGE: Final = 1_000
"""With more jobs than this a round costs more, and fewer are made."""

STOPS_MAX: Final = 64
"""Most stops of a tour that are considered."""

NEAR: Final = 60
"""How many jobs around a place are looked at in a round."""

ELSEWHERE: Final = 10
"""So many jobs from anywhere are tried as well."""

SPARED: Final = 0.2
"""Share of the visits around a place that a round leaves where they are."""

BREACH_SHARE: Final = 20.0
"""What a day of mean waiting above the floor costs, in weights of all jobs, on top of what any breach costs."""


@dataclass(frozen=True, slots=True)
class Tour:
    """A day of a crew: the stops in order, travel minutes, and whether the order is proven shortest."""

    crew: int
    day: int
    stops: tuple[int, ...]
    travel: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Tours, and by how many days of mean waiting they breach the floor."""

    tours: tuple[Tour, ...]
    breach_days: float


def cost(model: Model, tours: tuple[Tour, ...]) -> float:
    """Return the objective: weighted days of waiting from now on, and travel."""
    total = float(model.weight.sum()) * model.later_days
    for tour in tours:
        total += model.minute_cost * tour.travel
        total -= float(model.weight[list(tour.stops)].sum()) * model.saved_days(tour.day)
    return total


def visited_on(model: Model, tours: tuple[Tour, ...]) -> NDArray[np.int32]:
    """Return the day of the plan (from 0) on which each job is visited, or -1."""
    days = np.full(model.weight.size, -1, dtype=np.int32)
    for tour in tours:
        days[list(tour.stops)] = tour.day
    return days


def breach_days(model: Model, tours: tuple[Tour, ...], floor: float | None) -> float:
    """Return by how many days the group that waits longest is above the floor; 0 where it holds."""
    if floor is None or not model.weight.size:
        return 0.0
    waiting = model.waiting_days(visited_on(model, tours))
    return max(0.0, float(model.group_means(waiting).max() - floor * waiting.mean()))


def search(
    model: Model,
    random: np.random.Generator,
    *,
    floor: float | None = None,
    begin: tuple[Tour, ...] = (),
    most_visits: int | None = None,
    rounds: int | None = None,
) -> Found:
    """Return the best plan found in ``rounds`` rounds, from ``begin`` on.

    Parameters
    ----------
    random : numpy.random.Generator
        Its first number seeds the compiled loop.
    floor : float, optional
        Most times the city's mean that a group may wait; a plan that breaches it less always wins.
    most_visits : int, optional
        A cap on all visits.

    Notes
    -----
    **Source**: ruin and recreate, Schrimpf and others (2000), "Record breaking optimization results using the ruin
    and recreate principle", Journal of Computational Physics 159, with their threshold accepting.
    """
    n, crew_days = model.weight.size, model.shift.size * model.days
    stops = np.full((crew_days, STOPS_MAX), -1, dtype=np.int32)
    counts = np.zeros(crew_days, dtype=np.int32)
    for tour in begin:
        at = tour.crew * model.days + tour.day
        stops[at, : len(tour.stops)] = tour.stops
        counts[at] = len(tour.stops)
    if n and crew_days and model.able.any():
        near = np.argsort(model.between, axis=1, kind="stable")[:, : min(n, NEAR)].astype(np.int32)
        rounds = rounds if rounds is not None else (ROUNDS if n <= LARGE else ROUNDS_LARGE)
        _improve(
            model.between, model.base, model.minutes, model.shift, model.able, near, model.weight, model.group,
            np.bincount(model.group, minlength=len(model.groups)).astype(np.int64),
            model.age_days, model.later_days, float(model.first_days), model.days, model.minute_cost,
            -1.0 if floor is None else floor, BREACH_SHARE * float(model.weight.sum()) + 1.0,
            n if most_visits is None else most_visits, stops, counts, rounds, int(random.integers(1, 2**62)),
        )  # fmt: skip
    tours = tuple(
        ordered(model, at // model.days, at % model.days, stops[at, : counts[at]].tolist())
        for at in range(crew_days)
        if counts[at]
    )
    return Found(tours, breach_days(model, tours, floor))


def ordered(model: Model, crew: int, day: int, stops: list[int]) -> Tour:
    """Return the tour over ``stops`` in the shortest order: proven up to `EXACT_STOPS`, else as exchanges leave it."""
    if not stops:
        return Tour(crew, day, (), 0, exact=True)
    chosen = np.array(stops, dtype=np.int32)
    between = np.ascontiguousarray(model.between[np.ix_(chosen, chosen)])
    base = np.ascontiguousarray(model.base[crew, chosen])
    exact = chosen.size <= EXACT_STOPS
    if exact:
        travel, order = shortest_order(between, base)
    else:
        order = better_order(between, base, np.arange(chosen.size, dtype=np.int32))
        travel = tour_minutes(between, base, order)
    return Tour(crew, day, tuple(int(chosen[at]) for at in order), int(travel), exact=exact)


@njit(cache=True, nogil=True)
def _next(state):  # type: ignore[no-untyped-def]
    """SplitMix64: the next of a stream of 64 random bits, and its state (Source: Steele and others 2014)."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def _part(state):  # type: ignore[no-untyped-def]
    """A random number from 0 to 1."""
    return float(_next(state) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True, nogil=True)
def _breach(sums, sizes, floor):  # type: ignore[no-untyped-def]
    """By how many days the group that waits longest is above the floor, and which it is."""
    if floor < 0:
        return 0.0, -1
    mean = sums.sum() / sizes.sum()
    most, which = 0.0, -1
    for g in range(sums.shape[0]):
        above = sums[g] / sizes[g] - floor * mean
        if above > most:
            most, which = above, g
    return most, which


@njit(cache=True, nogil=True)
def _insert_best(j, between, base, able, minutes, left, stops, counts, days, gains, minute_cost):  # type: ignore[no-untyped-def]
    """The crew-day and place where a job gains most, what it gains, and the travel it adds."""
    best, best_at, best_place, best_more = 0.0, -1, -1, 0
    for at in range(counts.shape[0]):
        crew = at // days
        k = counts[at]
        if not able[crew, j] or left[at] < minutes[j] or k >= stops.shape[1]:
            continue
        gain = gains[at % days]
        if gain <= best:
            continue
        least, where = 1 << 30, 0
        row = stops[at]
        home = base[crew]
        if k == 0:
            least = 2 * home[j]
        else:
            least = home[j] + between[j, row[0]] - home[row[0]]
            more = home[j] + between[row[k - 1], j] - home[row[k - 1]]
            if more < least:
                least, where = more, k
            for place in range(1, k):
                more = between[row[place - 1], j] + between[j, row[place]] - between[row[place - 1], row[place]]
                if more < least:
                    least, where = more, place
        if left[at] >= minutes[j] + least and gain - minute_cost * least > best:
            best, best_at, best_place, best_more = gain - minute_cost * least, at, where, least
    return best, best_at, best_place, best_more


@njit(cache=True, nogil=True)
def _begin(facts, stops, counts, left, where, sums):  # type: ignore[no-untyped-def]
    """Fill what is kept of a plan beside its stops; return its cost and number of visits."""
    between, base, minutes, shift, weight, group, age, later, first_days, days, minute_cost = facts
    for j in range(weight.shape[0]):
        sums[group[j]] += age[j] + later
    total, visits = 0.0, 0
    for at in range(counts.shape[0]):
        crew, k, used = at // days, counts[at], 0
        for place in range(k):
            j = stops[at, place]
            saved = later - first_days - at % days
            where[j] = at
            sums[group[j]] -= saved
            total -= weight[j] * saved
            used += minutes[j]
        travel = tour_minutes(between, base[crew], stops[at, :k])
        total += minute_cost * travel
        left[at] = shift[crew] - used - travel
        visits += k
    return total, visits


@njit(cache=True, nogil=True)
def _take_out(facts, j, stops, counts, left, where, sums):  # type: ignore[no-untyped-def]
    """Take a job out of its tour; return what the plan costs more."""
    between, base, minutes, _, weight, group, _, later, first_days, days, minute_cost = facts
    at = where[j]
    crew, k, place = at // days, counts[at], 0
    while stops[at, place] != j:
        place += 1
    before = tour_minutes(between, base[crew], stops[at, :k])
    for following in range(place, k - 1):
        stops[at, following] = stops[at, following + 1]
    counts[at] = k - 1
    spared = before - tour_minutes(between, base[crew], stops[at, : k - 1])
    saved = later - first_days - at % days
    left[at] += minutes[j] + spared
    sums[group[j]] += saved
    where[j] = -1
    return weight[j] * saved - minute_cost * spared


@njit(cache=True, nogil=True)
def _around(centre, near, where, doable, state, chosen):  # type: ignore[no-untyped-def]
    """Jobs without a visit around a place and a few from anywhere, or with no place all; return how many."""
    many = 0
    if centre < 0:
        for j in range(where.shape[0]):
            if where[j] < 0 and doable[j]:
                chosen[many] = j
                many += 1
        return many
    for q in range(near.shape[1]):
        j = near[centre, q]
        if where[j] < 0 and doable[j]:
            chosen[many] = j
            many += 1
    for _ in range(ELSEWHERE):
        other = np.int64(_next(state) % np.uint64(where.shape[0]))
        fresh = where[other] < 0 and doable[other]
        for at in range(many):
            if chosen[at] == other:
                fresh = False
        if fresh:
            chosen[many] = other
            many += 1
    return many


@njit(cache=True, nogil=True)
def _in_order(facts, chosen, centre, worst, extra, state):  # type: ignore[no-untyped-def]
    """Jobs in one of four orders, drawn: by weight, weight per minute, the same with the way, or any."""
    between, _, minutes, _, weight, group, _, _, _, _, _ = facts
    keys = np.empty(chosen.shape[0])
    way = np.int64(_next(state) % np.uint64(4))
    for at in range(chosen.shape[0]):
        j = chosen[at]
        behind = worst >= 0 and group[j] == worst
        value = weight[j] + (extra if behind else 0.0)
        noise = 0.7 + 0.6 * _part(state)
        if way == 0:
            keys[at] = -value * noise
        elif way == 1:
            keys[at] = -value / (minutes[j] + 8.0) * noise
        elif way == 2:
            keys[at] = -value / (minutes[j] + between[max(centre, 0), j] + 4.0) * noise
        else:
            keys[at] = -noise - (1e6 if behind else 0.0)
    return chosen[np.argsort(keys)]


@njit(cache=True, nogil=True)
def _put_in(facts, able, sizes, floor, breach_cost, room, order, stops, counts, left, where, sums):  # type: ignore[no-untyped-def]
    """Put jobs in where they gain most, at most ``room``; return what the plan costs more, and how many."""
    between, base, minutes, _, weight, group, _, later, first_days, days, minute_cost = facts
    more_cost, put = 0.0, 0
    gains = np.empty(days)
    _, worst = _breach(sums, sizes, floor)
    for j in order:
        if put >= room:
            break
        behind = worst >= 0 and group[j] == worst
        extra = breach_cost / sizes[group[j]] if behind else 0.0
        for day in range(days):
            gains[day] = (weight[j] + extra) * (later - first_days - day)
        _, at, place, more = _insert_best(
            j, between, base, able, minutes, left, stops, counts, days, gains, minute_cost
        )
        if at < 0:
            continue
        for following in range(counts[at], place, -1):
            stops[at, following] = stops[at, following - 1]
        stops[at, place] = j
        counts[at] += 1
        left[at] -= minutes[j] + more
        saved = later - first_days - at % days
        more_cost += minute_cost * more - weight[j] * saved
        sums[group[j]] -= saved
        where[j] = at
        put += 1
        if behind:
            _, worst = _breach(sums, sizes, floor)
    return more_cost, put


@njit(cache=True, nogil=True)
def _improve(  # type: ignore[no-untyped-def]
    between, base, minutes, shift, able, near, weight, group, sizes, age, later, first_days, days, minute_cost,
    floor, breach_cost, most_visits, best_stops, best_counts, rounds, seed,
):  # fmt: skip
    """Take out and put in, and leave the best plan in ``best_stops`` and ``best_counts``."""
    facts = (between, base, minutes, shift, weight, group, age, later, first_days, days, minute_cost)
    n = weight.shape[0]
    state = np.array([np.uint64(seed)], dtype=np.uint64)
    stops, counts = best_stops.copy(), best_counts.copy()
    left, where = np.zeros(counts.shape[0], dtype=np.int64), np.full(n, -1, dtype=np.int64)
    sums, chosen = np.zeros(sizes.shape[0]), np.empty(n + ELSEWHERE, dtype=np.int64)
    total, visits = _begin(facts, stops, counts, left, where, sums)
    doable = np.zeros(n, dtype=np.bool_)
    for crew in range(shift.shape[0]):
        doable |= able[crew]
    mean_gain = max(weight.mean() * max(later - first_days, 1.0), 1e-9)
    # A breach costs more than all waiting together, however small it is; and more the larger it is.
    any_breach = weight.sum() * later + 1.0
    above, worst = _breach(sums, sizes, floor)
    now = total + (any_breach + breach_cost * above if above > 1e-9 else 0.0)
    best = now
    kept_stops, kept_counts, kept_left = stops.copy(), counts.copy(), left.copy()
    kept_where, kept_sums = where.copy(), sums.copy()
    for done in range(-1, rounds):
        kept_stops[:], kept_counts[:], kept_left[:], kept_where[:], kept_sums[:] = stops, counts, left, where, sums
        kept_total, kept_visits = total, visits
        # The first round takes out none and fills what is empty.
        centre = np.int64(_next(state) % np.uint64(n)) if done >= 0 else np.int64(-1)
        take = np.int64(2) + np.int64(_next(state) % np.uint64(14)) if done >= 0 else np.int64(0)
        for q in range(near.shape[1]):
            if take > 0 and where[near[centre, q]] >= 0 and _part(state) >= SPARED:
                total += _take_out(facts, near[centre, q], stops, counts, left, where, sums)
                visits -= 1
                take -= 1
        many = _around(centre, near, where, doable, state, chosen)
        above, worst = _breach(sums, sizes, floor)
        extra = breach_cost / sizes[worst] if worst >= 0 else 0.0
        order = _in_order(facts, chosen[:many], centre, worst, extra, state)
        more, put = _put_in(
            facts, able, sizes, floor, breach_cost, most_visits - visits, order, stops, counts, left, where, sums
        )
        total, visits = total + more, visits + put
        above, worst = _breach(sums, sizes, floor)
        then = total + (any_breach + breach_cost * above if above > 1e-9 else 0.0)
        heat = 0.3 * mean_gain * (1.0 - done / max(rounds, 1)) ** 2 if done >= 0 else 0.0
        if then < now + heat * _part(state):
            now = then
            if now < best - 1e-9:
                best = now
                best_stops[:], best_counts[:] = stops, counts
        else:
            stops[:], counts[:], left[:], where[:], sums[:] = kept_stops, kept_counts, kept_left, kept_where, kept_sums
            total, visits = kept_total, kept_visits

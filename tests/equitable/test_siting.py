"""Choices of sites on small graphs and tables, against every choice that there is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cityward.core.errors import Defect, UserError
from cityward.equitable.siting.check import check
from cityward.equitable.siting.choose import choose
from cityward.equitable.siting.distances import all_pairs, parts_of, straight_line_km
from cityward.equitable.siting.gains import gains
from cityward.equitable.siting.median import median
from cityward.equitable.siting.precision import Precision
from cityward.equitable.siting.task import Choice, Objective, Served, Task

FEW = settings(max_examples=40, deadline=None)
NONE = np.empty(0, dtype=np.int64)


def ample() -> float:
    return 30.0


@st.composite
def tables(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.float64], int, NDArray[np.int64], int]:
    """Ways (some missing), people, a number of sites, sites that are open, and a number for what else is asked."""
    sites, places = draw(st.integers(2, 6)), draw(st.integers(1, 6))
    cell = st.one_of(st.integers(0, 9).map(float), st.just(math.inf)) if draw(st.booleans()) else st.integers(0, 30)
    way = np.array(draw(st.lists(st.lists(cell, min_size=places, max_size=places), min_size=sites, max_size=sites)))
    people = np.array(draw(st.lists(st.integers(1, 3), min_size=places, max_size=places)), dtype=float)
    count = draw(st.integers(1, sites))
    kept = draw(st.lists(st.integers(0, sites - 1), unique=True, max_size=min(count, 2)))
    return way.astype(float), people, count, np.array(sorted(kept), dtype=np.int64), draw(st.integers(1, 8))


def task(
    given_: tuple[NDArray[np.float64], NDArray[np.float64], int, NDArray[np.int64], int],
    objective: Objective,
    **more: object,
) -> Task:
    way, people, count, kept, number = given_
    terms: dict[str, object] = {"price": np.ones(way.shape[0]), "most": float(count), "kept": kept, "unit": 1.0}
    terms |= {"radius": float(number)} if objective == "covering" else {}
    return Task(objective=objective, way=way, people=people, **(terms | more))  # type: ignore[arg-type]


def choices(asked: Task) -> Iterator[NDArray[np.int64]]:
    """Every set of sites within the terms."""
    size = asked.way.shape[0]
    for count in range(0 if asked.objective == "covering" else 1, size + 1):
        for sites in combinations(range(size), count):
            if set(asked.kept.tolist()) <= set(sites) and sum(asked.price[one] for one in sites) <= asked.most:
                yield np.array(sites, dtype=np.int64)


def served_best(asked: Task, sites: NDArray[np.int64]) -> float:
    """The least sum when people (or places, as a whole) are sent one by one, in every way that there is."""
    cover = asked.objective == "covering"
    units = [
        (place, 1 if not asked.whole else int(n))
        for place, n in enumerate(asked.people)
        for _ in range(1 if asked.whole else int(n))
    ]

    @cache
    def rest(at: int, room: tuple[float, ...]) -> float:
        if at == len(units):
            return 0.0
        place, weight = units[at]
        best = rest(at + 1, room) if cover else math.inf
        for number, site in enumerate(sites):
            way = asked.way[site, place]
            if room[number] < weight or not way <= (asked.radius if cover else 1e9):
                continue
            left = (*room[:number], room[number] - weight, *room[number + 1 :])
            best = min(best, rest(at + 1, left) + (-weight if cover else weight * way))
        return best

    room = (math.inf,) * sites.size if asked.capacity is None else tuple(asked.capacity[sites].tolist())
    return rest(0, room)


def least(asked: Task) -> float:
    """The value of the best of all choices; infinite where none serves everybody."""
    if asked.objective == "p-centre":
        return min((asked.way[sites].min(axis=0).max() for sites in choices(asked)), default=math.inf)
    best = min((served_best(asked, sites) for sites in choices(asked)), default=math.inf)
    return -best if asked.objective == "covering" else best


def agrees(asked: Task) -> None:
    best = least(asked)
    if math.isinf(best):
        with pytest.raises(UserError):
            choose(asked, ample)
        return
    found = choose(asked, ample)
    assert found.value == pytest.approx(best, abs=1e-6)
    assert found.bound == pytest.approx(best, rel=2e-6, abs=1e-6)
    assert found.optimal


@given(tables())
@FEW
def test_the_median_is_the_best_of_all(given_: tuple) -> None:  # type: ignore[type-arg]
    agrees(task(given_, "p-median"))


@given(tables())
@FEW
def test_the_centre_is_the_best_of_all(given_: tuple) -> None:  # type: ignore[type-arg]
    agrees(task(given_, "p-centre"))


@given(tables(), st.booleans())
@FEW
def test_the_cover_is_the_best_of_all(given_: tuple, whole: bool) -> None:  # type: ignore[type-arg]
    agrees(task(given_, "covering"))
    agrees(task(given_, "covering", capacity=np.full(given_[0].shape[0], float(given_[4])), whole=whole))


@given(tables(), st.booleans())
@FEW
def test_the_median_with_capacities_is_the_best_of_all(given_: tuple, whole: bool) -> None:  # type: ignore[type-arg]
    room = np.arange(given_[0].shape[0]) % 3 + float(given_[4])
    agrees(task(given_, "p-median", capacity=room, whole=whole))


@given(tables(), st.sampled_from(["p-median", "p-centre", "covering"]))
@FEW
def test_a_budget_is_spent_best(given_: tuple, objective: Objective) -> None:  # type: ignore[type-arg]
    price = np.arange(given_[0].shape[0]) % 3 + 2.0
    price[given_[3]] = 0.0
    agrees(task(given_, objective, price=price, most=float(given_[4])))


@given(st.integers(2, 9), st.integers(0, 2**32 - 1), st.booleans())
@FEW
def test_shortest_ways_are_those_of_the_textbook(nodes: int, seed: int, decimal: bool) -> None:
    chance = np.random.default_rng(seed)
    tail, head = chance.integers(0, nodes, (2, 2 * nodes))
    cost = chance.integers(0, 20, 2 * nodes) * (0.25 if decimal else 1.0)
    way = np.full((nodes, nodes), np.inf)
    np.fill_diagonal(way, 0.0)
    np.minimum.at(way, (tail, head), cost)
    way = np.minimum(way, way.T)
    for middle in range(nodes):
        way = np.minimum(way, way[:, [middle]] + way[[middle]])
    found = all_pairs(nodes, tail, head, cost)
    assert (found == way).all()
    assert parts_of(found) == len({tuple(row) for row in np.isfinite(way).tolist()})


@pytest.mark.parametrize(("step", "scale"), [(1.0, 1.0), (0.0, 1.0), (0.0, 0.137)])
def test_a_tree_is_needed_and_agrees(step: float, scale: float) -> None:
    """Ways without the triangle inequality leave a wide gap at the root."""
    way = np.random.default_rng(5).integers(1, 100, (14, 30)) * scale
    found = median(way, 4, kept=NONE, begin=NONE, precision=Precision(step), left=ample)
    best = min(way[list(sites)].min(axis=0).sum() for sites in combinations(range(14), 4))
    assert found.value == pytest.approx(best)
    assert found.nodes > 0
    assert best * (1 - 1e-6) <= found.bound <= best + 1e-9


def test_without_time_the_bound_is_true_and_the_gap_is_told() -> None:
    way = np.random.default_rng(6).integers(1, 100, (60, 60)).astype(float)
    asked = task((way, np.ones(60), 5, NONE, 1), "p-median")
    found, best = choose(asked, lambda: 0.0), choose(asked, ample)
    assert found.bound <= best.value <= found.value
    assert not found.optimal
    assert found.gap > 0
    assert best.optimal


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"way": [[0, 1, math.inf], [1, 0, math.inf]]}, "1 of 3 places, with 5 people, cannot be reached"),
        ({"way": [[0, math.inf, math.inf], [math.inf, 0, 0]], "most": 1.0}, "1 places with 5 people would be left out"),
        ({"capacity": np.array([4.0, 5.0])}, "room for 6 is missing"),
        ({"kept": np.array([0, 1]), "most": 1.0}, "open already take 2 sites"),
        (
            {
                "capacity": np.array([9.0, 0.0]),
                "people": np.array([3.0, 3, 3]),
                "most": 1.0,
                "way": [[0, 1, math.inf], [1, 0, 1]],
            },
            "No choice of sites serves everybody",
        ),
    ],
)
def test_what_cannot_be_done_is_said_with_how_much_is_missing(terms: dict[str, object], said: str) -> None:
    way = np.array(terms.pop("way", [[0, 1, 2], [2, 1, 0]]), dtype=float)
    people = np.array([5.0, 5, 5])
    with pytest.raises(UserError) as told:
        choose(
            task((way, people, 2, NONE, 1), "p-median", **terms)
            if "people" not in terms
            else task((way, terms.pop("people"), 2, NONE, 1), "p-median", **terms),
            ample,
        )  # type: ignore[arg-type]
    assert said in told.value.what


@pytest.mark.parametrize("wrong", ["value", "bound", "sites", "served", "people"])
def test_a_wrong_answer_is_not_told(wrong: str) -> None:
    asked = task((np.array([[0.0, 4, 9], [9, 4, 0]]), np.array([1.0, 2, 3]), 2, NONE, 1), "p-median")
    right = choose(asked, ample)
    places = right.served
    broken = {
        "value": Choice(right.sites, places, right.value - 1, right.bound - 1, optimal=True),
        "bound": Choice(right.sites, places, right.value, right.value + 1, optimal=True),
        "sites": Choice(np.array([0, 0]), places, right.value, right.bound, optimal=True),
        "served": Choice(right.sites[:1], places, right.value, right.bound, optimal=True),
        "people": Choice(
            right.sites, Served(places.place, places.site, places.people / 2), right.value, right.bound, optimal=True
        ),
    }
    check(asked, right)
    with pytest.raises(Defect):
        check(asked, broken[wrong])


def test_gains_are_by_group_and_beside_the_floor() -> None:
    way = np.array([[0.0, 2, 8], [8, 6, 0]])
    asked = task((way, np.array([1.0, 1, 2]), 2, np.array([0]), 1), "p-median")
    every, far, near = gains(asked, choose(asked, ample), ["near", "near", "far"], 1.5)
    assert (every.mean, every.mean_before, every.worst, every.worst_before) == (0.5, 4.5, 2.0, 8.0)
    assert (near.mean, near.mean_before, near.ratio, near.above_floor) == (1.0, 1.0, 2.0, 0.25)
    assert (far.mean, far.mean_before, far.above_floor, far.small) == (0.0, 8.0, 0.0, True)


def test_a_degree_of_latitude_has_its_length() -> None:
    zero = np.zeros(1)
    assert straight_line_km(zero, zero, zero, zero + 1.0)[0, 0] == pytest.approx(111.195, abs=1e-3)

"""Cascades worked out by hand: buffers, one of several, two of three, restarts, spells that are apart."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.secure.risk.risk_fixtures import asset, city

from cityward.secure.risk.cascade_kernel import SPELLS, joined
from cityward.secure.risk.cast import factors_of
from cityward.secure.risk.records import Asset, Hit, Need, Scenario
from cityward.secure.risk.residual import Residual


def hours_down(assets: list[Asset], hit: list[str], last: str) -> float:
    """Hours that ``last`` is down when ``hit`` fail: it serves one person, whose hour counts 1."""
    whole = [*assets[:-1], asset(last, *assets[-1].needs, people=1, restart_hours=assets[-1].restart_hours)]
    made = city(whole, [Scenario("s", frequency=1.0, hits=tuple(Hit((one,)) for one in hit))])
    return Residual(made, [], [], np.ones(1), 1.0, 1).of(np.zeros(0, np.bool_))


@pytest.mark.parametrize(
    ("need", "hit", "hours"),
    [
        (Need(("a",)), ["a"], 10),
        (Need(("a",), buffer_hours=4), ["a"], 6),
        (Need(("a",), buffer_hours=12), ["a"], 0),
        (Need(("a", "b")), ["b"], 20),
        (Need(("a", "b"), at_least=1), ["b"], 0),
        (Need(("a", "b"), at_least=1), ["a", "b"], 10),
        (Need(("a", "b", "c"), at_least=2), ["a", "b", "c"], 20),
        (Need(("a", "b", "c"), at_least=2), ["a", "c"], 10),
        (Need(("a", "b", "c"), at_least=2, buffer_hours=3), ["b", "c"], 17),
    ],
)
def test_a_need_is_unmet_for_the_hours_worked_out_by_hand(need: Need, hit: list[str], hours: float) -> None:
    failing = [asset("a", hours=10), asset("b", hours=20), asset("c", hours=30)]
    assert hours_down([*failing, asset("x", need)], hit, "x") == pytest.approx(hours)


def test_failures_travel_and_restarts_add_up() -> None:
    chain = [
        asset("power", hours=10),
        asset("net", Need(("power",), buffer_hours=4), restart_hours=2),
        asset("line", Need(("net",)), restart_hours=1),
    ]
    assert hours_down(chain, ["power"], "line") == pytest.approx(10 - 4 + 2 + 1)


def test_two_spells_apart_do_not_become_one() -> None:
    def late(id_: str) -> Asset:
        return asset(id_, Need(("b",), buffer_hours=12))

    both = [asset("a", hours=10), asset("b", hours=20), late("c"), asset("x", Need(("a", "c")))]
    assert hours_down(both, ["a", "b"], "x") == pytest.approx(10 + 8)


def test_spells_are_joined_where_they_touch_and_at_the_shortest_gap() -> None:
    begin, end = np.array([5.0, 0.0, 2.0]), np.array([6.0, 2.0, 3.0])
    assert joined(begin, end, 3) == 2
    assert (begin[:2].tolist(), end[:2].tolist()) == ([0.0, 5.0], [3.0, 6.0])
    begin, end = np.arange(6) * 10.0, np.arange(6) * 10.0 + 1
    begin[3] = 22.0
    assert joined(begin, end, 6) == SPELLS


def test_a_cascade_equals_a_clock_that_looks_every_quarter_of_an_hour() -> None:
    random = np.random.Generator(np.random.PCG64(3))
    for _ in range(40):
        assets = [asset(f"a{at}", hours=float(random.integers(1, 40))) for at in range(4)]
        for at in range(4, 9):
            of = tuple(f"a{one}" for one in random.choice(at, 3, replace=False))
            assets.append(asset(f"a{at}", Need(of, at_least=int(random.integers(1, 4)))))
        down = {one.id: float(one.repair_hours) for one in assets[:4] if isinstance(one.repair_hours, float)}
        wanted = 0.0
        for quarter in range(4 * 40):
            moment = quarter / 4 + 0.125
            works = {id_: hours <= moment for id_, hours in down.items()}
            for one in assets[4:]:
                need = one.needs[0]
                works[one.id] = sum(works[other] for other in need.of) >= (need.at_least or 0)
            wanted += 0.25 * (not works["a8"])
        assert hours_down(assets, ["a0", "a1", "a2", "a3"], "a8") == pytest.approx(wanted)


def test_controls_multiply_on_what_they_act_on_alone() -> None:
    from cityward.secure.risk.records import Control

    made = city([asset("a")], [Scenario("s", techniques=("T1110.003",)), Scenario("t", techniques=("T1486",))])
    both = (Control("m", mitigation="M1032", success=0.5), Control("n", techniques=("T1110",), success=0.5, loss=0.1))
    factors = factors_of(made, both)
    assert factors.tried.tolist() == [0.25, 1.0]
    assert factors.loss.tolist() == [0.1, 1.0]
    assert all(np.array_equal(a, b) for a, b in itertools.pairwise((factors.spread, factors.restore)))

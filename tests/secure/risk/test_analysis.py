"""Years: closed forms, the same events under all controls, common causes, and what controls are worth buying."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.secure.risk.risk_fixtures import asset, city

from cityward.core.errors import SettingsError, UserError
from cityward.secure.risk.analysis import simulate
from cityward.secure.risk.cast import City, closed_means, factors_of, prepare_city
from cityward.secure.risk.choose import choose
from cityward.secure.risk.graph import make_graph
from cityward.secure.risk.measures import difference, mean, tails
from cityward.secure.risk.quantities import Estimate
from cityward.secure.risk.records import Asset, Control, Hit, Inventory, Need, Scenario, ScenarioFile, Shock
from cityward.secure.risk.report import report
from cityward.secure.risk.residual import Residual, event_rates
from cityward.secure.risk.restore_order import restore_order

LOSS = Estimate(interval=(1e5, 1e6))


def chain() -> list[Asset]:
    return [
        asset("net", hours=10, repair_cost=500),
        asset("line", Need(("net",), buffer_hours=2), people=100),
    ]


def test_simulated_means_are_those_of_the_closed_form() -> None:
    scenarios = [
        Scenario("a", frequency=0.5, success=Estimate(alpha=2, beta=6), loss=LOSS),
        Scenario("b", frequency=Estimate(min=0.1, mode=0.3, max=0.9), loss=LOSS, hits=(Hit(("net",), share=0.5),)),
    ]
    made = city(chain(), scenarios)
    years = simulate(made, (), years=50_000, seed=5)
    for at, closed in enumerate(closed_means(made, factors_of(made, ()))):
        blocks = years.by_scenario[:, 1, at]
        error = blocks.std(ddof=1) / np.sqrt(blocks.size)
        assert closed is not None
        assert abs(blocks.mean() - closed) < 4 * error
    hours = years.asset_hours.mean(axis=0)
    assert hours[0] == pytest.approx(10 * 0.5 * 1.1 / 3, rel=0.03)
    assert hours[1] == pytest.approx(0.8 * hours[0])
    assert years.citizen_hours.mean() == pytest.approx(100 * hours[1])
    assert years.target_hours.sum() == pytest.approx(years.citizen_hours.mean())


def test_an_uncertain_chance_clusters_successes_in_years() -> None:
    sure = city(chain(), [Scenario("a", frequency=10.0, success=0.5, loss=1.0)])
    unsure = city(chain(), [Scenario("a", frequency=10.0, success=Estimate(alpha=0.5, beta=0.5), loss=1.0)])
    small, large = (simulate(one, (), years=20_000, seed=5).money for one in (sure, unsure))
    assert small.mean() == pytest.approx(large.mean(), rel=0.03)
    assert small.var() == pytest.approx(5.0, rel=0.05)
    assert large.var() == pytest.approx(5.0 + 100 / 8, rel=0.05)


def test_equal_seeds_give_equal_years_and_another_scenario_moves_none() -> None:
    one, two = Scenario("a", frequency=0.3, loss=LOSS), Scenario("b", frequency=0.3, loss=1.0)
    first = simulate(city(chain(), [one]), (), years=1_000, seed=5)
    again = simulate(city(chain(), [one]), (), years=1_000, seed=5)
    more = simulate(city(chain(), [two, one]), (), years=1_000, seed=5)
    other = simulate(city(chain(), [one]), (), years=1_000, seed=6)
    assert (first.money == again.money).all()
    assert more.by_scenario[:, 1, 1] == pytest.approx(first.by_scenario[:, 1, 0])
    assert (first.money != other.money).any()


def test_controls_only_take_away_and_the_difference_is_sharp() -> None:
    control = Control("c", scenarios=("a",), success=0.9, loss=0.9, restore=0.9)
    made = city(chain(), [Scenario("a", frequency=0.5, loss=LOSS, hits=(Hit(("net",)),))], (control,))
    before, after = (simulate(made, on, years=20_000, seed=5) for on in ((), (control,)))
    assert (after.money <= before.money).all()
    assert (after.citizen_hours <= before.citizen_hours).all()
    assert difference(before.money, after.money)[1] > 2


def test_a_common_cause_makes_scenarios_come_together() -> None:
    scenarios = (Scenario("a", loss=1.0), Scenario("b", loss=1.0))
    shock = Shock("storm", frequency=0.2, scenarios={"a": 1.0, "b": 0.5})
    made = prepare_city(Inventory(tuple(chain()), {}), ScenarioFile(scenarios, shocks=(shock,)))
    years = simulate(made, (), years=20_000, seed=5)
    assert years.by_scenario[:, 0].mean(axis=0) == pytest.approx([0.2, 0.1], rel=0.06)
    assert closed_means(made, factors_of(made, ())) == pytest.approx([0.2, 0.1])
    # In a year with one storm both come or a alone: b is never by itself.
    assert (years.money > 0).mean() == pytest.approx(1 - np.exp(-0.2), rel=0.05)


def test_repairs_that_go_together_have_longer_tails() -> None:
    rows = [asset(f"a{at}", people=1.0) for at in range(20)]
    rows = [Asset(one.id, owner="IT", serves=one.serves, repair_hours=Estimate(interval=(1, 100))) for one in rows]
    hit = (Hit(tuple(one.id for one in rows)),)
    apart, joint = (
        simulate(
            city(rows, [Scenario("s", frequency=1.0, hits=hit, together=share)]), (), years=4_000, seed=5
        ).citizen_hours
        for share in (0.0, 0.8)
    )
    assert joint.mean() == pytest.approx(apart.mean(), rel=0.15)
    assert joint.std() > 1.3 * apart.std()


def test_tails_of_known_numbers() -> None:
    found = {tail.years: tail for tail in tails(np.arange(1, 1_001, dtype=np.float64))}
    assert found[10].value_at_risk == 900
    assert found[10].low < 900 < found[10].high
    assert found[10].mean_beyond.value == pytest.approx(np.arange(900, 1_001).mean())
    assert 100 not in found


def test_a_report_names_the_way_and_adds_up() -> None:
    made = city(chain(), [Scenario("a", frequency=0.5, loss=10.0, hits=(Hit(("net",)),))])
    years = simulate(made, (), years=2_000, seed=5)
    told = report(made, (), years, 5)
    assert told.ways[0].assets == ("net", "line")
    assert sum(one.share for one in told.scenarios) == pytest.approx(1.0)
    assert sum(one.citizen_hours.value for one in told.services) == pytest.approx(told.citizen_hours.value)
    assert told.loss == mean(years.money)


def shop(controls: int, seed: int) -> Residual:
    random = np.random.Generator(np.random.PCG64(seed))
    scenarios = [Scenario(f"s{at}", frequency=0.5, loss=1e5, hits=(Hit(("net",)),)) for at in range(4)]
    rows = [
        Control(
            f"c{at}",
            cost_per_year=float(random.integers(1, 40)) * 1e3,
            scenarios=tuple(f"s{one}" for one in random.choice(4, 2, replace=False)),
            success=float(random.uniform(0.2, 1)),
            loss=float(random.uniform(0.3, 1)),
            restore=float(random.choice([1.0, 0.4])),
            spread=float(random.choice([1.0, 0.5])),
        )
        for at in range(controls)
    ]
    made: City = city(chain(), scenarios, tuple(rows))
    return Residual(made, rows, (), event_rates(made, np.zeros(4)), 10.0, 3)


@pytest.mark.parametrize("seed", range(6))
def test_the_choice_is_that_of_trying_every_set(seed: int) -> None:
    residual = shop(7, seed)
    sets = [np.array(bits) for bits in itertools.product([False, True], repeat=7)]
    for budget in (0.0, 3e4, 8e4, 1e9):
        payable = [one for one in sets if residual.cost[one].sum() <= budget]
        least = min(residual.of(one) + residual.cost[one].sum() for one in payable)
        choice = choose(residual, budget)
        assert choice.total == pytest.approx(least)
        assert choice.spent <= budget
        assert choice.gap == 0


def test_a_choice_that_is_cut_short_says_how_far_off_it_may_be() -> None:
    residual = shop(14, 3)
    cut, whole = choose(residual, 1e5, nodes=4), choose(residual, 1e5)
    assert whole.gap == 0
    assert cut.total * (1 - cut.gap) <= whole.total <= cut.total


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_restore_is_near_the_best_of_all(seed: int) -> None:
    random = np.random.Generator(np.random.PCG64(seed))
    rows = [asset(f"i{at}", hours=float(random.integers(1, 9))) for at in range(3)]
    for at in range(4):
        need = Need(tuple(f"i{one}" for one in random.choice(3, int(random.integers(1, 3)), replace=False)))
        rows.append(asset(f"s{at}", need, hours=float(random.integers(1, 9)), people=float(random.integers(1, 99))))
    graph = make_graph(Inventory(tuple(rows), {}))
    found = restore_order(graph)
    hours = np.array([float(one.repair_hours) for one in graph.assets])  # type: ignore[arg-type]
    best = np.inf
    for order in itertools.permutations(range(7)):
        done = np.zeros(7)
        done[list(order)] = np.cumsum(hours[list(order)])
        works = [
            max([done[at], *(done[graph.place[one]] for need in graph.assets[at].needs for one in need.of)])
            for at in range(7)
        ]
        best = min(best, float(graph.people @ works))
    assert best <= found.lost <= 1.1 * best
    assert found.lost <= min(found.lost_as_needed, found.lost_largest_first)


def test_what_cannot_be_simulated_is_refused() -> None:
    made = city(chain(), [Scenario("a", frequency=1e6)])
    with pytest.raises(UserError, match="tries"):
        simulate(made, (), years=100_000, seed=1)
    with pytest.raises(UserError):
        simulate(made, (), years=1, seed=1)
    never = simulate(city(chain(), [Scenario("a", frequency=0.0, loss=5.0)]), (), years=100, seed=1)
    assert never.money.sum() == 0


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        (Scenario("a", techniques=("T9999",)), "technique"),
        (Scenario("a", success=1.2), "probability"),
        (Scenario("a", frequency=Estimate(interval=(5, 1))), "interval"),
        (Scenario("a", hits=(Hit(("ghost",)),)), "ghost"),
        (Scenario("a", hits=(Hit(),)), "nothing"),
        (Scenario("a", together=2.0), "together"),
        (Scenario("a", capability=0.5), "resistance"),
    ],
)
def test_scenarios_that_cannot_be_are_refused(scenario: Scenario, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        city(chain(), [scenario])


@pytest.mark.parametrize(
    ("control", "said"),
    [
        (Control("c", scenarios=("a",), loss=1.2), "from 0 to 1"),
        (Control("c", scenarios=("z",)), "'z'"),
        (Control("c"), "nothing"),
        (Control("c", mitigation="M9"), "mitigation"),
        (Control("c", scenarios=("a",), function="XX"), "NIST"),
        (Control("c", scenarios=("a",), cost_per_year=-1.0), "cost_per_year"),
    ],
)
def test_controls_that_cannot_be_are_refused(control: Control, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        city(chain(), [Scenario("a")], (control,))

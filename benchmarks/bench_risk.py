"""Risk of systems: years of scenarios simulated with a cascade through 200 assets, against a plain compound sum.

``python benchmarks/bench_risk.py`` prints its figures. The peer draws Poisson counts and lognormal losses in NumPy and
adds them up by year, with nothing that fails after anything else. Both run twenty scenarios at one event in twenty
years each; a scenario-year is one scenario in one year.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np

from cityward.core.clock import rng
from cityward.secure.risk.analysis import simulate, simulate_with
from cityward.secure.risk.cast import City, factors_of, prepare_city
from cityward.secure.risk.choose import choose
from cityward.secure.risk.quantities import Estimate
from cityward.secure.risk.records import Asset, Control, Hit, Inventory, Need, Scenario, ScenarioFile
from cityward.secure.risk.residual import Residual, event_rates

ASSETS, SCENARIOS, RATE, YEARS, SEED = 200, 20, 0.05, 200_000, 7
LOSS = Estimate(interval=(1e5, 1e6))


def city(assets: int = ASSETS, rate: float = RATE) -> City:
    """Layers of assets: each needs one of those before it, every third two of three, every tenth serves people."""
    random = rng(SEED, "risk")
    made = []
    for at in range(assets):
        needs: tuple[Need, ...] = ()
        if at >= 20:
            first = int(random.integers(max(0, at - 60), at))
            needs = (Need((f"a{first}",), buffer_hours=float(random.choice([0, 0, 4, 24]))),)
            if at % 3 == 0:
                others = random.choice(at, 3, replace=False)
                needs = (*needs, Need(tuple(f"a{one}" for one in others), at_least=2))
        people = {"all": 1_000.0} if at % 10 == 9 else {}
        repair = Estimate(interval=(4, 48))
        made.append(Asset(f"a{at}", owner="x", needs=needs, serves=people, repair_hours=repair, cost_per_hour=10))
    scenarios = []
    for at in range(SCENARIOS):
        hit = random.choice(assets, 5, replace=False)
        hits = (Hit(tuple(f"a{one}" for one in hit), share=0.5),)
        scenarios.append(Scenario(f"s{at}", techniques=("T1486",), frequency=rate, loss=LOSS, hits=hits))
    controls = [
        Control(
            f"c{at}",
            cost_per_year=float(random.integers(5_000, 60_000)),
            scenarios=tuple(f"s{one}" for one in random.choice(SCENARIOS, 6, replace=False)),
            success=float(random.uniform(0.3, 1)),
            loss=float(random.uniform(0.5, 1)),
            restore=0.5 if at % 4 == 0 else 1.0,
        )
        for at in range(20)
    ]
    return prepare_city(Inventory(tuple(made), {}), ScenarioFile(tuple(scenarios), controls=tuple(controls)))


def plain(years: int, random: np.random.Generator) -> float:
    """A compound Poisson-lognormal sum in NumPy, scenario by scenario; returns the mean of a year."""
    half = 1.6448536269514722
    mu, sigma = np.log(1e11) / 2, np.log(10) / (2 * half)
    total = np.zeros(years)
    for _ in range(SCENARIOS):
        counts = random.poisson(RATE, years)
        losses = random.lognormal(mu, sigma, int(counts.sum()))
        total += np.bincount(np.repeat(np.arange(years), counts), losses, years)
    return float(total.mean())


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Median seconds after one run to warm up."""
    work()
    took = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> dict[str, tuple[float, str]]:
    """Figures with their targets."""
    made = city()
    factors = factors_of(made, ())
    ours = SCENARIOS * YEARS / seconds(lambda: simulate_with(made, factors, years=YEARS, seed=SEED)) / 1e6
    peer = SCENARIOS * YEARS / seconds(lambda: plain(YEARS, rng(SEED, "plain"))) / 1e6
    seldom = city(rate=RATE / 10)
    few = seconds(lambda: simulate_with(seldom, factors, years=10 * YEARS, seed=SEED))
    many = SCENARIOS * YEARS / ours / 1e6
    before = simulate(made, (), years=50_000, seed=SEED)
    rate = event_rates(made, before.by_scenario[:, 0].mean(axis=0))
    began = time.perf_counter()
    choice = choose(Residual(made, made.file.controls, (), rate, 0.0, SEED), 200_000)
    chosen = time.perf_counter() - began
    return {
        "risk: cascade through 200 assets, million scenario-years a second": (ours, "≥ 10"),
        "risk: plain NumPy sum without cascade, million scenario-years a second": (peer, ""),
        "risk: events a second with their cascade (thousand)": (ours * RATE * 1e3, ""),
        "risk: ten times the years with as many events, times the time": (few / many, "≤ 2"),
        "risk: choice among twenty controls (s)": (chosen, ""),
        "risk: gap of that choice (%)": (100 * choice.gap, "≤ 1"),
    }


if __name__ == "__main__":
    for name, (value, target) in main().items():
        print(f"{name}: {value:.3f} {target}")

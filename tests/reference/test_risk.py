"""Published figures of quantitative risk: closed forms, a rate that is not its mode, and a study of 56 scenarios.

The study (davidski/evaluator, MIT) states frequency, strength and loss of its scenarios, and the mean, median, spread
and maximum of 1,000 runs; the strength of its controls is not among what it publishes as text. So the share of tries
that succeed is fitted to its mean, one number a scenario, and everything else has to come out of the simulation.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pytest

from cityward.secure.risk.analysis import simulate
from cityward.secure.risk.cast import City, closed_means, factors_of, prepare_city
from cityward.secure.risk.inventory import read_inventory, read_scenarios
from cityward.secure.risk.quantities import Estimate, Quantity, drawn
from cityward.secure.risk.records import Asset, Inventory, Scenario, ScenarioFile

RUNS: Final = 1_000
YEARS: Final = 10_000


def city(*scenarios: Scenario) -> City:
    """Scenarios that hit nothing."""
    return prepare_city(Inventory((Asset("hall", owner="IT"),), {}), ScenarioFile(scenarios))


@pytest.mark.parametrize(
    ("frequency", "loss", "mean"),
    [
        (0.1, Estimate(interval=(1e5, 1e6)), 40_400.128269),
        (1.0, Estimate(interval=(635e3, 19e6)), 5_922_706.8335),
        # Annualised with the mode of the frequency, 0.3, it would be 1.2120.
        (Estimate(min=0.1, mode=0.3, max=0.9), Estimate(interval=(1, 10)), 1.4813),
    ],
)
def test_the_mean_of_a_year_is_the_published_one(frequency: Quantity, loss: Estimate, mean: float) -> None:
    made = city(Scenario("s", frequency=frequency, loss=loss))
    (closed,) = closed_means(made, factors_of(made, ()))
    assert closed == pytest.approx(mean, rel=1e-9 if mean > 10 else 3e-5)
    years = simulate(made, (), years=200_000, seed=1).money
    assert abs(years.mean() - mean) < 4 * years.std() / np.sqrt(years.size)


def rows(shared_data: Path, name: str) -> list[dict[str, str]]:
    """Rows of a table of the study."""
    with (shared_data / "cyber" / "evaluator" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def labels(shared_data: Path) -> dict[tuple[str, str], Estimate]:
    """What the study means by its words."""
    return {
        (row["type"], row["label"]): Estimate(
            min=float(row["l"]), mode=float(row["ml"]), max=float(row["h"]), shape=float(row["conf"])
        )
        for row in rows(shared_data, "qualitative_mappings.csv")
    }


def tries(frequency: Estimate) -> float:
    """Mean of a PERT frequency that is rounded to whole tries."""
    made = drawn(frequency, "tries")
    return float(np.round(np.interp((np.arange(100_000) + 0.5) / 100_000 * (made.table.size - 1),
                                    np.arange(made.table.size), made.table)).mean())  # fmt: skip


def test_a_study_of_56_scenarios_comes_out_within_its_error(shared_data: Path) -> None:
    words = labels(shared_data)
    told = {row["scenario_id"]: {name: float(row[name]) for name in ("mean", "median", "sd", "var95")}
            for row in rows(shared_data, "scenario_summary.csv")}  # fmt: skip
    scenarios = []
    for row in rows(shared_data, "mc_qualitative_scenarios.csv"):
        frequency, loss = words["tef", row["tef"]], words["lm", row["lm"]]
        whole = tries(frequency) * drawn(loss, "loss").mean
        success = min(1.0, told[row["scenario_id"]]["mean"] / whole)
        scenarios.append(Scenario(row["scenario_id"], frequency=frequency, count="rounded", success=success, loss=loss))
    assert len(scenarios) == len(told) == 56
    within, compared = 0, 0
    for scenario in scenarios:
        published = told[scenario.id]
        years = simulate(city(scenario), (), years=YEARS, seed=1).money
        assert abs(years.mean() - published["mean"]) <= 4 * max(published["sd"], years.std()) / np.sqrt(RUNS) + 1e-9
        if published["mean"] < 100_000:
            continue
        # Error of a standard deviation and of a quantile of 1,000 runs, from runs of ours of that size.
        parts = years.reshape(-1, RUNS)
        for name, of in (("sd", lambda a: a.std(axis=1)), ("var95", lambda a: np.quantile(a, 0.95, axis=1)),
                         ("median", lambda a: np.median(a, axis=1))):  # fmt: skip
            ours = of(parts)
            compared += 1
            within += abs(published[name] - ours.mean()) <= 4 * ours.std() + 0.01 * ours.mean()
    assert compared >= 45
    assert within >= 0.9 * compared


EXAMPLE: Final = Path(__file__).resolve().parents[2] / "docs" / "examples" / "city-systems"


def alone(scenario: str) -> tuple[City, dict[str, float], float]:
    """The example's city when one scenario succeeds once a year: hours down by asset, and money, of one event."""
    file = read_scenarios(EXAMPLE)
    (one,) = (each for each in file.scenarios if each.id == scenario)
    sure = msgspec.structs.replace(one, frequency=1.0, success=1.0)
    made = prepare_city(read_inventory(EXAMPLE), ScenarioFile((sure,)))
    years = simulate(made, (), years=4_000, seed=1)
    events = years.by_scenario[:, 0, 0].mean()
    hours = dict(zip((asset.id for asset in made.graph.assets), years.asset_hours.mean(axis=0) / events, strict=True))
    return made, hours, float(years.money.mean() / events)


def test_the_example_costs_and_lasts_what_atlanta_2018_did() -> None:
    made, hours, money = alone("rdp-ransomware")
    struck = made.cast.target.size * drawn(made.scenarios[0].hits[0].share, "share").mean
    assert 0.28 < struck / made.cast.target.size < 0.40  # "a third of 424 programs"
    assert 2.6e6 < money < 17e6  # first contracts, and what was estimated in the end
    assert 5 * 24 < hours["court"] < 60 * 24  # on average over attacks, of which many spare it
    assert hours["line-911"] == 0


def test_the_example_stops_the_pipeline_when_its_billing_stops() -> None:
    _, hours, _ = alone("pipeline-password")
    assert 4 * 24 < hours["pipeline"] < 9 * 24  # 7 to 12 May 2021, and days until it flowed as before
    assert 0 < hours["buses"] < hours["fuel-depot"] < hours["pipeline"]
    assert hours["drinking-water"] == 0

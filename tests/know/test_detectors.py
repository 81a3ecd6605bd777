"""The simple alternatives: what each sees, what none may see, and that the benchmark compares them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.core.clock import rng
from cityward.know.detectors import BASELINE_DAYS, GUARD_DAYS, cusum, expected, threshold_per_area, whole_city

DAYS, AREAS = 200, 12
LAG = BASELINE_DAYS + GUARD_DAYS


def background(seed: int, days: int = DAYS, mean: float = 2.0) -> np.ndarray:
    return rng(seed, "detectors").poisson(mean, (days, AREAS)).astype(np.int64)


SCORES = {
    "threshold": threshold_per_area,
    "city": whole_city,
    "cusum": cusum,
    "city cusum": lambda counts: cusum(counts, 1.25, city=True),
}


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
@given(seed=st.integers(0, 1000), cut=st.integers(LAG + 20, DAYS - 1))
def test_the_future_changes_no_score(score, seed: int, cut: int):
    counts = background(seed)
    other = counts.copy()
    other[cut:] += 50
    assert (score(counts)[:cut] == score(other)[:cut]).all()
    assert (score(counts)[cut:] != score(other)[cut:]).any()


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_scores_are_finite_and_without_a_baseline_nothing_is_strange(score):
    counts = background(3)
    counts[:, 0] = 0
    found = score(counts)
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (found[:LAG] == 0).all()
    assert found.shape in ((DAYS, AREAS), (DAYS, 1))


def test_what_is_expected_follows_level_and_weekday():
    usual = np.array([20, 10, 10, 10, 10, 4, 6])
    counts = np.tile(usual, 30)[:, None] * np.array([1, 2, 5])
    found = expected(counts)
    assert np.isnan(found[:LAG]).all()
    np.testing.assert_allclose(found[LAG:], counts[LAG:], rtol=1e-12)


def test_a_threshold_sees_one_area_and_names_it():
    counts = background(4)
    counts[150:153, 7] += 10
    found = threshold_per_area(counts)[150:156]
    assert found.max(axis=1).argmax() in (2, 3, 4, 5)
    assert (found[2:].argmax(axis=1) == 7).all()


def test_a_poisson_deviance_by_hand():
    """Seven days of one area with 4 a day where 2 were usual: 28 against 14."""
    counts = np.full((LAG + 7, 1), 2, dtype=np.int64)
    area = np.concatenate([counts, np.full((7, 1), 4)])
    steady = np.full((LAG + 14, 1), 2_000_000)  # holds the weekdays of the city
    found = threshold_per_area(np.hstack([area, steady]))[-1, 0]
    assert found == pytest.approx(np.sqrt(2 * (28 * np.log(2) - 14)), rel=1e-4)


def test_the_whole_city_sees_what_no_area_shows():
    counts = background(5)
    counts[150:157] += 1
    assert whole_city(counts)[156, 0] > 3 * whole_city(counts)[100:150].mean()
    assert whole_city(counts)[156, 0] > whole_city(background(5)).max()


def test_cusum_is_its_recursion():
    counts = background(6)
    mean, height = expected(counts), np.zeros(AREAS)
    for day in range(LAG, DAYS):
        height = np.maximum(0, height + counts[day] * np.log(2) - mean[day])
        np.testing.assert_allclose(cusum(counts)[day], height, atol=1e-9)


def test_the_spread_of_totals_is_measured():
    """Totals that vary three times as much as Poisson counts are no alarm every week."""
    city = rng(7, "spread").normal(400, 60, (900, 1)).clip(0).astype(np.int64)
    found = whole_city(city, 1)[200:, 0]
    assert np.quantile(found, 0.99) < 4


def test_the_benchmark_measures_every_method(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    import bench_power

    try:
        measured = bench_power.measure(quick=True)
        text = bench_power.page(measured)
    finally:
        sys.modules.pop("bench_power")
    assert {len(row) for row in measured.cells.values()} == {len(measured.false_alarms)}
    local = measured.cells["one area, 3 days", 40]
    assert local["scan by weekday"].hits > local["whole city"].hits
    assert "| one area, 3 days | +40 |" in text
    assert "whole city, 7 days, +40: the scan" in text

import math

import numpy as np
import pytest

from cityward.anticipate.engine import FLOORS
from cityward.anticipate.floors import (
    LEVELS,
    Counts,
    empirical_quantiles,
    negative_binomial_quantiles,
    seasonal_naive,
    tsb,
)
from cityward.anticipate.rhythm import DAILY

HORIZON = 28
MEDIAN = LEVELS.index(0.5)
WEEK = np.array([4.0, 9.0, 8.0, 7.0, 6.0, 1.0, 0.0])


PUBLISHED = [LEVELS.index(level) for level in (0.05, 0.1, 0.5, 0.9, 0.95)]


def weekly(weeks: int, series: int = 2) -> Counts:
    return np.tile(WEEK, (series, weeks))


def summed_probabilities(mean: float, size: float) -> list[int]:
    """Quantiles of a negative binomial by the recurrence of its probabilities, in plain Python."""
    chance, value = (size / (size + mean)) ** size, 0
    total, found = chance, []
    for level in LEVELS:
        while total < level:
            chance *= (value + size) / (value + 1) * mean / (size + mean)
            value += 1
            total += chance
        found.append(value)
    return found


@pytest.mark.parametrize("name", FLOORS)
def test_a_perfect_week_is_repeated(name: str) -> None:
    ahead = FLOORS[name](weekly(30), HORIZON)
    assert ahead.mean.shape == (2, HORIZON)
    assert ahead.quantiles.shape == (2, HORIZON, len(LEVELS))
    np.testing.assert_allclose(ahead.mean[0], np.tile(WEEK, 4), rtol=0.25)


def test_seasonal_naive_repeats_the_last_week_exactly() -> None:
    counts = weekly(30)
    counts[:, -7:] += 1
    ahead = seasonal_naive(counts, 10)
    np.testing.assert_array_equal(ahead.mean[0], (np.tile(WEEK, 2) + 1)[:10])
    np.testing.assert_array_equal(ahead.quantiles[0, :, MEDIAN], ahead.mean[0])


def test_first_day_ahead_has_the_weekday_after_the_last_day() -> None:
    counts = weekly(30)[:, :-3]
    for model in FLOORS.values():
        assert model(counts, HORIZON).mean[0].argmax() == (WEEK.argmax() + 3) % 7


def test_seasonal_naive_holds_last_week_inside_its_interval_under_a_trend() -> None:
    counts = np.repeat(np.arange(30.0), 7)[None, :] * 10
    quantiles = seasonal_naive(counts, HORIZON).quantiles[0]
    assert (quantiles[:, 0] <= 290).all()
    assert (quantiles[:, MEDIAN] == 290).all()
    assert (quantiles[:, -1] == 300).all()


def test_empirical_quantiles_are_those_of_the_weekday() -> None:
    counts = np.zeros((1, 26 * 7))
    counts[0, 0::7] = np.arange(26)
    ahead = empirical_quantiles(counts, 8)
    np.testing.assert_allclose(ahead.quantiles[0, 0], np.quantile(np.arange(26), LEVELS))
    np.testing.assert_array_equal(ahead.quantiles[0, 0], ahead.quantiles[0, 7])
    assert not ahead.quantiles[0, 1:7].any()
    assert ahead.mean[0, 0] == 12.5


def test_tsb_follows_equations_of_its_authors() -> None:
    counts = np.tile([0.0, 3.0, 0.0, 5.0, 1.0, 0.0, 0.0], 5)
    probability, size = (counts > 0).mean(), counts[counts > 0].mean()
    for count in counts:
        probability += 0.05 * ((count > 0) - probability)
        size += 0.1 * (count - size) if count > 0 else 0.0
    week = tsb(counts[None, :], 7).mean[0]
    assert week.mean() == pytest.approx(probability * size)


def test_tsb_forgets_a_service_that_ended() -> None:
    counts = np.concatenate([np.full((1, 200), 10.0), np.zeros((1, 100))], axis=1)
    assert tsb(counts, 7).mean.max() < 0.2


def test_tsb_gives_sparse_series_the_weekdays_of_all() -> None:
    counts = np.concatenate([weekly(30, 10), np.zeros((1, 210))])
    counts[-1, 203] = 1.0
    mean = tsb(counts, 7).mean[-1]
    assert mean.argmax() == WEEK.argmax()
    assert mean.argmin() == WEEK.argmin()


def test_tsb_widens_with_overdispersion() -> None:
    rng = np.random.default_rng(5)
    calm, wild = rng.poisson(5.0, (1, 210)), rng.poisson(rng.gamma(0.5, 10.0, (1, 210)))
    widths = [np.diff(tsb(counts.astype(float), 7).quantiles[0, :, [0, -1]], axis=0).mean() for counts in (calm, wild)]
    assert widths[1] > 1.5 * widths[0]


@pytest.mark.parametrize("name", FLOORS)
def test_a_silent_series_is_forecast_as_silent(name: str) -> None:
    ahead = FLOORS[name](np.zeros((3, 400)), HORIZON)
    assert not ahead.mean.any()
    assert not ahead.quantiles.any()


@pytest.mark.parametrize("name", FLOORS)
@pytest.mark.parametrize("days", [1, 6, DAILY.shortest - 1])
def test_a_short_history_is_poisson_around_its_average(name: str, days: int) -> None:
    ahead = FLOORS[name](np.full((1, days), 4.0), HORIZON)
    assert (ahead.mean == 4.0).all()
    np.testing.assert_array_equal(ahead.quantiles[0, 0, PUBLISHED], [1, 2, 4, 7, 8])  # ppf of Poisson(4)


@pytest.mark.parametrize("mean", [1e-12, 0.04, 0.7, 3.0, 48.5, 400.0])
@pytest.mark.parametrize("size", [0.06, 0.8, 7.0, 300.0])
def test_quantiles_agree_with_the_sum_of_probabilities(mean: float, size: float) -> None:
    found = negative_binomial_quantiles(np.array([[mean]]), np.array([[size]]))[0, 0]
    assert found.tolist() == summed_probabilities(mean, size)


def test_quantiles_without_excess_are_those_of_poisson() -> None:
    found = negative_binomial_quantiles(np.array([[2.5, 100.0]]), np.array([[math.inf]]))
    assert found[0][:, PUBLISHED].tolist() == [[0, 1, 2, 5, 5], [84, 87, 100, 113, 117]]


@pytest.mark.parametrize("mean", [1e3, 4e3, 1e6])
@pytest.mark.parametrize("size", [0.3, 2.0, 15.9, 16.0, 900.0, math.inf])
def test_quantiles_of_large_means_agree_with_draws(mean: float, size: float) -> None:
    found = negative_binomial_quantiles(np.array([[mean]]), np.array([[size]]))[0, 0]
    rng = np.random.default_rng(11)
    rate = rng.gamma(size, mean / size, 400_000) if math.isfinite(size) else np.full(400_000, mean)
    draws = rng.poisson(rate)
    np.testing.assert_allclose(found, np.quantile(draws, LEVELS), atol=0.02 * draws.std() + 1)

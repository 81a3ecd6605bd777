import math

import numpy as np
import pytest

from cityward.equitable.gamma_poisson import ratio_bounds


def bounds(heard: float, expected: float, variance: float) -> tuple[float, float]:
    low, high = ratio_bounds(np.array([heard]), np.array([expected]), np.array([variance]))
    return float(low[0]), float(high[0])


def cumulative(count: int, mean: float, shape: float) -> float:
    """P(Y <= count) of a gamma-Poisson, by summing in plain Python."""
    log_term = -shape * math.log1p(mean / shape)
    total = math.exp(log_term)
    for value in range(count):
        log_term += math.log((value + shape) / (value + 1)) - math.log1p(shape / mean)
        total += math.exp(log_term)
    return total


@pytest.mark.parametrize("heard", [1, 12, 300, 5_000])
@pytest.mark.parametrize("variance", [0.0025, 0.1, 1.5])
def test_bounds_leave_out_five_per_cent_on_each_side(heard: int, variance: float) -> None:
    expected = 80.0
    low, high = bounds(heard, expected, variance)
    assert cumulative(heard, high * expected, 1 / variance) == pytest.approx(0.05, abs=1e-7)
    assert cumulative(heard - 1, low * expected, 1 / variance) == pytest.approx(0.95, abs=1e-7)
    assert low < heard / expected < high


def test_without_spread_bounds_are_the_exact_ones_of_poisson() -> None:
    low, high = bounds(10, 1.0, 1e-9)  # Garwood (1936): 5.425 and 16.962
    assert low == pytest.approx(5.425, abs=0.001)
    assert high == pytest.approx(16.962, abs=0.001)


def test_hearing_nothing_has_a_bound() -> None:
    low, high = bounds(0, 50.0, 0.1)
    assert low == 0.0
    assert high == pytest.approx(10 * (0.05**-0.1 - 1) / 50)  # P(0) = (1 + mean / shape) ** -shape


def test_millions_are_no_trouble() -> None:
    low, high = bounds(3e6, 1e7, 0.01)
    assert 0.2 < low < 0.3 < high < 0.4

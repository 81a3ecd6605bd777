import math

import numpy as np
import pytest

from cityward.core.beta import beta_quantile, incomplete_beta


@pytest.mark.parametrize("x", [0.01, 0.3, 0.5, 0.8, 0.99])
def test_incomplete_beta_of_whole_numbers_is_a_binomial_tail(x: float) -> None:
    # I_x(a, b) is the probability of at least a successes among a + b - 1.
    for a, b in ((1, 1), (2, 5), (7, 3), (20, 20)):
        trials = a + b - 1
        tail = sum(math.comb(trials, k) * x**k * (1 - x) ** (trials - k) for k in range(a, trials + 1))
        found = incomplete_beta(np.array([float(a)]), np.array([float(b)]), np.array([x]))[0]
        assert found == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize("probability", [1e-9, 0.025, 0.5, 0.975])
def test_a_quantile_has_its_probability_below_it(probability: float) -> None:
    shapes = [0.5, 1.0, 2.0, 30.0, 999.0, 250_000.0]
    a, b = (axis.ravel() for axis in np.meshgrid(shapes, shapes))
    found = beta_quantile(a, b, probability)
    away = (found > 1e-280) & (found < 1 - 1e-9)
    assert away.sum() >= 30
    assert incomplete_beta(a, b, found)[away] == pytest.approx(probability, rel=1e-5)


def test_quantiles_of_a_uniform_and_of_a_power() -> None:
    ones = np.ones(1)
    assert beta_quantile(ones, ones, 0.3)[0] == pytest.approx(0.3, rel=1e-10)
    assert beta_quantile(4 * ones, ones, 0.3)[0] == pytest.approx(0.3**0.25, rel=1e-10)

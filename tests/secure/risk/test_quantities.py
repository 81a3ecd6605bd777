"""Estimates: closed means, draws that agree with them, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from cityward.core.errors import SettingsError
from cityward.secure.risk.chance_kernel import quantile
from cityward.secure.risk.quantities import Estimate, Quantity, columns, drawn

KINDS = [
    Estimate(interval=(2.0, 20.0)),
    Estimate(min=0.1, mode=0.3, max=0.9),
    Estimate(min=0.0, mode=0.0, max=1.0, shape=1.0),
    Estimate(values=(0.0, 72.0), weights=(1.0, 49.0)),
    Estimate(alpha=0.5, beta=20.0),
    Estimate(alpha=900.0, beta=100.0),
]


@pytest.mark.parametrize("estimate", KINDS)
def test_what_is_drawn_has_the_mean_and_spread_of_the_closed_form(estimate: Estimate) -> None:
    made = drawn(estimate, "x")
    estimates = columns([made])
    values = np.array([quantile(estimates, 0, (one + 0.5) / 20_000) for one in range(20_000)])
    assert values.mean() == pytest.approx(made.mean, rel=2e-4)
    assert values.var() == pytest.approx(made.variance, rel=1e-2)
    assert (np.diff(values) >= 0).all()


def test_an_interval_holds_with_its_level() -> None:
    made = columns([drawn(Estimate(interval=(2.0, 20.0)), "x")])
    assert quantile(made, 0, 0.05) == pytest.approx(2.0, rel=1e-8)
    assert quantile(made, 0, 0.95) == pytest.approx(20.0, rel=1e-8)


@pytest.mark.parametrize(
    "quantity",
    [
        Estimate(interval=(20.0, 2.0)),
        Estimate(interval=(0.0, 2.0)),
        Estimate(interval=(1.0, float("inf"))),
        Estimate(interval=(1e-300, 1e300)),
        Estimate(interval=(1.0, 2.0), level=1.0),
        Estimate(interval=(1.0, 2.0), mode=1.0),
        Estimate(min=3.0, mode=2.0, max=4.0),
        Estimate(mode=2.0),
        Estimate(values=()),
        Estimate(values=(1.0,), weights=(1.0, 2.0)),
        Estimate(values=(1.0, -1.0)),
        Estimate(values=(1.0, 2.0), weights=(0.0, 0.0)),
        Estimate(alpha=1.0),
        Estimate(alpha=float("nan"), beta=1.0),
        Estimate(),
        -1.0,
        float("nan"),
        1e300,
    ],
)
def test_what_cannot_be_is_refused(quantity: Quantity) -> None:
    with pytest.raises(SettingsError):
        drawn(quantity, "x")


@pytest.mark.parametrize("quantity", [1.5, Estimate(interval=(0.1, 0.5)), Estimate(min=0.0, mode=0.5, max=1.5)])
def test_a_probability_is_at_most_one(quantity: Quantity) -> None:
    with pytest.raises(SettingsError, match="probability"):
        drawn(quantity, "x", probability=True)

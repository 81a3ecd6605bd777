"""What was spent adds up by the theorems, and what does not fit is refused with its remedy."""

from __future__ import annotations

import math
from datetime import date

import pytest

from cityward.core.errors import Refused, UserError
from cityward.private.budget import Loss, Promise, check, days_of, largest, periods, spent


def test_pure_losses_add() -> None:
    assert spent([Loss(epsilon=0.1)] * 10, 0.0) == pytest.approx(1.0)


def test_concentrated_losses_add_and_convert() -> None:
    rho = 10 * 0.01
    assert spent([Loss(rho=0.01)] * 10, 1e-6) == pytest.approx(rho + 2 * math.sqrt(rho * math.log(1e6)))


def test_many_small_pure_losses_cost_less_with_a_delta() -> None:
    many = [Loss(epsilon=0.01)] * 2_000
    assert spent(many, 1e-6) < spent(many, 0.0) / 5


def test_the_smaller_of_two_bounds_holds() -> None:
    assert spent([Loss(epsilon=0.5)], 1e-6) == 0.5


def test_gaussian_noise_needs_a_delta() -> None:
    assert spent([Loss(rho=0.01)], 0.0) == math.inf
    with pytest.raises(Refused, match="has no delta"):
        check([], Loss(rho=0.01), Promise(1.0), "'residents' in 2014")


def test_ten_tenths_fit_and_an_eleventh_does_not() -> None:
    tenth = Loss(epsilon=0.1)
    for so_far in range(10):
        check([tenth] * so_far, tenth, Promise(1.0), "all")
    with pytest.raises(Refused, match=r"epsilon 1 of 1 is spent, and with this release it would be 1\.1") as refused:
        check([tenth] * 10, tenth, Promise(1.0), "all")
    assert refused.value.rule == "publish-budget 1"
    assert "city.toml" in refused.value.remedy


@pytest.mark.parametrize("delta", [0.0, 1e-6])
def test_the_largest_that_fits_fits(delta: float) -> None:
    before = [Loss(epsilon=0.3), Loss(epsilon=0.3)]
    most = largest(before, Promise(1.0, delta))
    check(before, Loss(epsilon=most), Promise(1.0, delta), "all")
    with pytest.raises(Refused):
        check(before, Loss(epsilon=most * 1.001), Promise(1.0, delta), "all")


@pytest.mark.parametrize("epsilon", [0.0, -1.0, math.nan, math.inf, 1e9])
def test_a_budget_that_protects_nobody_is_none(epsilon: float) -> None:
    with pytest.raises(UserError):
        Promise(epsilon)


@pytest.mark.parametrize("delta", [-1.0, 0.5, math.nan])
def test_a_delta_that_is_too_large_is_none(delta: float) -> None:
    with pytest.raises(UserError):
        Promise(1.0, delta)


def test_periods_and_their_days() -> None:
    days = date(2013, 12, 31), date(2014, 4, 1)
    assert periods(*days, "year") == ["2013", "2014"]
    assert periods(*days, "quarter") == ["2013-Q4", "2014-Q1", "2014-Q2"]
    assert periods(*days, "month") == ["2013-12", "2014-01", "2014-02", "2014-03", "2014-04"]
    assert days_of("2012-02") == (date(2012, 2, 1), date(2012, 2, 29))
    assert days_of("2013-Q4") == (date(2013, 10, 1), date(2013, 12, 31))
    assert days_of("2013") == (date(2013, 1, 1), date(2013, 12, 31))

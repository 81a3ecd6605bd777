"""Reading: figures as people write them, and rows that cannot be used, each named and none dropped silently."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from cityward.core.errors import UserError
from cityward.equitable.divide.figures import Decimal, decimal_of, read_figures
from cityward.equitable.divide.reading import Asked, Values, period_of, read_values


@pytest.mark.parametrize(
    ("texts", "figures"),
    [
        (["2,78", "1.234,5", "12", None, "-1,5"], [2.78, 1234.5, 12, None, -1.5]),
        (["1.234", "567", "12.345"], [1234, 567, 12345]),
        (["1.234", "5.678"], [1.234, 5.678]),
        (["1.234", "5.6"], [1.234, 5.6]),
        (["1.234.567", "1.234"], [1234567, 1234]),
        (["1,234", "567"], [1234, 567]),
        (["1,234.5", "7"], [1234.5, 7]),
        (["12 %", "3.5%"], [12, 3.5]),
        (["1 234", "5"], [1234, 5]),
        (["0,123", "1,234"], [0.123, 1.234]),
        (["1e5", "inf", "nan", " ", "n.d.", "1,23,4"], [1e5, None, None, None, None, None]),
        (["−3", "+4"], [-3, 4]),
    ],
)
def test_a_column_tells_how_its_figures_are_written(texts: list[str], figures: list[float | None]) -> None:
    assert read_figures(pl.Series("a", texts)).to_list() == pytest.approx(figures)


@pytest.mark.parametrize(("said", "figure"), [(",", 1234.0), (".", 1.234)])
def test_a_stated_sign_counts(said: Decimal, figure: float) -> None:
    assert read_figures(pl.Series(["1.234"]), said)[0] == figure
    assert decimal_of([pl.Series(["1.234"])]) is None


def read(rows: dict[str, list[Any]], **more: Any) -> Values:
    return read_values(pl.DataFrame(rows), Asked(**{"value": "v", "place": ("p",), **more}))


def test_what_cannot_be_right_is_set_aside_by_name() -> None:
    found = read(
        {
            "p": ["a", "b", "c", "d", "e", None, "g", "h"],
            "v": ["10", "-1", "101", "", "x", "5", "20", "30"],
            "n": ["5", "5", "5", "5", "5", "5", "0", "-2"],
        },
        weight="n",
        unit="percent",
    )
    assert found.frame["place"].to_list() == ["a"]
    assert {one.reason: one.examples for one in found.set_aside} == {
        "the place is not named": ("? (row 6)",),
        "no value is stated": ("d (row 4)",),
        "what is written is no figure": ("e (row 5)",),
        "the value is negative": ("b (row 2)",),
        "the share is above 100 %": ("c (row 3)",),
        "the number of people or households is negative": ("h (row 8)",),
        "there are no people or households": ("g (row 7)",),
    }
    assert sum(one.rows for one in found.set_aside) + found.frame.height == found.rows


def test_equal_rows_count_once_and_few_conflicts_are_set_aside() -> None:
    names = [f"p{at}" for at in range(40)]
    found = read({"p": [*names, "p1", "p2"], "v": [*map(str, range(40)), "1", "99"]})
    assert found.frame.height == 39
    assert "p2" not in found.frame["place"].to_list()
    assert found.set_aside[0].rows == 2
    assert "do not count: 1" in found.notes[0]


def test_many_conflicts_name_the_column_that_tells_them_apart() -> None:
    rows = {"p": ["a", "a", "b", "b"], "v": ["1", "2", "3", "4"], "q": ["1", "2", "1", "2"]}
    with pytest.raises(UserError, match="'q' tells them apart"):
        read(rows)
    assert read(rows, time=("q",)).periods == ("1", "2")
    assert read(rows, repeated="mean").frame["value"].to_list() == [1.5, 3.5]
    assert read(rows, repeated="last").frame["value"].to_list() == [2, 4]
    assert read(rows, repeated="sum").frame["value"].to_list() == [3, 7]


def test_periods_stand_in_order_and_missing_ones_are_named() -> None:
    years, quarters = ["2017", "2016", "2016", "2016"], ["2", "10", "9", "12"]
    found = read({"p": ["a"] * 4, "v": ["1"] * 4, "y": years, "q": quarters}, time=("y", "q"))
    assert found.periods == ("2016-9", "2016-10", "2016-12", "2017-2")
    assert "2 periods between the first and the last are missing: 2016-11, 2017-1." in found.notes


@pytest.mark.parametrize("label", ["2016-4", "2016Q4", "2016 T4", "2016-04"])
def test_a_period_may_be_written_otherwise(label: str) -> None:
    assert period_of(label, ("2016-3", "2016-4", "2017-1")) == (1, "")


def test_a_year_means_its_last_quarter_and_says_so() -> None:
    at, note = period_of("2016", ("2016-3", "2016-4", "2017-1"))
    assert at == 1
    assert "2016-4, is taken" in note
    with pytest.raises(UserError, match="no period '2019'"):
        period_of("2019", ("2016-3", "2016-4"))


def test_errors_are_read_by_the_name_of_their_column() -> None:
    rows = {"p": ["a"], "v": ["1"], "v_moe": ["1.645"], "mae": ["1"], "range 95%": ["1.96"], "se": ["1"]}
    for column, deviation in (("v_moe", 1.0), ("mae", 1.2533), ("range 95%", 1.0), ("se", 1.0)):
        assert read(rows, error=column).frame["error"][0] == pytest.approx(deviation, rel=1e-3)
    laplace = read(rows, error="range 95%", law="laplace").frame["error"][0]
    assert laplace == pytest.approx(1.96 * 2**0.5 / 2.9957, rel=1e-3)


def test_a_count_over_people_is_a_rate() -> None:
    found = read({"p": ["a", "b", "c"], "v": ["5", "3", "1"], "n": ["50", "30", "0"]}, over="n", per=100.0)
    assert found.frame["value"].to_list() == [10, 10]
    assert "nothing to divide by" in found.set_aside[0].reason


@pytest.mark.parametrize("rows", [{"p": [], "v": []}, {"p": ["a"], "v": ["x"]}])
def test_nothing_that_can_be_used_is_said(rows: dict[str, list[str]]) -> None:
    with pytest.raises(UserError):
        read(rows)


def test_shares_that_are_called_per_cent() -> None:
    rows = {"p": ["a", "b", "c"], "rate (Percentage)": ["0.2", "0.5", "0.9"]}
    found = read(rows, value="rate (Percentage)")
    assert found.unit == "share"
    assert any("shares from 0 to 1" in note for note in found.notes)

"""Columns as they come: what is taken for yes, what for a group, and what is asked back."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.answerable.audit import columns
from cityward.core.errors import UserError


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 0, 1, None], [1, 0, 1, None]),
        ([1.0, 0.0, float("nan")], [1, 0, None]),
        ([True, False, None], [1, 0, None]),
        (["Yes", " no ", "", "N/A"], [1, 0, None, None]),
        (["TRUE", "False"], [1, 0]),
        ([-1, 1], [0, 1]),
        (["Low", "Medium", "High", None], [0, 1, 1, None]),
        (["recid", "not recid"], [1, 0]),
        ([">50K", "<=50K"], [1, 0]),
        (["approved", "denied"], [1, 0]),
        (["Sí", "No"], [1, 0]),
        ([0, 0], [0, 0]),
        ([1, 1], [1, 1]),
    ],
)
def test_yes_is_told_from_no(values: list[object], expected: list[int | None]) -> None:
    assert columns.yes_no(pl.Series("x", values)).values.to_list() == expected


@pytest.mark.parametrize("values", [["spam", "ham"], [1, 2], [1, 2, 3], ["red", "blue", "low"], [0.2, 7.0, 9.0]])
def test_what_cannot_be_told_is_asked(values: list[object]) -> None:
    with pytest.raises(UserError, match="not yes or no") as asked:
        columns.yes_no(pl.Series("x", values))
    assert "--positive" in asked.value.remedy


def test_names_of_persons_do_not_come_back_in_an_error() -> None:
    with pytest.raises(UserError) as asked:
        columns.yes_no(pl.Series("x", [f"Ana {at}" for at in range(40)]))
    assert "40 different values" in str(asked.value)
    assert "Ana" not in str(asked.value)


def test_a_name_of_a_group_is_one_line_without_escapes() -> None:
    names, _ = columns.groups(pl.Series("g", ["a\nb", "\x1b[31mred", "\t", "東京"]))
    assert names.to_list() == ["a b", "[31mred", "(not stated)", "東京"]


def test_yes_can_be_said() -> None:
    column = pl.Series("x", ["spam", "ham", "Eggs", None])
    assert columns.yes_no(column, ("SPAM", "eggs")).values.to_list() == [1, 0, 1, None]
    with pytest.raises(UserError, match="No row of 'x' holds 'toast'"):
        columns.yes_no(column, ("toast",))
    assert columns.yes_no(pl.Series("x", [0.1, 0.7, None]), threshold=0.5).values.to_list() == [0, 1, None]
    with pytest.raises(UserError, match="is empty in every row"):
        columns.yes_no(pl.Series("x", [None, None], dtype=pl.String))


def test_numbers_become_quarters_codes_do_not() -> None:
    ages = pl.Series("age", [*range(18, 98), None])
    names, how = columns.groups(ages)
    assert how == "age: cut at its quartiles"
    assert sorted(names.unique()) == [
        "(not stated)", "38 to under 58", "58 to under 77", "77 and over", "under 38",
    ]  # fmt: skip
    wards = pl.Series("ward", list(range(1, 51)) * 4)
    assert columns.groups(wards)[0].n_unique() == 50
    assert columns.groups(ages.alias("years"), each=True)[0].n_unique() == 81
    cut, how = columns.groups(ages, [30.0, 60.0])
    assert cut.value_counts().sort("age")["count"].to_list() == [1, 30, 38, 12]


def test_days_become_years_and_persons_are_refused() -> None:
    assert columns.groups(pl.Series("d", [date(2020, 1, 1), date(2021, 5, 5)]))[0].to_list() == ["2020", "2021"]
    few = pl.Series("name", [f"p{at}" for at in range(500)])
    assert "looks like persons" in columns.groups(few)[1]
    with pytest.raises(UserError, match="names persons"):
        columns.groups(pl.Series("name", [f"p{at}" for at in range(30_000)]))


def test_the_smallest_of_too_many_groups_are_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "GROUPS_MAX", 2)
    names, how = columns.groups(pl.Series("g", ["a"] * 50 + ["b"] * 40 + ["c", "d"] + [None]))
    assert names.value_counts().sort("count")["g"].to_list()[-2:] == ["b", "a"]
    assert (names == columns.OTHER).sum() == 2
    assert "the 2 largest of 4" in how


@given(st.lists(st.one_of(st.none(), st.text(max_size=8)), min_size=1, max_size=60))
def test_every_row_has_a_group_whatever_it_says(values: list[str | None]) -> None:
    names, _ = columns.groups(pl.Series("g", values, dtype=pl.String))
    assert len(names) == len(values)
    assert names.null_count() == 0


@pytest.mark.parametrize("text", ["2014-06-30", "30.06.2014", "06/30/2014", "20140630", "2014-06-30T12:00:00"])
def test_days_are_read_in_the_usual_spellings(text: str) -> None:
    found = columns.dates(pl.Series("d", [text] * 3))
    assert found is not None
    assert found.to_list() == [date(2014, 6, 30)] * 3
    assert columns.dates(pl.Series("d", ["hello", text])) is None

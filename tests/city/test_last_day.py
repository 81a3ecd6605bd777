"""The day to which a city is known is that of the sources that bring most, not that of a late row."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from cityward.city.last_day import last_day

FIRST = date(2014, 6, 1)


def heard(*sources: tuple[str, date, int, int]) -> pl.DataFrame:
    """Rows of sources: name, first day, days, rows a day."""
    rows = [
        (name, first + timedelta(days=day))
        for name, first, days, daily in sources
        for day in range(days)
        for _ in range(daily)
    ]
    return pl.DataFrame(rows, schema={"source": pl.String, "day": pl.Date}, orient="row")


def test_it_is_the_last_day_of_the_only_source() -> None:
    assert last_day(heard(("lamps", FIRST, 30, 3))) == date(2014, 6, 30)


def test_a_report_years_later_does_not_make_everything_else_quiet() -> None:
    assert last_day(heard(("lamps", FIRST, 30, 3), ("portal", date(2026, 11, 30), 1, 1))) == date(2014, 6, 30)


def test_a_new_source_takes_over_from_one_that_ended() -> None:
    assert last_day(heard(("old", FIRST, 300, 3), ("new", date(2016, 1, 1), 30, 1))) == date(2016, 1, 30)


def test_sources_of_one_day_count_together() -> None:
    many = [(f"s{at}", FIRST, 40, 1) for at in range(5)]
    assert last_day(heard(("big", FIRST, 30, 40), *many)) == date(2014, 7, 10)


def test_nothing_heard_is_no_day() -> None:
    assert last_day(heard()) is None

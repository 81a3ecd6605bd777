"""From files and frames to a study: calendars, person-time, and bad input."""

from __future__ import annotations

import contextlib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cityward.cli.main import group
from cityward.core.errors import UserError
from cityward.know.scan.frames import intervals, tabulate
from cityward.know.scan.text_files import read_cases, read_places, read_population

PERIOD = {"start": date(2024, 1, 1), "end": date(2024, 1, 10)}
PLACES = pl.DataFrame({"place": ["b", "a", "c"], "x": [0.0, 1.0, 2.0], "y": [0.0, 0.0, 0.0]})


def frame(*rows: tuple[str, int, date]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"place": pl.String, "cases": pl.Int64, "time": pl.Date}, orient="row")


def file(tmp_path: Path, text: str, name: str = "file") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_intervals_are_laid_from_the_end():
    assert intervals(date(2024, 1, 1), date(2024, 1, 10), "day", 7) == [
        date(2024, 1, 1),
        date(2024, 1, 4),
        date(2024, 1, 11),
    ]
    assert intervals(date(1973, 1, 1), date(1991, 12, 31), "year", 1) == [
        date(year, 1, 1) for year in range(1973, 1993)
    ]
    assert intervals(date(2023, 11, 5), date(2024, 2, 29), "month", 1)[:2] == [date(2023, 11, 5), date(2023, 12, 1)]


@given(
    st.dates(date(1950, 1, 1), date(2050, 1, 1)),
    st.integers(0, 3000),
    st.sampled_from(["day", "month", "year"]),
    st.integers(1, 40),
)
def test_intervals_cover_the_study_without_gaps(start, days, unit, every):
    end = start + timedelta(days=days)
    edges = intervals(start, end, unit, every)
    assert (edges[0], edges[-1]) == (start, end + timedelta(days=1))
    assert edges == sorted(set(edges))


def test_places_at_one_point_are_one_and_places_come_by_identifier():
    places = pl.concat([PLACES, pl.DataFrame({"place": ["0"], "x": [1.0], "y": [0.0]})])
    table = tabulate(
        frame(("a", 2, date(2024, 1, 3)), ("0", 1, date(2024, 1, 3))), places, "space-time-permutation", **PERIOD
    )
    assert table.members == [("0", "a"), ("b",), ("c",)]
    assert table.study.cases[0, 2].tolist() == [3, 0, 0]


def test_what_is_left_out_is_told():
    rows = frame(("a", 2, date(2024, 1, 3)), ("nowhere", 5, date(2024, 1, 3)), ("b", 7, date(2023, 12, 31)))
    table = tabulate(rows, PLACES, "space-time-permutation", **PERIOD)
    assert (table.study.total, table.without_place, table.outside) == (2, 5, 7)


def test_person_time_is_interpolated_between_counts():
    """From 100 to 200 people in 10 days, then constant: person-days by the trapezium rule, by hand."""
    people = pl.DataFrame(
        {
            "place": ["a", "a", "b", "b"],
            "time": [date(2024, 1, 1), date(2024, 1, 11)] * 2,
            "population": [100.0, 200, 100, 100],
        }
    )
    rows = frame(("a", 6, date(2024, 1, 3)), ("b", 4, date(2024, 1, 15)))
    table = tabulate(
        rows, PLACES, "poisson", start=date(2024, 1, 1), end=date(2024, 1, 20), unit="day", every=10, population=people
    )
    np.testing.assert_allclose(table.people, [(1500 + 2000) / 20, 100, 0])
    np.testing.assert_allclose(table.study.base, np.array([[1500, 1000, 0], [2000, 1000, 0]]) * 10 / 5500)


def test_covariates_are_standardised_for():
    """Place a has only old people, who fall ill twice as often; nobody is conspicuous."""
    day = date(2024, 1, 5)
    people = pl.DataFrame(
        {"place": ["a", "b"], "time": [day, day], "population": [100.0, 200.0], "category": ["old", "young"]}
    )
    rows = frame(("a", 20, day), ("b", 20, day)).with_columns(category=pl.Series(["old", "young"]))
    table = tabulate(rows, PLACES, "poisson", **PERIOD, population=people)
    np.testing.assert_allclose(table.study.base.sum(axis=0), [20, 20, 0])


def test_without_population_all_places_count_alike():
    table = tabulate(frame(("a", 3, date(2024, 1, 3))), PLACES, "poisson", **PERIOD)
    np.testing.assert_allclose(table.study.base, np.full((10, 3), 0.1))


def test_weekdays_expect_what_they_had():
    rows = frame(("a", 3, date(2024, 1, 1)), ("b", 1, date(2024, 1, 8)), ("c", 2, date(2024, 1, 3)))
    table = tabulate(rows, PLACES, "poisson", **PERIOD, weekday=True)
    np.testing.assert_allclose(table.study.base.sum(axis=1), [2, 0, 1, 0, 0, 0, 0, 2, 0, 1])
    with pytest.raises(UserError, match="one day"):
        tabulate(rows, PLACES, "poisson", **PERIOD, unit="month", weekday=True)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("a", "2024/1/3", -5.0)], "negative"),
        ([("a", "2024/1/3", 0.0)], "population"),
        ([("zz", "2024/1/3", 5.0)], "No location has a population"),
    ],
)
def test_a_population_that_cannot_be(rows, said):
    people = pl.DataFrame(rows, schema=["place", "time", "population"], orient="row").with_columns(
        time=date(2024, 1, 3)
    )
    with pytest.raises(UserError, match=said):
        tabulate(frame(("a", 3, date(2024, 1, 3))), PLACES, "poisson", **PERIOD, population=people)


def test_bad_frames_are_told():
    rows = frame(("a", 2, date(2024, 1, 3)))
    with pytest.raises(UserError, match="after its end"):
        tabulate(rows, PLACES, "poisson", start=date(2024, 2, 1), end=date(2024, 1, 1))
    moved = pl.DataFrame({"place": ["a"], "x": [5.0], "y": [5.0]})
    with pytest.raises(UserError, match="more than one position"):
        tabulate(rows, pl.concat([PLACES, moved]), "poisson", **PERIOD)
    with pytest.raises(UserError, match="negative"):
        tabulate(frame(("a", -2, date(2024, 1, 3))), PLACES, "poisson", **PERIOD)
    with pytest.raises(UserError, match="controls"):
        tabulate(rows, PLACES, "bernoulli", **PERIOD)
    with pytest.raises(UserError, match="no location"):
        tabulate(rows, PLACES.clear(), "poisson", **PERIOD)


def test_dates_of_every_form_are_read(tmp_path):
    text = 'a 1 2024/3/31\nb 1 3/31/2024\n\n"c d",1,2024-03-31\ne;1;2024.3.31\n'
    read = read_cases(file(tmp_path, text), covariates=None)
    assert read.frame["time"].to_list() == [date(2024, 3, 31)] * 4
    assert read.frame["place"].to_list() == ["a", "b", "c d", "e"]
    assert read.unit == "day"
    assert read_cases(file(tmp_path, "a 1 2024/3\nb 1 3/2024\n"), covariates=None).unit == "month"
    assert read_cases(file(tmp_path, "a 1 2024\n"), covariates=None).unit == "year"
    people, covariates = read_population(file(tmp_path, "a 73 100 1 2\n"))
    assert people.row(0, named=True) == {"place": "a", "population": 100.0, "time": date(1973, 7, 1), "category": "1 2"}
    assert covariates == 2


def test_coordinates_are_degrees_when_they_can_be(tmp_path):
    places, degrees = read_places(file(tmp_path, "\ufeffa 41.5 -87.5\nb 41.6 -87.6\n"))
    assert degrees
    assert places["x"].to_list() == [-87.5, -87.6]
    places, degrees = read_places(file(tmp_path, "a 4100 5\n"))
    assert not degrees
    assert places["x"].to_list() == [4100.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("a\n", "line 1"),
        ("a 1 2024/2/30\n", "line 1: the date"),
        ("b 1 2024/2/3\na 1 yesterday\n", "line 2: the date"),
        ("a 1.5 2024/1/1\n", "whole number"),
        ("a many 2024/1/1\n", "whole number"),
        ("a 1 2024/1/1 x\nb 1 2024/1/1\n", "line 2: fewer fields"),
        ("a 1e400 2024/1/1\n", "whole number"),
    ],
)
def test_bad_case_files_are_told_with_their_line(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        read_cases(file(tmp_path, text), covariates=None)


@given(st.binary(max_size=200))
def test_whatever_the_bytes_only_a_clear_error_comes(tmp_path_factory, body):
    path = tmp_path_factory.mktemp("bytes") / "file"
    path.write_bytes(body)
    for read in (read_places, read_population, lambda one: read_cases(one, covariates=None)):
        with contextlib.suppress(UserError):
            read(path)


def test_the_command_tells_mistakes_in_one_line(tmp_path):
    cases, places = file(tmp_path, "a 1 2024/1/3\n", "cas"), file(tmp_path, "a 1 1\nb 1 2\n", "geo")
    words = ["scan", "--cases", str(cases), "--geo", str(places)]
    for more, said in [
        ([], "--from"),
        (["--from", "0001-01-01", "--to", "9999-12-31"], "calendar"),
        (["--from", "2024-01-09", "--to", "2024-01-01"], "after its end"),
        (["--from", "2024-01-01", "--to", "2024-01-09", "--replicates", "1000000000"], "replicates"),
        (["--from", "2024-01-01", "--to", "2024-01-09", "--max-share", "nan"], "max_share"),
        (["--spatial", "--temporal"], "exclude"),
        (["--from", "2024-01-01", "--to", "2024-01-09", "--max-share", "7"], "max_share"),
        (["--from", "2024-01-01", "--to", "2024-01-09", "--model", "bernoulli"], "--ctl"),
    ]:
        done = CliRunner().invoke(group, [*words, *more])
        assert isinstance(done.exception, UserError)
        assert said in str(done.exception) + done.exception.remedy


def scanned(tmp_path: Path, cases: str, places: str, *more: str) -> str:
    words = ["scan", "--cases", str(file(tmp_path, cases, "cas"))]
    words += ["--geo", str(file(tmp_path, places, "geo"))] if places else []
    done = CliRunner().invoke(
        group, [*words, "--from", "2024-01-01", "--to", "2024-01-09", *more], catch_exceptions=False
    )
    assert done.exit_code == 0
    return done.stdout


def test_odd_but_possible_requests_are_answered(tmp_path):
    places = "a 1 1\nb 1 2\n"
    cases = "a 2 2024/1/9\nb 1 2024/1/2\nlost 5 2024/1/3\n"
    for more in (["--every", "999999999999"], ["--unit", "year", "--every", "100000"], ["--max-days", "9" * 21]):
        assert "3 cases at 2 places" in scanned(tmp_path, cases, places, *more)
    told = scanned(tmp_path, cases, places, "--replicates", "0", "--max-share", "1")
    assert "5 cases without coordinates" in told
    assert ", p " not in told, "without replicates nothing is known of chance"
    assert "fewer cases" in scanned(tmp_path, cases, places, "--min-cases", "1000")
    assert "fewer cases" in scanned(tmp_path, "lost 5 2024/1/3\n", places)
    assert "everywhere" in scanned(tmp_path, cases, "", "--model", "poisson", "--temporal")


def test_half_of_the_study_is_of_days_also_when_intervals_are_weeks():
    """Of 24 days half is 12, which is one whole week and not two."""
    from cityward.cli.scan import _longest

    table = tabulate(
        frame(("a", 1, date(2024, 1, 3))), PLACES, "poisson", start=date(2024, 1, 1), end=date(2024, 1, 24), every=7
    )
    assert _longest(table, "day", 7, None) == 1
    assert [_longest(table, "day", 7, days) for days in (3, 7, 13, 14)] == [1, 1, 1, 2]
    assert [_longest(table, "year", 1, days) for days in (365, 730, 731, 3652)] == [1, 2, 2, 10]
    assert [_longest(table, "month", 1, days) for days in (28, 59, 92, 365)] == [1, 2, 3, 12]

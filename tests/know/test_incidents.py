"""Incidents: same service, same place, while it is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cityward.know.incidents import collapse

START = datetime(2014, 6, 1, tzinfo=UTC)


def history(rows: list[tuple]) -> pl.DataFrame:
    """(service, lon, day, closed day or None) in any order."""
    return pl.DataFrame(
        {
            "service": [row[0] for row in rows],
            "lon": [row[1] for row in rows],
            "lat": [None if row[1] is None else 41.9 for row in rows],
            "occurred_at": [START + timedelta(days=row[2]) for row in rows],
            "closed_at": [None if row[3] is None else START + timedelta(days=row[3]) for row in rows],
        },
        schema_overrides={"lon": pl.Float64, "lat": pl.Float64, "closed_at": pl.Datetime("us", "UTC")},
    )


def groups(rows: list[tuple]) -> list[set[int]]:
    found = collapse(history(rows)).with_row_index("n").group_by("incident").agg("n")["n"].to_list()
    return sorted((set(group) for group in found), key=min)


def test_reports_of_an_open_case_are_one_incident_and_a_later_one_is_new():
    assert groups([("x", -87.6, 0, 10), ("x", -87.6, 4, 10), ("x", -87.6, 12, 20)]) == [{0, 1}, {2}]


def test_never_across_services_or_addresses():
    assert len(groups([("x", -87.6, 0, 10), ("y", -87.6, 1, 10), ("x", -87.601, 1, 10)])) == 3


def test_without_a_position_each_report_stands_alone():
    assert len(groups([("x", None, 0, 10), ("x", None, 0, 10)])) == 2


def test_an_open_case_does_not_live_for_ever():
    assert groups([("x", -87.6, 0, None), ("x", -87.6, 29, None), ("x", -87.6, 100, None)]) == [{0, 1}, {2}]


@given(st.permutations([("x", -87.6, day, day + 3) for day in range(0, 20, 2)]))
def test_the_order_of_rows_does_not_matter(rows):
    assert collapse(history(rows))["incident"].n_unique() == 1

"""Incidents: same service, same place, while it is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.know.incidents import RADIUS_M, WINDOW_DAYS, collapse

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


def test_families_join_services_that_the_city_handles_as_one():
    rows = [("x", -87.6, 0, 10), ("y", -87.6, 1, 10), ("z", -87.6, 1, 10)]
    found = collapse(history(rows), families={"x": "type", "y": "type"})["incident"].to_list()
    assert found == [1, 1, 2]


def test_the_next_house_is_another_place_when_addresses_say_so():
    rows = history([("x", -87.60000, 0, 10), ("x", -87.60005, 1, 10)])  # 4 m apart
    assert collapse(rows)["incident"].to_list() == [1, 1]
    apart = rows.with_columns(address=pl.Series(["12 Elm St", "14 Elm St"]))
    assert collapse(apart)["incident"].to_list() == [1, 2]


def test_an_address_stands_in_for_a_missing_position_however_it_is_written():
    rows = history([("x", -87.6, 0, 10), ("x", None, 1, 10), ("x", None, 2, 10)])
    rows = rows.with_columns(address=pl.Series(["12 Elm St.", "12  ELM ST", None]))
    assert collapse(rows)["incident"].to_list() == [1, 1, 2]


def test_farther_away_the_words_have_to_agree():
    rows = history([("x", -87.6000, 0, 10), ("x", -87.6005, 1, 10), ("x", -87.6005, 2, 10)])  # 41 m
    rows = rows.with_columns(text=pl.Series(["big hole near school", "hole near the school", "tree fell down"]))
    assert collapse(rows, radius_m=100)["incident"].to_list() == [1, 1, 2]
    assert collapse(rows, radius_m=100, text_similarity=0)["incident"].to_list() == [1, 1, 1]


def test_a_gap_can_end_a_case_that_is_still_open():
    rows = history([("x", -87.6, 0, 100), ("x", -87.6, 20, 100)])
    assert collapse(rows)["incident"].to_list() == [1, 1]
    assert collapse(rows, longest_gap_days=7)["incident"].to_list() == [1, 2]


def test_a_report_of_the_closing_day_belongs_and_of_the_next_does_not():
    assert groups([("x", -87.6, 0, 3), ("x", -87.6, 3, 5)]) == [{0, 1}]
    assert groups([("x", -87.6, 0, 3), ("x", -87.6, 4, 5)]) == [{0}, {1}]


def test_a_radius_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="more than 0"):
        collapse(history([("x", -87.6, 0, 10)]), radius_m=0)


def test_an_empty_history_has_no_incident():
    assert collapse(history([])).schema["incident"] == pl.UInt64


def test_half_a_million_reports_at_one_spot_are_one_incident():
    spot = history([("x", -87.6, 0, 10)]).select(pl.all().repeat_by(500_000).explode())
    assert collapse(spot)["incident"].n_unique() == 1


report = st.tuples(
    st.sampled_from("xy"),
    st.sampled_from([-87.6, -87.60003, -87.60009, -87.6002, None]),  # 2.5, 7.4 and 16.6 m from the first
    st.integers(0, 60),
    st.none() | st.integers(0, 20),
)
reports = st.lists(report, min_size=1, max_size=40).map(
    lambda rows: [(s, lon, day, None if life is None else day + life) for s, lon, day, life in rows]
)


def partition(frame: pl.DataFrame, **options) -> set[frozenset[int]]:
    found = collapse(frame, **options).group_by("incident").agg("n")["n"].to_list()
    return {frozenset(group) for group in found}


@settings(max_examples=80, deadline=None)
@given(reports, st.randoms(use_true_random=False))
def test_any_order_and_a_second_pass_give_the_same_incidents(rows, random):
    # Reports equal in everything may change places: that shows only without a position, where each stands alone.
    frame = history(rows).unique(maintain_order=True).with_row_index("n")
    order = list(range(frame.height))
    random.shuffle(order)
    expected = partition(frame)
    assert partition(frame[order]) == expected
    again = collapse(collapse(frame).drop("incident", "first_report"))
    assert again.equals(collapse(frame))


@settings(max_examples=80, deadline=None)
@given(reports)
def test_incidents_keep_to_service_place_and_life(rows):
    found = collapse(history(rows)).sort("occurred_at")
    assert found.group_by("incident").agg(pl.col("service").n_unique())["service"].max() == 1
    ends = pl.coalesce("closed_at", pl.col("occurred_at") + timedelta(days=WINDOW_DAYS))
    held = found.with_columns(until=ends.cum_max().shift(1).over("incident", order_by="occurred_at"))
    late = held.filter(pl.col("until").is_not_null(), pl.col("occurred_at") > pl.col("until"))
    assert not late.height
    wide = found.group_by("incident").agg((pl.col("lon").max() - pl.col("lon").min()).alias("degrees"))
    # Both sides of the first report at most: 2 × 10 m, and a degree here is 82.8 km.
    assert (wide["degrees"].max() or 0) * 82_800 <= 2 * RADIUS_M


@settings(max_examples=60, deadline=None)
@given(reports)
def test_equal_rows_change_nothing(rows):
    frame = history(rows).filter(pl.col("lon").is_not_null()).unique(maintain_order=True).with_row_index("n")
    twice = pl.concat([frame, frame])
    if frame.height:
        together = collapse(twice).unique(["n", "incident"])
        assert together.height == frame.height  # a report and its twin are in one incident
        assert partition(together.drop("incident")) == partition(frame)

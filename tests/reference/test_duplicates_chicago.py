"""Chicago's own duplicate flags, 2011 to 2014: how many are found again, and what is joined by coincidence.

A flagged row counts as found when its incident holds an earlier report (stamps tell the day: of one day, a row
that is not flagged counts as earlier). All flagged rows are in the denominator, also those whose original is
not in the data.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cityward.know.campaigns import recognise
from cityward.know.incidents import collapse

CASE_TYPE = "Sanitation Code Violation"


@pytest.fixture(scope="module")
def sanitation(shared_data: Path) -> pl.DataFrame:
    """Each request once, without the 184 rows whose year is a slip."""
    raw = pl.read_parquet(shared_data / "chicago" / "sanitation_requests.parquet").with_row_index("number")
    return (
        raw.select(
            "number",
            id="service_request_number",
            source=pl.lit("sanitation"),
            service=pl.col("nature").fill_null("Unspecified"),
            lon="longitude",
            lat="latitude",
            address="street_address",
            occurred_at=_utc("creation_date"),
            closed_at=_utc("completion_date"),
            flagged=pl.col("status").str.ends_with("Dup"),
        )
        .filter(pl.col("occurred_at") >= datetime(2011, 1, 1, tzinfo=UTC))
        .unique("id", keep="first", maintain_order=True)
    )


def _utc(name: str) -> pl.Expr:
    return pl.col(name).dt.cast_time_unit("us").dt.replace_time_zone("UTC")


@pytest.fixture(scope="module")
def families(sanitation: pl.DataFrame) -> dict[str, str]:
    """The city handles all natures as one case type: 44 % of its flags lie across two natures."""
    return dict.fromkeys(sanitation["service"].unique(), CASE_TYPE)


def joined(frame: pl.DataFrame, **options) -> pl.DataFrame:
    """Rows with ``later``: not the first of their incident."""
    found = collapse(frame, **options).sort("occurred_at", "flagged", "number")
    return found.with_columns(later=pl.int_range(pl.len()).over("incident") > 0)


def test_the_data_are_those_described(sanitation):
    assert (sanitation.height, sanitation["flagged"].sum()) == (73_842, 3_614)


def test_98_of_100_duplicates_flagged_by_the_city_are_found(sanitation, families):
    found = joined(sanitation, families=families)
    recall = found.filter("flagged")["later"].mean()
    assert recall >= 0.98
    assert recall == pytest.approx(0.9911, abs=5e-5)
    assert found.filter("later", ~pl.col("flagged")).height == 2_321


def test_without_the_families_flags_across_natures_cannot_be_found(sanitation):
    found = joined(sanitation).filter("flagged")
    assert found["later"].mean() == pytest.approx(0.578, abs=5e-4)


@pytest.mark.parametrize(
    ("radius_m", "addresses", "recall", "not_flagged"),
    [
        (1, True, 0.9911, 2_320),
        (100, True, 0.9917, 2_324),
        (1, False, 0.9911, 2_319),
        (10, False, 0.9942, 4_964),
        (100, False, 0.9956, 9_564),
    ],
)
def test_sensitivity_to_the_radius(sanitation, families, radius_m, addresses, recall, not_flagged):
    frame = sanitation if addresses else sanitation.drop("address")
    found = joined(frame, families=families, radius_m=radius_m)
    assert found.filter("flagged")["later"].mean() == pytest.approx(recall, abs=5e-5)
    assert found.filter("later", ~pl.col("flagged")).height == not_flagged


def test_few_reports_of_another_time_would_have_been_joined(sanitation, families):
    """The placebo: first reports moved by one or two years meet only what is there by coincidence."""
    rates = []
    for days in (-728, -364, 364, 728):
        moved = sanitation.with_columns(pl.col("occurred_at", "closed_at") + timedelta(days=days))
        first, last = sanitation["occurred_at"].min(), sanitation["occurred_at"].max()
        moved = joined(moved.filter(pl.col("occurred_at").is_between(first, last)), families=families)
        moved = (
            moved.filter(~pl.col("later")).drop("incident", "first_report", "later").with_columns(moved=pl.lit(True))
        )
        mixed = pl.concat([sanitation.with_columns(moved=pl.lit(False)), moved])
        mixed = collapse(mixed, families=families).sort("occurred_at", "moved")
        begun_by_moved = pl.col("moved").first().over("incident")
        rates.append(1 - mixed.filter(begun_by_moved, "moved").height / moved.height)
    assert sum(rates) / len(rates) == pytest.approx(0.0065, abs=3e-4)


def test_no_report_of_chicago_is_a_batch(sanitation):
    """Day stamps, one channel, no text: nothing to tell a batch by, and no busy day is called one."""
    assert recognise(sanitation, time_zone="America/Chicago")["batch"].null_count() == sanitation.height

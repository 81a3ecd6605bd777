"""New York's council offices, 2015 to 2025: what an office typed in is a batch, what residents sent is not.

The published trap: in December 2018 one office typed in 1,028 bicycle complaints within a few days, and a scan
finds it as the strongest cluster of the year.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from cityward.core.clock import rng
from cityward.know.campaigns import recognise, set_apart, summarise

NEW_YORK = "America/New_York"
FIRST, LAST = date(2018, 12, 26), date(2018, 12, 28)


@pytest.fixture(scope="module")
def council(shared_data: Path) -> pl.DataFrame:
    """All complaints; the office is the channel, and stamps tell the day."""
    raw = pl.read_parquet(shared_data / "nyc" / "nycomplaints.parquet")
    closed = pl.col("closedate").str.slice(0, 10).str.to_datetime("%Y-%m-%d", strict=False)
    return raw.select(
        source=pl.lit("council"),
        channel="account",
        service="descriptor",
        occurred_at=_utc(pl.col("opendate")),
        closed_at=_utc(closed),
        stated_territory="zip",
        day=pl.col("opendate").dt.date(),
    )


def _utc(time: pl.Expr) -> pl.Expr:
    return time.dt.cast_time_unit("us").dt.replace_time_zone(NEW_YORK).dt.convert_time_zone("UTC")


@pytest.fixture(scope="module")
def marked(council: pl.DataFrame) -> pl.DataFrame:
    return recognise(council, time_zone=NEW_YORK)


def _bicycles(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("service") == "Bicycles", pl.col("day").is_between(FIRST, LAST))


def test_the_bicycle_complaints_are_one_batch_and_cannot_surface(marked):
    batch = _bicycles(marked)
    assert batch.height == 1147  # 1,028 of them in five ZIP areas
    assert batch["batch_kind"].unique().to_list() == ["data entry"]
    assert batch["batch"].n_unique() == 1
    told = summarise(marked, time_zone=NEW_YORK).row(0, named=True)
    assert (told["channel"], told["service"], told["rows"]) == ("NYCC26", "Bicycles", 1147)
    assert told["why"] == (
        "NYCC26 entered 1147 reports on 3 days; on other days with any, about 1. 99 % were closed on the day they came."
    )


def test_without_the_office_the_closing_still_tells(council):
    batch = _bicycles(recognise(council.drop("channel"), time_zone=NEW_YORK))
    assert batch["batch_kind"].unique().to_list() == ["data entry"]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("count", [60, 300, 900])
def test_a_surge_of_residents_beside_it_is_not_a_batch(council, seed, count):
    random = rng(seed)
    begin = datetime(2018, 12, 26, tzinfo=ZoneInfo(NEW_YORK))
    hours = random.integers(0, 4, count) * 24 + np.clip(random.normal(15, 4, count), 7, 23)
    surge = pl.DataFrame(
        {
            "source": "council",
            "channel": random.choice(["phone", "web", "app", "NYCC26", "NYCC33"], count),
            "service": "Bicycles",
            "occurred_at": [begin + timedelta(hours=float(hour)) for hour in hours],
            "closed_at": [begin + timedelta(days=float(days)) for days in random.uniform(5, 40, count)],
            "stated_territory": random.choice(["11104", "11377", "11106"], count),
        }
    ).with_columns(
        pl.col("occurred_at", "closed_at").cast(pl.Datetime("us", NEW_YORK)).dt.convert_time_zone("UTC"),
        day=pl.col("occurred_at").dt.date(),
    )
    year = council.filter(pl.col("day").dt.year() == 2018)
    both = recognise(pl.concat([year, surge]), time_zone=NEW_YORK)
    assert both.tail(count)["batch"].null_count() == count
    batch = _bicycles(both.head(year.height))
    assert batch.height - batch["batch"].null_count() == 1147


def test_the_snow_storm_of_january_2016_is_not_a_batch_and_snow_typed_in_july_is(marked):
    snow = marked.filter(pl.col("service") == "Snow Removal")
    storm = snow.filter(pl.col("day").is_between(date(2016, 1, 22), date(2016, 2, 5)))
    assert storm.height > 200
    assert storm["batch"].null_count() == storm.height
    july = snow.filter(pl.col("day").is_between(date(2016, 7, 26), date(2016, 7, 27)))
    assert july["batch"].null_count() == 0


def test_what_is_left_out_is_told_and_small(council):
    apart = set_apart(council, time_zone=NEW_YORK)
    assert apart.history.height + apart.batches["rows"].sum() == council.height
    assert apart.batches.height == 192
    assert apart.batches["rows"].sum() == 21_841  # 6.4 % of all
    assert set(apart.batches["kind"]) == {"data entry"}

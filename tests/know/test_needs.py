"""Needs: a planted burst is found, noise is not, and the words fit the numbers."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from cityward.core.frames import CUBE
from cityward.know.needs import detect, poisson_interval

AS_OF = date(2014, 6, 30)
PLACES = pl.DataFrame(
    {
        "territory": [str(at) for at in range(25)],
        "name": [f"Area {at}" for at in range(25)],
        "lon": [-87.6 + 0.01 * (at % 5) for at in range(25)],
        "lat": [41.8 + 0.01 * (at // 5) for at in range(25)],
        "population": [10_000.0] * 25,
    }
)


def cube(planted: int, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    counts = random.poisson(0.4, (365, 25))
    counts[-5:, 12] += planted
    days, places = np.nonzero(counts)
    return pl.DataFrame(
        {
            "service": ["Street light"] * days.size,
            "territory": [str(place) for place in places],
            "day": [AS_OF - timedelta(days=int(364 - day)) for day in days],
            "interactions": counts[days, places],
            "incidents": counts[days, places],
        },
        schema=CUBE,
    )


def found(counts: pl.DataFrame, **settings):
    return detect(counts, PLACES, as_of=AS_OF, seed=3, services={"Street light": "energy"}, **settings)


def test_a_planted_burst_is_found_where_and_when_it_is():
    need = found(cube(4, seed=1))[0]
    assert need.territories == ("12",)
    assert (need.starts, need.ends) == (AS_OF - timedelta(days=4), AS_OF)
    assert need.relative_risk_low < need.relative_risk < need.relative_risk_high
    assert need.observed == sum(seen for day, seen, _ in need.series if day >= need.starts)
    assert need.sentence.startswith(f"{need.observed} reports of street light where ")
    assert need.sentence.endswith("in Area 12 since 26 June.")
    assert need.population == 10_000


def test_noise_is_rarely_a_need():
    alarms = sum(bool(found(cube(0, seed=seed), replicates=199, min_recurrence_days=100)) for seed in range(20, 60))
    assert alarms <= 3  # 40 days of scans at once in 100 days


def test_equal_seeds_give_equal_needs():
    counts = cube(2, seed=2)
    assert found(counts, min_recurrence_days=1) == found(counts, min_recurrence_days=1)


def test_a_rare_service_is_not_scanned():
    assert found(cube(0, seed=1).head(5)) == []


def test_one_day_with_most_reports_is_flagged_as_a_possible_batch():
    counts = cube(1, seed=1).with_columns(
        incidents=pl.when((pl.col("day") == AS_OF) & (pl.col("territory") == "12"))
        .then(30)
        .otherwise("incidents")
        .cast(pl.Int64)
    )
    assert any("data entry" in caveat for need in found(counts) for caveat in need.caveats)


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0.0, 2.9957), (5, 1.9701, 10.5130), (10, 5.4254, 16.9622)])
def test_the_poisson_interval_is_garwoods(count, low, high):
    assert poisson_interval(count) == pytest.approx((low, high), abs=1e-3)

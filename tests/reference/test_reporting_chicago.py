"""The under-reporting trap of Chicago: a far higher rate by internet, as counted, and not published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cityward.core.records import Territory
from cityward.equitable.reporting import Exposure, Reporting, corrected, expose, fit, silent
from cityward.know.incidents import collapse


@pytest.fixture(scope="module")
def city(shared_data: Path) -> list[Territory]:
    rows = pl.read_csv(shared_data / "chicago" / "indicators_77.csv")
    return [
        Territory(
            id=str(row["comm_num"]),
            name=row["name"],
            level="area",
            population=row["total_pop"],
            households=row["total_households"],
            internet_share=row["hh_internet(%)"] / 100,
            income=row["hh_median_income"],
        )
        for row in rows.iter_rows(named=True)
    ]


@pytest.fixture(scope="module")
def incidents(shared_data: Path) -> pl.DataFrame:
    rows = pl.read_parquet(shared_data / "chicago" / "sanitation_requests.parquet")
    rows = rows.unique("service_request_number", keep="first", maintain_order=True)
    rows = rows.filter(pl.col("creation_date").dt.year() >= 2011)
    local = pl.col("creation_date", "completion_date").dt.replace_time_zone("America/Chicago")
    return collapse(
        rows.with_columns(local.dt.convert_time_zone("UTC")).select(
            service=pl.col("nature").fill_null("Other"),
            territory=pl.col("community_area").cast(pl.Int64).cast(pl.String),
            occurred_at="creation_date",
            closed_at="completion_date",
            lon="longitude",
            lat="latitude",
            address="street_address",
        )
    )


@pytest.fixture(scope="module")
def exposure(incidents: pl.DataFrame, city: list[Territory]) -> Exposure:
    return expose(incidents, city)


@pytest.fixture(scope="module")
def found(exposure: Exposure, city: list[Territory]) -> Reporting:
    return fit(exposure, city)


def test_the_raw_rate_differs_much_between_quarters_of_internet(exposure: Exposure, city: list[Territory]) -> None:
    events, days = exposure.cube()
    order = np.argsort([place.internet_share for place in city])
    least, most = order[:19], order[-19:]
    rates = [events[part].sum() / days[part].sum() for part in (least, most)]
    assert rates[1] / rates[0] == pytest.approx(1.6, abs=0.1)


def test_the_raw_coefficients_are_those_of_the_trap(found: Reporting) -> None:
    raw = dict(found.windows.filter(covariate="internet").select("window_days", "raw").iter_rows())
    for window, published in {100: 0.26, 7: 0.13, 3: 0.05, 0: 0.03}.items():
        assert raw[window] == pytest.approx(published, abs=0.05)


def test_the_baseline_by_age_takes_most_of_it_away(found: Reporting) -> None:
    table = found.windows.filter(covariate="internet")
    assert table["estimate"].abs().max() < 0.1
    same_day = table.filter(window_days=0)
    assert same_day["low"].item() < 0 < same_day["high"].item()


def test_no_gap_is_published(found: Reporting) -> None:
    assert "gap" not in found.coefficients["gap"].to_list()
    assert not found.publishable
    assert found.because.startswith("We cannot tell")
    assert set(found.verdicts.values()) == {"cannot tell"}


def test_nor_is_one_by_internet_alone(exposure: Exposure, city: list[Territory]) -> None:
    alone = fit(exposure, city, covariates={"internet": [place.internet_share for place in city]})
    assert alone.coefficients["gap"].item() != "gap"
    assert np.exp(alone.coefficients["alone_high"].item()) < 1.2


def test_counts_stay_as_they_are_and_say_how_unsure_they_are(
    found: Reporting, incidents: pl.DataFrame, city: list[Territory]
) -> None:
    first = incidents.unique("incident", keep="first", maintain_order=True)
    heard = dict(first.drop_nulls("territory").group_by("territory").len().iter_rows())
    counts = np.array([heard.get(place.id, 0) for place in city])
    answer = corrected(counts, found)
    assert not answer.corrected
    assert (answer.estimate == counts).all()
    assert ((answer.low <= counts) & (counts <= answer.high)).all()
    assert all("we cannot tell" in place.sentence for place in silent(heard, city, found))


def test_a_day_is_the_finest_time_that_is_known(exposure: Exposure) -> None:
    table = exposure.table()
    same_day = table.filter(pl.col("from_day") == 0)
    assert same_day["reports"].sum() / table["reports"].sum() == pytest.approx(0.35, abs=0.03)
    assert (table["open_days"] > 0).all()

"""How every territory is heard, and the corrected count of a need."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from cityward.core.records import Need, Territory
from cityward.equitable.heard import corrected_need, how_heard
from cityward.equitable.reporting import fit
from cityward.equitable.reporting_exposure import expose
from cityward.know.needs import poisson_interval

PLACES = [
    Territory(
        id=f"t{at}", name=f"T{at}", level="area", population=1000.0, income=30_000.0 + 100 * at, internet_share=0.7
    )
    for at in range(30)
]
NOTHING = pl.DataFrame(
    schema={
        "incident": pl.UInt64,
        "service": pl.String,
        "territory": pl.String,
        "occurred_at": pl.Datetime("us", "UTC"),
        "closed_at": pl.Datetime("us", "UTC"),
    }
)


def test_every_territory_is_told_and_silence_stands_out():
    heard = {place.id: 100 for place in PLACES} | {"t7": 10, "t9": 400}
    found = {one.territory: one for one in how_heard(heard, PLACES, fit(expose(NOTHING, PLACES), PLACES))}
    assert list(found) == [place.id for place in PLACES]
    assert (found["t7"].verdict, found["t9"].verdict, found["t3"].verdict) == ("quieter", "more", "as others")
    assert found["t7"].ratio == pytest.approx(0.1, abs=0.05)
    assert {one.readiness_verdict for one in found.values()} == {"cannot tell"}


def test_where_nothing_is_known_we_cannot_tell():
    few = PLACES[:3]
    assert {one.verdict for one in how_heard({}, few, fit(expose(NOTHING, few), few))} == {"cannot tell"}
    unknown = [Territory(id="x", name="X", level="area")]
    assert how_heard({"x": 3}, unknown, fit(expose(NOTHING, unknown), unknown))[0].ratio is None


def test_doubt_about_readiness_widens_the_count_of_a_need():
    need = Need(
        id="N-1", service="carts", domain="environment", territories=("t1", "t2"), names=("T1", "T2"),
        starts=date(2024, 5, 1), ends=date(2024, 5, 3), observed=40, expected=10, relative_risk=4.0,
        relative_risk_low=3, relative_risk_high=5, statistic=20.0, p_value=0.001, recurrence_days=1000.0,
        replicates=999, population=None, sentence="",
    )  # fmt: skip
    one = corrected_need(need, {"t1": 30, "t2": 10}, fit(expose(NOTHING, PLACES), PLACES))
    low, high = poisson_interval(40)
    assert one.corrected_low <= low + 1
    assert one.corrected_high >= high - 1
    assert "cannot tell" in one.correction

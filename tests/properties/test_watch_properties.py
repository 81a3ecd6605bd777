"""Watching in one go and piece by piece tells the same: no hour knows what comes after it."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.know.sensors import START, frame, streams

from cityward.know.sensing.rules import load_limits
from cityward.know.sensing.watch import Watched, watch

DAYS = 36
RULES = load_limits()


@pytest.fixture(scope="module")
def observations() -> pl.DataFrame:
    """A network with everything that can go wrong in it."""
    values = streams(DAYS, sensors=5, seed=4) * 1.3
    values[0, 500:560] = np.nan
    values[0, [520, 541]] = 12.0
    values[1, 600:660] = 20.0
    values[2, 640:650] = 1500.0
    values[3, 700:703] *= 12
    values[:, 760:764] *= 8
    values[4, 650:] *= 2.5
    values[2, 800:] = np.nan
    late = np.full((1, values.shape[1]), np.nan)
    late[0, 400:] = values[0, 400:] + 1
    new = frame(late).with_columns(sensor=pl.lit("late"), lon=pl.lit(9.205))
    moved = pl.when((pl.col("sensor") == "s3") & (pl.col("observed_at") > START + timedelta(hours=780))).then(9.4)
    return pl.concat([frame(values), new]).with_columns(moved.otherwise(pl.col("lon")).alias("lon"))


def lives(found: Watched, until: datetime) -> set[tuple[str, str, datetime | None]]:
    """Identifier, kind and clearing of what had opened by ``until``, as it could be told then."""
    return {
        (one.id, one.kind, one.cleared_at if one.cleared_at and one.cleared_at <= until else None)
        for one in found.alerts
        if one.opened_at <= until
    }


@pytest.fixture(scope="module")
def whole(observations: pl.DataFrame) -> Watched:
    found = watch(observations.lazy(), RULES, START + timedelta(days=DAYS), "Europe/Berlin")
    assert found
    return found


def test_everything_happens_in_it(whole: Watched) -> None:
    kinds = {alert.kind for alert in whole.alerts}
    assert {"limit", "event", "silent", "stuck", "implausible", "unusual", "moved", "shift"} <= kinds


@settings(max_examples=12, deadline=None)
@given(minutes=st.integers(480 * 60, DAYS * 24 * 60))
def test_the_past_is_told_as_it_was(observations: pl.DataFrame, whole: Watched, minutes: int) -> None:
    until = START + timedelta(minutes=minutes)
    found = watch(observations.lazy(), RULES, until, "Europe/Berlin")
    assert found
    assert lives(found, until) == lives(whole, until)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 99))
def test_the_order_of_arrival_does_not_matter(observations: pl.DataFrame, whole: Watched, seed: int) -> None:
    shuffled = observations.sample(fraction=1, shuffle=True, seed=seed)
    found = watch(shuffled.lazy(), RULES, START + timedelta(days=DAYS), "Europe/Berlin")
    assert found
    assert found.alerts == whole.alerts


def test_one_thing_is_one_alert(whole: Watched) -> None:
    """Of a kind, sensor and property no two alerts overlap, and none has the name of another."""
    assert len({alert.id for alert in whole.alerts}) == len(whole.alerts)
    for alert in whole.alerts:
        for other in whole.alerts:
            same = (alert.kind, alert.sensors, alert.measured, alert.level) == (
                other.kind, other.sensors, other.measured, other.level,
            )  # fmt: skip
            if same and alert.opened_at < other.opened_at:
                assert alert.cleared_at is not None
                assert alert.cleared_at <= other.opened_at

"""Unicity against a plain count, and its refusal."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations

import numpy as np
import polars as pl
import pytest

from cityward.core.errors import Refused, UserError
from cityward.guard.traces import check_points
from cityward.private.trips import stays, trips
from cityward.private.unicity import Precision, spots, unicity

START = datetime(2014, 6, 1)  # noqa: DTZ001 - slots of time need no zone here


def by_hand(points: pl.DataFrame, precision: Precision, known: int) -> float:
    """Share of all (person, set of points) that nobody else has, each person weighing the same."""
    person, spot = spots(points, precision)
    has = {who: set(spot[person == who].tolist()) for who in np.unique(person).tolist()}
    shares = []
    for who, own in has.items():
        if len(own) >= known:
            sets = list(combinations(sorted(own), known))
            alone = [not any(other != who and set(one) <= theirs for other, theirs in has.items()) for one in sets]
            shares.append(np.mean(alone))
    return float(np.mean(shares)) if shares else 0.0


def walk(persons: int, each: int, seed: int = 1, spread: float = 0.01) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    rows = persons * each
    return pl.DataFrame(
        {
            "person": np.repeat(np.arange(persons), each),
            "lon": -87.6 + spread * random.integers(0, 4, rows),
            "lat": 41.8 + spread * random.integers(0, 4, rows),
            "at": [START + timedelta(hours=int(hour)) for hour in random.integers(0, 3, rows)],
        }
    )


@pytest.mark.parametrize("known", [1, 2, 3])
def test_drawn_is_as_counted(known: int) -> None:
    points = walk(40, 6)
    precision = Precision(500, 1)
    told = unicity(*spots(points, precision), known, trials=20_000)
    assert told == pytest.approx(by_hand(points, precision, known), abs=5 * 0.5 / np.sqrt(20_000))
    assert 0 < told < 1


def test_everybody_at_one_spot_is_nobody() -> None:
    points = walk(30, 5, spread=0.0).with_columns(at=pl.lit(START))
    assert unicity(*spots(points, Precision(500, 1)), 1) == 0.0


def test_one_inhabitant_is_unique() -> None:
    assert unicity(*spots(walk(1, 5), Precision(500, 1)), 1) == 1.0


def test_nothing_known_is_nobody_found() -> None:
    nobody = walk(3, 2).clear()
    assert unicity(*spots(nobody, Precision(500, 1)), 1) == 0.0
    assert unicity(*spots(walk(3, 2), Precision(500, 1)), 50) == 0.0


def test_points_that_single_people_out_are_refused_with_the_figure() -> None:
    with pytest.raises(Refused, match="single out") as refused:
        check_points(walk(200, 8), Precision(100, 1))
    assert refused.value.rule == "publish-unicity 1"
    shares = check_points(walk(200, 8), Precision(100_000, 24 * 365))
    assert max(shares.values()) <= 0.05


@pytest.mark.parametrize(("metres", "hours"), [(0, 1), (-1, 1), (float("nan"), 1), (100, 0), (100, float("inf"))])
def test_a_precision_that_is_none_is_refused(metres: float, hours: float) -> None:
    with pytest.raises(UserError):
        Precision(metres, hours)


def test_trips_and_stays_are_of_one_person_at_a_time() -> None:
    seen = pl.LazyFrame(
        {
            "person": ["a", "b", "a", "a", "b", None],
            "at": [START + timedelta(hours=hour) for hour in (0, 1, 2, 3, 4, 5)],
            "territory": ["1", "1", "2", "2", "1", "9"],
        }
    )
    assert trips(seen).collect().select("person", "origin", "territory").rows() == [("a", "1", "2")]
    assert sorted(stays(seen).collect().select("person", "territory", "value").rows()) == [
        ("a", "2", 1.0),
        ("b", "1", 3.0),
    ]

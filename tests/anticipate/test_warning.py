"""Early warnings: from made worlds, on bad input, and over turns."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import numpy as np
import polars as pl
import pytest

from cityward.anticipate.early import grow, look_out, past, warn
from cityward.anticipate.growth import learn, past_surges
from cityward.anticipate.reconcile import tree
from cityward.anticipate.together import _scaled, together
from cityward.anticipate.warning import outlook, standing
from cityward.core.frames import FORECAST, OUTLOOK, conform

DAYS = 3 * 365
AS_OF = date(2014, 6, 30)
NONE = np.array([np.nan])


def world(seed: int, nodes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Reports whose level wanders slowly, and closings at a steady pace."""
    chance = np.random.default_rng(seed)
    steps = np.repeat(chance.normal(0, 0.18, (nodes, DAYS // 7 + 1)), 7, axis=1)[:, :DAYS] / 7
    level = 8 * np.exp(np.cumsum(steps, axis=1) - 0.3 * np.cumsum(steps, axis=1) ** 2 * 0)
    level = np.clip(level, 2, 30)
    return chance.poisson(level).astype(float), chance.poisson(8.0, (nodes, DAYS)).astype(float)


def test_a_world_that_can_be_foreseen_is_and_probabilities_hold() -> None:
    reports, closings = world(1, 12)
    expected = reports[:, -7:].sum(axis=1)
    found = outlook(reports, closings, np.full(12, np.nan), expected, np.zeros(12, dtype=int))
    stands = standing(found.tried, np.ones(12, dtype=bool))
    assert stands.warns
    assert stands.brier < stands.climatology
    known = found.tried.known
    chance, happened = found.tried.chance[known], found.tried.happened[known]
    likely = chance > 0.6
    assert happened[likely].mean() == pytest.approx(chance[likely].mean(), abs=0.12)
    assert happened[chance < 0.2].mean() < 0.25


def test_the_past_does_not_know_the_future() -> None:
    reports, closings = world(2)
    arguments = (np.full(4, np.nan), reports[:, -7:].sum(axis=1), np.zeros(4, dtype=int))
    before = outlook(reports, closings, *arguments).tried
    reports[:, -14:] *= 3
    after = outlook(reports, closings, *arguments).tried
    # What was said of all weeks but the last two was said before these came.
    assert before.chance[:, :-2] == pytest.approx(after.chance[:, :-2], nan_ok=True)
    assert (before.happened[:, -1] <= after.happened[:, -1]).all()


def test_pure_chance_gives_no_warnings() -> None:
    chance = np.random.default_rng(5)
    reports, closings = chance.poisson(5.0, (3, DAYS)).astype(float), chance.poisson(5.0, (3, DAYS)).astype(float)
    found = outlook(reports, closings, np.full(3, np.nan), np.full(3, 35.0), np.zeros(3, dtype=int))
    assert not standing(found.tried, np.ones(3, dtype=bool)).warns


def test_a_service_without_closings_has_no_capacity_and_no_probability() -> None:
    reports, _ = world(3, 1)
    found = outlook(reports, np.zeros_like(reports), NONE, np.array([50.0]), np.zeros(1, dtype=int))
    assert np.isnan(found.capacity[0])
    assert np.isnan(found.chance[0])
    assert standing(found.tried, np.ones(1, dtype=bool)).weeks == 0


def test_what_the_city_states_comes_before_what_was_closed() -> None:
    reports, closings = world(4, 1)
    found = outlook(reports, closings, np.array([3.0]), np.array([60.0]), np.zeros(1, dtype=int))
    assert found.capacity[0] == 21.0
    assert not found.estimated[0]
    assert found.chance[0] > 0.9


@pytest.mark.parametrize("days", [1, 20, 190])
def test_a_short_history_is_not_tested(days: int) -> None:
    reports, closings = world(6, 2)
    kinds = np.zeros(2, dtype=int)
    found = outlook(reports[:, :days], closings[:, :days], np.full(2, np.nan), np.full(2, 50.0), kinds)
    assert standing(found.tried, np.ones(2, dtype=bool)).warns is False


# -- from frames -----------------------------------------------------------------------------------


def frames(areas: tuple[str, ...], *, horizon: int = 28, zero: bool = False, closed: bool = True):
    """A cube, its cases and a forecast of one service for some areas."""
    chance = np.random.default_rng(7)
    counts = chance.poisson(0.0 if zero else 3.0, (len(areas), 800))
    days = [AS_OF - timedelta(days=799 - at) for at in range(800)]
    cube = pl.DataFrame(
        [
            {"service": "Water", "territory": area, "day": day, "interactions": int(counts[at, when])}
            for at, area in enumerate(areas)
            for when, day in enumerate(days)
            if counts[at, when] or zero
        ]
    )
    cases = cube.select("service", "territory", opened="day", closed=pl.col("day") + timedelta(days=2)).filter(
        cube["interactions"] > 0
    )
    cases = cases if closed else cases.with_columns(closed=pl.lit(None, dtype=pl.Date))
    rows = [
        {"service": "Water", "territory": area, "day": AS_OF + timedelta(days=1 + at), "mean": 3.0 * (not zero)}
        | dict.fromkeys(("q05", "q10", "q50", "q90", "q95", "low", "high"), 3.0 * (not zero))
        | {"model": "TSB"}
        for area in areas
        for at in range(horizon)
    ]
    return cube, cases, conform(pl.DataFrame(rows), FORECAST)


def foreseen(areas: tuple[str, ...], parents: tuple[str | None, ...], **options):
    cube, cases, ahead = frames(areas, **options)
    nodes = tree(parents, city="X", group="side")
    known = past(cube, cases, services=["Water"], areas=areas, as_of=AS_OF)
    joined = together(ahead, known.reports, nodes, services=["Water"], level="area", as_of=AS_OF)
    return joined, look_out(known, joined.frame, nodes, services=["Water"], stated=[None]), known


@pytest.mark.parametrize(
    ("areas", "parents", "options"),
    [
        (("1", "2", "3"), ("West", "West", None), {}),
        (("1", "2", "new"), (None, None, None), {"horizon": 1}),
        (("only",), ("Alone",), {}),
        (("1", "2"), ("A", "B"), {"zero": True}),
        (("1", "2"), ("1", "2"), {"closed": False, "horizon": 3}),
    ],
)
def test_levels_add_up_exactly_whatever_comes(areas, parents, options) -> None:
    joined, seen, _ = foreseen(areas, parents, **options)
    own = joined.frame.filter(pl.col("level") == "area").group_by("day").agg(pl.col("mean").sum().round(4))
    whole = joined.frame.filter(pl.col("level") == "city")
    assert own.sort("day")["mean"].to_list() == whole["mean"].to_list()
    assert (joined.frame["mean"] >= 0).all()
    quantiles = joined.frame.select("q05", "q10", "q50", "q90", "q95").to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert (np.diff(joined.frame.select("low", "q50", "high").to_numpy(), axis=1) >= 0).all()
    assert seen.schema == OUTLOOK
    if options.get("closed") is False or options.get("zero"):
        assert set(seen["capacity_from"]) == {"not known"}
        assert seen["probability"].is_null().all()


def test_whole_quantiles_stay_whole_and_never_cross() -> None:
    chance = np.random.default_rng(3)
    whole, other = chance.integers(0, 4, (500, 5)), chance.gamma(2, 1, (500, 5))
    quantiles = np.sort(np.where(chance.random((500, 5)) < 0.5, whole, other))
    moved = _scaled(quantiles, chance.uniform(0.3, 3.0, 500))
    assert (np.diff(moved, axis=1) >= 0).all()
    assert _scaled(np.array([[0.0, 0.0, 0.0, 1.0, 2.0]]), np.array([0.97])).tolist() == [[0.0, 0.0, 0.0, 1.0, 2.0]]


def test_a_later_closing_is_not_known_yet() -> None:
    cases = pl.DataFrame(
        {"service": ["Water"] * 3, "territory": ["1"] * 3, "opened": [AS_OF, AS_OF, AS_OF + timedelta(days=1)],
         "closed": [AS_OF, AS_OF + timedelta(days=3), None]}
    )  # fmt: skip
    cube = pl.DataFrame({"service": ["Water"], "territory": ["1"], "day": [AS_OF], "interactions": [2]})
    known = past(cube, cases, services=["Water"], areas=["1"], as_of=AS_OF)
    assert known.waiting.tolist() == [[1.0]]
    assert known.closings.sum() == 1


# -- over turns ------------------------------------------------------------------------------------

ROW = {
    "service": "Water", "territory": "city:X", "level": "city", "name": "X", "open_cases": 9, "expected": 60.0,
    "low": 45.0, "high": 75.0, "expected_month": 240.0, "capacity": 50.0, "capacity_from": "estimated",
    "probability": 0.7, "climatology": 0.2, "weeks": 80, "brier": 0.1, "brier_climatology": 0.16, "warns": True,
}  # fmt: skip


def seen(**changed: object) -> pl.DataFrame:
    return conform(pl.DataFrame([{**ROW, **changed}]), OUTLOOK)


def test_a_warning_opens_stays_and_closes_without_flickering() -> None:
    day = [AS_OF + timedelta(days=at) for at in range(6)]
    assert warn(seen(probability=0.49), (), as_of=day[0]) == []
    (first,) = warn(seen(probability=0.5), (), as_of=day[0])
    (still,) = warn(seen(probability=0.31), [first], as_of=day[1])
    assert still.id == first.id
    assert still.opened == day[0]
    assert still.moments == ((day[0], 0.5), (day[1], 0.31))
    (gone,) = warn(seen(probability=0.29), [still], as_of=day[2])
    assert (gone.id, gone.state) == (first.id, "closed")
    assert warn(seen(probability=0.31), [gone], as_of=day[3]) == []
    (again,) = warn(seen(probability=0.8), [gone], as_of=day[4])
    assert again.id != first.id


@pytest.mark.parametrize("changed", [{"warns": False}, {"probability": None}, {"expected": 9.0}])
def test_nothing_is_warned_of_that_was_not_earned(changed: dict[str, object]) -> None:
    assert warn(seen(**changed), (), as_of=AS_OF) == []
    (old,) = warn(seen(), (), as_of=AS_OF)
    assert warn(seen(**changed), [old], as_of=AS_OF + timedelta(days=1))[0].state == "closed"


def test_a_service_that_is_gone_closes_its_warning() -> None:
    (old,) = warn(seen(), (), as_of=AS_OF)
    (closed,) = warn(seen(service="Other", probability=0.1), [old], as_of=AS_OF + timedelta(days=1))
    assert closed.state == "closed"
    assert msgspec.structs.replace(closed, state="open").service == "Water"


# -- growth of needs -------------------------------------------------------------------------------


def test_surges_that_tell_nothing_are_given_their_rate() -> None:
    chance = np.random.default_rng(9)
    counts = chance.poisson(0.4, (2, 10, DAYS)).astype(float)
    for _ in range(250):
        service, area, at = chance.integers(2), chance.integers(10), chance.integers(200, DAYS - 21)
        counts[service, area, at : at + int(chance.integers(7, 21))] += 3
    model = learn(past_surges(counts))
    assert model.surges > 60
    found, test = grow([], counts, services=["a", "b"], areas=[str(at) for at in range(10)])
    assert found == []
    assert test.surges == model.surges
    assert 0 < test.rate < 1


def test_no_surges_at_all() -> None:
    model = learn(past_surges(np.zeros((1, 2, 30))))
    assert (model.surges, model.used) == (0, False)

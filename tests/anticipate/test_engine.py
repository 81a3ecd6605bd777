"""Which model speaks where, what the interval holds, and what a model may not see."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cityward.anticipate.backtest import CHOSEN, Run, backtest, tabulate
from cityward.anticipate.engine import FLOOR, LEARNED, Setting, ahead
from cityward.anticipate.features import Counts, history
from cityward.anticipate.features import feast as feast_of
from cityward.anticipate.rhythm import DAILY, HOURLY
from cityward.anticipate.standing import standings
from cityward.core.errors import UserError

START = datetime(2023, 1, 2)  # noqa: DTZ001 (the hour on the wall)
WEEKDAY = np.array([1.4, 1.3, 1.2, 1.1, 1.0, 0.6, 0.4])


def seasonal(series: int, days: int, seed: int = 0) -> Counts:
    """Counts with weekdays, a season of the year that all share, and levels from 0.2 to 6."""
    random = np.random.default_rng(seed)
    day = np.arange(days)
    season = 1 + 0.8 * np.sin(2 * np.pi * day / 364)
    level = np.geomspace(0.2, 6, series)
    return random.poisson(level[:, None] * season * WEEKDAY[day % 7]).astype(float)


def test_the_learner_is_used_where_it_is_better_and_holds_its_interval() -> None:
    counts = seasonal(48, 600)
    found = ahead(counts[:, :-28], 28, Setting(START, DAILY))
    assert set(found.model) != {FLOOR}
    future = counts[:, -28:]
    inside = ((future >= found.low) & (future <= found.high)).mean()
    assert 0.74 <= inside <= 0.92
    assert (found.low <= found.high).all()


def test_where_nothing_is_better_the_floor_speaks() -> None:
    same = np.tile(np.array([3.0, 1, 4, 1, 5, 9, 2]), (20, 40))
    assert set(ahead(same, 14, Setting(START, DAILY)).model) == {FLOOR}


def test_what_comes_after_the_origin_changes_nothing() -> None:
    counts = seasonal(15, 500)
    one = ahead(counts[:, :400], 14, Setting(START, DAILY))
    other = ahead(counts.copy()[:, :400], 14, Setting(START, DAILY))
    assert np.array_equal(one.distribution.quantiles, other.distribution.quantiles)
    assert one.model.tolist() == other.model.tolist()


@pytest.mark.parametrize("values", [np.zeros((3, 200)), np.full((1, 1), 2.0), np.full((2, 90), np.nan)])
def test_series_that_say_little_are_forecast_without_failing(values: Counts) -> None:
    found = ahead(values, 7, Setting(START, DAILY))
    assert found.distribution.mean.shape == (len(values), 7)
    assert np.isfinite(found.distribution.quantiles).all()


def rare() -> Counts:
    counts = np.zeros((3, 400))
    counts[0, 3] = 1
    return counts


def begun_late() -> Counts:
    counts = rare()
    counts[:, 350:] = 2
    return counts


def silent_since(until: int) -> Counts:
    counts = np.random.default_rng(1).poisson(2.0, (3, 400)).astype(float)
    counts[:, 100:until] = np.nan
    return counts


@pytest.mark.parametrize("values", [rare(), begun_late(), silent_since(400), silent_since(399)])
def test_a_past_that_teaches_the_trees_nothing_is_left_to_the_other_models(values: Counts) -> None:
    found = ahead(values, 28, Setting(START, DAILY))
    assert np.isfinite(found.distribution.quantiles).all()
    assert LEARNED not in {one.model for one in found.tested}


def test_a_dead_sensor_and_a_gap_do_not_disturb_the_others() -> None:
    hours = 24 * 7 * 14
    random = np.random.default_rng(1)
    rhythm = 200 * (1.1 + np.sin(2 * np.pi * (np.arange(hours) % 24) / 24))
    counts = random.poisson(np.tile(rhythm, (4, 1))).astype(float)
    counts[1, 500:] = np.nan
    counts[2, 700:760] = np.nan
    found = ahead(counts, 24, Setting(START, HOURLY))
    assert np.abs(found.distribution.mean[[0, 2, 3]] / rhythm[:24] - 1).mean() < 0.15


def test_a_level_shift_is_followed() -> None:
    counts = np.random.default_rng(2).poisson(2.0, (20, 500)).astype(float)
    counts[:, 400:] *= 4
    assert 6 < ahead(counts, 7, Setting(START, DAILY)).distribution.mean.mean() < 10


def table_of(counts: Counts) -> pl.DataFrame:
    series, step = np.nonzero(counts)
    return pl.DataFrame(
        {
            "place": [f"p{at}" for at in series],
            "day": [(START + timedelta(days=int(at))).date() for at in step],
            "n": counts[series, step].astype(int),
        }
    )


def test_a_backtest_scores_every_model_and_the_choice_and_repeats_byte_for_byte() -> None:
    table = tabulate(table_of(seasonal(12, 300)), series="place", time="day", value="n", freq="D")
    assert table.missing == "zero"
    tested = backtest(table, Run(14, 1, threads=1))
    scores = tested.models
    assert {FLOOR, LEARNED, CHOSEN} <= set(scores)
    assert scores[CHOSEN]["wql"] < scores[FLOOR]["wql"]
    again = backtest(table, Run(14, 1, threads=3))
    assert [{**one, "seconds": 0} for one in scores.values()] == [
        {**one, "seconds": 0} for one in again.models.values()
    ]
    assert tested.rows.equals(again.rows)


def test_the_figures_can_be_recomputed_from_the_forecasts() -> None:
    counts = seasonal(10, 150)
    table = tabulate(table_of(counts), series="place", time="day", value="n", freq="D")
    tested = backtest(table, Run(14, 2))
    levels = [level / 10 for level in range(1, 10)]
    losses, inside = [], []
    for (_,), rows in tested.rows.group_by("origin"):
        gap = [rows["came"] - rows[f"q{level * 100:02.0f}"] for level in levels]
        lost = [np.maximum(level * one, (level - 1) * one).sum() for level, one in zip(levels, gap, strict=True)]
        losses.append(2 * np.mean(lost) / rows["came"].sum())
        inside.append(rows["came"].is_between(rows["low_80"], rows["high_80"]).mean())
    assert tested.models[CHOSEN]["wql"] == pytest.approx(np.mean(losses), abs=1e-6)
    assert tested.models[CHOSEN]["coverage_80"] == pytest.approx(np.mean(inside), abs=1e-6)


def test_feasts_of_past_years_are_expected_again_and_a_calendar_names_those_that_move() -> None:
    days = 3 * 365 + 300
    counts = seasonal(30, days)
    dates = [(START + timedelta(days=at)).date() for at in range(days + 40)]
    feast = [at for at, day in enumerate(dates) if (day.month, day.day) == (11, 1)]
    moving = {date(2023, 11, 10): "moon", date(2024, 10, 30): "moon", date(2025, 11, 20): "moon"}
    for at in [*feast, *(dates.index(day) for day in moving)]:
        counts[:, at : at + 1] = np.round(counts[:, at : at + 1] * 0.1)
    origin = dates.index(date(2025, 10, 28))
    steps = np.arange(28)
    without = feast_of(history(counts[:, :origin], START, DAILY), origin, steps)
    assert without[dates.index(date(2025, 11, 1)) - origin] < 0.3
    assert (np.delete(without, dates.index(date(2025, 11, 1)) - origin) > 0.6).all()
    calendar = dict(moving) | {date(2026, 11, 9): "moon"}
    named = feast_of(history(counts[:, :origin], START, DAILY, calendar), origin, steps)
    assert named[dates.index(date(2025, 11, 20)) - origin] < 0.4


def test_a_group_tells_what_is_in_use_and_how_sure_that_is() -> None:
    counts = seasonal(48, 200)
    found = ahead(counts, 28, Setting(START, DAILY, learn=False))
    told = standings(found, counts, seed=1)
    assert sum(one.series for one in told) == 48
    assert told[0].most > told[-1].most  # those that bring most first
    for one in told:
        assert one.gain_low <= one.gain <= one.gain_high
        assert (one.model == FLOOR) == (one.loss == one.floor_loss)
    assert told == standings(found, counts, seed=1)


def test_where_nothing_was_tried_nothing_is_told() -> None:
    assert standings(ahead(np.ones((2, 9)), 7, Setting(START, DAILY)), np.ones((2, 9)), seed=1) == ()


@pytest.mark.parametrize("horizon", [1, 400])
def test_a_horizon_longer_than_the_history_is_forecast_by_the_floor(horizon: int) -> None:
    found = ahead(seasonal(3, 40), horizon, Setting(START, DAILY))
    assert found.distribution.mean.shape == (3, horizon)
    assert np.isfinite(found.distribution.quantiles).all()


def test_more_origins_than_the_table_allows_are_as_many_as_it_does() -> None:
    table = tabulate(table_of(seasonal(3, 90)), series="place", time="day", value="n", freq="D")
    assert len(backtest(table, Run(14, 400)).origins) == (90 - 28) // 14


def test_rows_of_one_day_are_added_and_counted_and_hopeless_rows_are_left_out() -> None:
    frame = pl.DataFrame(
        {
            "s": ["a", "a", "a", None],
            "t": ["2024-01-01", "2024-01-01", "rubbish", "2024-01-02"],
            "v": [1.0, 2.0, 5.0, 1.0],
        }
    )
    table = tabulate(frame, series="s", time="t", value="v", freq="D")
    assert table.values.tolist() == [[3.0]]
    assert (table.duplicates, table.left_out) == (1, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"v": [-1.0]}, "negative"),
        ({"v": ["x"]}, "no numbers"),
        ({"t": [1]}, "no times"),
        ({"t": [None]}, "holds no times"),
        ({"t": ["03/31/2024"]}, "begin with the year"),
        ({"t": ["12/01/2024 11:59:00 PM"]}, "begin with the year"),
        ({"v": [float("inf")]}, "No row has"),
        ({"s": [None]}, "No row has"),
    ],
)
def test_tables_that_cannot_be_are_told(change: dict[str, list[object]], said: str) -> None:
    frame = pl.DataFrame({"s": ["a"], "t": ["2024-01-01"], "v": [1.0], **change})
    with pytest.raises(UserError, match=said):
        tabulate(frame, series="s", time="t", value="v", freq="D")


@pytest.mark.parametrize("text", ["2024-03-31T23:30+01:00", "2024-03-31 23:30:00Z", "2024-03-31T23:30", "2024/03/31"])
def test_texts_count_by_the_clock_they_are_written_by(text: str) -> None:
    table = tabulate(pl.DataFrame({"s": "a", "t": [text], "v": 1}), series="s", time="t", value="v", freq="D")
    assert (table.start, table.left_out) == (datetime(2024, 3, 31), 0)  # noqa: DTZ001 (the hour on the wall)


@pytest.mark.parametrize(
    ("values", "missing"), [([1, 3], "zero"), ([0, 3], "gap"), ([512, 640], "gap"), ([1, 1.5], "gap")]
)
def test_a_step_without_a_row_is_zero_where_counts_begin_with_one(values: list[float], missing: str) -> None:
    frame = pl.DataFrame({"s": "a", "t": ["2024-01-01", "2024-01-03"], "v": values}, strict=False)
    assert tabulate(frame, series="s", time="t", value="v", freq="D").missing == missing


def test_shares_are_forecast_as_finely_as_they_vary_and_the_figures_are_in_their_unit() -> None:
    shares = np.random.default_rng(1).beta(4, 3, (12, 200)).round(3)
    names, at = np.repeat(np.arange(12), 200), np.tile(np.arange(200), 12)
    frame = pl.DataFrame({"s": names, "t": [START + timedelta(days=int(one)) for one in at], "v": shares.ravel()})
    tested = backtest(tabulate(frame, series="s", time="t", value="v", freq="D"), Run(14, 2))
    assert tested.models[LEARNED]["wql"] < 0.8 * tested.models[FLOOR]["wql"]
    assert 0.7 < tested.models[CHOSEN]["coverage_80"] < 0.9
    rows = tested.rows.filter(pl.col("origin") == tested.rows["origin"].max()).sort("series", "at")
    assert np.array_equal(rows["came"].to_numpy().reshape(12, 14), shares[np.argsort(np.arange(12).astype(str)), -14:])
    assert ((rows["q10"] < rows["q90"]) & (rows["q90"] < 1)).all()


def test_days_are_no_hours() -> None:
    with pytest.raises(UserError, match="these are days"):
        tabulate(table_of(seasonal(2, 60)), series="place", time="day", value="n", freq="h")


def test_an_hour_that_comes_twice_is_added_up_and_one_that_is_skipped_is_a_gap() -> None:
    utc = pl.datetime_range(
        datetime(2024, 3, 1, tzinfo=UTC),
        datetime(2024, 11, 30, tzinfo=UTC),
        "1h",
        eager=True,
    )
    frame = pl.DataFrame({"s": "a", "t": utc.dt.convert_time_zone("Europe/Berlin"), "v": np.arange(len(utc)) % 5.0})
    table = tabulate(frame, series="s", time="t", value="v", freq="h")
    assert table.duplicates == 1
    begun = int(np.flatnonzero(np.isfinite(table.values[0]))[0])
    assert np.isnan(table.values[0, begun:]).sum() == 1
    assert table.start.hour == 0


def test_a_wrong_year_that_stretches_the_table_is_told() -> None:
    frame = pl.DataFrame({"s": ["a", "b"], "t": ["0001-01-01T01:00", "9999-01-01T00:00"], "v": [1.0, 1.0]})
    with pytest.raises(UserError, match="more than"):
        tabulate(frame, series="s", time="t", value="v", freq="h")


def test_too_short_a_table_is_told() -> None:
    table = tabulate(table_of(seasonal(3, 30)), series="place", time="day", value="n", freq="D")
    with pytest.raises(UserError, match="too few"):
        backtest(table, Run(14, 2))

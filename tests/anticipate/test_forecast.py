from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cityward.anticipate.backtest import score
from cityward.anticipate.engine import BLENDS, FLOORS, MEANS
from cityward.anticipate.floors import Counts, Distribution, empirical_quantiles, seasonal_naive, tsb
from cityward.anticipate.forecast import HISTORY_DAYS, forecast
from cityward.core.errors import UserError
from cityward.core.frames import CUBE, FORECAST

AS_OF = date(2014, 6, 30)
SERVICES = ["garbage", "water"]
TERRITORIES = ["1", "2", "3"]


def cube_of(counts: np.ndarray, as_of: date = AS_OF) -> pl.DataFrame:
    """Counts (service, territory, day) as a cube; zeros have no row, as in a real one."""
    service, territory, day = np.nonzero(counts)
    first = as_of - timedelta(days=counts.shape[2] - 1)
    return pl.DataFrame(
        {
            "service": [SERVICES[at] for at in service],
            "territory": [TERRITORIES[at] for at in territory],
            "day": [first + timedelta(days=int(at)) for at in day],
            "interactions": counts[service, territory, day],
            "incidents": counts[service, territory, day],
        },
        schema=CUBE,
    )


def run(cube: pl.DataFrame, as_of: date = AS_OF, horizon_days: int = 28):
    return forecast(cube, services=SERVICES, territories=TERRITORIES, as_of=as_of, horizon_days=horizon_days)


@pytest.fixture
def cube() -> pl.DataFrame:
    rng = np.random.default_rng(3)
    weekday = np.array([1.4, 1.3, 1.2, 1.1, 1.0, 0.6, 0.4])[np.arange(400) % 7]
    rates = np.array([[8.0, 2.0, 0.3], [1.0, 0.1, 5.0]])
    return cube_of(rng.poisson(rates[:, :, None] * weekday))


def test_frame_has_every_pair_and_day_in_order(cube: pl.DataFrame) -> None:
    frame, _ = run(cube, horizon_days=10)
    assert frame.schema == FORECAST
    assert frame.height == 2 * 3 * 10
    assert frame["service"].unique(maintain_order=True).to_list() == SERVICES
    first = frame.filter(pl.col("service") == "water", pl.col("territory") == "3")
    assert first["day"].to_list() == [AS_OF + timedelta(days=ahead) for ahead in range(1, 11)]


def test_forecast_is_near_what_the_series_really_bring(cube: pl.DataFrame) -> None:
    frame, _ = run(cube)
    means = frame.group_by("service", "territory").agg(pl.col("mean").mean()).sort("service", "territory")["mean"]
    np.testing.assert_allclose(means, [8.0, 2.0, 0.3, 1.0, 0.1, 5.0], rtol=0.35, atol=0.1)


def test_chosen_model_is_near_the_least_loss_and_in_the_frame(cube: pl.DataFrame) -> None:
    frame, backtests = run(cube)
    assert [test.model for test in backtests] == [*FLOORS, *MEANS, *BLENDS]
    chosen = [test for test in backtests if test.chosen]
    assert len(chosen) == 1
    assert chosen[0].wql < 1.05 * min(test.wql for test in backtests)  # none was clearly better
    assert frame["model"].unique().to_list() == [chosen[0].model]  # six series make one group


def test_origins_roll_back_from_the_last_day(cube: pl.DataFrame) -> None:
    _, backtests = run(cube)
    assert backtests[0].origins == tuple(AS_OF - timedelta(days=28 * back) for back in (3, 2, 1))
    assert backtests[0].horizon_days == 28
    assert backtests[0].series == 6


def test_the_floor_wins_when_nothing_beats_it() -> None:
    week = np.tile([3, 1, 4, 1, 5, 9, 2], 60)
    frame, backtests = run(cube_of(np.tile(week, (2, 3, 1))))
    assert frame["model"][0] == "seasonal naive"
    assert [test.model for test in backtests if test.chosen] == ["seasonal naive"]
    assert backtests[0].wql == 0.0


def test_equal_inputs_give_equal_bytes(cube: pl.DataFrame) -> None:
    shuffled = cube.sample(fraction=1.0, shuffle=True, seed=1)
    (one, tests), (other, other_tests) = run(cube), run(shuffled)
    assert_frame_equal(one, other, check_exact=True)
    assert tests == other_tests


def test_days_after_as_of_are_not_seen(cube: pl.DataFrame) -> None:
    earlier = AS_OF - timedelta(days=60)
    with_future, tests = run(cube, as_of=earlier)
    without, other_tests = run(cube.filter(pl.col("day") <= earlier), as_of=earlier)
    assert_frame_equal(with_future, without, check_exact=True)
    assert tests == other_tests


def test_history_older_than_four_years_changes_nothing() -> None:
    counts = np.random.default_rng(9).poisson(2.0, (2, 3, HISTORY_DAYS + 300))
    assert_frame_equal(run(cube_of(counts))[0], run(cube_of(counts[:, :, 300:]))[0], check_exact=True)


def test_a_territory_without_history_is_forecast_as_zero(cube: pl.DataFrame) -> None:
    frame, _ = forecast(cube, services=SERVICES, territories=[*TERRITORIES, "new"], as_of=AS_OF)
    new = frame.filter(pl.col("territory") == "new")
    assert new.height == 2 * 28
    assert not new.select("mean", "q05", "q10", "q50", "q90", "q95", "low", "high").to_numpy().any()


def test_rows_of_other_services_and_territories_are_left_out(cube: pl.DataFrame) -> None:
    stranger = cube.with_columns(service=pl.lit("not asked for"))
    frame, _ = run(pl.concat([cube, stranger]))
    assert_frame_equal(frame, run(cube)[0], check_exact=True)


def test_one_day_of_history_is_untested_and_has_a_width() -> None:
    frame, backtests = run(cube_of(np.full((2, 3, 1), 4)))
    assert backtests == []
    assert frame["mean"].unique().to_list() == [4.0]
    assert frame["q05"][0] < 4.0 < frame["q95"][0]
    assert frame["model"][0] == "seasonal naive"


def test_a_history_of_two_months_is_tested_at_one_origin() -> None:
    _, backtests = run(cube_of(np.random.default_rng(1).poisson(3.0, (2, 3, 60)) + 1))
    assert len(backtests[0].origins) == 1


def test_without_any_report_there_is_nothing_to_test() -> None:
    frame, backtests = run(pl.DataFrame(schema=CUBE))
    assert backtests == []
    assert frame.height == 2 * 3 * 28
    assert frame["mean"].sum() == 0.0


def test_all_reports_in_the_future_are_no_history(cube: pl.DataFrame) -> None:
    frame, backtests = run(cube, as_of=date(2010, 1, 1))
    assert backtests == []
    assert frame["mean"].sum() == 0.0


def test_nothing_asked_for_gives_nothing(cube: pl.DataFrame) -> None:
    frame, backtests = forecast(cube, services=[], territories=TERRITORIES, as_of=AS_OF)
    assert frame.schema == FORECAST
    assert frame.is_empty()
    assert backtests == []


def test_a_gap_draws_the_forecast_down(cube: pl.DataFrame) -> None:
    gap = cube.filter(pl.col("day") <= AS_OF - timedelta(days=21))
    assert run(gap)[0]["mean"].sum() < 0.8 * run(cube)[0]["mean"].sum()


def scored(past: Counts, future: Counts, model: Callable[[Counts, int], Distribution]) -> tuple[float, float, float]:
    """Score (scaled error, quantile loss, coverage) a model with its own 10 % to 90 % quantiles as the interval."""
    found = model(past, future.shape[1])
    told = score(past, future, found, found.quantiles[..., 1], found.quantiles[..., -2])
    return told.mase, told.wql, told.coverage_80


def constant(value: float, width: float) -> Callable[[Counts, int], Distribution]:
    def model(counts: Counts, horizon_days: int) -> Distribution:
        mean = np.full((counts.shape[0], horizon_days), value)
        return Distribution(mean, mean[:, :, None] + width * np.linspace(-1.25, 1.25, 11))

    return model


def test_scores_by_hand() -> None:
    past = np.array([[0.0, 2.0] * 14])  # weekly differences are always 2
    future = np.array([[4.0, 8.0]])
    mase, wql, coverage = scored(past, future, constant(5.0, 1.0))
    assert mase == pytest.approx((1 + 3) / 2 / 2)
    assert coverage == 0.5  # 4 is inside 4 to 6, 8 is not
    # The tenths are forecast as 4, 4.25, … 6: 4 is at or under all of them, 8 over all.
    levels, quantiles = np.arange(1, 10) / 10, 4 + 0.25 * np.arange(9)
    loss = np.mean((1 - levels) * (quantiles - 4) + levels * (8 - quantiles))
    assert wql == pytest.approx(2 * loss / 12)


def test_a_perfect_forecast_scores_nothing() -> None:
    past, future = np.array([[0.0, 2.0] * 14]), np.full((1, 5), 3.0)
    assert scored(past, future, constant(3.0, 0.0)) == (0.0, 0.0, 1.0)


def test_what_a_new_territory_brings_weighs_in_the_loss() -> None:
    past = np.array([[0.0, 2.0] * 14, [0.0] * 28])
    surprised = scored(past, np.array([[1.0, 1.0], [9.0, 9.0]]), tsb)
    quiet = scored(past, np.array([[1.0, 1.0], [1e-9, 1e-9]]), tsb)
    assert surprised[1] * 20 > quiet[1] * 2  # over what came: 20 and 2 reports


def test_a_calendar_that_is_not_there_is_told(cube: pl.DataFrame) -> None:
    with pytest.raises(UserError, match="no holiday calendar 'XX-YY'"):
        forecast(cube, services=["lights"], territories=["1"], as_of=AS_OF, holidays="XX-YY")


def test_the_standings_are_with_the_chosen_model(cube: pl.DataFrame) -> None:
    tests = run(cube)[1]
    assert [bool(one.standings) for one in tests] == [one.chosen for one in tests]


@pytest.fixture(scope="module")
def chicago_counts() -> Counts:
    """Sanitation complaints of 77 areas by day, 2013-01-01 to 2014-12-30."""
    file = Path(__file__).resolve().parents[2] / "src/cityward/city/demo/chicago/sanitation_requests.parquet"
    first = date(2013, 1, 1)
    rows = (
        pl.read_parquet(file, columns=["creation_date", "community_area"])
        .select(
            (pl.col("creation_date").cast(pl.Date) - first).dt.total_days().alias("day"),
            (pl.col("community_area").cast(pl.Float64).cast(pl.Int64) - 1).alias("area"),
        )
        .filter(pl.col("day").is_between(0, 728), pl.col("area").is_between(0, 76))
    )
    counts = np.zeros((77, 729))
    np.add.at(counts, (rows["area"].to_numpy(), rows["day"].to_numpy()), 1.0)
    return counts


def test_models_rank_on_chicago_as_they_were_measured_to(chicago_counts: Counts) -> None:
    """Independent libraries put the floor's scaled error at 0.741 and its loss a third above TSB's here."""
    scores = {
        model: np.mean(
            [scored(chicago_counts[:, :end], chicago_counts[:, end : end + 28], model) for end in (645, 673, 701)],
            axis=0,
        )
        for model in (seasonal_naive, tsb, empirical_quantiles)
    }
    assert scores[seasonal_naive][0] == pytest.approx(0.741, abs=0.03)
    assert scores[tsb][1] < 0.8 * scores[seasonal_naive][1]
    assert scores[empirical_quantiles][1] < 0.9 * scores[seasonal_naive][1]
    assert 0.8 <= scores[tsb][2] <= 0.98

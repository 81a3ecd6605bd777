from datetime import date, timedelta

import numpy as np
import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cityward.anticipate.backtest import score, tabulate
from cityward.anticipate.engine import FLOORS
from cityward.anticipate.floors import LEVELS, SIZE_RANGE, negative_binomial_quantiles
from cityward.anticipate.forecast import forecast
from cityward.core.frames import CUBE

AS_OF = date(2020, 2, 29)
QUANTILES = ["q05", "q10", "q50", "q90", "q95"]


@st.composite
def counts(draw: st.DrawFn, days_min: int = 1) -> np.ndarray:
    """Histories of every kind: short, long, silent, sparse, busy, with a day on which a source unloads."""
    series, days = draw(st.integers(1, 4)), draw(st.integers(days_min, 120))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rates = np.array(draw(st.lists(st.sampled_from([0.0, 0.02, 0.5, 6.0, 300.0]), min_size=series, max_size=series)))
    history = rng.poisson(rates[:, None] * rng.gamma(1.0, 1.0, (series, days))).astype(float)
    if draw(st.booleans()):
        history[0, draw(st.integers(0, days - 1))] += draw(st.sampled_from([1, 1_000, 2_000_000]))
    return history


@settings(max_examples=60, deadline=None)
@given(counts(), st.integers(1, 35), st.sampled_from(sorted(FLOORS)))
def test_quantiles_never_cross_and_are_never_negative(history: np.ndarray, horizon: int, name: str) -> None:
    ahead = FLOORS[name](history, horizon)
    assert ahead.quantiles.shape == (history.shape[0], horizon, len(LEVELS))
    assert np.isfinite(ahead.mean).all()
    assert (ahead.mean >= 0).all()
    assert np.isfinite(ahead.quantiles).all()
    assert (ahead.quantiles >= 0).all()
    assert (np.diff(ahead.quantiles, axis=2) >= 0).all()


@settings(max_examples=40, deadline=None)
@given(counts(), st.sampled_from(["seasonal naive", "empirical quantiles"]))
def test_a_series_is_forecast_alone(history: np.ndarray, name: str) -> None:
    """Only TSB looks at the other series, for weekdays."""
    together, alone = FLOORS[name](history, 9), FLOORS[name](history[:1], 9)
    np.testing.assert_array_equal(together.quantiles[:1], alone.quantiles)


@settings(max_examples=40, deadline=None)
@given(counts(), st.sampled_from(sorted(FLOORS)), st.randoms(use_true_random=False))
def test_order_of_series_does_not_matter(history: np.ndarray, name: str, random) -> None:
    order = list(range(len(history)))
    random.shuffle(order)
    one, other = FLOORS[name](history, 9), FLOORS[name](history[order], 9)
    np.testing.assert_allclose(one.mean[order], other.mean, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1e5), st.floats(0.01, 1e7), st.floats(1.01, 5.0))
def test_quantiles_grow_with_the_mean(mean: float, size: float, factor: float) -> None:
    # Across the seam between summing and expanding, a thousandth of a deviation is allowed for.
    pair = negative_binomial_quantiles(np.array([[mean, mean * factor]]), np.array([[size]]))[0]
    allowed = 1 + 0.01 * np.sqrt(mean + mean**2 / np.clip(size, *SIZE_RANGE))
    assert (pair[1] >= pair[0] - allowed).all()


@settings(max_examples=40, deadline=None)
@given(counts(days_min=9), st.integers(8, 118), st.sampled_from(sorted(FLOORS)))
def test_scores_are_finite_and_in_range(history: np.ndarray, end: int, name: str) -> None:
    end = min(end, history.shape[1] - 1)
    past, future = history[:, :end], history[:, end:]
    found = FLOORS[name](past, future.shape[1])
    mase, _, wql, coverage = score(past, future, found, found.quantiles[..., 1], found.quantiles[..., -2])
    # Nothing is known of series that never change, and of windows without any count.
    assert np.isnan(mase) or mase >= 0
    assert np.isnan(wql) == (not future.any())
    assert np.isnan(wql) or wql >= 0
    assert not np.isnan(coverage)
    assert np.isnan(coverage) or 0 <= coverage <= 1


@settings(max_examples=30, deadline=None)
@given(counts())
def test_the_chosen_model_never_loses_to_the_floor(history: np.ndarray) -> None:
    series, day = np.nonzero(history)
    first = AS_OF - timedelta(days=history.shape[1] - 1)
    cube = pl.DataFrame(
        {
            "service": ["a"] * len(day),
            "territory": [str(at) for at in series],
            "day": [first + timedelta(days=int(at)) for at in day],
            "interactions": history[series, day],
            "incidents": history[series, day],
        },
        schema=CUBE,
        strict=False,
    )
    territories = [str(at) for at in range(len(history))]
    frame, backtests = forecast(cube, services=["a"], territories=territories, as_of=AS_OF)
    values = frame.select(QUANTILES).to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    assert (values >= 0).all()
    ends = frame.select("low", "q50", "high").to_numpy()
    assert (np.diff(ends, axis=1) >= 0).all()
    assert frame.select((pl.col("low") == pl.col("low").round()).all()).item()
    if backtests:
        floor = next(test for test in backtests if test.model == "seasonal naive")
        chosen = next(test for test in backtests if test.chosen)
        assert chosen.wql <= floor.wql


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "ä", None]),
            st.dates(date(2020, 1, 1), date(2020, 3, 1)) | st.none(),
            st.integers(0, 9) | st.just(float("nan")) | st.just(float("inf")) | st.none(),
        ),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from(["zero", "gap", None]),
    st.randoms(use_true_random=False),
)
def test_a_table_holds_every_sound_row_once(rows: list[tuple], missing: str | None, random) -> None:
    """Sums are kept, what is left out is counted, and the order of rows says nothing."""
    sound = [row for row in rows if None not in row and np.isfinite(row[2])]
    assume(sound)
    schema = {"place": pl.String, "day": pl.Date, "count": pl.Float64}
    random.shuffle(shuffled := list(rows))
    table, other = (
        tabulate(
            pl.DataFrame(some, schema=schema, orient="row", strict=False),
            series="place",
            time="day",
            value="count",
            freq="D",
            missing=missing,
        )
        for some in (rows, shuffled)
    )
    np.testing.assert_array_equal(table.values, other.values)
    assert np.nansum(table.values) == sum(row[2] for row in sound)
    assert table.left_out == len(rows) - len(sound)
    assert table.duplicates == len(sound) - len({row[:2] for row in sound})
    days = [row[1] for row in sound]
    assert table.values.shape == (len({row[0] for row in sound}), (max(days) - min(days)).days + 1)
    if table.missing == "zero":
        begun = np.maximum.accumulate(np.isfinite(table.values), axis=1)
        assert np.isfinite(table.values[begun]).all()

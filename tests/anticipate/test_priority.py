"""Learning in the order of time, calibration, and bad input."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cityward.anticipate import case_measures as measures
from cityward.anticipate.case_history import near, neighbours, own_past
from cityward.anticipate.leakage import check, seen_before
from cityward.anticipate.priority import train
from cityward.anticipate.priority_trial import Question, trial
from cityward.core.clock import rng
from cityward.core.errors import UserError


def visits(count: int = 3_000, seed: int = 1) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Visits whose risk is known: 0.1 or 0.4 by kind, and a number that tells nothing."""
    chance = rng(seed, "visits")
    kind = chance.integers(0, 2, count)
    outcome = (chance.random(count) < np.where(kind == 1, 0.4, 0.1)).astype(float)
    table = pl.DataFrame({"kind": np.where(kind == 1, "fried", "=1+1 <b>raw</b>"), "noise": chance.normal(size=count)})
    return table, outcome, np.sort(chance.integers(15_000, 15_600, count))


@pytest.mark.parametrize("trees", [True, False])
def test_probabilities_are_true_and_the_interval_holds_the_risk(trees: bool) -> None:
    table, outcome, days = visits()
    model = train(table, outcome, days, seed=1, trees=trees)
    chance, low, high = model.probability(table)
    for kind, risk in (("fried", 0.4), ("=1+1 <b>raw</b>", 0.1)):
        rows = (table["kind"] == kind).to_numpy()
        assert chance[rows].mean() == pytest.approx(risk, abs=0.05)
    assert (low <= chance).all()
    assert (chance <= high).all()
    assert 0.0 < (high - low).mean() < 0.25
    names, parts = model.reasons(table)
    assert names[int(np.abs(parts).mean(axis=0).argmax())] == "kind"


def test_equal_seeds_give_equal_bytes() -> None:
    table, outcome, days = visits(800)
    first, second = (train(table, outcome, days, seed=4).probability(table) for _ in range(2))
    assert all(one.tobytes() == other.tobytes() for one, other in zip(first, second, strict=True))


def test_folds_are_foretold_from_earlier_days_only() -> None:
    """A risk that turns around: whoever had seen the later days would do well on them."""
    table, outcome, days = visits(2_000)
    late = days > np.quantile(days, 0.64)
    turned = np.where(late, 1 - outcome, outcome)
    tried = train(table, turned, days, seed=1).tried
    assert days[tried.rows].min() > days.min()
    first = tried.rows < np.quantile(tried.rows, 0.3)
    assert measures.auc(turned[tried.rows][first], tried.probability[first]) < 0.5


@pytest.mark.parametrize(
    ("outcome", "features", "words"),
    [
        (np.zeros(200), pl.DataFrame({"a": np.arange(200.0)}), "with the outcome"),
        (np.ones(200), pl.DataFrame({"a": np.arange(200.0)}), "without the outcome"),
        (np.arange(200) % 2.0, pl.DataFrame({"a": [None] * 200}, schema={"a": pl.Float64}), "No column is left"),
        (np.ones(1), pl.DataFrame({"a": [1.0]}), "with the outcome"),
    ],
)
def test_what_cannot_be_learned_from_is_said(outcome: np.ndarray, features: pl.DataFrame, words: str) -> None:
    with pytest.raises(UserError, match=words):
        train(features, outcome, np.arange(len(outcome)), seed=1)


def test_a_case_never_knows_its_own_visit() -> None:
    keys, days = np.array(["a", "a", "a", "", ""]), np.array([10, 20, 30, 10, 20])
    past = own_past(keys, days, days, {"found": np.array([1.0, 0.0, 1.0, 1.0, 1.0])})
    assert past["visits"].tolist() == [0, 1, 2, 0, 0]
    assert past["last found"][1:3].tolist() == [1, 0]
    assert np.isnan(past["last found"][[0, 3, 4]]).all()
    here = np.zeros(5)
    near = neighbours((here, here), days, days, {"found": np.array([1.0, 0, 0, 0, 0])}, 15, 1.0)
    assert near["near visits"].tolist() == [0, 2, 2, 0, 2]


def test_days_of_any_age_do_not_mix_the_pasts_of_two_places() -> None:
    keys, days = np.array(["a", "a", "b", "b"]), np.array([-200_000, 5, 2_900_000, 2_900_001])
    past = own_past(keys, days, days, {"found": np.array([1.0, 0, 1, 0])})
    assert past["visits"].tolist() == [0, 1, 0, 1]
    assert past["last found"][[1, 3]].tolist() == [1, 1]
    unseen = own_past(keys, days, np.full(4, 9_000_000), {"found": np.zeros(4)})
    assert unseen["visits"].tolist() == [2, 2, 2, 2]


def test_neighbours_are_those_within_reach_and_nothing_else() -> None:
    """Against the plain sum over all pairs, with unknown places among them."""
    chance = rng(5, "places")
    east, north = chance.normal(0, 3, 200), chance.normal(0, 8, 200)
    east[7] = north[9] = np.nan
    days, value = chance.integers(0, 90, 200), chance.random(200)
    known = days // 30 * 30
    sums, weights = near((east, north), known, (east, north, days), value[:, None], 40, 0.8)
    apart = np.hypot(east[:, None] - east, north[:, None] - north) / 0.8
    before = (days < known[:, None]) & (days >= known[:, None] - 40)
    weight = np.where((apart < 3) & before, np.exp(-(apart**2) / 2), 0)
    assert weights == pytest.approx(weight.sum(axis=1))
    assert sums[:, 0] == pytest.approx(weight @ value)


def test_many_draws_at_once_are_the_measures_of_each_draw() -> None:
    chance = rng(3, "draws")
    days, outcome = chance.integers(0, 40, 300), (chance.random(300) < 0.2).astype(float)
    score, lists = np.round(chance.random(300) + outcome / 3, 1), days // 15
    told = measures.compared(outcome, days, {"a": score}, against="a", seed=9, lists=lists, resamples=50)
    again, drawn = rng(9, "case-priority", "bootstrap"), []
    for _ in range(50):
        some = again.integers(0, 300, 300)
        one = outcome[some], score[some]
        drawn.append(
            (
                measures.first_half_share(*one, lists[some]),
                measures.days_earlier(*one, days[some], lists[some]),
                measures.auc(*one),
            )
        )
    bounds = np.quantile(drawn, (0.05, 0.95), axis=0)
    for place, name in enumerate(("first_half_share", "days_earlier", "auc")):
        assert told["a"][name]["interval"] == pytest.approx(bounds[:, place].tolist())


def test_measures_share_ties_and_know_the_extremes() -> None:
    outcome, days = np.array([0, 0, 1, 1.0]), np.array([1, 2, 3, 4])
    assert measures.first_half_share(outcome, outcome) == 1
    assert measures.first_half_share(outcome, np.ones(4)) == 0.5
    assert measures.days_earlier(outcome, outcome, days) == 2
    assert measures.days_earlier(outcome, -days.astype(float), days) == 0
    lists = np.array([0, 0, 1, 1])
    assert measures.days_earlier(outcome, outcome, days, lists) == 0
    assert measures.auc(outcome, np.ones(4)) == 0.5
    assert np.isnan(measures.first_half_share(np.zeros(4), outcome))


def test_columns_that_know_the_outcome_are_refused() -> None:
    table, outcome, days = visits(1_000)
    who = np.arange(1_000) // 4
    result = rng(1, "result").integers(0, 6, 1_000)
    before = np.where(np.arange(1_000) % 4 == 0, 0, np.roll(result, 1))
    table = table.with_columns(
        pl.Series("who", who),
        pl.Series("result", result),
        pl.Series("before", before),
        pl.Series("copy", outcome * 3 + 1),
        pl.Series("row", np.arange(1_000)),
        pl.Series("closed", days + 1).cast(pl.Int32).cast(pl.Date),
        pl.Series("inspector_name", ["x", "y"] * 500),
    )
    learned = np.arange(1_000) < 800
    names = ["kind", "noise", "result", "before", "copy", "row", "closed", "inspector_name"]
    found = {one.column: one for one in check(table, names, outcome, days, learned, entity="who", forbidden=["noise"])}
    kinds = {name: one.kind for name, one in found.items()}
    assert kinds == {
        "noise": "forbidden",
        "result": "after the visit",
        "copy": "tells the outcome",
        "row": "identifier",
        "closed": "after the visit",
        "inspector_name": "person",
    }
    assert not found["inspector_name"].refused
    assert seen_before(table, "who", learned) == (0, 50)


def asked(**changed: object) -> Question:
    return Question(**{"outcome": "y", "time": "t", "train_until": "2011-10-01", **changed})  # type: ignore[arg-type]


def told_table(count: int = 2_000) -> pl.DataFrame:
    table, outcome, days = visits(count)
    return table.with_columns(pl.Series("y", outcome), pl.Series("t", days.astype(np.int32)).cast(pl.Date))


def test_a_trial_beats_the_order_done_where_there_is_something_to_learn() -> None:
    told = trial(told_table(), asked())
    assert told["orders"]["model"]["days_earlier"]["difference_interval"][0] > 0
    assert told["better_than_base_rate"]
    assert "noise" in told["features"]
    left = trial(told_table(), asked(features=("kind", "noise"), leave_out=("kind",)))
    assert left["features"] == ["noise"]
    assert left["auc"] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"outcome": "z"}, "no column 'z'"),
        ({"time": "kind"}, "No date"),
        ({"time": "noise"}, "no dates"),
        ({"outcome": "kind"}, "not a number"),
        ({"train_until": "soon"}, "not a date"),
        ({"train_until": "1999-01-01"}, "both outcomes"),
        ({"train_until": "2099-01-01"}, "both outcomes"),
    ],
)
def test_a_trial_says_what_is_wrong(change: dict[str, str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        trial(told_table(300), asked(**change))


def test_a_constant_outcome_is_nothing_to_rank() -> None:
    with pytest.raises(UserError, match="same in every row"):
        trial(told_table(300).with_columns(pl.lit(1).alias("y")), asked())


def test_a_trial_survives_a_table_that_is_a_mess() -> None:
    """Doubled rows, days that are none or far ahead, an empty column, infinities, and texts that would be a program."""
    table = told_table(1_500).with_columns(
        pl.col("t").cast(pl.String),
        pl.lit(None, dtype=pl.Float64).alias("empty"),
        pl.lit("=cmd|' /C x'!A0").alias("=x"),
    )
    table = table.with_columns(
        pl.when(pl.col("noise") > 2).then(float("inf")).otherwise("noise").alias("noise"), pl.lit(7).alias("who")
    )
    strange = table.head(30).with_columns(pl.Series("t", ["31.02.2011", "", "<b>", "9999-12-31", "0001-01-01"] * 6))
    told = trial(pl.concat([table, table.head(200), strange]), asked(id="who"))
    assert told["without_day"] == 18
    assert told["judged"]["ids"] == 1
    assert set(told["features"]) >= {"kind", "noise"}
    assert 0.5 < told["auc"] < 1


@pytest.mark.parametrize("rows", [1, 5])
def test_a_trial_of_a_handful_of_rows_says_why_not(rows: int) -> None:
    with pytest.raises(UserError):
        trial(told_table(300).head(rows), asked())


def test_many_cases_need_fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "CASES_DRAWN_MAX", 1)
    monkeypatch.setattr(measures, "RESAMPLES_MIN", 3)
    outcome, days = np.array([0, 0, 1, 1.0]), np.array([1, 2, 3, 4])
    told = measures.compared(outcome, days, {"a": outcome}, against="a", seed=1)
    assert told["a"]["first_half_share"]["value"] == 1

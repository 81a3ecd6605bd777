"""Audits of small tables that can be reckoned by hand, and of odd ones."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.answerable.audit.counts_form import CASES, OUTCOME, PREDICTION, cells_of, counted_request, unfold
from cityward.answerable.audit.examine import examine
from cityward.answerable.audit.report import Audit, Group
from cityward.answerable.audit.rows import Request
from cityward.core.clock import rng
from cityward.core.errors import UserError

CELLS = {"a": (30, 10, 20, 40), "b": (50, 50, 10, 90), "c": (1, 0, 0, 0)}
"""tp, fp, fn, tn."""


def rows_of(cells: dict[str, tuple[int, int, int, int]]) -> pl.DataFrame:
    parts = [
        {"g": group, "p": p, "y": y}
        for group, counts in cells.items()
        for (p, y), count in zip(((1, 1), (1, 0), (0, 1), (0, 0)), counts, strict=True)
        for _ in range(count)
    ]
    return pl.DataFrame(parts, schema={"g": pl.String, "p": pl.Int64, "y": pl.Int64})


def audited(table: pl.DataFrame, **named: object) -> Audit:
    asked = {"groups": ("g",), "prediction": "p", "outcome": "y"} | named
    return examine(table, Request(**asked))  # type: ignore[arg-type]


def group(found: Audit, name: str) -> Group:
    return next(one for one in found.groups if one.group == (name,))


def test_rates_are_those_reckoned_by_hand() -> None:
    found = audited(rows_of(CELLS))
    rates = group(found, "a").rates
    by_hand = {
        "selection_rate": 0.4, "base_rate": 0.5, "true_positive_rate": 0.6, "false_positive_rate": 0.2,
        "false_negative_rate": 0.4, "true_negative_rate": 0.8, "positive_predictive_value": 0.75,
        "false_discovery_rate": 0.25, "accuracy": 0.7, "balanced_accuracy": 0.7, "false_omission_rate": 1 / 3,
        "negative_predictive_value": 2 / 3,
    }  # fmt: skip
    assert {name: rate.value for name, rate in rates.items()} == pytest.approx(by_hand)
    compared = group(found, "b").rates["false_positive_rate"].compared
    assert compared
    assert (compared.against, compared.difference) == pytest.approx((10 / 50, 50 / 140 - 10 / 50))
    low, high = rates["base_rate"].interval
    assert (low, high) == pytest.approx((0.3983, 0.6017), abs=1e-4)  # Clopper and Pearson, 50 of 100
    assert found.everybody.people == 301


def test_a_group_of_one_is_flagged_and_not_compared() -> None:
    one = group(audited(rows_of(CELLS)), "c")
    assert one.rates["selection_rate"].status == "small"
    compared = one.rates["selection_rate"].compared
    assert compared
    assert compared.p is None
    assert one.rates["false_positive_rate"].value is None
    assert one.rates["true_positive_rate"].interval == pytest.approx((0.025, 1.0))


def test_counts_tell_the_same_as_rows() -> None:
    told = pl.DataFrame([{"g": name, "TP": c[0], "FP": c[1], "FN": c[2], "TN": c[3]} for name, c in CELLS.items()])
    assert cells_of(told)
    assert cells_of(told.drop("TN")) is None
    table, notes = unfold(told)
    assert notes == ()
    found = examine(table, counted_request(Request(groups=("g",))))
    plain = audited(rows_of(CELLS))
    assert [(one.group, one.counts, one.rates) for one in found.groups] == [
        (one.group, one.counts, one.rates) for one in plain.groups
    ]
    assert [one.difference for one in found.gaps] == [one.difference for one in plain.gaps]
    with pytest.raises(UserError, match="no count of people"):
        unfold(told.with_columns(TP=pl.lit(1.5)))
    assert {PREDICTION, OUTCOME, CASES} < set(table.columns)


def test_against_a_reference_group() -> None:
    found = audited(rows_of(CELLS), reference="b")
    assert group(found, "b").rates["selection_rate"].compared is None
    compared = group(found, "a").rates["selection_rate"].compared
    assert compared
    assert compared.against == pytest.approx(0.5)
    with pytest.raises(UserError, match="No group is called 'zebra'"):
        audited(rows_of(CELLS), reference="zebra")


def test_selected_alone_have_no_error_rates_but_bounds() -> None:
    table = rows_of(CELLS).with_columns(y=pl.when(pl.col("p") == 1).then("y"))
    found = audited(table)
    assert not found.identifiable
    assert "random" in found.because
    rate = group(found, "a").rates["false_positive_rate"]
    assert (rate.status, rate.value) == ("not identifiable", None)
    low, high = rate.bounds or (None, None)
    assert low == pytest.approx(10 / 70)  # the 60 of unknown outcome all without it
    assert high == pytest.approx(1.0)
    assert group(found, "a").rates["positive_predictive_value"].value == pytest.approx(0.75)


def test_a_random_arm_makes_them_identifiable() -> None:
    random = rng(5, "arm")
    n = 6_000
    p, y, arm = random.random(n) < 0.3, random.random(n) < 0.4, random.random(n) < 0.2
    table = pl.DataFrame({"g": np.where(random.random(n) < 0.5, "a", "b"), "p": p, "y": y, "arm": arm})
    table = table.with_columns(y=pl.when(pl.col("arm") | pl.col("p")).then("y"))
    assert not examine(table, Request(groups=("g",), prediction="p", outcome="y")).identifiable
    found = examine(table, Request(groups=("g",), prediction="p", outcome="y", arm="arm"))
    assert found.identifiable
    rate = found.everybody.rates["false_positive_rate"]
    assert rate.out_of == int((arm & ~y).sum())
    assert rate.interval[0] is not None
    assert rate.interval[0] < 0.3 < (rate.interval[1] or 0)


@pytest.mark.parametrize(
    ("outcome", "word", "nobodys"), [(1, "Everybody", "false_positive"), (0, "Nobody", "false_negative")]
)
def test_outcomes_of_one_kind_are_said(outcome: int, word: str, nobodys: str) -> None:
    found = audited(rows_of(CELLS).with_columns(y=pl.lit(outcome)))
    assert any(one.startswith(f"{word} of the 301") for one in found.notes)
    assert found.everybody.rates[f"{nobodys}_rate"].value is None


def test_intersections_are_told_and_small_ones_counted() -> None:
    table = rows_of({"a": (30, 10, 20, 40), "b": (50, 50, 10, 90)})
    table = table.with_columns(h=pl.Series(["x", "y"] * 150), few=pl.Series(["s"] * 5 + ["t"] * 295))
    found = audited(table, groups=("g", "h", "few"))
    assert {one.by for one in found.intersections} == {("g", "h"), ("g", "few"), ("h", "few")}
    assert all(one.people >= 30 for one in found.intersections)
    assert found.intersections_left_out == {"g and few": 5, "h and few": 5}


def test_many_comparisons_of_noise_seldom_alarm() -> None:
    alarms = 0
    for seed in range(20):
        random = rng(seed, "noise")
        table = pl.DataFrame({"p": random.random(2_000) < 0.4, "y": random.random(2_000) < 0.4,
                              "g": random.integers(0, 10, 2_000).astype(str)})  # fmt: skip
        alarms += not audited(table).finding.startswith("No difference between groups")
    assert alarms <= 4  # of 20 at 5 %, 5 or more have a chance of 0.3 %


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5).filter(
            lambda one: one.strip().lower() not in ("", "na", "n/a", "nan", "null", "?")
        ),
        st.tuples(*[st.integers(0, 40)] * 4).filter(lambda one: sum(one) > 0),
        min_size=1,
        max_size=5,
    )
)
def test_groups_add_up_to_everybody_whatever_the_counts(cells: dict[str, tuple[int, int, int, int]]) -> None:
    found = audited(rows_of(cells))
    assert sum(one.people for one in found.groups) == found.everybody.people == sum(map(sum, cells.values()))
    for one in (found.everybody, *found.groups):
        for rate in one.rates.values():
            if rate.value is not None and rate.interval[0] is not None and rate.interval[1] is not None:
                assert rate.interval[0] - 1e-9 <= rate.value <= rate.interval[1] + 1e-9


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"prediction": "nope"}, "no column 'nope'"),
        ({"groups": ()}, "No group is named"),
        ({"groups": ("g", "g")}, "named more than once"),
        ({"outcome": "p"}, "both the prediction and the outcome"),
        ({"prediction": None, "outcome": None}, "Nothing is asked"),
        ({"arm": "g=zebra"}, "No row of 'g' holds 'zebra'"),
        ({"weight": "g"}, "whole numbers of cases"),
        ({"score": "g"}, "holds no numbers"),
    ],
)
def test_what_cannot_be_asked_is_said(named: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        audited(rows_of(CELLS), **named)


def test_the_largest_difference_has_itself_within_its_limits() -> None:
    for seed in range(10):
        random = rng(seed, "gaps")
        table = pl.DataFrame({"p": random.random(600) < 0.4, "y": random.random(600) < 0.4,
                              "g": random.choice(["a", "b", "c", "NA"], 600)})  # fmt: skip
        for gap in audited(table).gaps:
            low, high = gap.difference_interval
            assert (low or 0) <= gap.difference <= (high or 0)
            assert "(not stated)" not in (gap.lowest, gap.highest)
            assert (low == 0) == (gap.difference <= gap.by_chance)

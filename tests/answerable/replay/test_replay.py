"""A draft on decisions of the past: counts are those of a loop, nobody is told, and what cannot be replayed says so."""

from __future__ import annotations

from collections import Counter

import msgspec
import polars as pl
import pytest
from tests.answerable.replay.drawn import AWARD, decided, people, stricter

from cityward.answerable.replay import (
    Pricing,
    headline,
    past_of_cases,
    past_of_decisions,
    read_pricing,
    replay,
    same_rule,
    thirds,
    told_share,
)
from cityward.answerable.table import make_table
from cityward.answerable.table.toml_form import read_toml
from cityward.core.errors import SettingsError, UserError

CASES = people(3_000)


def test_counts_are_those_of_reading_case_by_case() -> None:
    draft, decisions = stricter(), decided(CASES)
    found = replay(draft, past_of_decisions(decisions, AWARD), territory=decisions["territory"])
    expected = Counter(
        (before or None, draft.judge({name: case[name] for name in AWARD.sheet.inputs}).outputs["outcome"])
        for before, case in zip(decisions["recommended"], CASES.to_dicts(), strict=True)
    )
    assert {(one.before, one.after): one.cases for one in found.flows} == dict(expected)
    lost = sum(count for (before, after), count in expected.items() if before == "half" and after == "none")
    assert found.whole.worse.cases == lost
    assert sum(one.worse.cases or 0 for one in found.territories) == lost
    assert headline(found) == f"Of 3,000 cases {lost:,} would lose and nobody would gain"
    assert found.order_told.startswith("full before half before none")


def test_columns_and_json_give_the_same() -> None:
    draft = stricter()
    one = replay(draft, past_of_decisions(decided(CASES), AWARD))
    two = replay(draft, past_of_cases(CASES, AWARD, {}))
    assert one.flows == two.flows
    assert one.whole == two.whole


def test_a_yearly_income_is_taken_by_the_month() -> None:
    yearly = CASES.with_columns(pl.col("income") * 12).rename({"income": "income [EUR/year]"})
    assert (
        replay(stricter(), past_of_cases(yearly, AWARD, {})).flows
        == replay(stricter(), past_of_cases(CASES, AWARD, {})).flows
    )
    other = make_table(
        read_toml(
            'id = "scholarship-award"\nversion = "3"\n[inputs.income]\ntype = "number"\nunit = "USD/month"\n'
            '[outputs.outcome]\ntype = "text"\n[[rows]]\nthen = { outcome = "none" }\n',
            "d",
        ),
        "d",
    )
    with pytest.raises(UserError, match="is given in EUR/month, but the rule reads it in USD/month"):
        replay(other, past_of_decisions(decided(CASES), AWARD))


def test_what_is_of_another_type_or_unreadable_is_told_and_not_guessed() -> None:
    texts = ['{"income":500,"grade":7,"enrolled":true}'] * 50
    texts += ['{"income":"much","grade":7,"enrolled":true}'] * 6 + ["[1]", "not json", None] * 2
    texts += ['{"income":500,"grade":7}'] * 7
    decisions = pl.DataFrame({"inputs": texts, "recommended": ["full"] * 69, "outcome": ["full"] * 69})
    found = replay(stricter(), past_of_decisions(decisions, AWARD))
    assert found.reasons == {"no row": 13, "income: not a number": 6}
    assert found.unreadable == 6
    assert found.missing == {"income": 6, "grade": 6, "enrolled": 13}
    assert found.whole.undecided.cases == 19
    assert "19 would not be decided any more" in headline(found)


def test_better_can_be_stated_and_is_never_guessed() -> None:
    past = past_of_decisions(decided(CASES), AWARD)
    turned = replay(stricter(), past, better=["none", "half", "full"])
    assert turned.whole.worse.cases == 0
    assert turned.whole.better.cases
    number = stricter(outputs={"amount": AWARD.sheet.outputs["amount"], "outcome": AWARD.sheet.outputs["outcome"]})
    assert replay(number, past).order == ("full", "half", "none")
    for wrong, what in (
        (["best", "none"], "'best' is no outcome"),
        (["none"], "two different"),
        (["higher"], "numbers"),
    ):
        with pytest.raises(UserError, match=what):
            replay(stricter(), past, better=wrong)


def test_numbers_have_a_direction_once_it_is_said() -> None:
    head = (
        'id = "days"\nversion = "{}"\n[inputs.grade]\ntype = "number"\nunit = "1"\n'
        '[outputs.within]\ntype = "number"\nunit = "day"\n'
    )
    rows = (
        '[[rows]]\nwhen = {{ grade = "< 5" }}\nthen = {{ within = 10 }}\n'
        '[[rows]]\nwhen = {{ grade = ">= 5" }}\nthen = {{ within = {} }}\n'
    )
    one, two = (make_table(read_toml((head + rows).format(at, days), "d"), "d") for at, days in ((1, 5), (2, 2.5)))
    past = past_of_cases(CASES, one, {})
    unsaid = replay(two, past)
    assert unsaid.whole.other.cases == unsaid.whole.changed.cases == CASES.filter(pl.col("grade") >= 5).height
    assert unsaid.order_told == "nobody said which outcome is better"
    assert replay(two, past, better=["lower"]).whole.better.cases == unsaid.whole.other.cases
    assert replay(two, past, better=["higher"]).whole.worse.cases == unsaid.whole.other.cases


def test_cost_is_told_with_its_interval_and_how_it_is_known() -> None:
    decisions = decided(CASES)
    past = past_of_decisions(decisions, AWARD)
    kept = replay(stricter(), past, pricing=Pricing(output="amount")).cost
    after = stricter().decide(CASES)["amount"].sum()
    assert kept is not None
    assert (kept.before, kept.after, kept.unit) == (decisions["cost"].sum(), after, "EUR/month")
    assert kept.low < kept.change == after - kept.before < kept.high < 0
    priced = replay(stricter(), past, pricing=Pricing(prices={"full": 300, "half": 150}, unit="EUR")).cost
    average = replay(stricter(), past).cost
    assert priced is not None
    assert average is not None
    assert priced.change == kept.change == pytest.approx(average.change)
    for wrong, what in (
        (Pricing(output="outcome"), "no number that the draft gives"),
        (Pricing(prices={"whole": 3}), "no outcome here"),
    ):
        with pytest.raises(UserError, match=what):
            replay(stricter(), past, pricing=wrong)
    unit = {**AWARD.sheet.outputs, "amount": type(AWARD.sheet.outputs["amount"])(type="number")}
    with pytest.raises(UserError, match="without a unit"):
        replay(stricter(outputs=unit), past, pricing=Pricing(output="amount"))


def test_fewer_than_five_are_never_told_nor_follow_from_the_rest() -> None:
    few = pl.DataFrame(
        {
            "income": [1100.0] * 3 + [1100.0] * 40 + [500.0] * 60 + [1100.0] * 8,
            "grade": [7.0] * 111,
            "enrolled": [True] * 111,
            "place": ["A"] * 3 + ["B"] * 40 + ["C"] * 60 + ["D"] * 8,
        }
    )
    found = replay(stricter(), past_of_cases(few, AWARD, {}), groups={"place": few["place"]})
    told = {one.group: one for one in found.groups}
    assert found.whole.worse.cases == 51
    assert told["A"].cases is None
    assert told["A"].worse.cases is None
    assert told["D"].worse.cases is None  # else A would be 51 less the others
    assert told["B"].worse.cases == 40
    assert told["C"].worse.cases == 0
    assert told_share(told["A"].worse) == "too few to tell"
    assert told["D"].small
    alone = replay(stricter(), past_of_cases(few.head(3), AWARD, {}))
    assert alone.whole.worse.cases is None
    assert [one.cases for one in alone.flows] == [None]
    assert "an untold number would lose" in headline(alone)


def test_groups_are_compared_with_correction_and_small_ones_are_not() -> None:
    cases = people(4_000, 3).with_columns(
        pl.when(pl.col("territory") == "T1").then(1100.0).otherwise(pl.col("income")).alias("income")
    )
    found = replay(stricter(), past_of_cases(cases, AWARD, {}), territory=cases["territory"], by_inputs=["income"])
    first = found.territories[0]
    assert first.group == "T1"
    assert first.p is not None
    assert first.p < 1e-6
    assert first.beside_low is not None
    assert first.beside_low > 0.3
    assert sum(one.p is not None and one.p < 0.05 for one in found.territories[1:]) <= 8
    assert len(found.groups) == 3  # thirds of income
    with pytest.raises(UserError, match="nothing to group by"):
        replay(stricter(), past_of_cases(cases, AWARD, {}), by_inputs=["colour"])
    names = pl.Series([f"person {at}" for at in range(4_000)])
    with pytest.raises(UserError, match="hardly groups"):
        replay(stricter(), past_of_cases(cases, AWARD, {}), groups={"name": names})


def test_what_nobody_asked_then_cannot_be_replayed() -> None:
    inputs = {**AWARD.sheet.inputs, "siblings": AWARD.sheet.inputs["grade"]}
    for past in (past_of_decisions(decided(CASES), AWARD), past_of_cases(CASES, AWARD, {})):
        with pytest.raises(UserError, match="'siblings', which no case of the past holds"):
            replay(stricter(inputs=inputs), past)
    with pytest.raises(UserError, match="no decisions in this period"):
        past_of_decisions(decided(CASES).head(0), AWARD)
    waiting = decided(CASES).with_columns(pl.lit(None, dtype=pl.String).alias("outcome"))
    with pytest.raises(UserError, match="still waits"):
        past_of_decisions(waiting, AWARD, "outcome")


def test_rules_in_a_circle_are_named() -> None:
    other = stricter(id="other", uses=("scholarship-award",))
    draft = stricter(uses=("other",))
    with pytest.raises(SettingsError, match="in a circle"):
        replay(draft, past_of_cases(CASES, AWARD, {}), beside={"other": other})


def test_same_rule_looks_at_what_it_says_alone() -> None:
    assert same_rule(AWARD, stricter(1200, "9"))
    assert not same_rule(AWARD, stricter())


def test_thirds_hold_as_many_territories_and_know_what_is_not_known() -> None:
    found = thirds({f"T{at}": float(at) for at in range(9)} | {"T9": None})
    assert Counter(found.values()) == {"lowest third": 3, "middle third": 3, "highest third": 3, "not known": 1}
    assert set(thirds({"T1": 1.0, "T2": None}).values()) == {"not known"}


@pytest.mark.parametrize("text", ["full=nan", "full=inf", "full=", "=3", "full=1,full=2", "full=much"])
def test_a_price_that_is_none_is_named(text: str) -> None:
    with pytest.raises(UserError, match="is no number, or is there twice"):
        read_pricing(text, "EUR")


def test_cost_does_not_tell_what_counts_leave_out() -> None:
    few = pl.DataFrame(
        {"income": [1100.0] * 7 + [500.0] * 3 + [100.0] * 90, "grade": [7.0] * 100, "enrolled": [True] * 100}
    )
    rows = tuple(
        msgspec.structs.replace(row, when={key: str(cell).replace("600", "400") for key, cell in row.when.items()})
        for row in stricter().sheet.rows
    )
    found = replay(
        stricter(rows=rows), past_of_cases(few, AWARD, {}), pricing=Pricing(prices={"full": 300, "half": 150})
    )
    assert found.whole.worse.cases == 10
    assert [one.cases for one in found.flows if one.direction == "worse"] == [None, None]
    assert found.cost is not None
    assert (found.cost.before % 750, found.cost.change % 750) == (0, 0)
    assert found.notes == ("Cost is rounded to 750, so that it does not tell of fewer than 5 people.",)

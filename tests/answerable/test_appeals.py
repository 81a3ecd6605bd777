"""The life of an appeal: in time or not, by whom, like what, and how it is counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.answerable.appealing import (
    DECIDER,
    NOW,
    OTHER,
    OVERSEER,
    TERMS,
    TODAY,
    a_decision,
    a_said,
    an_appeal,
)

from cityward.answerable import appeals as life
from cityward.core.appeals import RESIDENT, Appeal
from cityward.core.errors import Refused, UserError
from cityward.core.identifiers import kind_of
from cityward.core.records import Party, to_json

SHOWN = ("id", "same")


def assigned(to: str = OTHER) -> Appeal:
    return life.assign(an_appeal(), to, by="Clara Roth", at=NOW, overseers=[OVERSEER])


def test_days_are_counted_from_the_day_after_and_no_last_day_is_a_weekend() -> None:
    assert life.last_day_to_appeal(date(2014, 6, 30), TERMS) == date(2014, 8, 11)  # a Monday, six weeks on
    assert life.last_day_to_appeal(date(2014, 6, 28), TERMS) == date(2014, 8, 11)  # a Saturday becomes Monday
    assert life.last_day_to_appeal(date(2014, 6, 29), TERMS) == date(2014, 8, 11)
    assert life.last_day_to_answer(TODAY, TERMS) == date(2014, 7, 29)


@given(st.dates(date(1990, 1, 1), date(2190, 1, 1)), st.integers(1, 400))
def test_a_person_never_has_less_than_the_days_and_never_three_more(told: date, days: int) -> None:
    last = life.last_day_to_appeal(told, life.Terms(days, 1, "", ""))
    assert days <= (last - told).days <= days + 2
    assert last.weekday() < 5


def test_an_appeal_says_against_what_until_when_and_what_is_contested() -> None:
    appeal = an_appeal(contests=["ill", "ill", ""])
    assert kind_of(appeal.id) == "appeal"
    assert (appeal.rule, appeal.row, appeal.before, appeal.made_by) == ("fell-a-tree", 3, "refuse", DECIDER)
    assert (appeal.state, appeal.contests, appeal.late) == ("open", ("ill",), False)
    assert [step.what for step in appeal.steps] == ["opened"]


@pytest.mark.parametrize(
    ("attempt", "why"),
    [
        (lambda: an_appeal(a_decision(state="waiting", outcome=None)), "Nothing is decided yet"),
        (lambda: an_appeal(a_decision(state="reversed")), "reversed already"),
        (lambda: an_appeal(before=(an_appeal(),)), r"contested already \(M-"),
        (lambda: an_appeal(today=date(2014, 8, 12)), "ended on 2014-08-11 .the law of appeals, article 1"),
        (lambda: an_appeal(told_on=date(2014, 7, 2)), "still to come"),
        (lambda: an_appeal(at=NOW - timedelta(days=2)), "stands before the decision"),
        (lambda: an_appeal(contests=["income"]), "'income' is not a fact"),
        (lambda: an_appeal(contests=["'] or 1"]), "is not a fact"),
    ],
)
def test_what_cannot_be_contested_is_told(attempt: Callable[[], Appeal], why: str) -> None:
    with pytest.raises(UserError, match=why):
        attempt()


def test_late_is_taken_in_only_when_a_person_excuses_it() -> None:
    late = an_appeal(today=date(2014, 8, 12), excused=True)
    assert late.late
    assert not an_appeal(excused=True).late
    assert not an_appeal(today=date(2014, 12, 1), like="M-0123456789").late


def test_one_that_was_taken_back_can_be_made_again_and_one_that_was_decided_cannot() -> None:
    first = life.withdraw(an_appeal(), by=RESIDENT, at=NOW)
    again = an_appeal(before=(first,))
    assert again.id != first.id
    upheld = life.close(assigned(), "upheld", by=OTHER, at=NOW, because="The tree is healthy.")
    with pytest.raises(UserError, match="was decided"):
        an_appeal(before=(first, upheld))


@pytest.mark.parametrize("name", [DECIDER, "gomez ANA", "Gómez, Ana", OVERSEER, "marta  KOWALSKA"])
def test_nobody_decides_about_his_own_decision_or_oversight(name: str) -> None:
    with pytest.raises((Refused, UserError)) as said:
        life.assign(an_appeal(), name, by="Clara Roth", at=NOW, overseers=["Someone Else", OVERSEER])
    assert isinstance(said.value, Refused) or "," in name


def test_who_took_the_oversight_on_after_the_assignment_is_refused_too() -> None:
    appeal = assigned(OTHER)
    life.check_may_decide(appeal, OTHER, "changed", "allow", [OVERSEER])
    with pytest.raises(Refused, match="oversees the system"):
        life.check_may_decide(appeal, OTHER, "changed", "allow", [OVERSEER, "okri Ben"])


@pytest.mark.parametrize(
    ("appeal", "by", "after", "why"),
    [
        (assigned(), "Clara Roth", "allow", "assigned to Ben Okri, not to Clara Roth"),
        (an_appeal(), OTHER, "allow", "assigned to nobody"),
        (assigned(), OTHER, "", "What counts instead"),
        (assigned(), OTHER, "Refuse", "is what was decided before"),
        (life.withdraw(assigned(), by=RESIDENT, at=NOW), OTHER, "allow", "was taken back"),
        (life.close(assigned(), "upheld", by=OTHER, at=NOW, because="x" * 10), OTHER, "allow", "was decided already"),
    ],
)
def test_who_may_not_decide_what(appeal: Appeal, by: str, after: str, why: str) -> None:
    with pytest.raises((Refused, UserError), match=why):
        life.check_may_decide(appeal, by, "changed", after, [OVERSEER])


def test_the_clock_never_goes_back_in_an_appeal() -> None:
    with pytest.raises(UserError, match="before the last step"):
        life.add(an_appeal(), a_said("More.", at=NOW - timedelta(seconds=1)))


def test_the_same_words_twice_are_one_and_too_many_are_told() -> None:
    appeal = life.add(an_appeal(), a_said("More.", about="ill"))
    assert life.add(appeal, a_said("More.", about="ill")) is appeal
    assert appeal.contests == ("ill",)
    for number in range(life.SAID_MAX - 2):
        appeal = life.add(appeal, a_said(f"More {number}"))
    with pytest.raises(UserError, match="call the city"):
        life.add(appeal, a_said("One more"))


def test_the_receipt_is_of_the_same_when_words_are_erased() -> None:
    appeal = an_appeal()
    assert b"ill." not in to_json(life.provable(appeal)).replace(b"digest of The tree is ill.", b"")
    erased = msgspec.structs.replace(appeal, said=(msgspec.structs.replace(appeal.said[0], words=""),))
    assert life.provable(erased) == life.provable(appeal)
    gone = life.without_words(appeal, NOW, RESIDENT)
    assert gone.said[0].words == ""
    assert gone.steps[-1].what == "erased"
    assert life.without_words(gone, NOW, RESIDENT) is gone


def test_only_those_who_answer_are_told_and_only_of_a_change() -> None:
    parties = [Party(duty=duty, name=f"Some {duty}") for duty in ("designer", "manufacturer", "owner", "overseer")]
    changed = life.close(assigned(), "changed", by=OTHER, at=NOW, because="Ill.", after="allow", parties=parties)
    assert [one.duty for one in changed.parties] == ["manufacturer", "owner"]
    upheld = life.close(assigned(), "upheld", by=OTHER, at=NOW, because="Healthy.", after="allow", parties=parties)
    assert (upheld.parties, upheld.after) == ((), "")


def frame(*decisions: object) -> pl.DataFrame:
    rows = [{**msgspec.structs.asdict(one), "inputs": json.dumps(one.inputs)} for one in decisions]  # type: ignore[attr-defined, arg-type]
    return pl.DataFrame(rows, schema_overrides={"row": pl.Int64}).select(life.SIMILAR_COLUMNS)


def test_similar_is_the_same_row_of_the_same_version_and_the_same_wrong_fact() -> None:
    found = life.similar(
        frame(
            a_decision(1),
            a_decision(2),
            a_decision(3, inputs={"height": 12.0, "kind": "elm", "ill": True}),
            a_decision(4, row=2),
            a_decision(5, rule_digest="d" * 64),
            a_decision(6, state="reversed"),
            a_decision(7, state="waiting", outcome=None, inputs={"kind": "oak"}),
            a_decision(8, row=None),
        ),
        a_decision(1).id,
        ["kind", "ill"],
    )
    assert found.select(SHOWN).rows() == [(a_decision(2).id, ["kind", "ill"]), (a_decision(7).id, ["kind"])]


@pytest.mark.parametrize("name", ["größe", "only-way", "in_m2", "año"])
def test_a_fact_is_found_by_whatever_name_a_rule_can_give_it(name: str) -> None:
    every = frame(*(a_decision(at, inputs={name: "x"}) for at in (1, 2)), a_decision(3, inputs={name: "y"}))
    assert life.similar(every, a_decision(1).id, [name])["id"].to_list() == [a_decision(2).id]


def test_where_the_row_was_at_fault_every_decision_by_it_is_similar() -> None:
    every = frame(a_decision(1), a_decision(2, inputs={}), a_decision(3, row=1), a_decision(4, row=None))
    assert life.similar(every, a_decision(1).id, [])["id"].to_list() == [a_decision(2).id]
    assert life.similar(every, a_decision(4).id, []).height == 0
    assert life.similar(every, "D-unknown", ["kind"]).columns == life.similar(every, a_decision(1).id, []).columns


def test_a_missing_fact_is_like_a_missing_fact() -> None:
    every = frame(a_decision(1, inputs={"kind": None, "ill": True}), a_decision(2, inputs={"ill": True}), a_decision(3))
    assert life.similar(every, a_decision(1).id, ["kind"])["id"].to_list() == [a_decision(2).id]


@given(st.lists(st.sampled_from(["open", "upheld", "changed", "withdrawn"]), max_size=40))
def test_counts_add_up_and_what_came_later_is_open(states: list[str]) -> None:
    appeals = [
        msgspec.structs.replace(
            an_appeal(a_decision(at)),
            state=state if state != "open" else "assigned",
            closed_at=None if state == "open" else NOW + timedelta(days=at),
            system=f"s{at % 3}",
        )
        for at, state in enumerate(states)
    ]
    counted = life.counts(appeals, TODAY, NOW + timedelta(days=100))
    assert sum(sum(line.values()) for line in counted.values()) == len(states)
    early = life.counts(appeals, TODAY, NOW)
    assert sum(line["open"] for line in early.values()) == len(
        [one for one in appeals if (one.closed_at or NOW) > NOW]
    ) + len([one for one in appeals if one.closed_at is None])
    assert life.counts(appeals, TODAY + timedelta(days=1), NOW) == {}


def test_shares_have_exact_intervals() -> None:
    assert life.share(3, 20) == pytest.approx((0.15, 0.0321, 0.3789), abs=1e-4)  # R: binom.test(3, 20)$conf.int
    assert life.share(0, 10)[1:] == pytest.approx((0, 0.3085), abs=1e-4)

"""From a decision to its outcome: as of the data's days, in the registers, the ledger, and on the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.typed import typed

from cityward.act.options import DO_NOTHING
from cityward.act.outcome import EARLY, FEWER, MORE, NONE, VERDICTS
from cityward.city import City, open_city
from cityward.core.errors import Refused, UserError
from cityward.core.frames import CUBE

ACTED, LATER = date(2014, 6, 30), date(2014, 8, 15)
WHY = "A crew is free on Tuesday"


@pytest.fixture
def acted(acted_folder: Path, tmp_path: Path) -> Iterator[City]:
    with open_city(shutil.copytree(acted_folder, tmp_path / "acted")) as city:
        yield city


def counts(city: City) -> pl.DataFrame:
    return city.turn_frame("cube", CUBE)


def test_every_decision_about_a_need_has_an_outcome_as_of_the_data(acted: City) -> None:
    found = acted.outcomes.all()
    assert len(found) == 3
    assert {one.decision for one in found} == {one.id for one in acted.decisions()}
    for one in found:
        assert (one.action_day, one.as_of, one.days, one.settled) == (ACTED, LATER, 28, True)
        assert one.verdict in (FEWER, NONE, MORE)
        assert one.past_surges >= 10
        days = counts(acted).filter(
            pl.col("territory").is_in(list(one.territories)),
            pl.col("day").is_between(ACTED + timedelta(days=1), ACTED + timedelta(days=28)),
            pl.col("service") == one.service,
        )
        assert one.observed == days["incidents"].sum()
    assert {one.option for one in found} >= {DO_NOTHING, "Inspect what was reported"}
    sums = acted.outcomes.sums()
    assert (sums.all, sums.judged) == (3, 3)
    assert sums.told_apart + sums.no_difference == sums.judged


def test_an_outcome_is_explained_and_proven(acted: City) -> None:
    one = acted.outcomes.all()[0]
    told = acted.explain(one.id)
    assert told.kind == "outcome"
    assert told.sentence == one.sentence
    assert dict(told.evidence)["verdict"] == one.verdict
    assert told.receipt is not None
    entry = acted.ledger_entries(told.receipt, 1)[0]
    assert (entry["kind"], entry["subject"]) == ("outcome", one.id)
    assert acted.verify().ok
    assert acted.outcomes.about(one.about) == [one]


def test_what_has_not_changed_leaves_no_new_entry(acted: City) -> None:
    turn = acted.turn()
    assert turn
    before = acted.ledger_size
    again = acted.outcomes.evaluate(counts(acted), as_of=LATER, seed=turn.seed)
    with acted.writing():
        acted.outcomes.record(again, turn.id)
        assert acted.ledger_size == before
        # A day on: a settled outcome differs by that day alone.
        empty = acted.outcomes.evaluate(counts(acted), as_of=LATER + timedelta(days=1), seed=turn.seed)
        acted.outcomes.record(empty, turn.id)
        assert acted.ledger_size == before


def test_outcomes_are_reproduced_and_follow_the_day_asked_for(acted: City) -> None:
    known = counts(acted)
    one, other = (acted.outcomes.evaluate(known, as_of=LATER, seed=3) for _ in range(2))
    assert one == other
    assert acted.outcomes.evaluate(known, as_of=ACTED - timedelta(days=1), seed=3) == []
    early = acted.outcomes.evaluate(known, as_of=ACTED + timedelta(days=5), seed=3)
    assert {found.verdict for found in early} == {EARLY}


def test_an_order_that_was_done_later_moves_the_day(acted: City) -> None:
    began = {acted.decisions()[0].id: ACTED + timedelta(days=9)}
    found = acted.outcomes.evaluate(counts(acted), as_of=LATER, seed=3, began=began)
    days = {one.decision: one.action_day for one in found}
    assert days[acted.decisions()[0].id] == ACTED + timedelta(days=9)
    assert set(days.values()) == {ACTED, ACTED + timedelta(days=9)}


def test_to_do_nothing_does_not_answer_a_need(acted: City) -> None:
    left_alone = next(one for one in acted.outcomes.all() if one.option == DO_NOTHING)
    answered = acted._answered(LATER)
    assert left_alone.about not in answered
    assert len(answered) == 2
    assert acted._answered(ACTED - timedelta(days=1)) == set()


def test_options_tell_cost_effect_and_who(demo_copy: City) -> None:
    for proposal in demo_copy.proposals("waiting"):
        first, *others = proposal.options
        assert first.recommended
        assert first.action == proposal.action
        assert not any(option.recommended for option in others)
        assert others[-1].title == DO_NOTHING
        assert all(option.crew_hours is not None and option.cost is not None for option in proposal.options)
        assert all(option.people for option in proposal.options)
        if proposal.system != "cityward-early-warning":  # that one can reckon; what others do is not known yet
            assert {option.effect_low for option in proposal.options} == {None}
    nothing = demo_copy.proposals("waiting")[0].options[-1]
    assert "past surges of this kind in this city" in nothing.known_from
    assert "reports in 28 days" in nothing.effect


def test_a_person_chooses_an_option_and_the_decision_says_which(demo_copy: City) -> None:
    first, second, third = demo_copy.proposals("waiting")[:3]
    decision = demo_copy.decide(first.id, "approved", "Ana Gómez", WHY, 2)
    assert (decision.option, decision.option_title) == (2, first.options[1].title)
    assert decision.as_of == ACTED
    assert f"option 2 of {len(first.options)} “{first.options[1].title}”" in decision.explanation
    assert demo_copy.ledger_entries(decision.receipt, 1)[0]["facts"]["option"] == first.options[1].title
    usual = demo_copy.decide(second.id, "approved", "Ana Gómez", WHY)
    assert usual.option == 1
    for number in (0, 9, -1):
        with pytest.raises(Refused, match="no option of that number"):
            demo_copy.decide(third.id, "approved", "Ana Gómez", WHY, number)
    with pytest.raises(UserError):
        demo_copy.decide(first.id, "approved", "Ana Gómez", WHY, 1)
    rejected = demo_copy.decide(third.id, "rejected", "Ana Gómez", WHY)
    assert (rejected.option, rejected.option_title) == (None, "")


def test_the_command_line_lists_outcomes_and_takes_an_option(acted: City) -> None:
    folder = str(acted.path)
    waiting = acted.proposals("waiting")[0].id
    acted.close()

    def cityward(*words: str, code: int = 0) -> str:
        return typed(*words, "--city", folder, code=code).stdout

    told = json.loads(cityward("outcomes", "--json"))
    assert told["sums"]["all"] == len(told["outcomes"]) == 3
    assert {one["verdict"] for one in told["outcomes"]} <= set(VERDICTS)
    assert "that could be judged differ" in cityward("outcomes")
    assert told["outcomes"][0]["sentence"] in cityward("explain", told["outcomes"][0]["id"])
    assert "1. " in cityward("proposals", "--state", "waiting")
    who = ("--by", "Ana Gómez", "--because", WHY)
    cityward("decide", waiting, "--approve", "--option", "99", *who, code=1)
    cityward("decide", waiting, "--approve", "--option", "two", *who, code=2)
    assert "option 2 of" in cityward("decide", waiting, "--approve", "--option", "2", *who)

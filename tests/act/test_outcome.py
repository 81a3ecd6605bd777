"""What came of an action: verdicts that never claim more than the figures bear."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cityward.act.counterfactual import Case, Expected, excess_a_day, going_on, usual, wander
from cityward.act.course import HORIZON_DAYS, Daily, Surges, neighbour_groups, past_surges
from cityward.act.options import DO_NOTHING
from cityward.act.outcome import (
    EARLY,
    FEWER,
    FEWEST_DAYS,
    MORE,
    NONE,
    UNKNOWN,
    VERDICTS,
    Action,
    judge,
    outcome,
    together,
)
from cityward.core.clock import rng
from cityward.core.records import Outcome, from_json, to_json

FIRST = date(2012, 1, 2)
AREAS, DAYS, ACTED = 12, 700, 650
GROUPS = neighbour_groups(np.arange(AREAS) % 4 / 100, np.arange(AREAS) // 4 / 100)
NAMES = tuple(str(at) for at in range(AREAS))


def day(at: int) -> date:
    return FIRST + timedelta(days=at)


def city(seed: int = 1) -> Daily:
    """A city of two services in which eight past surges kept half of their excess, and a need in areas 5 and 6."""
    counts = rng(seed, "city").poisson(0.6, size=(2, DAYS, AREAS)).astype(np.int64)
    for number in range(8):
        end = 220 + 50 * number
        counts[0, end - 13 : end + 1, number] += 4
        counts[0, end + 1 : end + 29, number] += 2
    counts[0, ACTED - 13 : ACTED + 1, 5:7] += 4
    return Daily(("A", "B"), NAMES, FIRST, counts)


CITY = city()
SURGES = past_surges(CITY, GROUPS, until=DAYS - 1)
ACTION = Action(
    decision="D-0000000001",
    proposal="P-0000000001",
    about="N-0000000001",
    service="A",
    territories=("5", "6"),
    names=("Five", "Six"),
    option="Inspect what was reported",
    day=day(ACTED),
    starts=day(ACTED - 13),
    ends=day(ACTED),
)


def after(known: Daily, size: int) -> Daily:
    """The city with so many more reports a day of the need after the action; below 0, none at all."""
    counts = known.counts.copy()
    days = slice(ACTED + 1, None)
    if size < 0:
        counts[0, days, 5:7] = 0
    else:
        counts[0, days, 5:7] += size
    return replace(known, counts=counts)


def told(known: Daily, action: Action = ACTION, as_of: int = ACTED + 40, surges: Surges = SURGES) -> Outcome:
    known = replace(known, counts=known.counts[:, : as_of + 1])
    return outcome(action, known, GROUPS, surges, as_of=day(as_of), seed=7)


def test_a_need_that_went_on_as_surges_do_is_no_difference() -> None:
    found = told(after(CITY, 2))
    assert found.verdict == NONE
    assert "No difference could be told from chance." in found.sentence
    assert found.fading_low <= found.observed <= found.fading_high
    assert found.going_on > found.fading > found.usual
    assert found.settled


def test_reports_that_stopped_are_fewer_and_nobody_is_praised_for_it() -> None:
    found = told(after(CITY, -1))
    assert found.verdict == FEWER
    assert found.difference_high < 0
    assert "What caused it these figures cannot tell." in found.sentence
    assert any("Not one report came" in caveat for caveat in found.caveats)


def test_a_need_that_grew_is_more() -> None:
    found = told(after(CITY, 14))
    assert found.verdict == MORE
    assert found.difference_low > 0


def test_a_need_that_falls_back_to_the_usual_is_no_proof() -> None:
    """The days before alone would call it an effect; past surges say that it may be none."""
    found = told(after(CITY, 1))
    assert found.observed < found.going_on_low
    assert found.verdict == NONE


@pytest.mark.parametrize("days", [0, 1, 7, FEWEST_DAYS - 1])
def test_it_is_too_early_before_two_weeks(days: int) -> None:
    found = told(after(CITY, -1), as_of=ACTED + days)
    assert (found.verdict, found.days, found.observed, found.series) == (EARLY, days, None, ())
    assert "nothing is said before 14" in found.sentence


def test_late_reports_may_change_it_until_it_is_settled() -> None:
    for days, settled in ((FEWEST_DAYS, False), (HORIZON_DAYS, False), (HORIZON_DAYS + 6, False), (35, True)):
        found = told(after(CITY, 2), as_of=ACTED + days)
        assert found.settled is settled
        assert any("late" in caveat for caveat in found.caveats) is not settled
        assert found.days == min(days, HORIZON_DAYS)
    late = told(after(after(CITY, 2), 6), as_of=ACTED + 30)
    assert late.observed > told(after(CITY, 2), as_of=ACTED + 30).observed


def test_a_source_that_stopped_is_not_a_need_that_faded() -> None:
    counts = CITY.counts.copy()
    counts[:, ACTED + 10 :] = 0
    found = told(replace(CITY, counts=counts))
    assert found.verdict == UNKNOWN
    assert "a source may have stopped" in found.sentence


def test_a_service_that_stopped_alone_is_not_a_need_that_faded() -> None:
    counts = CITY.counts.copy()
    counts[0, ACTED + 5 :] = 0
    found = told(replace(CITY, counts=counts))
    assert found.verdict == UNKNOWN
    assert "of this service in the city" in found.sentence


def test_areas_that_fell_silent_altogether_are_not_mended() -> None:
    counts = CITY.counts.copy()
    counts[:, ACTED + 1 :, 5:7] = 0
    found = told(replace(CITY, counts=counts))
    assert found.verdict == UNKNOWN
    assert "the way in may be broken" in found.sentence


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"day": day(ACTED - 20)}, "began before the need did"),
        ({"ends": day(ACTED - 15), "starts": day(ACTED - 30)}, "it had ended before the action"),
        ({"territories": ("elsewhere",)}, "None of the need's areas is known"),
        ({"day": day(100), "starts": day(90), "ends": day(100)}, "too few to say what is usual"),
        ({"earlier": "D-0000000009"}, "D-0000000009 still ran when this began"),
        ({"next_day": day(ACTED + 5)}, "Another action followed after 5 days"),
    ],
)
def test_where_nothing_can_be_said_the_reason_is(change: dict[str, object], why: str) -> None:
    found = told(after(CITY, -1), replace(ACTION, **change))
    assert found.verdict == UNKNOWN
    assert why in found.sentence
    assert found.observed is None


def test_two_actions_on_one_need_are_told_of_each_other() -> None:
    second = replace(ACTION, decision="D-0000000002", day=day(ACTED + 20))
    elsewhere = replace(ACTION, decision="D-0000000003", about="N-0000000009")
    first, other, later = together([second, elsewhere, ACTION])
    assert (first.earlier, first.next_day) == (None, day(ACTED + 20))
    assert (other.earlier, other.next_day) == (None, None)
    assert later.earlier == ACTION.decision
    found = told(after(CITY, 2), first)
    assert found.days == 20
    assert any("next action" in caveat for caveat in found.caveats)
    assert told(after(CITY, 2), later).verdict == UNKNOWN


def test_to_do_nothing_is_no_action_and_is_followed_too() -> None:
    nothing = replace(ACTION, decision="D-0000000000", option=DO_NOTHING)
    first, second = together([nothing, ACTION])
    assert second.earlier is None
    found = told(after(CITY, 2), replace(first, next_day=None))
    assert any("do nothing" in caveat for caveat in found.caveats)


def test_a_city_of_one_area_has_no_other_to_compare_with_and_claims_nothing() -> None:
    one = Daily(("A",), ("5",), FIRST, CITY.counts[:1, :, 5:6])
    action = replace(ACTION, territories=("5",), names=("Five",))
    groups = neighbour_groups(np.zeros(1), np.zeros(1))
    cut = replace(one, counts=one.counts[:, : ACTED + 41])
    surges = past_surges(cut, groups, until=cut.days - 1)
    found = outcome(action, cut, groups, surges, as_of=day(ACTED + 40), seed=7)
    assert found.verdict == UNKNOWN
    assert found.fading is None
    assert "cannot tell" in found.sentence
    assert any("no other area" in caveat for caveat in found.caveats)


def test_without_past_surges_fewer_proves_nothing() -> None:
    none = SURGES.only(np.zeros(SURGES.size, dtype=bool))
    found = told(after(CITY, -1), surges=none)
    assert found.verdict == UNKNOWN
    assert found.past_surges == 0


def test_surges_that_were_not_over_before_the_action_are_not_used() -> None:
    found = told(after(CITY, 2))
    assert found.past_surges <= SURGES.by(ACTED).size


def test_the_series_says_what_the_sentence_says() -> None:
    found = told(after(CITY, 2))
    later = [row for row in found.series if row[0] > found.action_day]
    assert len(later) == HORIZON_DAYS
    assert sum(row[1] for row in later) == found.observed
    assert sum(row[2] for row in later) == pytest.approx(found.fading, rel=0.05)
    assert all(row[2:] == (None, None, None, None) for row in found.series if row[0] <= found.action_day)


def test_an_outcome_is_reproduced_byte_for_byte_and_survives_json() -> None:
    one, other = (to_json(told(after(CITY, 2))) for _ in range(2))
    assert one == other
    assert from_json(one, Outcome) == told(after(CITY, 2))


@given(st.integers(-30, 60), st.integers(-1, 9))
@settings(max_examples=25, deadline=None)
def test_nothing_is_ever_claimed_before_two_weeks(days: int, size: int) -> None:
    found = told(after(CITY, size), as_of=min(ACTED + days, DAYS - 1))
    assert found.verdict in VERDICTS
    if days < FEWEST_DAYS:
        assert found.verdict in (EARLY, UNKNOWN)
        assert found.observed is None


@given(st.permutations(range(AREAS)), st.integers(0, 200))
@settings(max_examples=10, deadline=None)
def test_names_order_and_calendar_do_not_matter(order: list[int], weeks: int) -> None:
    """Areas renamed and in another order, and everything whole weeks later, give the same figures."""
    known = after(CITY, 2)
    shift = timedelta(weeks=weeks)
    moved = Daily(known.services, tuple(f"x{at}" for at in order), FIRST + shift, known.counts[:, : ACTED + 41, order])
    action = replace(
        ACTION,
        territories=("x5", "x6"),
        **{name: getattr(ACTION, name) + shift for name in ("day", "starts", "ends")},
    )
    found = outcome(action, moved, GROUPS[:, order], SURGES, as_of=day(ACTED + 40) + shift, seed=7)
    usual_one = told(known)
    same = ("observed", "fading", "fading_low", "going_on", "verdict", "usual")
    for name in same:
        assert getattr(found, name) == pytest.approx(getattr(usual_one, name))


@given(st.integers(0, 400), st.floats(1, 200), st.floats(1, 200))
@settings(deadline=None)
def test_a_difference_needs_both_counterfactuals(count: int, one: float, other: float) -> None:
    draws = rng(1).poisson([one, other], size=(500, 2)).astype(float)
    going, faded = (Expected.of(mean, draws[:, at]) for at, mean in enumerate((one, other)))
    verdict = judge(count, going, faded)
    assert (verdict == FEWER) == (count < going.low and count < faded.low)
    assert (verdict == MORE) == (count > going.high and count > faded.high)
    assert judge(count, going, None) in (MORE, UNKNOWN)


def case(inside: np.ndarray, outside: np.ndarray | None, acted: int = 400) -> Case:
    return Case(inside, outside, acted - 13, acted, 28, 0)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.5, 40.0])
@pytest.mark.parametrize("alone", [True, False])
def test_any_series_has_finite_expectations(rate: float, alone: bool) -> None:
    inside, outside = rng(1, str(rate)).poisson([rate, 3 * rate], size=(500, 2)).T
    one = case(inside, None if alone else outside)
    found, futures = going_on(one, rng(2))
    assert np.isfinite(futures).all()
    assert futures.shape[1] == 28
    assert found.low <= found.mean + 1 <= found.high + 2
    assert np.isfinite(usual(one)).all()
    assert excess_a_day(one) >= 0


def test_the_rest_of_the_city_carries_the_season() -> None:
    """Everything doubles after the action, in the areas too: that is expected."""
    rate = np.where(np.arange(500) > 400, 2.0, 1.0)
    inside, outside = rng(5).poisson(rate), rng(6).poisson(10 * rate)
    found, _ = going_on(case(inside, outside), rng(1))
    assert found.mean == pytest.approx(56, rel=0.3)
    assert going_on(case(inside, None), rng(1))[0].mean == pytest.approx(28, rel=0.4)


def test_weekdays_are_known() -> None:
    inside = np.where(np.arange(500) % 7 == 0, 7, 0)
    _, futures = going_on(case(inside, np.full(500, 10)), rng(1))
    means = futures.mean(axis=0)
    mondays = (np.arange(401, 429) % 7) == 0
    assert means[mondays].min() > 3 * means[~mondays].max()


def test_areas_that_stray_make_the_interval_wider() -> None:
    steady = rng(1).poisson(2.0, size=(400, AREAS))
    drift = rng(2).gamma(4, 0.25, size=(400 // 28 + 1, AREAS)).repeat(28, axis=0)[:400]
    stray = rng(1).poisson(2.0 * drift)
    assert wander(steady, GROUPS, 1, 399) < 0.02
    assert wander(stray, GROUPS, 1, 391) == pytest.approx(0.25, abs=0.12)
    assert wander(steady[:, :1], np.ones((1, 1), dtype=bool), 1, 399) == 0.0
    base = case(rng(3).poisson(1.0, 500), rng(4).poisson(10.0, 500))
    narrow, wide = (going_on(replace(base, wander=value), rng(1))[0] for value in (0.0, 0.2))
    assert wide.high - wide.low > narrow.high - narrow.low

"""Needs live on from turn to turn, under one name, and their rank says why."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cityward.core.records import ALL_SERVICES, Need
from cityward.know.life import CLOSED, REST_DAYS, live_on
from cityward.know.ranking import WEIGHTS, explained, ranked, score

DAY = date(2024, 5, 1)


def need(
    name: str, areas: str = "abc", *, observed: int = 30, expected: float = 10, service: str = "carts", **more
) -> Need:
    known = {
        "domain": "environment", "names": tuple(areas), "starts": DAY, "ends": DAY,
        "relative_risk": observed / expected,
        "relative_risk_low": 2.0, "relative_risk_high": 4.0, "statistic": 9.0, "p_value": 0.001, "p_tail": 1e-4,
        "recurrence_days": 1000.0, "replicates": 999, "population": 50_000.0, "sentence": name,
    }  # fmt: skip
    return Need(
        id=name, service=service, territories=tuple(areas), observed=observed, expected=expected, **{**known, **more}
    )


def test_a_need_found_again_keeps_its_name_and_its_past():
    first = live_on([need("N-1")], [], as_of=DAY)
    assert [one.state for one in first] == ["opened"]
    second = live_on([need("N-2", "abd", observed=60)], first, as_of=DAY + timedelta(days=1))
    assert [(one.id, one.state) for one in second] == [("N-1", "growing")]
    assert [moment.excess for moment in second[0].moments] == [20, 50]
    third = live_on([need("N-3", "abd", observed=40)], second, as_of=DAY + timedelta(days=2))
    assert [(one.id, one.state) for one in third] == [("N-1", "fading")]


def test_other_services_and_other_places_are_other_needs():
    first = live_on([need("N-1")], [], as_of=DAY)
    found = live_on([need("N-2", service="graffiti"), need("N-3", "xyz")], first, as_of=DAY + timedelta(days=1))
    assert [(one.id, one.state) for one in found] == [("N-2", "opened"), ("N-3", "opened"), ("N-1", "fading")]


def test_an_approved_action_answers_a_need_that_does_not_grow():
    first = live_on([need("N-1")], [], as_of=DAY)
    later = DAY + timedelta(days=1)
    assert live_on([need("N-2")], first, as_of=later, answered={"N-1"})[0].state == "answered"
    assert live_on([need("N-2", observed=90)], first, as_of=later, answered={"N-1"})[0].state == "growing"


def test_a_need_that_rests_is_closed_once_and_then_forgotten():
    lives = live_on([need("N-1")], [], as_of=DAY)
    states = []
    for at in range(1, REST_DAYS + 4):
        lives = live_on([], lives, as_of=DAY + timedelta(days=at))
        states.append(lives[0].state if lives else "gone")
    assert states == ["fading"] * REST_DAYS + [CLOSED, "gone", "gone"]


def test_a_need_that_falls_apart_goes_on_once():
    first = live_on([need("N-1", "abcd")], [], as_of=DAY)
    found = live_on([need("N-2", "ab"), need("N-3", "cd")], first, as_of=DAY + timedelta(days=1))
    assert [one.id for one in found] == ["N-1", "N-3"]


@given(st.lists(st.lists(st.sets(st.sampled_from("abcdef"), min_size=1), max_size=4), max_size=6))
def test_names_stay_distinct_and_nothing_found_is_lost(turns):
    lives: list[Need] = []
    for at, areas in enumerate(turns):
        apart = [one.difference(*areas[:rank]) for rank, one in enumerate(areas)]  # as clusters of one scan are
        found = [need(f"N-{at}-{rank}", "".join(sorted(one))) for rank, one in enumerate(apart) if one]
        lives = live_on(found, lives, as_of=DAY + timedelta(days=at))
        assert [one.territories for one in lives[: len(found)]] == [one.territories for one in found]
        assert len({one.id for one in lives}) == len(lives)
        again = live_on(found, lives, as_of=DAY + timedelta(days=at + 1))
        assert [one.id for one in again[: len(found)]] == [one.id for one in lives[: len(found)]]


def test_rank_is_the_weighted_mean_of_parts_that_are_told():
    one = explained(need("N-1"))
    assert {part.name for part in one.rank} == set(WEIGHTS)
    assert all(0 <= part.value <= 1 and part.because.endswith(".") for part in one.rank)
    assert score(one) == pytest.approx(sum(WEIGHTS[part.name] * part.value for part in one.rank))
    assert score(one, {"rarity": 1}) == one.rank[0].value
    assert score(one, {}) == 0


def test_weights_change_the_order_and_what_repeats_others_comes_last():
    crowd = explained(need("crowd", population=400_000.0, p_tail=0.01))
    rare = explained(need("rare", population=1_000.0, p_tail=1e-9))
    over_all = explained(msgspec.structs.replace(rare, service=ALL_SERVICES))
    assert ranked([over_all, crowd, rare], {"people": 1}) == [crowd, rare, over_all]
    assert ranked([over_all, crowd, rare], {"rarity": 1}) == [rare, crowd, over_all]

"""Outreach: the cheapest channel with its interval, ties said, and the plan that a budget pays."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from cityward.core.errors import SettingsError, UserError
from cityward.core.records import Heard
from cityward.equitable.outreach.asking import Lacking, Limits, Outreach, outreach, silent_places
from cityward.equitable.outreach.channels import Channel, Channels, example, parse_channels


def heard(name: str, people: float, **other: object) -> Heard:
    known = {
        "territory": name, "name": name, "population": people, "heard": 40, "expected": 100.0, "ratio": 0.4,
        "ratio_low": 0.3, "ratio_high": 0.5, "verdict": "quieter", "readiness": 1.0, "readiness_low": 0.8,
        "readiness_high": 1.2, "readiness_verdict": "cannot tell",
    }  # fmt: skip
    return Heard(**{**known, **other})  # type: ignore[arg-type]


def lacking(name: str, people: float, missing: float, internet: float | None = 0.5) -> Lacking:
    return Lacking(heard(name, people), internet, "quieter", Limits(missing, missing, missing))


def channel(name: str, fixed: float, each: float, answers: float, wide: float = 1.0, **more: object) -> Channel:
    low, high = answers / wide, min(answers * wide, 0.99)
    return Channel(id=name, name=name.title(), fixed=fixed, per_contact=each, answers=answers,
                   answers_low=low, answers_high=high, **more)  # type: ignore[arg-type]  # fmt: skip


def channels(*given: Channel, phone: float | None = 0.9) -> Channels:
    return Channels(currency="EUR", source="a test", phone_share=phone, channel=list(given))


def test_silent_places_are_those_that_are_clearly_quieter_or_less_ready_and_lack_voices() -> None:
    every = [
        heard("quiet", 1000),
        heard("unready", 1000, verdict="as others", readiness=0.5, readiness_low=0.4, readiness_high=0.6,
              readiness_verdict="less readily"),
        heard("fine", 1000, verdict="as others"),
        heard("nobody", 0),
        heard("unknown", 1000, verdict="cannot tell", ratio=None, expected=None),
    ]  # fmt: skip
    found = silent_places(every, {"quiet": 0.3})
    assert [(one.one.name, one.why, one.internet) for one in found] == [
        ("quiet", "quieter", 0.3), ("unready", "less ready", None)]  # fmt: skip
    assert found[0].missing == Limits(60, 50, 70)
    assert (found[1].missing.value, found[1].missing.high) == pytest.approx((40, 60))


def test_what_a_voice_costs_and_how_many_are_asked() -> None:
    # 60 voices at 0.1 each are 600 people: 100 + 600 * 2 for 60 voices.
    (place,) = outreach([lacking("a", 1000, 60)], channels(channel("post", 100, 2, 0.1))).places
    (offer,) = place.offers
    assert (offer.contacts, offer.cost, offer.closes) == (600, 1300, True)
    assert offer.cost_per_voice.value == pytest.approx(1300 / 60)
    assert place.cheapest == "post"
    # Of 300 people 90 % have a telephone and half of those can be reached: 135, which are not enough.
    (place,) = outreach(
        [lacking("a", 300, 60)], channels(channel("call", 0, 2, 0.1, reach=0.5, needs=("phone",)))
    ).places
    assert (place.offers[0].contacts, place.offers[0].closes) == (135, False)
    assert "does not reach enough people" in place.says


def test_the_interval_is_that_of_the_answers() -> None:
    one = channel("post", 0, 1, 0.1, wide=2.0)
    (place,) = outreach([lacking("a", 10_000, 50)], channels(one)).places
    found = place.offers[0].cost_per_voice
    assert (found.value, found.low, found.high) == pytest.approx((10, 5, 20), rel=0.05)


def test_two_channels_of_which_either_may_be_the_cheapest_are_both_said() -> None:
    near = channels(channel("post", 0, 1, 0.1, wide=2.0), channel("call", 0, 1.1, 0.11, wide=2.0))
    (place,) = outreach([lacking("a", 10_000, 50)], near).places
    assert place.cheapest == ""
    assert set(place.may_be) == {"post", "call"}
    assert "cannot be told" in place.says
    assert sum(one.first for one in place.offers) == pytest.approx(1)


def test_where_internet_or_telephones_are_not_known_it_is_said_and_nothing_is_made_up() -> None:
    known = channels(
        channel("web", 1, 1, 0.1, needs=("internet",)), channel("call", 1, 1, 0.1, needs=("phone",)), phone=None
    )
    (place,) = outreach([lacking("a", 1000, 20, internet=None)], known).places
    assert not place.offers
    assert len(place.unknown) == 2
    assert "cannot be told" in place.says
    (other,) = outreach([lacking("a", 1000, 20, internet=0.0)], known).places
    assert "reaches nobody" in other.unknown[0].why


def best_of_all(places: list[Lacking], known: Channels, budget: float) -> float:
    """Every choice of one channel or none for each place, and the best use of the money: fractions are exact greedy."""
    told = outreach(places, known).places
    of = {one.id: one for one in known.channel}
    best = 0.0
    for choice in itertools.product(*[[None, *place.offers] for place in told]):
        chosen = [(of[one.channel], min(one.voices.value, place.missing.value))
                  for one, place in zip(choice, told, strict=True) if one]  # fmt: skip
        left = budget - sum(one.fixed for one, _ in chosen)
        if left < 0:
            continue
        voices = 0.0
        for one, most in sorted(chosen, key=lambda pair: pair[0].per_contact / pair[0].answers):
            each = one.per_contact / one.answers
            take = most if not each else min(most, left / each)
            voices, left = voices + take, left - take * each
        best = max(best, voices)
    return best


@pytest.mark.parametrize("budget", [60.0, 400.0, 1500.0, 50_000.0])
def test_the_plan_is_the_best_of_all_and_within_the_budget(budget: float) -> None:
    known = channels(channel("post", 50, 1, 0.05), channel("door", 300, 4, 0.5), channel("radio", 200, 0, 0.01))
    places = [lacking("a", 2000, 80), lacking("b", 500, 40), lacking("c", 3000, 20)]
    found = outreach(places, known, budget=budget).plan
    assert found
    assert found.cost <= budget
    best = best_of_all(places, known, budget)
    # People are whole: up to one contact a place is lost.
    assert best - 3 * 0.5 <= found.voices.value <= best + 30
    assert min(found.most, 140) >= best - 1e-6
    assert {one.name for one in found.places} | set(found.left_out) == {"a", "b", "c"}


def test_of_plans_with_as_many_voices_the_cheapest_is_taken() -> None:
    known = channels(channel("dear", 500, 1, 0.5), channel("cheap", 10, 1, 0.5))
    found = outreach([lacking("a", 1000, 50)], known, budget=10_000.0).plan
    assert found
    assert [(one.channel, one.cost) for one in found.places] == [("Cheap", pytest.approx(110, abs=1))]


def test_the_example_says_that_its_numbers_are_made_up_and_works() -> None:
    known = parse_channels(example(), "channels.toml")
    assert "MADE UP" in example()
    assert "made-up" in known.source
    found = outreach([lacking("a", 30_000, 300)], known, budget=3000.0)
    assert isinstance(found, Outreach)
    assert found.plan
    assert math.isfinite(found.places[0].offers[0].cost_per_voice.high)
    assert [one.cost_per_voice.value for one in found.places[0].offers] == sorted(
        one.cost_per_voice.value for one in found.places[0].offers
    )


GOOD = 'currency = "EUR"\nsource = "us"\n[[channel]]\nid = "post"\nname = "Post"\nfixed = 1\nper_contact = 1\n' \
    "answers = 0.1\nanswers_low = 0.05\nanswers_high = 0.2\n"  # fmt: skip


@pytest.mark.parametrize(
    ("was", "now", "why"),
    [
        ("answers = 0.1", "answers = 0.3", "outside"),
        ("answers = 0.1", "answers = 1.5", "answers"),
        ("fixed = 1\nper_contact = 1", "fixed = 0\nper_contact = 0", "costs nothing"),
        ("fixed = 1", "fixed = -1", "fixed"),
        ("fixed = 1", "fixed = nan", "fixed"),
        ("fixed = 1", "prize = 1", "unknown key 'prize'"),
        ('currency = "EUR"', 'currency = "euro"', "currency"),
        ("[[channel]]", "[[channels]]", "channel"),
    ],
)
def test_a_mistake_in_the_file_is_named(was: str, now: str, why: str) -> None:
    parse_channels(GOOD, "channels.toml")
    with pytest.raises(SettingsError, match=why):
        parse_channels(GOOD.replace(was, now), "channels.toml")
    with pytest.raises(SettingsError, match="two channels"):
        parse_channels(GOOD + GOOD.split("\n", 2)[2], "channels.toml")


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_that_is_none_is_refused(budget: float) -> None:
    with pytest.raises(UserError, match="no amount"):
        outreach([lacking("a", 100, 5)], channels(channel("post", 1, 1, 0.1)), budget=budget)


def test_without_silent_places_nothing_is_proposed() -> None:
    found = outreach([], channels(channel("post", 1, 1, 0.1)), budget=10.0)
    assert found.finding == "No place is clearly heard too little."
    assert found.plan
    assert not found.plan.places
    assert np.isfinite(found.plan.voices.high)

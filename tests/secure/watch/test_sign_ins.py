"""Guessing is found, and honest people are not called guessers: rates over simulated traces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from cityward.core.clock import rng
from cityward.guard.sign_ins import SCHEMA
from cityward.secure.access.throttle import PAIR
from cityward.secure.watch.sign_ins import DAY_US, MINUTE_US, guessing
from cityward.secure.watch.usual import limit_of

Row = tuple[int, str, str, str, str]
NOW = 40 * DAY_US
WEEK = NOW - 7 * DAY_US
PEOPLE, NETWORKS = 120, 12
SEEDS = range(30)


def honest(seed: int) -> list[Row]:
    """A week of a town hall: most mornings, one network for most, typing errors, a few who forgot."""
    random, rows = rng(seed, "honest"), []
    for person in range(PEOPLE):
        home = int(random.integers(1, NETWORKS))
        for day in range(7):
            if random.random() < 0.3:
                continue
            network = "hall" if random.random() < 0.8 else f"home{home}"
            at = WEEK + day * DAY_US + int(random.normal(8.5 * 60, 25)) * MINUTE_US
            wrong = int(min(random.geometric(0.7) - 1, 5)) + (4 if random.random() < 0.01 else 0)
            device = "" if random.random() < 0.3 else f"device{person}"
            tries = [at + number * MINUTE_US // 3 for number in range(wrong)]
            rows += [(moment, f"p{person}", network, device, "wrong") for moment in tries]
            if random.random() < 0.98:
                rows.append((at + wrong * MINUTE_US, f"p{person}", network, device, "right"))
    return rows


def brute(random: np.random.Generator) -> list[Row]:
    begin = WEEK + int(random.integers(1, 6 * 24 * 60)) * MINUTE_US
    tries = int(random.integers(20, 200))
    return [(begin + int(number * 20e6), "p3", "evil", "", "wrong") for number in range(tries)]


def spray(random: np.random.Generator) -> list[Row]:
    begin = WEEK + int(random.integers(1, 6 * 24 * 60)) * MINUTE_US
    accounts = random.permutation(PEOPLE)[: int(random.integers(15, 100))]
    return [(begin + int(number * 30e6), f"p{one}", "evil", "", "wrong") for number, one in enumerate(accounts)]


def slow(random: np.random.Generator) -> list[Row]:
    tries = int(random.integers(40, 90))
    every = 6 * DAY_US // tries
    return [(WEEK + number * every, "p5", f"evil{int(random.integers(0, 40))}", "", "wrong") for number in range(tries)]


def spread(random: np.random.Generator) -> list[Row]:
    begin, networks = WEEK + int(random.integers(0, 5)) * DAY_US + MINUTE_US, int(random.integers(40, 300))
    return [
        (
            begin + int(random.integers(0, 20 * 60)) * MINUTE_US,
            f"p{int(random.integers(0, 8))}",
            f"bot{bot}",
            "",
            "wrong",
        )
        for bot in range(networks)
        for _ in range(int(random.integers(1, 4)))
    ]


def frame(rows: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def test_honest_weeks_raise_nothing() -> None:
    found = [one.kind for seed in SEEDS for one in guessing(frame(honest(seed)), NOW)]
    assert found == []


@pytest.mark.parametrize(
    ("attack", "kind"),
    [(brute, "brute force"), (spray, "spraying"), (slow, "low and slow"), (spread, "distributed guessing")],
)
def test_guessing_among_honest_people_is_found(attack: Callable[[np.random.Generator], list[Row]], kind: str) -> None:
    hits = [
        kind in {one.kind for one in guessing(frame(honest(seed) + attack(rng(seed, kind))), NOW)} for seed in SEEDS
    ]
    assert sum(hits) >= 0.95 * len(hits)


def test_a_town_hall_on_a_bad_morning_is_no_spraying() -> None:
    """The sign-in was slow: everybody in one network mistyped twice, and got in."""
    rows = []
    for person in range(80):
        at = NOW - 60 * MINUTE_US + person * MINUTE_US // 4
        rows += [(at, f"p{person}", "hall", "", "wrong"), (at + 10, f"p{person}", "hall", "", "wrong")]
        rows += [(at + 20, f"p{person}", "hall", "", "right")]
    assert guessing(frame(rows), NOW) == []


def test_known_devices_and_old_attempts_do_not_count() -> None:
    rows = [(NOW - number * 1_000_000, "p1", "net", "device", "wrong") for number in range(100)]
    rows += [(WEEK - DAY_US - number * 1_000_000, "p1", "evil", "", "wrong") for number in range(100)]
    assert guessing(frame(rows), NOW) == []
    assert guessing(frame([]), NOW) == []


def test_who_guesses_as_fast_as_the_pace_of_sign_in_allows_is_found() -> None:
    """A limit above what the throttle lets through would never be reached."""
    rows, at = [], NOW - DAY_US
    for failures in range(20):
        at += 1_000_000 * PAIR.wait_seconds(failures)
        rows.append((at, "p3", "evil", "", "wrong"))
    assert [one.kind for one in guessing(frame(rows), NOW)] == ["brute force"]


def test_findings_name_digests_and_counts() -> None:
    (found,) = guessing(frame(brute(rng(1, "x"))), NOW)
    assert (found.key, found.accounts, found.networks) == ("p3", 1, 1)
    assert found.tries >= 12


def test_limit_of_a_usual_day() -> None:
    assert limit_of([100.0] * 6) is None
    assert limit_of([100, 120, 90, 110, 105, 95, 100]) == pytest.approx(220)
    assert limit_of([100, 120, 90, 110, 105, 95, 100, 5_000]) == pytest.approx(240)
    assert limit_of([0.0] * 30) == 0

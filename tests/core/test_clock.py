"""The clock and the random streams."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from cityward.core.clock import Clock, end_of_day, rng

NOON = datetime(2014, 6, 30, 12, tzinfo=UTC)


def test_a_clock_that_steps_back_is_held_still_until_time_catches_up() -> None:
    steps = [NOON, NOON - timedelta(hours=1), NOON - timedelta(seconds=1), NOON + timedelta(seconds=1)]
    readings = iter(steps)
    clock = Clock(lambda: next(readings))
    assert [clock.now() for _ in steps] == [NOON, NOON, NOON, NOON + timedelta(seconds=1)]


def test_time_is_utc_whatever_the_source_says() -> None:
    west = NOON.astimezone(timezone(timedelta(hours=-5)))
    now = Clock.fixed(west).now()
    assert (now, now.utcoffset()) == (NOON, timedelta(0))


def test_two_clocks_do_not_share_their_past() -> None:
    Clock.fixed(NOON).now()
    assert Clock.fixed(NOON - timedelta(days=1)).now() == NOON - timedelta(days=1)


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        (date(2014, 6, 30), "UTC", datetime(2014, 6, 30, 23, 59, 59, 999999, tzinfo=UTC)),
        (date(2014, 6, 30), "America/Chicago", datetime(2014, 7, 1, 4, 59, 59, 999999, tzinfo=UTC)),
        # Clocks go forward during this day: it has 23 hours, and its end is already summer time.
        (date(2014, 3, 9), "America/Chicago", datetime(2014, 3, 10, 4, 59, 59, 999999, tzinfo=UTC)),
        (date(2014, 12, 31), "Asia/Tokyo", datetime(2014, 12, 31, 14, 59, 59, 999999, tzinfo=UTC)),
    ],
)
def test_the_end_of_a_day_is_a_local_midnight(day: date, zone: str, expected: datetime) -> None:
    assert end_of_day(day, zone) == expected


def test_equal_purposes_give_equal_streams() -> None:
    assert np.array_equal(rng(7, "scan", "carts").random(5), rng(7, "scan", "carts").random(5))


@pytest.mark.parametrize("other", [(8, "scan", "carts"), (7, "scan", "carts "), (7, "scancarts"), (7, "scan")])
def test_other_purposes_and_seeds_give_other_streams(other: tuple[int, str]) -> None:
    assert not np.array_equal(rng(7, "scan", "carts").random(5), rng(*other).random(5))

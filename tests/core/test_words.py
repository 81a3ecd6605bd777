"""Shares, days and moments as people read them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from cityward.core import words


@pytest.mark.parametrize(
    ("share", "digits", "told"), [(0.509, 0, "51 %"), (0.509, 1, "50.9 %"), (0, 0, "0 %"), (12.5, 0, "1,250 %")]
)
def test_a_share_is_a_number_a_space_and_the_sign(share: float, digits: int, told: str) -> None:
    assert words.percent(share, digits) == told


def test_days_and_moments_are_read_and_not_decoded() -> None:
    first, last = date(2014, 6, 9), date(2014, 6, 30)
    assert words.day(last) == "30 June 2014"
    assert words.days(first, last) == "from 9 June 2014 to 30 June 2014"
    assert words.days(last, last) == "on 30 June 2014"
    moment = datetime(2014, 6, 30, 21, 5, tzinfo=UTC)
    assert words.moment(moment) == "30 Jun 2014, 21:05 UTC"
    assert words.moment(moment, "America/Chicago") == "30 Jun 2014, 16:05 CDT"

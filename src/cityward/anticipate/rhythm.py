"""Rhythms: how many steps a day, a week and a year have, for series by day or by hour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Steps of a series: ``day``, ``week`` and ``year`` in steps, ``memory_weeks`` for its profile.

    A year has 52 whole weeks here, so that a step back lands on the same weekday.
    """

    name: Literal["D", "h"]
    day: int
    memory_weeks: int

    @property
    def week(self) -> int:
        """Steps of a week."""
        return 7 * self.day

    @property
    def year(self) -> int:
        """Steps of 52 weeks."""
        return 52 * self.week

    @property
    def shortest(self) -> int:
        """Steps below which nothing can be said about weekdays or spread: four weeks."""
        return 4 * self.week


DAILY: Final = Rhythm("D", 1, 26)
"""Half a year: long enough for quantiles of a weekday, short enough to follow a change."""

HOURLY: Final = Rhythm("h", 24, 8)
"""Eight weeks give eight values of each hour of the week."""

RHYTHMS: Final = {"D": DAILY, "h": HOURLY}

"""Shares, days and moments as people read them, on pages, in a terminal and in sentences that are kept.

Pure: no setting of the machine or its language is asked.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo


def percent(share: float, digits: int = 0) -> str:
    """``0.509`` → ``51 %``: a number, a space and the sign, as the SI Brochure (9th edition, 5.4.7) writes it."""
    return f"{100 * share:,.{digits}f} %"


def day(value: date) -> str:
    """``2014-06-30`` → ``30 June 2014``."""
    return f"{value:%-d %B %Y}"


def days(first: date, last: date) -> str:
    """``9 June 2014 to 30 June 2014``, or ``on 30 June 2014`` when it is one day."""
    return f"on {day(first)}" if first == last else f"from {day(first)} to {day(last)}"


def moment(value: datetime, time_zone: str = "UTC") -> str:
    """``2014-06-30T21:05Z`` → ``30 Jun 2014, 16:05 CDT``: in a time zone, with its name."""
    return f"{value.astimezone(ZoneInfo(time_zone)):%-d %b %Y, %H:%M %Z}"

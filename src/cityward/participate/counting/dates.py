"""Dates as files of elections write them: day.month.year, year-month-day, or a year alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

_DAY: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T].*)?|(\d{4})-(\d\d)-(\d\d)(?:[ T].*)?")


def day_of(text: str) -> date | None:
    """The day that a text begins with; None where it is none."""
    found = _DAY.fullmatch(text)
    if not found:
        return None
    day, month, year = (found[1], found[2], found[3]) if found[1] else (found[6], found[5], found[4])
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def first_and_last(meta: Mapping[str, str]) -> tuple[date | None, date | None]:
    """First and last day of voting; a year alone is meant as a whole."""
    begin, end = meta.get("date_begin", ""), meta.get("date_end", "")
    first = date(int(begin), 1, 1) if re.fullmatch(r"[12]\d{3}", begin) else day_of(begin)
    last = date(int(end), 12, 31) if re.fullmatch(r"[12]\d{3}", end) else day_of(end)
    return first, last

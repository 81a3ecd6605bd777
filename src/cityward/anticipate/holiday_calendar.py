"""Holidays by name, from the library of that name; works offline. Needs the extra ``learn``."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from cityward.core.errors import UserError


def named_holidays(code: str, years: Iterable[int]) -> dict[date, str]:
    """Return the public holidays of a country (``US``) or one of its parts (``US-IL``), by date.

    Raises
    ------
    UserError
        There is no such calendar, or the library is not installed.
    """
    try:
        import holidays
    except ImportError as error:
        raise UserError(
            f"The holidays of '{code}' cannot be known: the library is not installed.",
            "Install it with 'pip install cityward[learn]', or go without a calendar.",
        ) from error
    country, _, part = code.strip().upper().partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=part or None, years=list(years))
    except (NotImplementedError, AttributeError, KeyError, ValueError) as error:
        raise UserError(
            f"There is no holiday calendar '{code}'.",
            "Use a country of ISO 3166 such as 'AU', with or without one of its parts, such as 'US-IL'.",
        ) from error
    return dict(sorted(found.items()))

"""Numbers and dates as people read them."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import Any

from markupsafe import Markup, escape

from cityward.console import tongue
from cityward.console.tongue import gettext, say
from cityward.core.identifiers import CASE_DECISION, kind_of


def unknown() -> str:
    """What stands in the place of a value that nobody knows: never a zero."""
    return say("not known")


def number(value: float | None, digits: int = 0) -> str:
    """``1234.5`` → ``1,235``; ``-7.9`` → ``−7.9``; None → not known, never zero."""
    return unknown() if value is None else tongue.number(value, digits)


def amount(value: float) -> str:
    """An expected count: one decimal while it is small."""
    return number(value, 0 if value >= 10 else 1)


def day(value: date | None) -> str:
    """``2014-06-30`` → ``30 June 2014``."""
    return unknown() if value is None else tongue.day(value)


def moment(value: datetime | str, time_zone: str) -> str:
    """A moment in the city's time zone, with the zone's name."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return unknown()
    return tongue.moment(value, time_zone)


def percent(value: float | None, digits: int = 1) -> str:
    """``0.985`` → ``98.5 %``; the space does not break, so that no sign begins a line."""
    return unknown() if value is None else tongue.percent(value, digits)


def span(low: float | None, high: float | None, digits: int = 2) -> str:
    """An interval: ``0.32 to 1.75``."""
    if low is None or high is None:
        return unknown()
    return say("%(low)s to %(high)s", low=number(low, digits), high=number(high, digits))


SCALE_MAX = 5.0


def on_scale(ratio: float) -> float:
    """Where a ratio stands between a fifth (0) and five times (100), by its logarithm; 1 is in the middle."""
    return round(50 + 50 * max(-1.0, min(1.0, math.log(max(ratio, 1e-9)) / math.log(SCALE_MAX))), 2)


def term(word: str, meaning: str) -> Markup:
    """A word with its meaning on hover, focus or long press."""
    return Markup('<dfn tabindex="0" title="{}">{}</dfn>').format(escape(meaning), escape(word))


def chart_words() -> dict[str, str]:
    """The words of charts, which a script draws from the numbers of the page."""
    return {
        "reports": say("reports"),
        "expected": say("expected"),
        "usual": say("usual range"),
        "mean": say("hourly mean"),
        "level": say("level"),
        "likely": say("8 days in 10"),
        "again": say("last week again"),
        "fading": say("fading"),
        "going": say("going on"),
        "interval": say("90 %% interval"),
        "exceeded": say("exceeded once in so many years"),
        "wide": say("95 %% interval"),
        "years": say("years"),
        "once": say("once in {years} years more than {value}"),
    }


def map_words() -> dict[str, str]:
    """The words of the controls of maps, by the names that the library gives them."""
    gesture = "CooperativeGesturesHandler."
    return {
        "Map.Title": say("Map"),
        "NavigationControl.ZoomIn": say("Zoom in"),
        "NavigationControl.ZoomOut": say("Zoom out"),
        gesture + "WindowsHelpText": say("Use Ctrl and scroll to zoom the map"),
        gesture + "MacHelpText": say("Use ⌘ and scroll to zoom the map"),
        gesture + "MobileHelpText": say("Use two fingers to move the map"),
    }


_PAGES = {
    "need": "/needs/{}",
    "proposal": "/proposals/{}",
    "plan": "/plan?id={}",
    "order": "/work/{}",
    "warning": "/ahead#{}",
    "appeal": "/appeals/{}",
    CASE_DECISION: "/decisions/{}",
}
"""Kinds that have a page of their own; every other identifier is explained."""

_IDENTIFIER = re.compile(r"(?<![0-9A-Za-z])[A-Z]-[0-9a-f]{10}(?:[0-9a-f]{6})?(?![0-9A-Za-z])")


def where(identifier: str) -> str:
    """Where one reads of what an identifier names."""
    return _PAGES.get(kind_of(identifier) or "", "/explain/{}").format(identifier)


def named(text: str) -> list[str]:
    """Identifiers that a text names, each once, in their order."""
    return list(dict.fromkeys(one for one in _IDENTIFIER.findall(text) if kind_of(one)))


def linked(text: str) -> Markup:
    """A text as text, in which each identifier leads to why."""
    done, parts = 0, []
    for match in _IDENTIFIER.finditer(text):
        if kind_of(match[0]):
            parts += [
                escape(text[done : match.start()]),
                Markup('<a class="id" href="/explain/{0}">{0}</a>').format(match[0]),
            ]
            done = match.end()
    return Markup("").join([*parts, escape(text[done:])])


def filters(time_zone: str) -> dict[str, Any]:
    """All of the above, as template filters."""
    return {
        "number": number,
        "amount": amount,
        "day": day,
        "percent": percent,
        "on_scale": on_scale,
        "linked": linked,
        "moment": lambda value: moment(value, time_zone),
        "said": lambda value: gettext(str(value)),
        "english": tongue.english,
    }

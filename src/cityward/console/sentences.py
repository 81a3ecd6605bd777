"""Sentences of records in the language of the reader, composed from the fields that hold what they say.

What enters: a need, silence, early warning or proposal. What leaves: its line on a page. In English it is the sentence
that is kept in the register and the ledger; in another language the same is said from the same fields. A record whose
fields do not tell enough keeps its English sentence, marked as English.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from cityward.console.tongue import english, language, number, say, say_many, weekday
from cityward.console.words import amount, day
from cityward.core.records import ALL_SERVICES, EarlyWarning, Need, Proposal, Silence


def sentence(record: Any) -> object:
    """What a record says of itself, on a page."""
    compose = _COMPOSED.get(type(record))
    if language() == "en" or compose is None:
        kept = record["sentence"] if isinstance(record, dict) else record.sentence
        return english(kept)
    return compose(record)


def title(proposal: Proposal) -> object:
    """What a proposal proposes."""
    if language() == "en":
        return proposal.title
    for pattern, told in _TITLES:
        found = pattern.fullmatch(proposal.title)
        if found:
            return told(*found.groups())
    return english(proposal.title)


def chance(kept: str) -> object:
    """How often chance alone would show the like: ``by chance once in 2.7 years``."""
    found = _CHANCE.fullmatch(kept)
    if language() == "en" or not found:
        return english(kept)
    count = float(found[2].replace(",", ""))
    if found[3] == "years":
        time = say("%(num)s years", num=number(count, 1))
    else:
        time = say_many("%(num)s day", "%(num)s days", round(count))
    if found[1]:
        return say("by chance less than once in %(time)s", time=time)
    return say("by chance once in %(time)s", time=time)


def caveat(kept: str) -> object:
    """A reservation of a need."""
    if language() == "en":
        return kept
    for pattern, told in _CAVEATS:
        found = pattern.fullmatch(kept)
        if found:
            return told(*found.groups())
    return english(kept)


def _need(need: Need) -> str:
    return say("%(what)s, %(where)s, %(when)s.", what=_reported(need), where=_where(need), when=_when(need))


def _reported(need: Need) -> str:
    expected = amount(need.expected)
    if need.service == ALL_SERVICES:
        return say_many(
            "%(num)s report across all services, where %(expected)s were expected",
            "%(num)s reports across all services, where %(expected)s were expected",
            need.observed, expected=expected,
        )  # fmt: skip
    return say_many(
        "%(num)s report of “%(service)s”, where %(expected)s were expected",
        "%(num)s reports of “%(service)s”, where %(expected)s were expected",
        need.observed, service=need.service, expected=expected,
    )  # fmt: skip


def _where(need: Need) -> str:
    if len(need.names) == 1:
        return say("in %(area)s", area=need.names[0])
    return say("in %(num)s areas around %(area)s", num=len(need.names), area=need.names[0])


def _when(need: Need) -> str:
    if need.starts == need.ends:
        return say("on %(day)s", day=day(need.starts))
    return say("since %(day)s", day=day(need.starts))


def _silence(silence: Silence) -> str:
    if not silence.heard:
        return say(
            "%(area)s is quieter than places like it: in a year we heard nothing, where we would expect %(expected)s "
            "reports. Ask there; do not assume that all is well.",
            area=silence.name, expected=number(silence.expected),
        )  # fmt: skip
    return say(
        "%(area)s is quieter than places like it: we hear %(ratio)s times what we would expect (%(low)s to %(high)s). "
        "Ask there; do not assume that all is well.",
        area=silence.name, ratio=number(silence.ratio, 1), low=number(silence.ratio_low, 1),
        high=number(silence.ratio_high, 1),
    )  # fmt: skip


def _warning(warning: EarlyWarning) -> str:
    return say(
        "%(area)s will probably send more reports of “%(service)s” in the next %(days)s days than can be done: about "
        "%(expected)s (%(low)s to %(high)s), where %(capacity)s can be done.",
        area=warning.name, service=warning.service, days=warning.horizon_days, expected=number(warning.expected),
        low=number(warning.low), high=number(warning.high), capacity=number(warning.capacity),
    )  # fmt: skip


_COMPOSED: Final[dict[type, Callable[[Any], str]]] = {Need: _need, Silence: _silence, EarlyWarning: _warning}

_CHANCE: Final = re.compile(r"by chance (less than )?once in ([\d,.]+) (years|days)")


def _look_into(what: str, count: str | None, where: str) -> str:
    if what == "reports of all kinds":
        what = say("reports of all kinds")
    if count:
        return say("Look into “%(what)s” in %(count)s areas around %(where)s", what=what, count=count, where=where)
    return say("Look into “%(what)s” in %(where)s", what=what, where=where)


_TITLES: Final[tuple[tuple[re.Pattern[str], Callable[..., str]], ...]] = (
    (re.compile(r"Look into (.+) in (?:(\d+) areas around )?(.+)"), _look_into),
    (re.compile(r"Ask in (.+) what is missing"), lambda area: say("Ask in %(area)s what is missing", area=area)),
    (
        re.compile(r"Prepare for more reports of “(.+)” in (.+)"),
        lambda what, area: say("Prepare for more reports of “%(service)s” in %(area)s", service=what, area=area),
    ),
)
"""A title holds its names alone in itself, not in fields; so they are read from it (`cityward.act.propose`)."""

_CAVEATS: Final[tuple[tuple[re.Pattern[str], Callable[..., str]], ...]] = (
    (
        re.compile(r"Only (\d+) reports: a small number, easily moved by chance\."),
        lambda count: say("Only %(count)s reports: a small number, easily moved by chance.", count=count),
    ),
    (
        re.compile(r"More than half of the reports came on one day: it may be a batch of data entry, not a need\."),
        lambda: say("More than half of the reports came on one day: it may be a batch of data entry, not a need."),
    ),
    (
        re.compile(r"None of ([\d,]+) shuffles was as strong: the true recurrence is longer than shown\."),
        lambda count: say(
            "None of %(count)s shuffles was as strong: the true recurrence is longer than shown.",
            count=number(int(count.replace(",", ""))),
        ),
    ),
)
"""As `cityward.know.needs` writes them; a test compares the two."""


def filters() -> dict[str, Callable[..., object]]:
    """All of the above, as template filters."""
    return {"sentence": sentence, "titled": title, "chance": chance, "caveat": caveat, "weekday": weekday}

"""What the pages *Silence* and *Compare* show: how every territory is heard, and how sure that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cityward.city.outreaching import outreach_of
from cityward.city.turn import Turn
from cityward.console.tongue import listed, marked, problem_of, say
from cityward.core.errors import UnknownId, UserError
from cityward.core.records import Heard

if TYPE_CHECKING:
    from cityward.city import City

VERDICTS = (marked("quieter"), "cannot tell", marked("as others"), marked("more"))
"""In the order of the table: the finding first, then what is not known."""

CANNOT_TELL = marked("cannot tell")

_COLUMNS: dict[str, tuple[str, Callable[[Heard], Any]]] = {
    "name": (marked("Place"), lambda place: place.name),
    "heard": (marked("Heard in a year"), lambda place: place.heard),
    "expected": (marked("Expected"), lambda place: place.expected),
    "ratio": (marked("Heard over expected"), lambda place: place.ratio),
    "verdict": (marked("Beside places like it"), lambda place: (VERDICTS.index(place.verdict), place.ratio or 0.0)),
    "readiness": (marked("How readily residents report"), lambda place: place.readiness),
    "told": (marked("Verdict on that"), lambda place: place.readiness_verdict),
}


def silence_page(turn: Turn | None, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the places in the order that is asked for, and their verdicts counted.

    A column or direction that does not exist gives the usual order: by verdict, the quietest first.
    """
    places = list(turn.heard) if turn else []
    column = query.get("sort", "") if query.get("sort") in _COLUMNS else "verdict"
    descending = query.get("order") == "descending"
    verdicts = Counter(place.verdict for place in places)
    return {
        "places": _in_order(places, _COLUMNS[column][1], descending=descending),
        "verdicts": {name: verdicts[name] for name in VERDICTS},
        "quiet": [place.name for place in places if place.verdict == marked("quieter")],
        "columns": {name: label for name, (label, _) in _COLUMNS.items()},
        "sort": column,
        "order": "descending" if descending else "ascending",
        "silence_of": {silence.territory: silence.id for silence in (turn.silences if turn else ())},
    }


def outreach_table(city: City) -> dict[str, Any]:
    """Return how to hear the silent places at least cost, or why that is not known."""
    try:
        return {"outreach": outreach_of(city), "outreach_unknown": ""}
    except UserError as error:
        return {"outreach": None, "outreach_unknown": problem_of(error)}


def compare_page(turn: Turn | None, query: Mapping[str, str]) -> dict[str, Any]:
    """Return two places side by side and a sentence that orders them only if that is clear.

    Raises
    ------
    UnknownId
        One of the two is not a place of the turn.
    UserError
        Both are the same.
    """
    by_id = {place.territory: place for place in (turn.heard if turn else ())}
    a, b = query.get("a", ""), query.get("b", "")
    if any(wanted and wanted not in by_id for wanted in (a, b)):
        raise UnknownId(
            say("There is no place with that identifier."), say("Choose both places from the lists on /compare.")
        )
    if a and a == b:
        raise UserError(
            say("That is the same place twice."), say("Choose two different places from the lists on /compare.")
        )
    pair = [by_id[a], by_id[b]] if a and b else []
    needs = turn.needs if turn else ()
    return {
        "names": sorted(((place.territory, place.name) for place in by_id.values()), key=lambda pair: pair[1]),
        "a": a,
        "b": b,
        "pair": pair,
        "rates": [1000 * place.heard / place.population if place.population else None for place in pair],
        "needs": [[need for need in needs if place.territory in need.territories] for place in pair],
        "verdict": compared(*pair) if pair else "",
        "readiness": compared_readiness(*pair) if pair else "",
    }


def compared(one: Heard, other: Heard) -> str:
    """Say which of two places is heard less, each beside places like it, or that it cannot be said."""
    unknown = [place.name for place in (one, other) if place.ratio is None]
    if unknown:
        return say(
            "We cannot tell which is heard less: there is nothing to compare %(places)s with.", places=listed(unknown)
        )
    less, more = sorted((one, other), key=lambda place: place.ratio or 0.0)
    if (less.ratio_high or 0.0) >= (more.ratio_low or 0.0):
        return say(
            "We do not say whether %(one)s or %(other)s is heard less: the difference may be chance.",
            one=one.name,
            other=other.name,
        )
    return say("%(less)s is heard less than %(more)s, each beside places like it.", less=less.name, more=more.name)


def compared_readiness(one: Heard, other: Heard) -> str:
    """Say where residents report less readily, or that it cannot be said."""
    if CANNOT_TELL in (one.readiness_verdict, other.readiness_verdict):
        return say("Where residents report more readily we cannot tell.")
    less, more = sorted((one, other), key=lambda place: place.readiness)
    if less.readiness_high >= more.readiness_low:
        return say("Whether residents report more readily in one of the two may be chance.")
    return say("Residents of %(less)s report less readily than those of %(more)s.", less=less.name, more=more.name)


def _in_order(places: Sequence[Heard], key: Callable[[Heard], Any], *, descending: bool) -> list[Heard]:
    """Sorted by ``key``, then name; what is not known comes last either way."""
    known = sorted((place for place in places if key(place) is not None), key=lambda place: place.name)
    known.sort(key=key, reverse=descending)
    return known + sorted((place for place in places if key(place) is None), key=lambda place: place.name)

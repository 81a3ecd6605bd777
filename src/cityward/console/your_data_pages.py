"""The public page *Your data*: what the city keeps of residents, told from what is really configured.

Enters: mappings, grants, retention and releases. Leaves: plain words in the language of the reader. Never: anything
about a single person, an account, a script.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from cityward.console.resident_pages import Pace
from cityward.console.resident_texts import TEXTS
from cityward.console.tongue import LANGUAGES, day_in
from cityward.console.visitors import address_of, language_asked
from cityward.console.your_data_texts import PURPOSE_WORDS, YOUR_DATA
from cityward.core.clock import monotonic
from cityward.core.persons import months_after
from cityward.guard.open_data import name_of
from cityward.private.purposes import PURPOSES
from cityward.sense.mapping import Mapping

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console

PARTS: Final = {"who": ("person",), "words": ("text",), "where": ("address", "lon", "lat")}
"""What of a report can lead to a person, by the columns that hold it."""

FRANKNESS: Final = ("public", "free-text", "location-of-person", "personal")
"""Field classes of which something is kept, the one that tells most first; of the others nothing is."""

RIGHTS: Final = ("access", "rectify", "erase", "object", "restrict")
OWN: Final = "cityward-"
"""How the readers begin that are parts of cityward: programs of the city, but for `PEOPLE`."""

PEOPLE: Final = "cityward-operator"
"""The reader by which the city's people see work orders, with what residents answered."""


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/your-data``."""
    pace = Pace()

    @router.get("/your-data")
    def your_data(request: Request) -> HTMLResponse:
        language = language_asked(request)
        slow = not pace.allows(address_of(request), monotonic())
        shown = {"title": TEXTS[language]["slow"]} if slow else told(console.city, language)
        html = console.templates.get_template("your_data.html").render(
            city=console.city.name,
            language=language,
            languages=LANGUAGES,
            path="/your-data",
            slow=slow,
            text={**TEXTS[language], **YOUR_DATA[language]},
            **shown,
        )
        return HTMLResponse(
            html, 429 if slow else 200, headers={"cache-control": "no-cache", "vary": "accept-language"}
        )


def told(city: City, language: str) -> dict[str, Any]:
    """What the page says of a city, in a language."""
    text = YOUR_DATA[language]
    sources = [one for one in city.mappings().values() if isinstance(one, Mapping)]
    if any(one["source"] == city.portal.mapping.source for one in city.conservation()["by_source"]):
        sources.append(city.portal.mapping)
    rows = sum(one.rows for one in city.refusals() if one.field_class == "biometric")
    return {
        "title": text["title"].format(city=city.name),
        "kept": list(_kept(city, sources, language)) if sources else [],
        "nameless": bool(sources) and _class_of(sources, PARTS["who"]) is None,
        "purposes": list(_purposes(city, sources, language)),
        "turned_away": text["turned_away"].format(rows=_number(rows, language)) if rows else "",
        "published": _published(city, language),
        "ask_who": text["ask_who"].format(city=city.name),
        "contact": text["contact"].format(contact=contact) if (contact := city.settings.privacy.contact) else "",
        "rights": [text[f"right-{right}"] for right in RIGHTS],
        "time": text["time"].format(day=day_in(language, months_after(city.today, 1))),
    }


# -- what is kept --------------------------------------------------------------------------------------


def _kept(city: City, sources: list[Mapping], language: str) -> Iterator[tuple[str, str, str]]:
    """What, how, and for how long."""
    text, limits = YOUR_DATA[language], city.settings.retention
    own = {"who": limits.personal, "words": limits.free_text, "where": limits.location}
    yield text["what"], text["as-public"], _until((limits.interactions,), language)
    for part, columns in PARTS.items():
        kept = _class_of(sources, columns)
        until = _until((own[part], limits.interactions), language) if kept else ""
        yield text[part], text[f"as-{kept or 'none'}"], until
    yield text["answers"], text["as-free-text"], _until((limits.answers,), language)


def _class_of(sources: list[Mapping], columns: tuple[str, ...]) -> str | None:
    """The class of those columns by which most is kept; None when nothing is."""
    found = {one.class_of(name) for one in sources for name in columns if name in one.sources()}
    return next((name for name in FRANKNESS if name in found), None)


def _until(limits: tuple[int | None, ...], language: str) -> str:
    days = min((one for one in limits if one), default=None)
    text = YOUR_DATA[language]
    return text["no_limit"] if days is None else text["days"].format(days=_number(days, language))


# -- why, and what left --------------------------------------------------------------------------------


def _purposes(city: City, sources: list[Mapping], language: str) -> Iterator[tuple[str, str, str]]:
    """Each purpose for which reports are read: its words, its readers, and what of a person they see."""
    text = YOUR_DATA[language]
    held = {part: columns for part, columns in PARTS.items() if _class_of(sources, columns)}
    held["answers"] = ("words",)
    grants = [one for one in city.keeper.grants().in_force().values() if one.table != "observations"]
    for purpose in PURPOSES.values():
        mine = [grant for grant in grants if grant.purpose == purpose.id]
        if not mine:
            continue
        readers = {_named(grant.reader, language) for grant in mine}
        fields = {name for grant in mine for name in grant.fields}
        sees = ", ".join(text[f"field-{part}"] for part, columns in held.items() if fields.intersection(columns))
        words = PURPOSE_WORDS.get(language, {}).get(purpose.id, purpose.words)
        yield (
            f"{words[0].upper()}{words[1:]}",
            ", ".join(sorted(readers)),
            text["sees"].format(fields=sees) if sees else text["sees_nothing"],
        )


def _named(reader: str, language: str) -> str:
    """A reader in the words of residents; whoever is no part of cityward by its own name."""
    if reader.startswith(OWN):
        return YOUR_DATA[language]["people" if reader == PEOPLE else "programs"]
    return reader


def _published(city: City, language: str) -> dict[str, str] | None:
    """How many tables were published, and what the newest may be off by."""
    releases, text = city.releases.all(), YOUR_DATA[language]
    if not releases:
        return None
    newest = releases[-1]
    first, last = (day_in(language, one) for one in (newest.request.first, newest.request.last))
    error = _number(newest.error_95, language)
    return {
        "count": text["published_told"].format(count=_number(len(releases), language)),
        "newest": text["newest"].format(first=first, last=last, error=error),
        "file": f"/open/{name_of(newest)}/data.csv",
    }


def _number(value: float, language: str) -> str:
    """A number as people of a language write it: ``1,234.5`` or ``1.234,5``."""
    told = f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
    return told if language == "en" else told.translate(str.maketrans(",.", ".,"))

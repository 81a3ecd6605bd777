"""The page *Grants*: who may read what, what is held until when, and who looked of late, or tried to.

Each section is a function that returns what its part of the page shows; `SECTIONS` puts them in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from cityward.console.tongue import marked, say
from cityward.private.grants import PERSONAL, ROW_IDS, SPECIAL, sentences

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console

CONSULTS_SHOWN: Final = 50

CLASSES: Final = (
    (marked("persons, under pseudonyms"), frozenset({"person"})),
    (marked("names of the city's people"), frozenset({"people"})),
    (marked("free text, redacted"), SPECIAL),
    (marked("places"), frozenset({"lon", "lat", "address"})),
    (marked("identifiers of reports"), ROW_IDS),
)
"""Classes of fields that lead to persons, in the words of the page; all else is public."""


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/grants``."""

    @router.get("/grants")
    def grants(request: Request) -> HTMLResponse:
        shown: dict[str, Any] = {}
        for section in SECTIONS:
            shown |= section(console.city)
        return console.page(request, "grants.html", **shown)


def _granted(city: City) -> dict[str, Any]:
    """Grants in force by reader, in plain words, and what is wrong with the others."""
    checked = city.keeper.grants()
    readers: dict[str, list[tuple[str, list[str]]]] = {}
    for name, grant in sorted(checked.in_force().items()):
        readers.setdefault(grant.reader, []).append((name, sentences(grant)))
    return {"readers": sorted(readers.items()), "problems": checked.problems}


def _held(city: City) -> dict[str, Any]:
    """What is held by class, who sees it, and until when a reader may keep it."""
    found, seen = city.keeper.grants().in_force(), []
    for words, fields in (*CLASSES, (marked("all else"), None)):
        mine = [
            grant
            for grant in found.values()
            if grant.table != "observations"
            and (fields & set(grant.fields) if fields is not None else set(grant.fields) - PERSONAL)
        ]
        seen.append(
            {
                "what": say(words),
                "purposes": sorted({grant.purpose for grant in mine}),
                "until": max((grant.valid_until for grant in mine), default=None),
                "days": max((grant.retention_days for grant in mine), default=None),
            }
        )
    return {"held": seen}


def _looked(city: City) -> dict[str, Any]:
    """Who looked of late, from the receipts; a look that was refused saw nothing and is among them."""
    return {"looks": [(one, city.receipt_of(one.id)) for one in city.keeper.consults(CONSULTS_SHOWN)]}


SECTIONS: Final[tuple[Callable[[City], dict[str, Any]], ...]] = (_granted, _held, _looked)
"""What the page is made of; a new section adds its function here and its part to ``grants.html``."""

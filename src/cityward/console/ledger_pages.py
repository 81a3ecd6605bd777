"""The page *Ledger*: the newest entries, older ones, and every step behind one identifier."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from cityward.console import words
from cityward.core.errors import CitywardError
from cityward.core.identifiers import kind_of
from cityward.secure.ledger import Verification

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console

PAGE_ENTRIES: Final = 25

TRAIL_IDS: Final = 40
"""Most identifiers that are followed back; the way from a warning to an order has eight."""

FOLLOWED: Final = frozenset({"order", "decision", "proposal", "plan"})
"""Kinds whose explanation names what they rest on."""

LEFT_OUT: Final = frozenset({"job", "case"})
"""Kinds that leave no entry of their own."""

ENTRIES_SEARCHED: Final = 50_000
"""The newest entries that are searched: a few seconds of reading, years of a city's decisions."""

ENTRIES_SHOWN: Final = 200


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/ledger``; to send its form re-computes it."""

    @router.get("/ledger")
    def ledger(request: Request) -> HTMLResponse:
        return show(request)

    @router.post("/ledger")
    def verify(request: Request) -> HTMLResponse:
        return show(request, console.city.verify())

    def show(request: Request, proof: Verification | None = None) -> HTMLResponse:
        city, query = console.city, request.query_params
        about = query.get("about", "").strip()[:60]
        end = _end(query.get("before"), city.ledger_size)
        start = max(0, end - PAGE_ENTRIES)
        return console.page(
            request,
            "ledger.html",
            about=about,
            entries=steps(city, trail(city, about)) if about else city.ledger_entries(start, end - start)[::-1],
            older=start if start and not about else 0,
            newest=end == city.ledger_size,
            checkpoint=city.checkpoint(),
            proof=proof,
        )


def _end(text: str | None, size: int) -> int:
    return min(int(text), size) if text and text.isascii() and text.isdigit() and len(text) < 12 else size


def trail(city: City, identifier: str) -> list[str]:
    """Return ``identifier``, what was proposed and decided about it, and all that it rests on, back to a finding."""
    found = [identifier]
    proposals = [one.id for one in city.proposals() if one.about == identifier]
    found += proposals
    found += [one.id for one in city.decisions() if one.proposal in {*proposals, identifier}]
    at = 0
    while at < len(found) < TRAIL_IDS:
        one, at = found[at], at + 1
        if kind_of(one) in FOLLOWED:
            found += [name for name in _names(city, one) if name not in found and kind_of(name) not in LEFT_OUT]
    return found[:TRAIL_IDS]


def _names(city: City, identifier: str) -> list[str]:
    try:
        told = city.explain(identifier)
    except CitywardError:
        return []
    return list(dict.fromkeys(name for _, text in told.evidence for name in words.named(text)))


def steps(city: City, identifiers: list[str]) -> list[dict[str, Any]]:
    """Return the entries about any of ``identifiers``, the oldest first; a changed plan brings the one before it."""
    found: list[dict[str, Any]] = []
    wanted, end = set(identifiers), city.ledger_size
    first = max(0, end - ENTRIES_SEARCHED)
    while end > first and len(found) < ENTRIES_SHOWN:
        start = max(first, end - 1_000)
        for entry in city.ledger_entries(start, end - start)[::-1]:
            if entry["subject"] in wanted:
                found.append(entry)
                wanted.add(entry["facts"].get("before", ""))
        end = start
    return found[:ENTRIES_SHOWN][::-1]

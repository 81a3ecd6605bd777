"""The page *Systems*: which algorithms the city uses, who answers for each, and how to contest what comes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from cityward.answerable.register.annex_iii import USES
from cityward.answerable.register.forms import TITLES
from cityward.answerable.register.publish import metric_told
from cityward.answerable.register.shape import DUTIES
from cityward.console.audit_pages import audits_of
from cityward.core.errors import UnknownId

if TYPE_CHECKING:
    from cityward.city.registered import Standing
    from cityward.console.pages import Console

STATES: Final = {
    "approved": "approved",
    "not approved": "not approved by anybody",
    "edited after approval": "edited after its approval",
    "ended": "not in use any more",
}


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/systems``, the page of each system, and its records in the forms of public registers."""

    @router.get("/systems")
    def register(request: Request) -> HTMLResponse:
        systems = console.city.systems
        found, problems = systems.all(), systems.read().problems
        return console.page(
            request,
            "systems.html",
            headline=headline(found),
            systems=found,
            states=STATES,
            problems=problems,
            unproved=systems.unproved(),
        )

    @router.get("/systems/{name}")
    def card(request: Request, name: str) -> HTMLResponse:
        return console.page(request, "system.html", **_card(console.city.systems.get(name)))

    @router.get("/systems/{name}/{form}.json")
    def record(name: str, form: str) -> Response:
        if form not in TITLES:
            raise UnknownId(f"There is no form '{form[:40]}'.", f"Forms: {', '.join(TITLES)}.")
        return JSONResponse(console.city.systems.published(name, form)[0])


def headline(systems: Sequence[Standing]) -> str:
    """The finding: how many systems, and what is wrong with them first."""
    used = [one for one in systems if one.state != "ended"]
    if not used:
        return "No system is in use here"
    told = f"{len(used)} systems propose" if len(used) > 1 else "One system proposes"
    edited = sum(one.state == "edited after approval" for one in used)
    new = sum(one.state == "not approved" for one in used)
    open_ = sum(bool(one.unaccepted) for one in used)
    wrong = []
    if edited:
        wrong.append(f"{_many(edited)} {'was' if edited == 1 else 'were'} edited after approval")
    if new:
        wrong.append(f"{_many(new)} {'is' if new == 1 else 'are'} approved by nobody")
    if open_:
        wrong.append(f"{_many(open_)} {'has' if open_ == 1 else 'have'} a duty that nobody has accepted")
    return f"{told} here: {', '.join(wrong)}" if wrong else f"{told} here, and every duty is accepted"


def _many(count: int) -> str:
    return "one" if count == 1 else str(count)


def _card(standing: Standing) -> dict[str, Any]:
    system = standing.system
    return {
        "standing": standing,
        "system": system,
        "finding": _finding(standing),
        "states": STATES,
        "duties": DUTIES,
        "audits": audits_of(standing.events),
        "events": [one for one in reversed(standing.events) if one.what != "audited"],
        "uses": [f"{point}: {USES[point]}" for point in system.annex_iii],
        "metrics": [metric_told(one) for one in system.evaluation],
        "forms": TITLES,
    }


def _finding(standing: Standing) -> str:
    """What a resident should know first of a system."""
    if standing.state == "ended":
        return "It is not used any more."
    if standing.suspended:
        return f"It is suspended: nothing is decided on its proposals. {standing.suspended.because}"
    if standing.state != "approved":
        consequence = (
            "Nothing is decided on its proposals until somebody approves it."
            if standing.strict
            else "Every decision on its proposals says so."
        )
        return f"This version is {STATES[standing.state]}. {consequence}"
    if standing.unaccepted:
        who = ", ".join(standing.unaccepted)
        consequence = (
            "Nothing is decided on its proposals until somebody does."
            if standing.strict
            else "Every decision on its proposals says so."
        )
        return f"Approved, but nobody has accepted the duty of {who}. {consequence}"
    return "Approved, and everybody who answers for it has signed that he does."

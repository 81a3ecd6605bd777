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
from cityward.console.tongue import gettext, listed, marked, say, say_many
from cityward.core.errors import UnknownId

if TYPE_CHECKING:
    from cityward.city.registered import Standing
    from cityward.console.pages import Console

STATES: Final = {
    "approved": marked("approved"),
    "not approved": marked("not approved by anybody"),
    "edited after approval": marked("edited after its approval"),
    "ended": marked("not in use any more"),
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
            raise UnknownId(
                say("There is no form '%(form)s'.", form=form[:40]), say("Forms: %(forms)s.", forms=", ".join(TITLES))
            )
        return JSONResponse(console.city.systems.published(name, form)[0])


def headline(systems: Sequence[Standing]) -> str:
    """The finding: how many systems, and what is wrong with them first."""
    used = [one for one in systems if one.state != "ended"]
    if not used:
        return say("No system is in use here")
    told = say_many("One system proposes here", "%(num)s systems propose here", len(used))
    edited = sum(one.state == "edited after approval" for one in used)
    new = sum(one.state == "not approved" for one in used)
    open_ = sum(bool(one.unaccepted) for one in used)
    wrong = []
    if edited:
        wrong.append(say_many("one was edited after approval", "%(num)s were edited after approval", edited))
    if new:
        wrong.append(say_many("one is approved by nobody", "%(num)s are approved by nobody", new))
    if open_:
        wrong.append(
            say_many("one has a duty that nobody has accepted", "%(num)s have a duty that nobody has accepted", open_)
        )
    if wrong:
        return f"{told}: {', '.join(wrong)}"
    return say_many(
        "One system proposes here, and every duty is accepted",
        "%(num)s systems propose here, and every duty is accepted",
        len(used),
    )


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
        return say("It is not used any more.")
    if standing.suspended:
        return say("It is suspended: nothing is decided on its proposals.") + f" {standing.suspended.because}"
    if standing.state != "approved":
        consequence = (
            say("Nothing is decided on its proposals until somebody approves it.")
            if standing.strict
            else say("Every decision on its proposals says so.")
        )
        return say("This version is %(state)s.", state=say(STATES[standing.state])) + f" {consequence}"
    if standing.unaccepted:
        who = listed([gettext(one) for one in standing.unaccepted])
        consequence = (
            say("Nothing is decided on its proposals until somebody does.")
            if standing.strict
            else say("Every decision on its proposals says so.")
        )
        return say("Approved, but nobody has accepted the duty of %(who)s.", who=who) + f" {consequence}"
    return say("Approved, and everybody who answers for it has signed that he does.")

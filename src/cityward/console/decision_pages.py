"""The pages of decisions of cases: what waits, one case with its evidence before its recommendation, and the watch."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cityward.answerable.reasons import facts
from cityward.console.asking import signed
from cityward.console.forms import fields_of, first_of
from cityward.console.tongue import marked, problem_of, say, say_many
from cityward.core.errors import Refused, UnknownId, UserError

if TYPE_CHECKING:
    from cityward.console.pages import Console

SHOWN: Final = 50
BATCHES_SHOWN: Final = 20
FIELDS_MAX: Final = 12

AGREED: Final = {
    True: marked("as the rule says"),
    False: marked("not what the rule says"),
    None: marked("the rule says nothing"),
}


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/decisions``, the page of each decision with its two forms, and the watch."""

    @router.get("/decisions")
    def decisions(request: Request) -> HTMLResponse:
        deciding = console.city.deciding
        found = deciding.overview(SHOWN)
        return console.page(
            request,
            "decisions.html",
            headline=headline(found.counts),
            counts=found.counts,
            waiting=found.waiting,
            decided=found.decided,
            batches=deciding.batches()[:BATCHES_SHOWN],
            shown=SHOWN,
            areas=console.city.area_names,
        )

    @router.get("/decisions/watch")
    def watch(request: Request) -> HTMLResponse:
        return console.page(request, "decisions_watch.html", people=console.city.deciding.watch())

    @router.get("/decisions/{identifier}")
    def decision(request: Request, identifier: str) -> HTMLResponse:
        return one(console, request, identifier)

    @router.post("/decisions/{identifier}/view")
    async def view(request: Request, identifier: str) -> Response:
        return await run_in_threadpool(
            own_view, console, request, identifier, first_of(fields_of(await request.body(), FIELDS_MAX))
        )

    @router.post("/decisions/{identifier}/settle")
    async def settle(request: Request, identifier: str) -> Response:
        return await run_in_threadpool(
            settled, console, request, identifier, first_of(fields_of(await request.body(), FIELDS_MAX))
        )


def headline(counts: dict[str, int]) -> str:
    """The finding: how many cases wait for a person."""
    waiting, done = counts["waiting"], counts["decided"] + counts["reversed"]
    if not waiting and not done:
        return say("No case was decided here yet")
    if not waiting:
        return say("No case waits for a person")
    return say_many("One case waits for a person", "%(num)s cases wait for a person", waiting)


def one(console: Console, request: Request, identifier: str, status: int = 200, **form: Any) -> HTMLResponse:
    """A decision; of one that waits the evidence alone, until somebody has written a view of his own."""
    deciding = console.city.deciding
    told = deciding.told(identifier, form.get("own_view"))
    decision = told.decision
    opened = form.pop("opened", None) or console.city.clock.now().isoformat()
    return console.page(
        request,
        "decision.html",
        status,
        told=told,
        decision=decision,
        asked=facts(decision.inputs, deciding.rule(decision)),
        areas=console.city.area_names,
        outcomes=deciding.outcomes(decision),
        agreed=say(AGREED[decision.agreed]),
        receipt=told.receipt,
        opened=opened,
        seal=deciding.sealed(identifier, opened, form.get("own_view", "")),
        form={"own_view": "", "outcome": "", "by": "", "competence": "", "because": "", "problem": "", **form},
    )


def own_view(console: Console, request: Request, identifier: str, fields: dict[str, str]) -> Response:
    """Take a person's own view, and only then show what the rule says."""
    opened = _opened(console, identifier, fields, "")
    try:
        if opened is None:
            raise UserError(say("This page was not opened here."), say("Say your view again."))
        view = console.city.deciding.view(identifier, fields.get("own_view", ""))
    except UnknownId:
        raise
    except (Refused, UserError) as error:
        return one(console, request, identifier, 422, problem=problem_of(error))
    return one(console, request, identifier, own_view=view, outcome=view, opened=opened)


def settled(console: Console, request: Request, identifier: str, fields: dict[str, str]) -> Response:
    """Take the decision; on a mistake show it again with everything that was typed."""
    view = fields.get("own_view", "")
    opened = _opened(console, identifier, fields, view)
    fields = signed(request, {"competence": "", **fields})
    typed = {name: fields.get(name, "") for name in ("outcome", "by", "competence", "because")}
    try:
        if opened is None or not view:
            raise UserError(
                say("Nobody has said a view of their own yet."), say("Say it before you see what the rule says.")
            )
        looked = (console.city.clock.now() - datetime.fromisoformat(opened)).total_seconds()
        console.city.deciding.settle(identifier, **typed, looked_seconds=looked, own_view=view)
    except UnknownId:
        raise
    except (Refused, UserError) as error:
        kept: dict[str, Any] = {} if opened is None else {"own_view": view, "opened": opened}
        return one(console, request, identifier, 422, problem=problem_of(error), **typed, **kept)
    return RedirectResponse(f"/decisions/{identifier}", 303)


def _opened(console: Console, identifier: str, fields: dict[str, str], view: str) -> str | None:
    """When the page was opened, if the seal says that it was, with this view."""
    opened, seal = fields.get("opened", ""), fields.get("seal", "")
    wanted = console.city.deciding.sealed(identifier, opened, view)
    return opened if opened and hmac.compare_digest(wanted.encode(), seal.encode()) else None

"""The page *Requests*: what waits for a second person, and the agreement to exactly that.

Enters: a press of a button by somebody who may. Leaves: what is asked, by whom, and its digest. Never: lets anybody
agree to what they asked themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cityward.console.asking import asker_of
from cityward.console.forms import fields_of, first_of
from cityward.console.tongue import english, problem_of, say
from cityward.core.errors import Refused, UnknownId, UserError

if TYPE_CHECKING:
    from cityward.console.pages import Console

FORM_BYTES = 4 * 2**10


def show(console: Console, request: Request, problem: object = "", status: int = 200) -> HTMLResponse:
    """What waits first, then what was answered."""
    city, asker = console.city, asker_of(request)
    every = city.four_eyes.all()
    waiting = [one for one in every if one.state == "waiting"]
    may = set()
    if asker is not None and asker.signed_in is not None:
        mine = asker.signed_in
        may = {
            one.id
            for one in waiting
            if one.by != mine.id and asker.may("answer-request", "Request", one.id, fresh=True).allowed
        }
    return console.page(
        request,
        "requests.html",
        status,
        waiting=waiting,
        answered=[one for one in every if one.state != "waiting"],
        may=may,
        words={action.id: english(action.words) for action in city.policies.actions.values()},
        stale=city.policies.problem,
        problem=problem,
    )


def answer(console: Console, request: Request, identifier: str, body: bytes) -> Response:
    """Take the press of a button; on a mistake show the page again."""
    fields = first_of(fields_of(body, 5, bytes_max=FORM_BYTES))
    asker = asker_of(request)
    try:
        if asker is None or asker.signed_in is None:
            raise Refused(
                "sign-in", say("Agreeing takes somebody who is signed in."), say("Sign in, then answer the request.")
            )
        if fields.get("answer") not in ("agree", "refuse"):
            raise UserError(say("Agree or refuse?"), say("Press one of the buttons."))
        agree = fields["answer"] == "agree"
        console.city.four_eyes.answer(identifier, asker.signed_in, fields.get("digest", ""), agree=agree)
    except UnknownId:
        raise
    except (Refused, UserError) as error:
        return show(console, request, problem_of(error), 422)
    console.city.settle_access()
    return RedirectResponse("/requests", 303)


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/requests``."""

    @router.get("/requests")
    def requests(request: Request) -> HTMLResponse:
        return show(console, request)

    @router.post("/requests/{identifier}")
    async def answered(request: Request, identifier: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(answer, console, request, identifier, body)

"""The page *Appeals*: who waits for an answer, who looks at what, what came of it, and what else rests on the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cityward.console.asking import signed
from cityward.console.contest_pages import FIELDS_MAX, FORM_BYTES
from cityward.console.forms import fields_of
from cityward.console.tongue import problem_of, say, say_many
from cityward.core.appeals import CLOSED, PERSON, Appeal, AppealNotice
from cityward.core.errors import CitywardError, Refused, UnknownId, UserError

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console

SHOWN: Final = 100
SIMILAR_SHOWN: Final = 50


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/appeals`` and the page of each appeal with its forms."""

    @router.get("/appeals")
    def appeals(request: Request) -> HTMLResponse:
        city = console.city
        every = city.appeals.listed()
        return console.page(
            request,
            "appeals.html",
            headline=headline(city, every),
            rows=[(one, city.appeals.is_overdue(one)) for one in every[:SHOWN]],
            count=len(every),
            closed=CLOSED,
            unproved=city.appeals.unproved(),
            unsent=len(city.notices.listed(waiting=True)),
            figures=city.appeals.statistics(),
            terms=city.appeals.terms,
        )

    @router.get("/appeals/{identifier}")
    def appeal(request: Request, identifier: str) -> HTMLResponse:
        return show(request, identifier)

    @router.post("/appeals/{identifier}/{step}")
    async def act(request: Request, identifier: str, step: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(do, request, identifier, step, body)

    def show(request: Request, identifier: str, **form: Any) -> HTMLResponse:
        status = 422 if form.get("problem") else 200
        return console.page(request, "appeal.html", status, **_told(console.city, identifier), form={**_EMPTY, **form})

    def do(request: Request, identifier: str, step: str, body: bytes) -> Response:
        sent = fields_of(body, FIELDS_MAX, bytes_max=FORM_BYTES)
        fields = signed(request, {name: sent.get(name, [""])[0] for name in _FIELDS})
        wrong = tuple(sent.get("wrong", []))
        try:
            _do(console.city, identifier, step, fields, wrong)
        except UnknownId:
            raise
        except (Refused, UserError) as error:
            return show(request, identifier, problem=problem_of(error), step=step, wrong=wrong, **fields)
        return RedirectResponse(f"/appeals/{identifier}", 303)


_FIELDS: Final = ("to", "by", "because", "outcome", "after", "notice", "way")
_EMPTY: Final = dict.fromkeys((*_FIELDS, "problem", "step"), "") | {"wrong": ()}


def _do(city: City, identifier: str, step: str, fields: dict[str, str], wrong: Sequence[str]) -> None:
    appeals = city.appeals
    if step == "assign":
        appeals.assign(identifier, fields["to"], fields["by"])
    elif step == "decide":
        outcome = fields["outcome"]
        if outcome not in ("upheld", "changed"):
            raise UserError(say("Does the decision stand?"), say("Press one of the buttons."))
        # The form has one list of outcomes for both buttons; where the decision stands, nothing of it counts.
        more: dict[str, Any] = {"after": fields["after"], "wrong": wrong} if outcome == "changed" else {}
        appeals.decide(identifier, outcome, fields["by"], fields["because"], **more)  # type: ignore[arg-type]
    elif step == "notice":
        city.notices.sent(fields["notice"], fields["by"], fields["way"])
    else:
        raise UnknownId(
            say("There is no such step."), say("An appeal is assigned or decided, and its notices are sent.")
        )


def headline(city: City, every: Sequence[Appeal]) -> str:
    """The finding: who waits, the late first."""
    running = [one for one in every if one.state not in CLOSED]
    late = [one for one in running if city.appeals.is_overdue(one)]
    nobody = [one for one in running if not one.assigned_to]
    if late:
        return say_many("One appeal is overdue", "%(num)s appeals are overdue", len(late))
    if nobody:
        return say_many(
            "One appeal waits for somebody to look at it",
            "%(num)s appeals wait for somebody to look at them",
            len(nobody),
        )
    if running:
        return say_many(
            "One appeal is being looked at and is not late",
            "%(num)s appeals are being looked at, none is late",
            len(running),
        )
    return say("Nobody waits for an answer to an appeal")


def appeals_notices(city: City, appeal: Appeal) -> list[tuple[AppealNotice, str]]:
    """Who is to be told, with the words for a party; those for the person hold his link and stand on no page."""
    return [(one, "" if one.to == PERSON else city.notices.text(one.id)) for one in city.notices.of(appeal)]


def _told(city: City, identifier: str) -> dict[str, Any]:
    """Evidence first: what was said and what the decision rests on, then the forms, then what else is like it."""
    appeals = city.appeals
    appeal = appeals.get(identifier)
    problem, told = "", None
    outcomes: tuple[str, ...] = ()
    try:
        told = appeals.deciding.told(appeal.decision)
        outcomes = tuple(one for one in appeals.deciding.outcomes(told.decision) if one != appeal.before)
    except CitywardError as error:
        problem = str(error)
    similar = appeals.similar(identifier).to_dicts() if appeal.state == "changed" and told else []
    return {
        "appeal": appeal,
        "running": appeal.state not in CLOSED,
        "overdue": appeals.is_overdue(appeal),
        "told": told,
        "outcomes": outcomes,
        "missing": problem,
        "facts": appeals.facts(told.decision) if told else (),
        "notices": appeals_notices(city, appeal),
        "similar": similar[:SIMILAR_SHOWN],
        "similar_count": len(similar),
        "terms": appeals.terms,
        "aside": [*([appeal.made_by] if appeal.made_by else []), *(appeals.overseers(told.decision) if told else ())],
    }

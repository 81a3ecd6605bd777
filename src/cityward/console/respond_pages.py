"""The pages *Respond*: playbooks, what each would do, and runs: what waits, who approved, what was done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from cityward.city.respond_told import STATES
from cityward.city.responding import ABOUT
from cityward.console.asking import permit, signed, signed_in
from cityward.console.forms import fields_of, first_of
from cityward.console.tongue import english, marked, problem_of, say
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.identifiers import kind_of
from cityward.core.limits import PAGE_ROWS
from cityward.secure.respond.records import Execution, Run
from cityward.secure.respond.shipped import named, playbooks_for, shipped

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console

FIELDS_MAX: Final = 120
FORM_BYTES: Final = 64 * 2**10
RUNS_SHOWN: Final = 50
ANY: Final = "the-asset"
"""What stands in a plan before anybody said what the run is for."""

_OFFICERS: Final = {"security officer", "privacy officer"}
_SET: Final = "set_"

BY: Final = {
    "manual": marked("a person"), "webhook": marked("a signed message"), "ssh": marked("a command over SSH"),
    "act": "cityward",
}  # fmt: skip
STEP_STATES: Final = {
    "waits": marked("waits"), "begun": marked("is being done"), "done": marked("done"), "failed": marked("failed"),
    "unclear": marked("nobody knows"), "skipped": marked("left out"),
}  # fmt: skip
WAITS: Final = {
    "approval": marked("waits for approval"), "person": marked("waits for a person's word"),
    "time": marked("waits for its time"),
}  # fmt: skip


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/respond``, the page of each playbook, and the page of each run."""
    pages = RespondPages(console)

    @router.get("/respond")
    def respond(request: Request) -> Response:
        return pages.all(request)

    @router.get("/respond/{identifier}")
    def one(request: Request, identifier: str) -> Response:
        return pages.one(request, identifier)

    @router.post("/respond/{identifier}")
    async def answered(request: Request, identifier: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.answer, request, identifier, body)


class RespondPages:
    """What the routes show and take."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def _city(self) -> City:
        return self._console.city

    def all(self, request: Request) -> Response:
        """Runs that wait first, then playbooks by what they answer."""
        responses, technique = self._city.responses, request.query_params.get("technique", "").strip().upper()[:12]
        held, runs = responses.held(), [one for one in responses.all() if _shows(request, one)]
        books = playbooks_for([technique], held) if technique else sorted(held.books.values(), key=lambda one: one.name)
        return self._console.page(
            request,
            "respond.html",
            open=[one for one in runs if not one.over],
            waiting=sum(len(one.waiting) for one in runs if not one.over),
            spoken=spoken,
            over=[one for one in runs if one.over][:RUNS_SHOWN],
            states=STATES,
            books=[(book, named(book)) for book in books],
            technique=technique,
            problems={key: found[0].told for key, found in held.problems.items()},
        )

    def one(self, request: Request, identifier: str, status: int = 200, **form: Any) -> Response:
        """A run, or what a playbook would do."""
        if kind_of(identifier) == "response":
            return self._run(request, self._get(request, identifier), status, **form)
        return self._book(request, identifier, status, **form)

    def _get(self, request: Request, identifier: str) -> Run:
        run = self._city.responses.get(identifier)
        if not _shows(request, run):
            raise UnknownId(
                say("There is no run of a playbook '%(run)s'.", run=identifier[:40]),
                say("The page Respond lists them."),
            )
        return run

    def _book(self, request: Request, key: str, status: int, **form: Any) -> Response:
        try:
            book, plan = self._city.responses.plan(key, form.get("about") or ANY, form.get("given", {}))
        except UserError:
            book, plan = self._city.responses.plan(key, ANY)
        return self._console.page(
            request,
            "respond_plan.html",
            status,
            book=book,
            spoken=spoken,
            answers=named(book),
            plan=plan[:PAGE_ROWS],
            by=BY,
            asks=[one for one in book.variables.values() if one.external and one.name != ABOUT],
            missing=[one for one in plan if one.missing],
            form={"about": "", "by": "", "problem": "", "given": {}, **form},
        )

    def _run(self, request: Request, run: Run, status: int, **form: Any) -> Response:
        responses = self._city.responses
        busy = responses.busy(run.id)
        shown = self._console.page(
            request,
            "respond_run.html",
            status,
            run=run,
            spoken=spoken,
            busy=busy,
            trouble=responses.troubles.get(run.id, ""),
            rows=[row(run, one) for one in run.steps],
            waiting=[self._waits(run, one) for one in run.waiting],
            told=self._city.explain(run.id),
            form={"by": "", "evidence": "", "because": "", "problem": "", "step": "", **form},
        )
        if busy:
            shown.headers["refresh"] = "2"
        return shown

    def _waits(self, run: Run, one: Execution) -> dict[str, Any]:
        book = self._city.responses.books(run)[one.book]
        step = book.steps[one.step]
        variables = {each.name: each for each in (*book.variables.values(), *step.variables)}
        values = self._city.responses.values(run, one)
        sets = [(variables[name], values.get(name, "")) for name in step.out_args]
        digest = self._city.responses.exactly(run, one) if one.waits_for == "approval" else ""
        return {"step": one, "marks": step.marks, "sets": sets, "digest": digest, "undo": one.undoes}

    # -- forms -------------------------------------------------------------------------------------

    def answer(self, request: Request, identifier: str, body: bytes) -> Response:
        """Begin a playbook, or answer for a step of a run; a mistake shows the page again with what was typed."""
        fields = signed(request, first_of(fields_of(body, FIELDS_MAX, bytes_max=FORM_BYTES)))
        given = {name.removeprefix(_SET): text for name, text in fields.items() if name.startswith(_SET)}
        by = fields.get("by", "")
        try:
            if kind_of(identifier) == "response":
                self._get(request, identifier)
                self._step(request, identifier, fields, given)
                return RedirectResponse(f"/respond/{identifier}", 303)
            permit(request, "run-response", "City", "")
            run = self._city.responses.begin(identifier, fields.get("about", ""), by, given, go=False)
        except UnknownId:
            raise
        except (Refused, UserError) as error:
            problem = problem_of(error)
            typed = {name: fields.get(name, "") for name in ("about", "evidence", "because", "step")}
            return self.one(request, identifier, 422, by=by, problem=problem, given=given, **typed)
        self._city.responses.in_background(run.id)
        return RedirectResponse(f"/respond/{run.id}", 303)

    def _step(self, request: Request, identifier: str, fields: dict[str, str], given: dict[str, str]) -> None:
        responses, who = self._city.responses, signed_in(request)
        roles, by = None if who is None else who.roles, fields.get("by", "")
        wanted, step = fields.get("do", ""), fields.get("step", "")
        if wanted == "stop":
            permit(request, "run-response", "Response", identifier)
            responses.stop(identifier, by, fields.get("because", ""))
            return
        if wanted == "approve":
            responses.approve(identifier, step, by, roles, shown=fields.get("digest", ""), go=False)
        elif wanted in ("done", "not-done"):
            happened, evidence = wanted == "done", fields.get("evidence", "")
            responses.done(identifier, step, by, evidence, roles, happened=happened, given=given, go=False)
        elif wanted != "resume":
            raise UserError(say("Which step?"), say("Press one of the buttons."))
        responses.in_background(identifier)


def _shows(request: Request, run: Run) -> bool:
    """Whether somebody sees a run: a quiet one is seen by the officers alone, for it may be about a colleague."""
    who = signed_in(request)
    return not run.quiet or who is None or not _OFFICERS.isdisjoint(who.roles)


def spoken(text: str, digest: str) -> object:
    """A text of a playbook: one that ships is in English, one of the city in whatever language the city writes."""
    return english(text) if any(book.sha256 == digest for book in shipped().books.values()) else text


def row(run: Run, one: Execution) -> dict[str, Any]:
    """A step as a row: state in words, who, what came of it."""
    undone = next((each.number for each in run.steps if each.key == one.undoes), None)
    return {
        "step": one,
        "state": WAITS.get(one.waits_for, STEP_STATES[one.state]) if one.state == "waits" else STEP_STATES[one.state],
        "alarm": one.state in ("failed", "unclear"),
        "undoes": undone,
        "approved": ", ".join(each.by for each in one.approved),
        "told": one.told,
        "sets": ", ".join(f"{name.strip('_')} = {text}" for name, text in one.outputs.items()),
        "turn": _turn(one.key),
    }


def _turn(key: str) -> str:
    """In which turn of a loop a step stands, from 1; empty outside of one."""
    turns = re.findall(r"#(\d+)/", key)
    return str(int(turns[-1]) + 1) if turns else ""

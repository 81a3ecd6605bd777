"""Routes of the console; each gathers what one template shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Request
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from cityward.city import City
from cityward.console import (
    account_pages,
    ahead_pages,
    appeal_pages,
    audit_pages,
    case_pages,
    contest_pages,
    decision_pages,
    divide_pages,
    follow_pages,
    grants_pages,
    incident_pages,
    ledger_pages,
    liability_pages,
    order_pages,
    outcome_pages,
    plan_pages,
    privacy_pages,
    report_pages,
    request_pages,
    resident_pages,
    respond_pages,
    risk_pages,
    rule_pages,
    security_pages,
    sensor_pages,
    sentences,
    sign_in_pages,
    system_pages,
    tongue,
    vote_pages,
    words,
    your_data_pages,
    your_request_pages,
)
from cityward.console.asking import asker_of, signed
from cityward.console.doors import DOORS
from cityward.console.forms import fields_of, first_of
from cityward.console.need_pages import need_page, weighed
from cityward.console.now_lines import tidings, ways
from cityward.console.preferences import choose, theme_of
from cityward.console.silence_pages import CANNOT_TELL, compare_page, outreach_table, silence_page
from cityward.console.tongue import problem_of, say, say_many, told
from cityward.console.wrapping import Wrapping
from cityward.core.errors import CitywardError, Refused, UnknownId, UserError
from cityward.core.frames import DOMAINS
from cityward.core.identifiers import CASE_DECISION, kind_of

if TYPE_CHECKING:
    from cityward.city.observing import Watch
    from cityward.core.records import Heard
    from cityward.secure.policy import Asker

PARTS: tuple[Any, ...] = (
    liability_pages,
    ahead_pages,
    case_pages,
    decision_pages,
    divide_pages,
    plan_pages,
    order_pages,
    resident_pages,
    report_pages,
    follow_pages,
    vote_pages,
    your_data_pages,
    your_request_pages,
    outcome_pages,
    sensor_pages,
    ledger_pages,
    privacy_pages,
    grants_pages,
    system_pages,
    audit_pages,
    rule_pages,
    appeal_pages,
    contest_pages,
    account_pages,
    sign_in_pages,
    security_pages,
    respond_pages,
    risk_pages,
    incident_pages,
    request_pages,
)
"""Modules of pages; each has ``mount(router, console)``."""

PAGE_ENTRIES = 25
FIELDS_MAX = 10
_SINCE_DAYS = {"7": 7, "14": 14, "30": 30}
_STATUS: list[tuple[type[CitywardError], int]] = [
    (UnknownId, 404),
    (Refused, 409),
    (UserError, 422),
    (CitywardError, 500),
]


class Console:
    """Pages of one city."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.templates = Environment(
            loader=PackageLoader("cityward.console"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n", Wrapping],
        )
        self.templates.install_gettext_callables(tongue.gettext, tongue.ngettext, newstyle=True)  # type: ignore[attr-defined]
        self.templates.filters.update(words.filters(city.time_zone) | sentences.filters())
        self.templates.globals.update(
            term=words.term,
            span=words.span,
            where=words.where,
            chart_words=words.chart_words,
            map_words=words.map_words,
            listed=tongue.listed,
            languages=tongue.LANGUAGES,
            language_now=tongue.language,
        )

    def page(self, request: Request, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
        """Render a page with its masthead."""
        waiting = len(self.city.proposals("waiting"))
        watched = self._watched()
        asker = asker_of(request)
        html = self.templates.get_template(template).render(
            city=self.city.name,
            who=asker.signed_in if asker else None,
            nobody_signs_in=asker is None or asker.open_here,
            turn=self.city.turn(),
            total=self.city.conservation(),
            ledger_size=self.city.ledger_size,
            ways=ways(waiting, None if watched is None else len(watched.open)),
            watched=watched,
            theme=theme_of(request, self.city),
            path=request.url.path,
            **shown,
        )
        return HTMLResponse(html, status, headers={"vary": "accept-language, cookie"})

    def _watched(self) -> Watch | None:
        return self.city.observing.told() if self.city.observing.any() else None

    def refused(
        self, request: Request, asker: Asker, status: int, what: str, remedy: str, rule: str, back: str
    ) -> HTMLResponse:
        """Say no, and why; nothing of the city stands on it but its name, where people sign in."""
        if status == 404 and asker.open_here:
            return self.error(request, HTTPException(status))
        who = asker.signed_in
        html = self.templates.get_template("refused.html").render(
            city=self.city.name,
            theme=theme_of(request, self.city),
            code=status,
            what=what.partition(". ")[0].rstrip(".") + ".",
            because=what.partition(". ")[2],
            remedy=remedy,
            rule=rule,
            again=f"/sign-in?next={quote(back)}" if rule == "fresh-sign-in" else "",
            name=who.name if who else "",
            roles=", ".join(who.roles) if who else "",
        )
        return HTMLResponse(html, status, headers={"cache-control": "no-store"})

    def error(self, request: Request, error: Exception) -> HTMLResponse:
        """Render what went wrong, with the way on."""
        if isinstance(error, CitywardError):
            status = next(code for kind, code in _STATUS if isinstance(error, kind))
            what, remedy = getattr(error, "what", str(error)), getattr(error, "remedy", "")
        elif isinstance(error, HTTPException):
            missing = error.status_code == 404
            status, what, remedy = (
                error.status_code,
                say("There is no such page.") if missing else str(error.detail),
                "",
            )
        else:
            what = say("This is a defect of cityward (%(kind)s).", kind=type(error).__name__)
            status, remedy = 500, say("Please report it.")
        page = self.page(request, "error.html", status, code=status, what=told(what), remedy=told(remedy))
        page.headers.update(getattr(error, "headers", None) or {})
        return page

    # -- pages -------------------------------------------------------------------------------------

    def now(self, request: Request) -> HTMLResponse:
        """The first page: findings, map, what waits."""
        domain, since = request.query_params.get("domain", ""), request.query_params.get("since", "")
        turn = self.city.turn()
        shown = weighed(turn, request.query_params)
        needs = [need for need in shown.pop("needs") if not domain or need.domain == domain]
        if turn and since in _SINCE_DAYS:
            first = turn.as_of - timedelta(days=_SINCE_DAYS[since])
            needs = [need for need in needs if need.starts > first]
        return self.page(
            request,
            "now.html",
            needs=needs,
            resting=[need for need in (turn.resting if turn else ()) if not domain or need.domain == domain],
            silences=self.city.silences(),
            proposals=self.city.proposals("waiting"),
            refusals=self.city.refusals()[:3],
            tidings=tidings(self.city, self._watched()),
            areas=self.city.area_summary().sort("interactions_28d", descending=True).to_dicts(),
            domain=domain,
            since=since,
            domains=[name for name in DOMAINS if turn and any(need.domain == name for need in turn.needs)],
            **shown,
        )

    def need(self, request: Request, identifier: str, **form: Any) -> HTMLResponse:
        """One need: sentence, chart, evidence, what can be done."""
        need = self.city.need(identifier)
        proposal = next((proposal for proposal in self.city.proposals() if proposal.about == identifier), None)
        decisions = [decision for decision in self.city.decisions() if proposal and decision.proposal == proposal.id]
        return self.page(
            request,
            "need.html",
            form.pop("status", 200),
            proposal=proposal,
            decisions=decisions,
            told=self.city.explain(identifier),
            outcomes=self.city.outcomes.about(identifier),
            form={"by": "", "because": "", "problem": "", **form},
            **need_page(self.city.turn(), need),
        )

    def silence(self, request: Request) -> HTMLResponse:
        """Who is heard less than places like it, and where we cannot tell."""
        told = outreach_table(self.city)
        return self.page(request, "silence.html", **silence_page(self.city.turn(), request.query_params), **told)

    def compare(self, request: Request) -> HTMLResponse:
        """Two territories side by side."""
        return self.page(request, "compare.html", **compare_page(self.city.turn(), request.query_params))

    def proposal(self, request: Request, identifier: str, **form: Any) -> HTMLResponse:
        """One proposal: evidence before recommendation, then the form."""
        proposal = self.city.proposal(identifier)
        return self.page(
            request,
            "proposal.html",
            form.pop("status", 200),
            proposal=proposal,
            currency=self.city.settings.work.currency,
            told=self.city.explain(identifier),
            decisions=[decision for decision in self.city.decisions() if decision.proposal == identifier],
            form={"by": "", "because": "", "problem": "", **form},
        )

    def decide(self, request: Request, identifier: str, body: bytes) -> Response:
        """Take the form; on a mistake show it again with everything that was typed."""
        fields = first_of(fields_of(body, FIELDS_MAX))
        asked = fields.get("outcome", "approved" if "option" in fields else "")
        outcome: Literal["approved", "rejected"] = "approved" if asked == "approved" else "rejected"
        fields = signed(request, fields)
        by, because = fields.get("by", ""), fields.get("because", "")
        try:
            if asked not in ("approved", "rejected"):
                raise UserError(say("Approve or reject?"), say("Press one of the buttons."))
            decision = self.city.decide(identifier, outcome, by, because, _option(fields.get("option")))
        except UnknownId:
            raise
        except (Refused, UserError) as error:
            problem = problem_of(error)
            return self.proposal(request, identifier, status=422, by=by, because=because, problem=problem)
        return RedirectResponse(f"/explain/{decision.id}", 303)

    def proposals(self, request: Request) -> HTMLResponse:
        """All proposals, those that wait first."""
        return self.page(request, "proposals.html", proposals=self.city.proposals(), decisions=self.city.decisions())

    def intake(self, request: Request) -> HTMLResponse:
        """What became of every row."""
        return self.page(
            request,
            "intake.html",
            batches=self.city.intakes(PAGE_ENTRIES),
            rows=self.city.quarantine(PAGE_ENTRIES),
            refusals=self.city.refusals(),
        )

    def explain(self, request: Request, identifier: str) -> Response:
        """Why, for any finding; a decision of a case has a page, which shows the evidence first."""
        if kind_of(identifier) == CASE_DECISION:
            return RedirectResponse(f"/decisions/{identifier}", 303)
        if kind_of(identifier) == "response":
            return RedirectResponse(f"/respond/{identifier}", 303)
        return self.page(request, "explain.html", told=self.city.explain(identifier))

    def areas(self) -> JSONResponse:
        """Polygons with what the map shows of each."""
        polygons = self.city.geojson()
        summary = {row["territory"]: row for row in self.city.area_summary().to_dicts()}
        turn = self.city.turn()
        quiet = {silence.territory for silence in (turn.silences if turn else ())}
        heard = {place.territory: place for place in (turn.heard if turn else ())}
        for feature in polygons["features"]:
            properties = feature["properties"]
            row = summary[properties["id"]]
            people = row["population"]
            rate = 1000 * row["interactions_28d"] / people if people else None
            place = heard.get(properties["id"])
            properties.update(
                name=row["name"],
                reports=row["interactions_28d"],
                rate=rate,
                quiet=properties["id"] in quiet,
                ratio=place.ratio if place else None,
                verdict=place.verdict if place else CANNOT_TELL,
                told=_reports_told(row["name"], row["interactions_28d"]),
                told_heard=_heard_told(row["name"], place),
            )
        return JSONResponse(polygons, headers={"cache-control": "no-cache"})


def _reports_told(name: str, reports: int) -> str:
    """What the map says of an area."""
    return say_many("%(area)s: %(num)s report in 28 days", "%(area)s: %(num)s reports in 28 days", reports, area=name)


def _heard_told(name: str, place: Heard | None) -> str:
    """What the map of silence says of an area."""
    verdict = tongue.gettext(place.verdict if place else CANNOT_TELL)
    if place is None or place.ratio is None:
        return f"{name}: {verdict}"
    ratio = tongue.number(place.ratio, 2)
    return say("%(area)s: %(ratio)s of the expected, %(verdict)s", area=name, ratio=ratio, verdict=verdict)


def _option(number: str | None) -> int | None:
    """The number of an option; what is no number is no option either, and the rule says so."""
    if number is None:
        return None
    return int(number) if number.isascii() and number.isdigit() and len(number) < 4 else 0


def mount_console(app: FastAPI, city: City) -> None:
    """Add the pages and their static files to ``app``, and its error pages outside ``/api``."""
    console = Console(city)
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

    plain = {
        "/": console.now,
        "/proposals": console.proposals,
        "/intake": console.intake,
        "/silence": console.silence,
        "/compare": console.compare,
    }
    for path, show in plain.items():
        router.get(path)(_one(show))
    about = {"/needs": console.need, "/proposals": console.proposal, "/explain": console.explain}
    for path, show_one in about.items():
        router.get(f"{path}/{{identifier}}")(_about(show_one))

    @router.post("/proposals/{identifier}/decision")
    async def decide(request: Request, identifier: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(console.decide, request, identifier, body)

    @router.get("/console/areas.json")
    def areas() -> Response:
        return console.areas()

    @router.get("/export/{name}.csv")
    def export(name: str) -> Response:
        headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
        return Response(city.export_csv(name), media_type="text/csv; charset=utf-8", headers=headers)  # type: ignore[arg-type]

    @router.post("/theme")
    async def theme(request: Request) -> Response:
        return choose(request, await request.body(), city)

    @router.post("/language")
    async def language(request: Request) -> Response:
        return choose(request, await request.body(), city)

    for part in PARTS:
        part.mount(router, console)
    app.include_router(router)
    app.state.doors = {**getattr(app.state, "doors", {}), **DOORS}
    app.state.refused = console.refused
    app.add_middleware(tongue.Tongues)
    # Only these are sent compressed: a page can hold a secret beside what somebody typed, and its length would tell.
    static = GZipMiddleware(StaticFiles(directory=Path(__file__).parent / "static"), compresslevel=6)
    app.mount("/static", static, name="static")
    _add_error_pages(app, console)


def _one(show: Callable[[Request], Response]) -> Callable[[Request], Response]:
    def route(request: Request) -> Response:
        return show(request)

    return route


def _about(show: Callable[[Request, str], Response]) -> Callable[[Request, str], Response]:
    def route(request: Request, identifier: str) -> Response:
        return show(request, identifier)

    return route


def _add_error_pages(app: FastAPI, console: Console) -> None:
    """Outside ``/api`` an error is a page with the navigation on it; inside it stays what it was."""
    for kind in (CitywardError, HTTPException, Exception):
        app.add_exception_handler(kind, _error_page(console, app.exception_handlers[kind]))


def _error_page(console: Console, in_api: Any) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(request: Request, error: Exception) -> Response:
        if request.url.path.startswith("/api"):
            answer: Response = await in_api(request, error)
            return answer
        return await run_in_threadpool(console.error, request, error)

    return handler

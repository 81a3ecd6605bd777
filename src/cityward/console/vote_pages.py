"""The pages on which residents vote on projects, and propose some: a one-time code, no account, no script.

Enters: a ballot with its code in the body of a form. Leaves: a ballot in the box, and a number by which its voter finds
it. Never: who votes, and in an address or a log neither code nor choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from cityward.city.portal import TooOld, TooSoon
from cityward.city.rounds import Cast, CodeRefused, NotOpen
from cityward.console.discussion_pages import mount_discussion
from cityward.console.forms import fields_of, first_of
from cityward.console.report_pages import form_of
from cityward.console.report_texts import REPORT
from cityward.console.resident_pages import HEADERS, Pace
from cityward.console.resident_texts import TEXTS
from cityward.console.tongue import LANGUAGES, day_in
from cityward.console.visitors import address_of, language_asked
from cityward.console.vote_texts import VOTE
from cityward.core.clock import monotonic
from cityward.core.errors import CitywardError, Refused, StoreError, UnknownId, UserError
from cityward.participate.portal import report
from cityward.participate.rounds.ballot import NoBallot, content_of
from cityward.participate.rounds.shape import PROJECTS_MAX, Round

if TYPE_CHECKING:
    from cityward.city.voices import Counted
    from cityward.console.pages import Console

PATH: Final = "/vote"
SENT_A_MINUTE: Final = 12
"""Ballots and codes of one address: a library with a queue, and one guess in five seconds."""

FORM_BYTES: Final = 64 * 2**10
FIELDS_MAX: Final = PROJECTS_MAX + 10
TYPED_CHARS: Final = 40

Fields = dict[str, list[str]]


class Votes:
    """Pages of the rounds of one city."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._visits, self._sent = Pace(), Pace(SENT_A_MINUTE)

    # -- reading -----------------------------------------------------------------------------------

    def all(self, request: Request) -> HTMLResponse:
        """Rounds that were announced, and how each stands."""
        language = language_asked(request)
        if self._too_fast(request, self._visits):
            return self._slow(language)
        found = self._console.city.rounds.sound().items()
        shown = [
            (name, one.title, self._standing(name, one, language)) for name, one in found if self._public(name, one)
        ]
        title = VOTE[language]["rounds"].format(city=self._console.city.name)
        return self._page("votes.html", language, 200, PATH, title=title, rounds=shown)

    def show(self, request: Request, name: str) -> HTMLResponse:
        """One round, with the form while it takes votes or proposals."""
        if self._too_fast(request, self._visits):
            return self._slow(language_asked(request))
        return self._round(request, name, 200, {})

    def file(self, name: str) -> Response:
        """The list of ballots, once the round was closed.

        Raises
        ------
        UnknownId
            There is no such round, or its list is not published yet.
        """
        rounds = self._console.city.rounds
        if rounds.closed(name) is None:
            raise UnknownId("This list of ballots is not published.", "It is once the city has closed the vote.")
        headers = {"content-disposition": f'attachment; filename="{name}.pb"'}
        return Response(rounds.text(name), media_type="text/plain; charset=utf-8", headers=headers)

    # -- sending -----------------------------------------------------------------------------------

    def vote(self, request: Request, name: str, body: bytes) -> HTMLResponse:
        """Take a ballot; whatever keeps it from the box, what was chosen stays on the page."""
        fields = fields_of(body, FIELDS_MAX, bytes_max=FORM_BYTES)
        if self._too_fast(request, self._sent):
            return self._round(request, name, 429, fields, "slow_why")
        one = first_of(fields)
        try:
            cast = self._console.city.rounds.vote(name, fields, one.get("code", "")[:100], one.get("token", ""))
        except (UserError, Refused, StoreError) as error:
            if isinstance(error, UnknownId):
                return self._round(request, name, 404, {})
            status, why = _why(error)
            return self._round(request, name, status, fields, why, fresh=isinstance(error, TooOld))
        return self._done(request, name, cast)

    def propose(self, request: Request, name: str, body: bytes) -> HTMLResponse:
        """Take a proposal: an interaction as every report is."""
        sent = fields_of(body, FIELDS_MAX, bytes_max=FORM_BYTES)
        fields, city = first_of(sent), self._console.city
        if self._too_fast(request, self._sent):
            return self._round(request, name, 429, sent, "slow_why")
        try:
            reported = city.rounds.propose(name, fields)
        except (UserError, Refused, StoreError) as error:
            if isinstance(error, UnknownId):
                return self._round(request, name, 404, {})
            status, why = _why(error)
            return self._round(request, name, status, sent, why, fresh=isinstance(error, TooOld))
        language = language_asked(request)
        text = REPORT[language]
        title = text["again_title" if reported.repeated else "done_title"]
        return self._page(
            "report_done.html",
            language,
            200,
            "/report",
            title=title,
            reported=reported,
            text={**TEXTS[language], **text},
        )

    # -- pages -------------------------------------------------------------------------------------

    def _round(
        self, request: Request, name: str, status: int, fields: Fields, why: str = "", *, fresh: bool = False
    ) -> HTMLResponse:
        language, city = language_asked(request), self._console.city
        text = {**REPORT[language], **TEXTS[language], **VOTE[language]}
        try:
            found = city.rounds.get(name)
        except UserError:
            found = None
        if found is None or not self._public(name, found):
            told = {"title": text["unknown"], "told": [text["unknown_why"]]}
            return self._page("contest_told.html", language, 404, PATH, **told)
        state, ended = city.rounds.state(name, found), city.rounds.closed(name)
        one = first_of(fields)
        return self._page(
            "vote.html",
            language,
            status,
            f"{PATH}/{name}",
            title=found.title,
            found=found,
            state=state,
            standing=self._standing(name, found, language),
            ended=ended,
            counted=self._counted(name) if ended and ended.ballots else None,
            cost=lambda amount: _money(amount, language),
            decimal=lambda value, places: _decimal(value, places, language),
            problem=text.get(why, text["refused"]).format(most=found.most) if why else "",
            chosen=set(fields.get("choice", ())),
            typed={project.id: one.get(f"p-{project.id}", "")[:TYPED_CHARS] for project in found.projects},
            code=one.get("code", "")[:TYPED_CHARS],
            proposing=found.takes_proposals(city.today),
            until=day_in(language, found.proposals_until) if found.proposals_until else "",
            statements=city.rounds.discussion.statements(name),
            titles=[(project.id, project.title) for project in found.projects],
            form=form_of(self._console, one, {}, fresh=fresh),
        )

    def _counted(self, name: str) -> Counted | None:
        """The count of a round that was closed; None where its list cannot be counted, which stops nothing else."""
        try:
            return self._console.city.rounds.voices.of_round(name)
        except (UserError, Refused):
            return None

    def _done(self, request: Request, name: str, cast: Cast) -> HTMLResponse:
        language, found = language_asked(request), self._console.city.rounds.get(name)
        titles = {one.id: one.title for one in found.projects}
        points = dict(zip(cast.ballot.chosen, cast.ballot.points, strict=False))
        return self._page(
            "vote_done.html",
            language,
            200,
            f"{PATH}/{name}",
            title=VOTE[language]["again" if cast.repeated else "done"],
            cast=cast,
            ballot=content_of(cast.ballot).decode(),
            ranked=found.vote == "ranked",
            chosen=[(titles[one], points.get(one)) for one in cast.ballot.chosen],
        )

    def _public(self, name: str, found: Round) -> bool:
        """Whether a round is told to anybody: it stands in the ledger, or asks for proposals first."""
        return found.proposals_until is not None or self._console.city.rounds.state(name, found) != "draft"

    def _standing(self, name: str, found: Round, language: str) -> str:
        state, text = self._console.city.rounds.state(name, found), VOTE[language]
        key = "announced" if state == "draft" else state
        return text[key].format(opens=day_in(language, found.opens), closes=day_in(language, found.closes))

    def _too_fast(self, request: Request, pace: Pace) -> bool:
        return not pace.allows(address_of(request), monotonic())

    def _slow(self, language: str) -> HTMLResponse:
        text = TEXTS[language]
        return self._page("contest_told.html", language, 429, PATH, title=text["slow"], told=[text["slow_why"]])

    def _page(self, template: str, language: str, status: int, path: str, **shown: Any) -> HTMLResponse:
        base = {"text": {**REPORT[language], **TEXTS[language], **VOTE[language]}}
        html = self._console.templates.get_template(template).render(
            {
                **base,
                "city": self._console.city.name,
                "language": language,
                "languages": LANGUAGES,
                "path": path,
                **shown,
            }
        )
        return HTMLResponse(html, status, headers=HEADERS)


def _why(error: CitywardError) -> tuple[int, str]:
    """Status of the answer, and the name of the sentence that says what to do."""
    if isinstance(error, NoBallot):
        return 422, "no_area" if error.why == "area" else error.why
    if isinstance(error, CodeRefused):
        return 422, f"code_{error.why}"
    names: dict[type[Exception], str] = {NotOpen: "not_open", TooSoon: "too_soon", TooOld: "too_old"}
    if type(error) in names:
        return 422, names[type(error)]
    if isinstance(error, report.NoReport):
        return 422, next(iter(error.problems.values()))
    return (422, "refused") if isinstance(error, Refused) else (503, "busy")


def _decimal(value: float, places: int, language: str) -> str:
    told = f"{value:.{places}f}"
    return told if language == "en" else told.replace(".", ",")


def _money(amount: float, language: str) -> str:
    told = f"{amount:,}"
    return told if language == "en" else told.replace(",", ".")


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/vote`` and its rounds."""
    pages = Votes(console)

    @router.get(PATH)
    def rounds(request: Request) -> Response:
        return pages.all(request)

    @router.get("/vote/{name}")
    def show(request: Request, name: str) -> Response:
        return pages.show(request, name)

    @router.post("/vote/{name}")
    async def vote(request: Request, name: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.vote, request, name, body)

    @router.post("/vote/{name}/proposal")
    async def propose(request: Request, name: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.propose, request, name, body)

    mount_discussion(router, console)

    @router.get("/vote/{name}/ballots.pb")
    def file(name: str) -> Response:
        return pages.file(name)

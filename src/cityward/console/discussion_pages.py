"""The page on which residents say in short statements what they think of projects, and answer those of others.

Enters: statements and answers in the body of a form, without an account or a script. Leaves: what groups of people
agree on. Never: who said or answered what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from cityward.city.discussing import ANSWERS_TOLD
from cityward.city.portal import TooOld, TooSoon
from cityward.city.rounds import CodeRefused, NotOpen
from cityward.console.forms import fields_of, first_of
from cityward.console.report_texts import REPORT
from cityward.console.resident_pages import HEADERS, Pace
from cityward.console.resident_texts import TEXTS
from cityward.console.tongue import LANGUAGES, day_in
from cityward.console.visitors import address_of, language_asked
from cityward.console.vote_texts import VOTE
from cityward.core.clock import monotonic
from cityward.core.errors import CitywardError, Refused, StoreError, UnknownId, UserError
from cityward.participate.rounds.discussion import STATEMENTS_MAX, NoStatement

if TYPE_CHECKING:
    from cityward.console.pages import Console
    from cityward.participate.opinions.report import Interval

SENT_A_MINUTE: Final = 12
"""Forms of one address."""

FORM_BYTES: Final = 64 * 2**10
FIELDS_MAX: Final = STATEMENTS_MAX + 10


class Discussions:
    """Pages of the discussions of one city."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._visits, self._sent = Pace(), Pace(SENT_A_MINUTE)

    def show(self, request: Request, name: str) -> HTMLResponse:
        """Statements with their forms, and what groups agree on."""
        if not self._visits.allows(address_of(request), monotonic()):
            return self._page(request, name, 429, problem="slow_why")
        return self._page(request, name, 200)

    def answer(self, request: Request, name: str, body: bytes) -> HTMLResponse:
        """Take answers; whatever keeps them out, they stay on the page."""

        def take(fields: dict[str, str]) -> dict[str, Any]:
            count = self._console.city.rounds.discussion.answer(
                name, fields, fields.get("code", "")[:100], fields.get("token", "")
            )
            told = VOTE[language_asked(request)]["talk_answered" if count else "talk_nothing"].format(count=count)
            return {"notice": told, "typed": fields, "token": fields.get("token", "")}

        return self._take(request, name, body, take)

    def say(self, request: Request, name: str, body: bytes) -> HTMLResponse:
        """Take a statement; its author gets a number and a secret by which he can take it back."""

        def take(fields: dict[str, str]) -> dict[str, Any]:
            words, about = fields.get("words", ""), fields.get("about", "")[:40]
            return {"made": self._console.city.rounds.discussion.say(name, about, words, fields.get("token", ""))}

        return self._take(request, name, body, take)

    def take_back(self, request: Request, name: str, body: bytes) -> HTMLResponse:
        """Take a statement back."""

        def take(fields: dict[str, str]) -> dict[str, Any]:
            number, secret = fields.get("number", "").strip()[:40], fields.get("secret", "")[:100]
            self._console.city.rounds.discussion.take_back(number, secret)
            return {"notice": VOTE[language_asked(request)]["taken_back"]}

        return self._take(request, name, body, take, wrong="take_back_wrong")

    def _take(self, request: Request, name: str, body: bytes, take: Any, wrong: str = "refused") -> HTMLResponse:
        fields = first_of(fields_of(body, FIELDS_MAX, bytes_max=FORM_BYTES))
        if not self._sent.allows(address_of(request), monotonic()):
            return self._page(request, name, 429, problem="slow_why", typed=fields)
        try:
            shown = take(fields)
        except (UserError, Refused, StoreError) as error:
            if isinstance(error, UnknownId):
                return self._page(request, name, 404)
            status, why = _why(error, wrong)
            kept = "" if isinstance(error, TooOld) else fields.get("token", "")[:100]
            return self._page(request, name, status, problem=why, typed=fields, token=kept)
        return self._page(request, name, 200, **shown)

    def _page(self, request: Request, name: str, status: int, problem: str = "", **shown: Any) -> HTMLResponse:
        language, city = language_asked(request), self._console.city
        text = {**REPORT[language], **TEXTS[language], **VOTE[language]}
        base = {"city": city.name, "language": language, "languages": LANGUAGES, "text": text}
        try:
            found = city.rounds.get(name)
        except UserError:
            told = {"title": text["unknown"], "told": [text["unknown_why"]], "path": "/vote"}
            html = self._console.templates.get_template("contest_told.html").render({**base, **told})
            return HTMLResponse(html, 404, headers=HEADERS)
        talk = city.rounds.discussion
        fresh = city.portal.new_token()
        kept = {
            "path": f"/vote/{name}/discussion",
            "name": name,
            "title": found.title,
            "heading": found.title,
            "open": found.takes_proposals(city.today),
            "until": day_in(language, found.proposals_until) if found.proposals_until else "",
            "statements": talk.statements(name),
            "titles": [(project.id, project.title) for project in found.projects],
            "told": talk.told(name),
            "least": ANSWERS_TOLD,
            "share": _share,
            "problem": text.get(problem, text["refused"]) if problem else "",
            "notice": "",
            "made": None,
            "typed": {},
            "fresh": fresh,
        }
        token = shown.pop("token", "") or fresh
        html = self._console.templates.get_template("vote_discussion.html").render(
            {**base, **kept, **shown, "token": token}
        )
        return HTMLResponse(html, status, headers=HEADERS)


def _share(found: Interval) -> str:
    return f"{100 * found.share:.0f} % ({100 * found.low:.0f}–{100 * found.high:.0f})"


def _why(error: CitywardError, wrong: str) -> tuple[int, str]:
    """Status of the answer, and the name of the sentence that says what to do."""
    if isinstance(error, NoStatement):
        return 422, error.why
    if isinstance(error, CodeRefused):
        return 422, f"code_{error.why}"
    names: dict[type[Exception], str] = {NotOpen: "talk_over_why", TooSoon: "too_soon", TooOld: "too_old"}
    if type(error) in names:
        return 422, names[type(error)]
    return (503, "busy") if isinstance(error, StoreError) else (422, wrong)


def mount_discussion(router: APIRouter, console: Console) -> None:
    """Add the discussions of rounds."""
    pages = Discussions(console)

    @router.get("/vote/{name}/discussion")
    def show(request: Request, name: str) -> Response:
        return pages.show(request, name)

    @router.post("/vote/{name}/discussion")
    async def answer(request: Request, name: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.answer, request, name, body)

    @router.post("/vote/{name}/statement")
    async def say(request: Request, name: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.say, request, name, body)

    @router.post("/vote/{name}/take-back")
    async def take_back(request: Request, name: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.take_back, request, name, body)

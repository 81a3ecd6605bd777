"""The page on which a resident sees what came of his report: number and secret, and nothing else, open it.

Both come in the body of a form, never in an address: addresses are logged, kept and sent on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from cityward.city.report_standing import Standing
from cityward.console.follow_texts import FOLLOW
from cityward.console.forms import fields_of, first_of
from cityward.console.report_texts import REPORT
from cityward.console.resident_pages import HEADERS, Pace
from cityward.console.resident_texts import TEXTS
from cityward.console.tongue import LANGUAGES, day_in
from cityward.console.visitors import address_of, language_asked
from cityward.core.clock import monotonic
from cityward.core.errors import CitywardError, UserError
from cityward.participate.portal.report import OTHER

if TYPE_CHECKING:
    from cityward.console.pages import Console

PATH: Final = "/follow"
TRIES_A_MINUTE: Final = 10
FORM_BYTES: Final = 4 * 2**10
FIELD_CHARS: Final = 100


class Follow:
    """The page."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._visits, self._tries = Pace(), Pace(TRIES_A_MINUTE)

    def show(self, request: Request) -> HTMLResponse:
        """The empty form."""
        return self._page(request, self._visits, None)

    def status(self, request: Request, body: bytes) -> HTMLResponse:
        """How the report stands; a wrong number and a wrong secret are answered alike."""
        fields = first_of(fields_of(body, 4, bytes_max=FORM_BYTES))
        return self._page(request, self._tries, (fields.get("number", ""), fields.get("secret", "")))

    def _page(self, request: Request, pace: Pace, asked: tuple[str, str] | None) -> HTMLResponse:
        language = language_asked(request)
        text, status = {**TEXTS[language], **FOLLOW[language]}, 200
        shown: dict[str, Any] = {"title": text["title"], "told": [], "problem": "", "link": "", "may_answer": False}
        if not pace.allows(address_of(request), monotonic()):
            status, shown = 429, {**shown, "title": text["slow"], "problem": text["slow_why"]}
        elif asked is not None:
            number, secret = (one[:FIELD_CHARS] for one in asked)
            try:
                standing = self._console.city.portal.standing(number, secret)
                may_answer = standing.work is not None and standing.work.may_answer
                shown |= {"told": told(standing, language), "link": standing.link, "may_answer": may_answer}
            except UserError:
                status, shown["problem"] = 404, text["unknown"]
            except CitywardError:
                status, shown["problem"] = 503, text["unavailable"]
        html = self._console.templates.get_template("follow.html").render(
            city=self._console.city.name,
            language=language,
            languages=LANGUAGES,
            path=PATH,
            text=text,
            **shown,
        )
        return HTMLResponse(html, status, headers=HEADERS)


def told(standing: Standing, language: str) -> list[str]:
    """What the page says of a report, how it stands first."""
    text, work = FOLLOW[language], standing.work
    if work is not None:
        first = text[work.state].format(order=work.order)
    elif standing.closed:
        day = day_in(language, standing.closed_on) if standing.closed_on else ""
        first = text["closed"].format(day=day) if day else text["closed_some_day"]
    else:
        first = text["noticed" if standing.need else "received"].format(together=standing.together)
    service = REPORT[language]["other"] if standing.service == OTHER else standing.service
    about = text["about" if standing.area else "about_nowhere"]
    lines = [first, about.format(service=service, area=standing.area, day=day_in(language, standing.reported_on))]
    if standing.need and (work is not None or standing.closed):
        lines.append(text["together"].format(together=standing.together))
    return lines


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/follow``."""
    page = Follow(console)

    @router.get(PATH)
    def show(request: Request) -> HTMLResponse:
        return page.show(request)

    @router.post(PATH)
    async def status(request: Request) -> HTMLResponse:
        body = await request.body()
        return await run_in_threadpool(page.status, request, body)

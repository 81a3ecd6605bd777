"""The public page on which a resident sees how his request about his data stands.

Enters: the number of a request and its secret, in a form and never in an address. Leaves: its kind and its days, in
the language of the reader. Never: who asked, who answers, what was found; and of a request that is not his, nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse

from cityward.console.forms import fields_of
from cityward.console.resident_pages import HEADERS, Pace
from cityward.console.resident_texts import TEXTS
from cityward.console.tongue import LANGUAGES, day_in
from cityward.console.visitors import address_of, language_asked
from cityward.console.your_data_texts import YOUR_DATA
from cityward.console.your_request_texts import YOUR_REQUEST
from cityward.core.clock import monotonic
from cityward.core.errors import UserError
from cityward.core.persons import PersonRequest

if TYPE_CHECKING:
    from cityward.city import City
    from cityward.console.pages import Console

PATH: Final = "/your-data/request"
FORM_BYTES: Final = 2_048
FIELD_CHARS: Final = 100
"""A number has 12 characters, a secret 24."""


class YourRequest:
    """The form, and what it tells of one request."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()

    def show(self, request: Request) -> HTMLResponse:
        """The empty form."""
        return self._page(request)

    def status(self, request: Request, body: bytes) -> HTMLResponse:
        """How the request stands; a wrong number and a wrong secret are answered alike."""
        sent = fields_of(body[:FORM_BYTES], 4)
        number, secret = (sent.get(name, [""])[0].strip()[:FIELD_CHARS] for name in ("number", "secret"))
        return self._page(request, (number[:1].upper() + number[1:].lower(), secret))

    def _page(self, request: Request, asked: tuple[str, str] | None = None) -> HTMLResponse:
        language = language_asked(request)
        text = {**TEXTS[language], **YOUR_REQUEST[language]}
        city = self._console.city
        status = 200
        shown: dict[str, Any] = {"title": text["title"], "told": [], "problem": "", "slow": False}
        if not self._pace.allows(address_of(request), monotonic()):
            status, shown = 429, {**shown, "title": text["slow"], "slow": True}
        elif asked is not None:
            try:
                shown["told"] = told(city, city.persons.status(*asked), language)
            except UserError:
                status, shown["problem"] = 404, text["unknown"]
        html = self._console.templates.get_template("your_request.html").render(
            {
                "city": city.name,
                "language": language,
                "languages": LANGUAGES,
                "path": PATH,
                "text": text,
                "contact": _contact(city, language),
                **shown,
            }
        )
        return HTMLResponse(html, status, headers=HEADERS)


def told(city: City, request: PersonRequest, language: str) -> list[str]:
    """What the page says of a request, the state first; dates and its kind, and nothing else of it."""
    text = YOUR_REQUEST[language]
    zone = ZoneInfo(city.time_zone)
    due = day_in(language, request.due_on)
    if request.done_at is not None:
        lines = [text["done"].format(day=day_in(language, request.done_at.astimezone(zone).date()))]
    else:
        lines = [text["late" if city.persons.is_overdue(request) else "open"].format(day=due)]
        if request.told_on is not None:
            lines.append(text["extended"].format(day=day_in(language, request.told_on)))
    came = day_in(language, request.made_at.astimezone(zone).date())
    asked = text["asked"].format(number=request.id, day=came, what=YOUR_DATA[language][f"right-{request.right}"])
    return [*lines, asked]


def _contact(city: City, language: str) -> str:
    contact: str | None = city.settings.privacy.contact
    return YOUR_DATA[language]["contact"].format(contact=contact) if contact else ""


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/your-data/request``."""
    page = YourRequest(console)

    @router.get(PATH)
    def show(request: Request) -> HTMLResponse:
        return page.show(request)

    @router.post(PATH)
    async def status(request: Request) -> HTMLResponse:
        body = await request.body()
        return await run_in_threadpool(page.status, request, body)

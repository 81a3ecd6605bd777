"""The page on which a resident reports something, and the one on which people of the city type what reached them.

Enters: a form, without an account and without a script. Leaves: a report in the city's history, a number and a secret.
Never: a name, a secret in an address, or a photo as it was sent (it is drawn anew from its pixels).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from cityward.city.portal import Reported, TooOld, TooSoon
from cityward.console.asking import signed
from cityward.console.forms import fields_of, first_of
from cityward.console.parts import in_parts, parts_of
from cityward.console.report_texts import REPORT
from cityward.console.resident_pages import HEADERS, Pace
from cityward.console.resident_texts import TEXTS
from cityward.console.tongue import LANGUAGES
from cityward.console.visitors import address_of, language_asked
from cityward.core.clock import monotonic
from cityward.core.errors import CityBusy, Refused, StoreError, UserError
from cityward.guard.content.photo import NoPhoto, photos_taken, redrawn
from cityward.participate.portal import report
from cityward.participate.portal.short_text import fields_in

if TYPE_CHECKING:
    from cityward.console.pages import Console

PATH: Final = "/report"
SENT_A_MINUTE: Final = 12
"""Forms of one address: a library with one address and a queue, and no flood."""

FORM_BYTES: Final = 96 * 2**10
"""Every field at its longest, in signs that forms write as twelve bytes."""

FIELDS_MAX: Final = 12
LISTED_BYTES: Final = 16 * 2**10
"""Most of a list of areas or services in a page of 50 kB; a longer one is written by hand instead of chosen."""

PHOTO: Final = "photo"
TRAP: Final = "website"
"""A field that no person sees; whoever fills it in is a program, or is told."""


class Reports:
    """The public form."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._visits = Pace()
        self._sent = Pace(SENT_A_MINUTE)

    def show(self, request: Request) -> HTMLResponse:
        """The empty form."""
        if self._too_fast(request, self._visits):
            return self._slow(request)
        return self._form(request, 200, {}, {})

    def take(self, request: Request, body: bytes) -> HTMLResponse:
        """Take the form; whatever keeps it from being taken, what was typed stays on the page."""
        fields, sent = _read(request, body)
        if self._too_fast(request, self._sent):
            return self._form(request, 429, fields, {}, title=TEXTS[language_asked(request)]["slow"], notice="slow_why")
        if fields.get(TRAP):
            return self._form(request, 422, fields, {}, notice="trapped")
        portal = self._console.city.portal
        said, problems = report.read(fields, dict(portal.services()), self._console.city.area_names)
        if said is None:
            return self._form(request, 422, fields, problems)
        try:
            photo = redrawn(sent) if sent and photos_taken() else b""
            return self._done(request, portal.take(said, fields.get("token", ""), photo), with_photo=bool(photo))
        except NoPhoto as error:
            return self._form(request, 422, fields, {}, notice=error.why)
        except (UserError, Refused, StoreError) as error:
            status, notice = _not_taken(error)
            return self._form(request, status, fields, {}, notice=notice)

    def _form(
        self, request: Request, status: int, fields: dict[str, str], problems: dict[str, str], **told: str
    ) -> HTMLResponse:
        language, city = language_asked(request), self._console.city
        text, notice = {**TEXTS[language], **REPORT[language]}, told.get("notice", "")
        title = told.get("title") or (text["busy_title"] if notice == "busy" else text["title"].format(city=city.name))
        return self._page(
            "report.html",
            language,
            status,
            title=title,
            notice=text[notice] if notice else "",
            photos=photos_taken(),
            **form_of(self._console, fields, problems, fresh=notice == "too_old"),
        )

    def _done(self, request: Request, reported: Reported, *, with_photo: bool) -> HTMLResponse:
        language = language_asked(request)
        title = REPORT[language]["again_title" if reported.repeated else "done_title"]
        return self._page("report_done.html", language, 200, title=title, reported=reported, photo=with_photo)

    def _slow(self, request: Request) -> HTMLResponse:
        language = language_asked(request)
        text = TEXTS[language]
        return self._page("contest_told.html", language, 429, title=text["slow"], told=[text["slow_why"]])

    def _too_fast(self, request: Request, pace: Pace) -> bool:
        return not pace.allows(address_of(request), monotonic())

    def _page(self, template: str, language: str, status: int, **shown: Any) -> HTMLResponse:
        html = self._console.templates.get_template(template).render(
            city=self._console.city.name,
            language=language,
            languages=LANGUAGES,
            path=PATH,
            text={**TEXTS[language], **REPORT[language]},
            **shown,
        )
        return HTMLResponse(html, status, headers=HEADERS)


def _read(request: Request, body: bytes) -> tuple[dict[str, str], bytes]:
    """Fields and photo of a form; none of one that cannot be read."""
    kind = request.headers.get("content-type", "")
    if not in_parts(kind):
        return first_of(fields_of(body, FIELDS_MAX, bytes_max=FORM_BYTES)), b""
    fields, photo = parts_of(body, kind, PHOTO) or ({}, b"")
    return first_of(fields), photo


def _not_taken(error: UserError | Refused | StoreError) -> tuple[int, str]:
    """Status of the answer, and the name of the sentence that says what to do."""
    if isinstance(error, CityBusy | StoreError):
        return 503, "busy"
    notices: dict[type[Exception], str] = {TooSoon: "too_soon", TooOld: "too_old"}
    return 422, notices.get(type(error), "refused")


def form_of(
    console: Console, fields: dict[str, str], problems: dict[str, str], *, fresh: bool = False
) -> dict[str, Any]:
    """What the fields of a report are shown with; ``fresh`` gives the form a new token."""
    city = console.city
    services = [name for name, _ in city.portal.services()]
    areas = sorted(city.area_names.items(), key=lambda one: one[1].casefold())
    kept = "" if fresh else fields.get("token", "")[:100]
    return {
        "services": services if sum(len(name) + 60 for name in services) < LISTED_BYTES else [],
        "areas": areas if sum(len(key) + len(name) + 60 for key, name in areas) < LISTED_BYTES else [],
        "other": report.OTHER,
        "typed": {name: fields.get(name, "")[: report.TYPED_CHARS] for name in report.FIELDS},
        "problems": problems,
        "token": kept or city.portal.new_token(),
        "trap": TRAP,
        "words_max": report.WORDS_CHARS_MAX,
    }


class Entries:
    """The form for people of the city: what came by telephone, on paper or at the counter."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, request: Request) -> HTMLResponse:
        """The empty form."""
        return self._form(request, 200, {})

    def take(self, request: Request, body: bytes) -> HTMLResponse:
        """Take the form, or fill it with what a short message says; what was typed stays."""
        fields = signed(request, first_of(fields_of(body, FIELDS_MAX + 8, bytes_max=FORM_BYTES)))
        city = self._console.city
        services = dict(city.portal.services())
        if fields.get("do") == "fill":
            return self._form(request, 200, fields | fields_in(fields.get("message", ""), services))
        if fields.get("sheet"):  # says itself what it is about
            fields["service"] = fields.get("service") or report.OTHER
        said, problems = report.read(fields, services, city.area_names)
        if said is None and not (fields.get("sheet") and problems.keys() <= {"what"}):
            return self._form(request, 422, fields, problems)
        try:
            at = _moment(fields.get("at", ""), city.time_zone)
            reported = city.portal.enter(
                said or report.Said(service=report.OTHER),
                fields.get("token", ""),
                fields.get("channel", ""),
                fields.get("by", ""),
                at,
                fields.get("sheet", ""),
            )
        except (Refused, StoreError, UserError) as error:
            told = f"{error.what} {error.remedy}" if isinstance(error, UserError | Refused) else str(error)
            status = 503 if isinstance(error, CityBusy | StoreError) else 422
            return self._form(request, status, fields, told=told, fresh=isinstance(error, TooOld))
        return self._console.page(request, "report_entered.html", reported=reported, text=REPORT["en"])

    def _form(
        self,
        request: Request,
        status: int,
        fields: dict[str, str],
        problems: dict[str, str] | None = None,
        told: str = "",
        fresh: bool = False,
    ) -> HTMLResponse:
        own = {name: fields.get(name, "")[: report.TYPED_CHARS] for name in ("channel", "at", "sheet", "by", "message")}
        return self._console.page(
            request,
            "report_enter.html",
            status,
            own=own,
            problem=told or ("Not taken yet. Please look at what is marked." if problems else ""),
            channels=report.CHANNELS[1:],
            text={**TEXTS["en"], **REPORT["en"]},
            **form_of(self._console, fields, problems or {}, fresh=fresh),
        )


def _moment(typed: str, zone: str) -> datetime | None:
    """A day and time of the city as ``2026-03-02 09:30``; None when nothing was typed."""
    typed = " ".join(typed.replace("T", " ").split())
    if not typed:
        return None
    try:
        return datetime.strptime(typed, "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise UserError("This is no day and time.", "Write 2026-03-02 09:30, or leave it empty for now.") from None


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/report`` and ``/reports/enter``."""
    pages, entries = Reports(console), Entries(console)

    @router.get(PATH)
    def show(request: Request) -> Response:
        return pages.show(request)

    @router.post(PATH)
    async def take(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(pages.take, request, body)

    @router.get("/reports/enter")
    def enter(request: Request) -> Response:
        return entries.show(request)

    @router.post("/reports/enter")
    async def entered(request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(entries.take, request, body)

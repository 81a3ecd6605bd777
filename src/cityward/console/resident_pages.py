"""The page on which a resident says whether it is fixed: no account, no script, no personal data."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cityward.city.orders import Asked
from cityward.console.forms import fields_of
from cityward.console.resident_texts import TEXTS
from cityward.console.tongue import LANGUAGES, day_in
from cityward.console.visitors import address_of, language_asked
from cityward.core.clock import monotonic
from cityward.core.errors import UnknownId, UserError

if TYPE_CHECKING:
    from cityward.console.pages import Console

VISITS_A_MINUTE: Final = 60
"""Visits of one address: many people may share one, and no person reads faster."""

ADDRESSES: Final = 10_000
"""Addresses that are remembered; the oldest is forgotten first."""

ANSWER_BYTES: Final = 16 * 2**10
HEADERS: Final = {"cache-control": "no-store", "x-robots-tag": "noindex"}
"""Not ``no-referrer``: a browser then hides which page a form comes from, and the shield turns it away."""


class Pace:
    """A bucket of visits for each address; it fills again within a minute."""

    def __init__(self, visits: int = VISITS_A_MINUTE) -> None:
        self._visits = visits
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, address: str, now: float) -> bool:
        """Whether one more visit of ``address`` is answered at ``now`` (seconds)."""
        left, at = self._left.pop(address, (float(self._visits), now))
        left = min(float(self._visits), left + (now - at) * self._visits / 60)
        self._left[address] = (max(left - 1, 0.0), now)
        if len(self._left) > ADDRESSES:
            self._left.popitem(last=False)
        return left >= 1


class Residents:
    """Pages behind secret links."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._pace = Pace()

    def show(self, request: Request, token: str, **form: str) -> HTMLResponse:
        """How it stands, the question, and what happens next."""
        language = language_asked(request)
        text = TEXTS[language]
        if not self._pace.allows(address_of(request), monotonic()):
            return self._page(request, language, 429, title=text["slow"], told=[text["slow_why"]])
        try:
            asked = self._console.city.orders.asked(token)
        except UnknownId:
            return self._page(request, language, 404, title=text["unknown"], told=[text["unknown_why"]])
        return self._page(request, language, 422 if form.get("problem") else 200, **self._told(asked, language), **form)

    def answer(self, request: Request, token: str, body: bytes) -> Response:
        """Take the form, then show how it stands now."""
        language = language_asked(request)
        sent = fields_of(body[:ANSWER_BYTES], 10)
        fixed, words = sent.get("fixed", [""])[0], sent.get("words", [""])[0]
        if not self._pace.allows(address_of(request), monotonic()):
            text = TEXTS[language]
            return self._page(request, language, 429, title=text["slow"], told=[text["slow_why"]])
        try:
            if fixed not in ("yes", "no"):
                raise UserError(TEXTS[language]["question"])
            self._console.city.orders.answer(token, fixed == "yes", words)
        except UnknownId:
            return self.show(request, token)
        except UserError as error:
            return self.show(request, token, problem=error.what, words=words[:1000])
        return RedirectResponse(f"/r/{token}?lang={language}", 303, headers=HEADERS)

    def _told(self, asked: Asked, language: str) -> dict[str, Any]:
        """What the page says of an order."""
        city, text = self._console.city, TEXTS[language]
        zone = ZoneInfo(city.time_zone)
        done = asked.done_on.astimezone(zone).date() if asked.done_on else None
        until = day_in(language, done + timedelta(days=city.settings.orders.answer_days)) if done else ""
        key = (
            asked.state if asked.state not in ("confirmed", "reopened") or asked.by_resident else f"{asked.state}_city"
        )
        told = [
            text["reported"].format(service=asked.service, area=asked.area, day=day_in(language, asked.waiting_since)),
            text[key].format(day=day_in(language, done) if done else ""),
        ]
        if asked.tries > 1:
            told.append(text["tries"].format(tries=asked.tries))
        return {
            "title": text["title"],
            "told": told,
            "order": asked.order,
            "may_answer": asked.may_answer,
            "change": text["change"].format(day=until) if asked.may_answer and asked.state != "done" else "",
            "following": _following(asked, text, until),
        }

    def _page(self, request: Request, language: str, status: int, **shown: Any) -> HTMLResponse:
        base = {"order": "", "may_answer": False, "change": "", "following": "", "problem": "", "words": ""}
        html = self._console.templates.get_template("resident.html").render(
            {
                **base,
                "city": self._console.city.name,
                "language": language,
                "languages": LANGUAGES,
                "text": TEXTS[language],
                "path": request.url.path,
                **shown,
            }
        )
        return HTMLResponse(html, status, headers=HEADERS)


def _following(asked: Asked, text: Any, until: str) -> str:
    if asked.state in ("done", "reopened"):
        return str(text[f"next_{asked.state}"])
    if asked.state == "confirmed":
        return str(text["next_confirmed"].format(day=until)) if asked.may_answer else str(text["next_over"])
    return str(text["next_over" if asked.state == "cancelled" else "next_open"])


def mount(router: APIRouter, console: Console) -> None:
    """Add the resident's page."""
    residents = Residents(console)

    @router.get("/r/{token}")
    def show(request: Request, token: str) -> Response:
        return residents.show(request, token)

    @router.post("/r/{token}")
    async def answer(request: Request, token: str) -> Response:
        body = await request.body()
        return await run_in_threadpool(residents.answer, request, token, body)

"""Signing in: by passkey, by password and code, by a sign-in service; and taking an invitation.

Enters: forms and answers of authenticators. Leaves: a cookie with a session, or a page that says that something does
not match. Never: says whether somebody has an account, keeps what was typed, or shows anything of the city.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cityward.console.sign_in_forms import HEADERS, Desk, form_of, onward, script_of, status_of, told
from cityward.core.errors import CitywardError, UserError
from cityward.secure.access.records import TooSoon

if TYPE_CHECKING:
    from cityward.console.pages import Console

_BACK = "/sign-in/back"


class SignIn:
    """The pages for whoever is not signed in yet."""

    def __init__(self, console: Console) -> None:
        self._desk = Desk(console)

    # -- in ----------------------------------------------------------------------------------------

    def show(
        self, request: Request, *, status: int = 200, name: str = "", problem: str = "", to: str = ""
    ) -> HTMLResponse:
        """The page: a passkey first, then a password."""
        access = self._desk.access
        who = self._desk.who(request)
        return self._desk.page(
            request,
            "sign_in.html",
            status,
            name=name or (who.name if who else ""),
            again=who is not None,
            problem=problem,
            to=to or onward(request.query_params.get("next")),
            services=access.services.labels() if access.settings.services else {},
            passkeys=access.site(request.headers.get("host", "")) is not None,
            empty=not access.anybody(),
        )

    def password(self, request: Request, body: bytes) -> Response:
        """Take the form."""
        sent = form_of(body)
        name, to = sent.get("name", "")[:200], onward(sent.get("next"))
        try:
            granted = self._desk.access.signing.by_password(
                name, sent.get("password", ""), sent.get("code", ""), self._desk.visit(request)
            )
        except CitywardError as error:
            if status_of(error) == 500:
                raise
            page = self.show(request, status=status_of(error), name=name, problem=told(error), to=to)
            if isinstance(error, TooSoon):
                page.headers["retry-after"] = str(error.seconds)
            return page
        return self._desk.signed_in(granted, to)

    def passkey_options(self, request: Request, body: bytes) -> Response:
        """What the browser asks an authenticator."""
        script_of(request, body)
        options, flow = self._desk.access.passkeys.ask(self._desk.site(request))
        return self._desk.going(Response(options, media_type="application/json", headers=HEADERS), flow)

    def passkey(self, request: Request, body: bytes) -> Response:
        """Take the answer of an authenticator."""
        sent = script_of(request, body)
        granted = self._desk.access.signing.by_passkey(
            self._desk.site(request), self._desk.flow(request), sent.answer, self._desk.visit(request)
        )
        return self._desk.signed_in(granted, onward(request.query_params.get("next")), script=True)

    # -- by a sign-in service ----------------------------------------------------------------------

    def _back(self, request: Request, service: str) -> str:
        origin = self._desk.access.settings.origin or f"http://{request.headers.get('host', '')}"
        return f"{origin}{_BACK}/{quote(service, safe='')}"

    def to_service(self, request: Request, service: str) -> Response:
        """Send the browser to a sign-in service."""
        address, flow = self._desk.access.services.begin(
            service, self._back(request, service), onward=onward(request.query_params.get("next"))
        )
        return self._desk.going(RedirectResponse(address, 303, HEADERS), flow)

    def from_service(self, request: Request, service: str) -> Response:  # noqa: ARG002
        """Take what a sign-in service sent the browser back with."""
        try:
            granted, to = self._desk.access.services.finish(
                self._desk.flow(request), dict(request.query_params), self._desk.visit(request)
            )
        except CitywardError as error:
            if status_of(error) == 500:
                raise
            return self.show(request, status=status_of(error), problem=told(error))
        return self._desk.signed_in(granted, to)

    # -- by invitation -----------------------------------------------------------------------------

    def invited(self, request: Request, *, status: int = 200, problem: str = "") -> HTMLResponse:
        """Ask for the code of an invitation."""
        return self._desk.page(request, "invited.html", status, problem=problem)

    def choose(self, request: Request, body: bytes, *, problem: str = "", status: int = 200) -> HTMLResponse:
        """Show by what somebody who is invited may sign in from now on."""
        sent = form_of(body)
        code = sent.get("invitation", "")
        access = self._desk.access
        try:
            person, purpose = access.signing.invited(code)
        except CitywardError as error:
            return self.invited(request, status=status_of(error), problem=told(error))
        keeps = purpose == "password" and access.ways.has_app(person.id)
        return self._desk.page(
            request,
            "invited_ways.html",
            status,
            code=code.strip(),
            person=person,
            purpose=purpose,
            app=None if keeps else access.signing.new_app(person, sent.get("app", "")),
            passkeys=purpose != "password" and access.site(request.headers.get("host", "")) is not None,
            services=access.services.labels() if access.settings.services and purpose != "password" else {},
            problem=problem,
        )

    def invited_password(self, request: Request, body: bytes) -> Response:
        """Take an invitation with a password."""
        sent = form_of(body)
        try:
            granted, paper = self._desk.access.signing.accept_password(
                sent.get("invitation", ""), sent.get("password", ""), sent.get("app", ""), sent.get("code", ""),
                self._desk.visit(request),
            )  # fmt: skip
        except CitywardError as error:
            if status_of(error) == 500:
                raise
            return self.choose(request, body, problem=told(error), status=status_of(error))
        if not paper:
            return self._desk.signed_in(granted, "/account")
        page = self._desk.page(request, "paper.html", paper=paper)
        self._desk.keep(page, granted)
        return page

    def invited_options(self, request: Request, body: bytes) -> Response:
        """What the browser asks an authenticator to make."""
        person, _ = self._desk.access.signing.invited(script_of(request, body).code)
        options, flow = self._desk.access.passkeys.make(person, self._desk.site(request))
        return self._desk.going(Response(options, media_type="application/json", headers=HEADERS), flow)

    def invited_passkey(self, request: Request, body: bytes) -> Response:
        """Take an invitation with a passkey."""
        sent = script_of(request, body)
        granted = self._desk.access.signing.accept_passkey(
            sent.code, self._desk.site(request), self._desk.flow(request), sent.answer, sent.label,
            self._desk.visit(request),
        )  # fmt: skip
        return self._desk.signed_in(granted, "/account", script=True)

    def invited_service(self, request: Request, service: str, body: bytes) -> Response:
        """Take an invitation with an account of a sign-in service; a link, since a form may not lead elsewhere."""
        code = form_of(body).get("invitation", "").strip()
        self._desk.access.signing.invited(code)
        address, flow = self._desk.access.services.begin(
            service, self._back(request, service), invitation=code, onward="/account"
        )
        page = self._desk.page(
            request, "to_service.html", address=address, label=self._desk.access.services.labels()[service]
        )
        return self._desk.going(page, flow)


def mount(router: APIRouter, console: Console) -> None:
    """Add ``/sign-in`` and what lies below it."""
    pages = SignIn(console)
    desk = Desk(console)

    @router.get("/sign-in")
    def show(request: Request) -> HTMLResponse:
        return pages.show(request)

    @router.get("/sign-in/invited")
    def invited(request: Request) -> HTMLResponse:
        return pages.invited(request)

    @router.get("/sign-in/with/{service}")
    def to_service(request: Request, service: str) -> Response:
        try:
            return pages.to_service(request, service)
        except UserError as error:
            return pages.show(request, status=status_of(error), problem=told(error))

    @router.get(_BACK + "/{service}")
    def from_service(request: Request, service: str) -> Response:
        return pages.from_service(request, service)

    @router.post("/sign-in/invited/with/{service}")
    async def invited_service(request: Request, service: str) -> Response:
        body = await request.body()
        try:
            return await run_in_threadpool(pages.invited_service, request, service, body)
        except CitywardError as error:
            return pages.invited(request, status=status_of(error), problem=told(error))

    forms: dict[str, Callable[[Request, bytes], Response]] = {
        "/sign-in": pages.password,
        "/sign-in/invited": pages.choose,
        "/sign-in/invited/password": pages.invited_password,
    }
    scripts: dict[str, Callable[[Request, bytes], Response]] = {
        "/sign-in/passkey/options": pages.passkey_options,
        "/sign-in/passkey": pages.passkey,
        "/sign-in/invited/passkey/options": pages.invited_options,
        "/sign-in/invited/passkey": pages.invited_passkey,
    }
    for path, take in forms.items():
        router.post(path)(posted(take))
    for path, take in scripts.items():
        router.post(path)(posted(take, desk))


def posted(take: Callable[[Request, bytes], Response], desk: Desk | None = None) -> Callable[..., Any]:
    """A route that hands the body to ``take``; with a ``desk`` it tells a script what was refused."""

    async def route(request: Request) -> Response:
        body = await request.body()
        try:
            return await run_in_threadpool(take, request, body)
        except CitywardError as error:
            if desk is None or status_of(error) == 500:
                raise
            return desk.script_refused(error)

    return route

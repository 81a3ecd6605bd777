"""What the pages of signing in share: how a request is read, cookies, and pages that tell a stranger nothing."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

import msgspec
from fastapi import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from cityward.console.forms import fields_of, first_of
from cityward.console.preferences import theme_of
from cityward.console.tongue import say
from cityward.console.visitors import address_of
from cityward.core.errors import CitywardError, Refused, UserError
from cityward.core.principal import Principal
from cityward.secure.access import Access, Visit
from cityward.secure.access.access import COOKIE, DEVICE_COOKIE, FLOW_COOKIE
from cityward.secure.access.devices import LASTS as DEVICE_LASTS
from cityward.secure.access.flows import LASTS as FLOW_LASTS
from cityward.secure.access.passkeys import Site
from cityward.secure.access.records import Granted, NotRecognised, TooSoon

if TYPE_CHECKING:
    from cityward.console.pages import Console

FORM_BYTES: Final = 64 * 2**10
FIELDS: Final = 12
ONWARD_CHARS: Final = 2_000
HEADERS: Final = {"cache-control": "no-store"}
CLEARED: Final = '"cache", "storage"'
"""What a browser forgets when a session ends: pages and whatever scripts kept. The cookie of a known device stays, and
that of light and dark. (Source: W3C, Clear Site Data.)"""


class Answer(msgspec.Struct, frozen=True):
    """What the script of a page sends: what the authenticator said, and what stands in the form."""

    answer: str = ""
    code: str = ""
    label: str = ""


class Desk:
    """One console's way of reading requests to sign in, and of answering them."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @property
    def access(self) -> Access:
        """Who may come in."""
        return self._console.city.access

    # -- reading -----------------------------------------------------------------------------------

    def visit(self, request: Request) -> Visit:
        """Where a request comes from."""
        return self.access.visit(_headers(request), request.cookies, address_of(request))

    def who(self, request: Request) -> Principal | None:
        """The person who is signed in, or None; a program has no pages."""
        found = self.access.principal_of(_headers(request), request.cookies)
        return found if found is not None and found.kind == "person" else None

    def site(self, request: Request) -> Site:
        """To whom passkeys belong here.

        Raises
        ------
        UserError
            They cannot be used at this address.
        """
        found = self.access.site(request.headers.get("host", ""))
        if found is None:
            raise UserError(
                say("Passkeys cannot be used at this address."), say("Open the console at http://localhost.")
            )
        return found

    def is_recent(self, who: Principal) -> bool:
        """Whether somebody proved just now who they are."""
        minutes = self.access.settings.strong_minutes
        return who.at is not None and (self._console.city.clock.now() - who.at).total_seconds() <= 60 * minutes

    def is_own(self, request: Request, who: Principal, token: str) -> bool:
        """Whether a form was sent by a page of ours.

        The shield refuses what another site's page sends, by its ``Origin``. Browsers from before 2020 leave that out
        of forms; there the token counts, which only pages of this session carry.
        """
        return "origin" in request.headers or hmac.compare_digest(
            token.encode("utf-8", "replace"), self.access.form_token(who).encode()
        )

    # -- answering ---------------------------------------------------------------------------------

    def page(self, request: Request, template: str, status: int = 200, **shown: Any) -> HTMLResponse:
        """Render a page that shows the name of the city and nothing else of it."""
        html = self._console.templates.get_template(template).render(
            {"city": self._console.city.name, "theme": theme_of(request, self._console.city), "problem": "", **shown}
        )
        return HTMLResponse(html, status, headers=HEADERS)

    def signed_in(self, granted: Granted, onward: str, script: bool = False) -> Response:
        """Set the cookies of a sign-in and go on."""
        answer: Response = (
            JSONResponse({"next": onward}, headers=HEADERS) if script else RedirectResponse(onward, 303, HEADERS)
        )
        self.keep(answer, granted)
        return answer

    def keep(self, answer: Response, granted: Granted) -> None:
        """Set the cookies of a sign-in, and tell the ledger."""
        self._set(answer, COOKIE, granted.session, self.access.settings.whole_hours * 3600)
        if granted.device:
            self._set(answer, DEVICE_COOKIE, granted.device, int(DEVICE_LASTS.total_seconds()))
        self._drop(answer, FLOW_COOKIE)
        self._console.city.settle_access()

    def going(self, answer: Response, flow: str) -> Response:
        """Let the browser carry a flow to the next step."""
        self._set(answer, FLOW_COOKIE, flow, int(FLOW_LASTS.total_seconds()))
        return answer

    def flow(self, request: Request) -> str:
        """The flow that the browser carries."""
        return self.access.cookie(request.cookies, FLOW_COOKIE)

    def signed_out(self, onward: str = "/sign-in") -> Response:
        """Take the session's cookie back, and have the browser forget what it keeps of us."""
        answer = RedirectResponse(onward, 303, {**HEADERS, "clear-site-data": CLEARED})
        self._drop(answer, COOKIE)
        self._console.city.settle_access()
        return answer

    def _set(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(self.access.cookie_name(name), value, max_age=seconds, **self._kept())

    def _drop(self, answer: Response, name: str) -> None:
        answer.delete_cookie(self.access.cookie_name(name), **self._kept())

    def _kept(self) -> dict[str, Any]:
        """Sent to us alone, over https where we have it, never to a script, and not with what another site posts."""
        return {"path": "/", "secure": self.access.secure(), "httponly": True, "samesite": "lax"}

    def script_refused(self, error: CitywardError) -> Response:
        """Tell a page's script that something was refused."""
        return JSONResponse({"problem": told(error)}, status_of(error), headers=HEADERS)


def status_of(error: CitywardError) -> int:
    """Status of an answer that refuses."""
    kinds: tuple[tuple[type[CitywardError], int], ...] = (
        (TooSoon, 429), (NotRecognised, 401), (Refused, 409), (UserError, 422),
    )  # fmt: skip
    return next((status for kind, status in kinds if isinstance(error, kind)), 500)


def told(error: CitywardError) -> str:
    """An error as a page says it."""
    return f"{getattr(error, 'what', str(error))} {getattr(error, 'remedy', '')}".strip()


def form_of(body: bytes) -> dict[str, str]:
    """Fields of a form; none of one that is too large."""
    return first_of(fields_of(body, FIELDS, bytes_max=FORM_BYTES))


def script_of(request: Request, body: bytes) -> Answer:
    """What a page's script sent.

    Raises
    ------
    UserError
        It is not JSON, or not of a script: a form of another site cannot say ``application/json``.
    """
    if request.headers.get("content-type", "") != "application/json" or len(body) > 2 * FORM_BYTES:
        raise UserError(say("This is sent by the script of a page."), say("Load the page again."))
    try:
        return msgspec.json.decode(body, type=Answer)
    except msgspec.DecodeError:
        raise UserError(say("This cannot be read."), say("Load the page again.")) from None


def onward(asked: str | None) -> str:
    """The page of ours that follows; never one of another site."""
    path = asked or "/"
    # A browser leaves out tabs and line ends before it reads an address: "/<tab>/evil.example" leads elsewhere.
    if not path.isprintable() or len(path) >= ONWARD_CHARS or not path.startswith("/"):
        return "/"
    # It also takes a backslash for a slash, and any number of slashes at the beginning for two.
    return "/" if path.replace("\\", "/").startswith("//") else path


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}

"""The door of every request: who asks, for what, and whether a rule permits it. What no rule permits is denied.

A route asks what the table beside it says (``DOORS``); a route that is in no table lets nobody in. Which route a
request means is asked of the routes themselves, on the same scope that the router is given afterwards, so that no
way to write a path means one thing to the door and another to the router.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from cityward.api.certificates import shown_certificate
from cityward.api.problems import AWAY, of_error, problem
from cityward.city import City
from cityward.core.errors import CitywardError
from cityward.core.principal import Principal
from cityward.secure.access.access import COOKIE, SECURE
from cityward.secure.policy import Ask, Asker, Verdict, at_machine, nobody

SIGN_IN: Final = "/sign-in"
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
"""Headers that somebody between sets: whoever is behind that is not on this machine."""

CLEARED: Final = '"cache", "storage"'
"""What a browser forgets when a session is over. (Source: W3C, Clear Site Data.)"""

_NO_STORE: Final = {"cache-control": "no-store"}
_POLICY_VIOLATION: Final = 1008
"""Source: RFC 6455, section 7.4.1."""


class Gate:
    """ASGI middleware between the shield and the routes.

    Parameters
    ----------
    app : ASGI application
    city : City
        Whose people, policies and requests count.
    open_here : bool
        Whether nobody signs in on the loopback address; the city's settings must say so too.
    """

    def __init__(self, app: ASGIApp, city: City, open_here: bool) -> None:
        self._app, self._city = app, city
        settings = city.settings.access
        # Behind a proxy every request comes from the machine itself; being there proves nothing then.
        self._open = open_here and settings.open_on_loopback and not settings.proxies and not settings.origin
        self._leaves: list[BaseRoute] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask, and pass on what a rule permits."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            answer = await self._refused(scope)
            await (answer or self._app)(scope, receive, send)

    async def _refused(self, scope: Scope) -> Response | None:
        request = Request(scope)
        try:
            asker = await self._asker(request)
            match, ask, identifier = self._door(scope)
            if match is not Match.FULL:
                return self._unknown(request, asker, match)
            if ask is None:
                return await self._no(request, asker, None)
            verdict = await run_in_threadpool(asker.may, ask.action, ask.kind, identifier)
        except CitywardError as error:
            return of_error(error)
        if not verdict.allowed:
            return await self._no(request, asker, verdict)
        scope.setdefault("state", {})["asker"] = asker
        return None

    # -- which door --------------------------------------------------------------------------------

    def _door(self, scope: Scope) -> tuple[Match, Ask | None, str]:
        """The route that will be taken, what it asks, and about what."""
        app = scope["app"]
        if not self._leaves:
            self._leaves = list(leaves(app.router.routes))
        best = Match.NONE
        for route in self._leaves:
            match, found = route.matches(scope)
            if match is Match.FULL:
                ask = app.state.doors.get(door_of(route, scope["method"]))
                params: Mapping[str, Any] = found.get("path_params", {})
                return match, ask, str(params.get(ask.by, "")) if ask and ask.by else ""
            best = match if match is Match.PARTIAL else best
        return best, None, ""

    # -- who ---------------------------------------------------------------------------------------

    async def _asker(self, request: Request) -> Asker:
        city, access = self._city, self._city.access
        headers = {name.lower(): value for name, value in request.headers.items()}
        local = _is_local(request, headers)
        shown = access.certificate_of(
            headers, request.client.host if request.client else "", shown_certificate(request)
        )
        who: Principal | None = None
        if shown or request.cookies or "authorization" in headers:
            who = await run_in_threadpool(access.principal_of, headers, request.cookies, shown)
        if who is None:
            here = self._open and local and "authorization" not in headers
            who = at_machine() if here else nobody()
        return city.asker(who, loopback=local)

    # -- no ----------------------------------------------------------------------------------------

    def _unknown(self, request: Request, asker: Asker, match: Match) -> Response:
        """No route takes it. Whoever is not signed in is not told what there is."""
        if _is_nobody(asker):
            return _unknown_person(request)
        if match is Match.PARTIAL:
            return problem(405, "This address does not take that method.")
        return _page(request, asker, 404, "There is no such page.", "")

    async def _no(self, request: Request, asker: Asker, verdict: Verdict | None) -> Response:
        if _is_nobody(asker):
            return _unknown_person(request)
        rule = verdict.rule if verdict else "default-deny"
        request.scope[AWAY] = ("refused access", rule)
        told = verdict.told if verdict else "You may not do this. No rule permits it."
        remedy = "Sign in again, then do the same." if rule == "fresh-sign-in" else "Ask somebody who may."
        if not _wants_page(request):
            return problem(403, told, remedy=remedy, rule=rule, headers=_NO_STORE)
        return await run_in_threadpool(_page, request, asker, 403, told, remedy, rule)


def leaves(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    """Every route, those of routers that were included too, in the order in which they are tried."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is None:
            yield route
        else:
            yield from leaves(inner.routes)


def door_of(route: BaseRoute, method: str) -> str:
    """The key of a route in the tables: ``GET /needs/{identifier}``; what is mounted is only read."""
    path = getattr(route, "path", "")
    if isinstance(route, Mount):
        return f"GET {path}" if method in ("GET", "HEAD") else f"{method} {path}"
    return f"{'GET' if method == 'HEAD' else method} {path}"


def _is_local(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether somebody on this machine asks, with nobody between."""
    peer = request.client.host if request.client else ""
    try:
        near = ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False
    named = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    return near and named in ("localhost", "127.0.0.1", "::1") and not any(one in headers for one in _FORWARDED)


def _is_nobody(asker: Asker) -> bool:
    return asker.principal.kind == "resident"


def _wants_page(request: Request) -> bool:
    path = request.scope["path"]
    return "text/html" in request.headers.get("accept", "") and not path.startswith("/api")


def _unknown_person(request: Request) -> Response:
    """Ask who it is: a browser is shown where to sign in, and comes back to the page that it wanted."""
    shown = "authorization" in request.headers
    request.scope[AWAY] = ("refused access", "token") if shown else ("not signed in", "sign-in")
    if not _wants_page(request):
        headers = {**_NO_STORE, "www-authenticate": "Bearer"}
        return problem(401, "Nobody is signed in.", remedy="Send a token, or sign in.", rule="sign-in", headers=headers)
    # Whoever still shows a session's cookie was signed in: what the browser keeps of it goes, as at signing out.
    ended = {"clear-site-data": CLEARED} if any(one.removeprefix(SECURE) == COOKIE for one in request.cookies) else {}
    return RedirectResponse(f"{SIGN_IN}?next={quote(_onward(request), safe='/')}", 303, {**_NO_STORE, **ended})


def _onward(request: Request) -> str:
    """The page of ours that was wanted, or from which a form was sent; what it sent is not sent again."""
    path, query = request.scope["path"], request.scope["query_string"].decode("latin-1")
    if request.method != "GET":
        came = urlsplit(request.headers.get("referer", ""))
        path, query = (came.path, "") if came.netloc == request.headers.get("host", "") else ("/", "")
    if not path.startswith("/") or path.startswith(("//", "/\\")):
        return "/"
    return quote(path, safe="/") + (f"?{query}" if query else "")


def _page(request: Request, asker: Asker, status: int, what: str, remedy: str, rule: str = "") -> Response:
    """A page that says no, where there are pages; else a problem document."""
    show = getattr(request.app.state, "refused", None)
    if show is None or not _wants_page(request):
        return problem(status, what, remedy=remedy, rule=rule, headers=_NO_STORE)
    answer: Response = show(request, asker, status, what, remedy, rule, _onward(request))
    return answer

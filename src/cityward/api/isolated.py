"""While the city is isolated: what would write is told to come again later, and what is only read goes on.

The city itself refuses every write through its own door; this says so at the first step, before a body is read, and
stops what writes beside that door: looks at rows about people, which are noted, and forms of residents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from cityward.api.gate import door_of, leaves
from cityward.api.problems import ISOLATED_WAIT_SECONDS, problem

if TYPE_CHECKING:
    from cityward.city import City

READ_ON: Final = frozenset(
    {"visit", "read-published", "take-part", "ask-about-data", "read-findings", "read-security", "read-ledger",
     "read-metrics", "read-requests", "use-account"}
)  # fmt: skip
"""Acts whose pages are still read: none of them shows rows about people, each look at which the ledger is told."""

SENT_ON: Final = frozenset({"visit", "use-account", "answer-request"})
"""Acts whose forms are still taken: sign in and out, and agree as the second person who lifts it."""


WHAT: Final = (
    "This city takes nothing in and changes nothing just now. Its files look attacked, so that it isolated itself; "
    "what was acknowledged is safe."
)
"""What gave the attack away is not said: whoever attacks would learn it."""

REMEDY: Final = "Send the same again later. A security officer looks at it, and lifts it with 'cityward alerts lift'."


class Isolated:
    """ASGI middleware between the gate and the routes.

    Parameters
    ----------
    app : ASGI application
    city : City
        Whose isolation counts.
    """

    def __init__(self, app: ASGIApp, city: City) -> None:
        self._app, self._city = app, city

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless the city is isolated and it would write."""
        if scope["type"] != "http" or self._city.isolation.held is None or self._goes_on(scope):
            await self._app(scope, receive, send)
            return
        headers = {"retry-after": str(ISOLATED_WAIT_SECONDS), "cache-control": "no-store"}
        page, asker = getattr(scope["app"].state, "refused", None), scope.get("state", {}).get("asker")
        if page is not None and asker is not None and _wants_page(scope):
            shown = await run_in_threadpool(page, Request(scope), asker, 503, WHAT, REMEDY, "isolated", "/")
            shown.headers.update(headers)
            await shown(scope, receive, send)
            return
        await problem(503, WHAT, remedy=REMEDY, rule="isolated", headers=headers)(scope, receive, send)

    def _goes_on(self, scope: Scope) -> bool:
        reads = scope["method"] in ("GET", "HEAD")
        for route in leaves(scope["app"].router.routes):
            match, _ = route.matches(scope)
            if match is Match.FULL:
                ask = scope["app"].state.doors.get(door_of(route, scope["method"]))
                return ask is not None and ask.action in (READ_ON if reads else SENT_ON)
        return True  # no route takes it: the router says so


def _wants_page(scope: Scope) -> bool:
    accept = Request(scope).headers.get("accept", "")
    return "text/html" in accept and not scope["path"].startswith("/api")

"""What every request passes before anything reads it: host, origin, size, and headers on the way out."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cityward.api.problems import problem
from cityward.core.limits import BODY_BYTES

HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; style-src 'self' 'unsafe-inline'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
"""Scripts come from us alone. Styles may be inline because the map and chart libraries set them."""

_HEADER_PAIRS = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
_SAFE = {"GET", "HEAD", "OPTIONS"}


class Shield:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    hosts : sequence of str or None
        Host names that are answered (against DNS rebinding); None answers all.
    """

    def __init__(self, app: ASGIApp, hosts: Sequence[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, then pass it on with a bound on its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refused(scope, headers)
        if refused:
            await problem(*refused)(scope, receive, _decorated(send))
            return
        await self._app(scope, _bounded(receive), _decorated(send))

    def _refused(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        host = headers.get(b"host", "")
        if self._hosts is not None and urlsplit(f"//{host}").hostname not in {name.strip("[]") for name in self._hosts}:
            return 421, "This address does not serve that host name."
        origin = headers.get(b"origin")
        if scope["method"] not in _SAFE and origin and urlsplit(origin).netloc != host:
            return 403, "This request was sent by a page of another site."
        length = headers.get(b"content-length", "0")
        if not length.isdigit() or int(length) > BODY_BYTES:
            return 413, f"A body may have at most {BODY_BYTES // 2**20} MB. Send it in parts."
        return None


class BodyTooLarge(Exception):
    """A body without a length went over the limit."""


def _bounded(receive: Receive) -> Receive:
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > BODY_BYTES:
            raise BodyTooLarge
        return message

    return bounded


def _decorated(send: Send) -> Send:
    async def decorated(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name for name, _ in message["headers"]}
            extra = [pair for pair in _HEADER_PAIRS if pair[0] not in given]
            message = {**message, "headers": [*message["headers"], *extra]}
        await send(message)

    return decorated

"""What every request passes before anything reads it: form, size, time, pace, host and origin; and headers out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cityward.api.pace import Pace, client_of, kind_of
from cityward.api.problems import AWAY, problem
from cityward.core.clock import monotonic
from cityward.core.limits import (
    BODY_BYTES,
    BODY_BYTES_PER_SECOND,
    BODY_SECONDS,
    DRAFT_BYTES,
    FORM_BYTES,
    HEAD_BYTES,
    HEADERS,
    PHOTO_FORM_BYTES,
    URL_BYTES,
)
from cityward.secure.access.access import LANGUAGE_COOKIE, SECURE, THEME_COOKIE
from cityward.secure.services import is_here

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; object-src 'none'"
)
"""Scripts and styles come from files of ours alone. Libraries set styles through the object model, which is allowed;
the map begins its workers from blobs and draws icons from them. (Source: W3C, Content Security Policy Level 3.)"""

SENT: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
SECURE_TRANSPORT: Final = "max-age=31536000; includeSubDomains"
"""Over TLS only: what comes in plain anybody between could have written. (Source: RFC 6797, section 7.2.)"""

NO_STORE: Final = "no-store"
"""Everything but the files of the console may hold what was said by or of a person."""

_LENGTH_DIGITS: Final = 15
"""Digits of the longest length that is read as a number at all."""

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ONCE: Final = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"origin",
        b"transfer-encoding",
        b"webhook-id",
        b"webhook-signature",
        b"webhook-timestamp",
    }
)
"""Headers that two readers could read differently if they came twice (CWE-444)."""

PHOTO_FORM: Final = ("POST", "/report")
"""Method and path of the one form that comes in parts."""

_OWN: Final = ("same-origin", "none")
"""What a browser says of a request that a page of this site, or the person at the keyboard, began."""


class Refusal(Exception):
    """A request that goes no further: status, words, and headers of the answer."""

    def __init__(self, status: int, what: str, **headers: str) -> None:
        self.status, self.what = status, what
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(what)


class BodyTooLarge(HTTPException):
    """A body without a length went over the limit."""

    def __init__(self, most: int) -> None:
        super().__init__(413, _too_large(most), {"connection": "close"})


class BodyTooSlow(HTTPException):
    """A body did not come in time."""

    def __init__(self) -> None:
        super().__init__(408, "The request took too long to arrive.", {"connection": "close"})


class Shield:
    """ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    hosts : sequence of str or None
        Host names that are answered (against DNS rebinding); None answers all.
    proxies : collection of str
        Addresses of proxies whose word for the address of a client counts.
    pace : Pace, optional
        How often a client may ask.
    only_proxies : bool
        Whether nobody is answered but those proxies and this machine: others would come around TLS.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Sequence[str] | None,
        proxies: Collection[str] = (),
        pace: Pace | None = None,
        body_seconds: float = BODY_SECONDS,
        only_proxies: bool = False,
    ) -> None:
        self._app = app
        self._hosts = None if hosts is None else {name.strip("[]") for name in hosts}
        self._proxies = frozenset(proxies)
        self._pace = Pace() if pace is None else pace
        self._body_seconds = body_seconds
        self._only_proxies = only_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, then pass it on with bounds on its body."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        send = _decorated(send, scope)
        try:
            headers = _checked_form(scope)
            self._check_peer(scope)
            self._check_host(headers)
            _check_origin(scope["method"], headers, encrypted=scope.get("scheme") == "https")
            most = _body_limit(scope, headers)
            _check_body(scope, headers, most)
            self._check_pace(scope, headers)
        except Refusal as no:
            scope[AWAY] = ("around a control", str(no.status))
            await problem(no.status, no.what, headers=no.headers)(scope, receive, send)
            return
        await self._app(scope, _bounded(receive, most, self._body_seconds), send)

    def _check_peer(self, scope: Scope) -> None:
        peer = (scope.get("client") or ("",))[0]
        if self._only_proxies and peer not in self._proxies and not is_here(peer):
            raise Refusal(421, "This address is for the proxy before it. Come by https.", connection="close")

    def _check_host(self, headers: dict[bytes, bytes]) -> None:
        if self._hosts is None:
            return
        try:
            name = urlsplit(f"//{_text(headers, b'host')}").hostname
        except ValueError:
            name = None
        if name not in self._hosts:
            raise Refusal(421, "This address does not serve that host name.")

    def _check_pace(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        client = client_of((scope.get("client") or (None,))[0], headers, self._proxies)
        if client is None:
            return
        seconds = self._pace.wait_seconds(client, kind_of(scope["method"], scope["path"], headers))
        if seconds:
            raise Refusal(429, f"Too many requests. Try again in {seconds} s.", retry_after=str(seconds))


def _text(headers: dict[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


def _checked_form(scope: Scope) -> dict[bytes, bytes]:
    """The headers by name; raises if there are too many, or one that must not come twice does."""
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > URL_BYTES:
        raise Refusal(414, f"An address may have at most {URL_BYTES:,} bytes.")
    given: list[tuple[bytes, bytes]] = scope["headers"]
    if len(given) > HEADERS or sum(len(name) + len(value) for name, value in given) > HEAD_BYTES:
        raise Refusal(431, f"A request may have at most {HEADERS} headers and {HEAD_BYTES // 2**10} kB of them.")
    if any(sign < " " or sign == "\x7f" for sign in scope["path"]):
        raise Refusal(400, "An address has no control characters.")
    headers = dict(given)
    twice = [name for name, count in Counter(name for name, _ in given).items() if count > 1 and name in _ONCE]
    if twice:
        raise Refusal(400, f"The header {twice[0].decode('latin-1')} was sent twice.")
    if b"transfer-encoding" in headers and b"content-length" in headers:
        raise Refusal(400, "A body has a length or comes in parts, not both.", connection="close")
    return headers


def _check_origin(method: str, headers: dict[bytes, bytes], *, encrypted: bool) -> None:
    """Raise for what a page of another site sent.

    A program that is no browser sends none of these headers, and no cookie of ours either. A request with a cookie
    and without any word of where it comes from is turned away: every browser that is still used says one of three.
    (Source: OWASP, Cross-Site Request Forgery Prevention; W3C, Fetch Metadata.)
    """
    if method in _SAFE:
        return
    host, site = _text(headers, b"host"), _text(headers, b"sec-fetch-site")
    told = _text(headers, b"origin") or _text(headers, b"referer")
    foreign = Refusal(403, "This request was sent by a page of another site.")
    if site and site not in _OWN:
        raise foreign
    if told:
        try:
            here = urlsplit(told)
        except ValueError:
            raise foreign from None
        if here.netloc != host or (encrypted and here.scheme != "https"):  # plain http anybody between can write
            raise foreign
    elif not site and _has_session(headers):
        raise Refusal(403, "This request does not say which page sent it. Programs use a token instead of cookies.")


_PROVE_NOTHING: Final = {"", *(f"{prefix}{one}" for prefix in ("", SECURE) for one in (THEME_COOKIE, LANGUAGE_COOKIE))}


def _has_session(headers: dict[bytes, bytes]) -> bool:
    """Whether any cookie came but those of light and dark and of the language, which prove nothing."""
    names = {pair.partition("=")[0].strip() for pair in _text(headers, b"cookie").split(";")}
    return bool(names - _PROVE_NOTHING)


def _body_limit(scope: Scope, headers: dict[bytes, bytes]) -> int:
    path: str = scope["path"]
    if _in_parts(headers) and _takes_parts(scope):
        return PHOTO_FORM_BYTES
    if path.startswith("/api/sources/"):
        return BODY_BYTES
    return DRAFT_BYTES if path.startswith("/rules/") else FORM_BYTES


def _check_body(scope: Scope, headers: dict[bytes, bytes], most: int) -> None:
    length = _text(headers, b"content-length") or "0"
    if not (length.isascii() and length.isdigit()) or len(length) > _LENGTH_DIGITS or int(length) > most:
        raise Refusal(413, _too_large(most), connection="close")
    if _in_parts(headers) and not _takes_parts(scope):
        raise Refusal(415, "Nothing here takes files in parts.", connection="close")
    coding = _text(headers, b"content-encoding").strip().lower()
    if coding not in ("", "identity") and not scope["path"].startswith("/api/sources/"):
        raise Refusal(415, "Only the intake takes what is compressed.", connection="close")


def _in_parts(headers: dict[bytes, bytes]) -> bool:
    return _text(headers, b"content-type").strip().lower().startswith("multipart/")


def _takes_parts(scope: Scope) -> bool:
    """Whether this is the one form that takes a file: a report with its photo."""
    return bool((scope["method"], scope["path"]) == PHOTO_FORM)


def _too_large(most: int) -> str:
    return f"A body may have at most {most // 2**20} MB. Send it in parts."


def _bounded(receive: Receive, most: int, seconds: float) -> Receive:
    """As ``receive``, with an end to the size of a body and to the wait for it."""
    taken, whole = 0, False
    began = monotonic()

    async def bounded() -> Message:
        nonlocal taken, whole
        if whole:
            return await receive()
        left = seconds + taken / BODY_BYTES_PER_SECOND - (monotonic() - began)
        try:
            message = await asyncio.wait_for(receive(), max(left, 0.0))
        except TimeoutError:
            raise BodyTooSlow from None
        taken += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        if taken > most:
            raise BodyTooLarge(most)
        return message

    return bounded


def _decorated(send: Send, scope: Scope) -> Send:
    static = scope["path"].startswith("/static/")

    async def decorated(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SENT.items():
                headers.setdefault(name, value)
            if not static:
                headers.setdefault("cache-control", NO_STORE)
            if scope.get("scheme") == "https":
                headers.setdefault("strict-transport-security", SECURE_TRANSPORT)
        await send(message)

    return decorated

"""HTTP to one configured address and no other, with bounds on time and size."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx

from cityward.act.send.way import NotDelivered, Way
from cityward.core.clock import monotonic
from cityward.core.errors import SettingsError
from cityward.secure.outbound import NotAllowed, address_of

ANSWER_BYTES: Final = 256 * 2**10
"""Most of an answer that is read: a receipt is small, and a larger one is no receipt."""

CONNECT_SECONDS: Final = 5.0
"""Longest wait for a connection."""

WHOLE_SECONDS_FACTOR: Final = 3.0
"""A whole exchange may take so many times the time that each part of it may take."""

WAIT_SECONDS_MAX: Final = 6 * 3600.0
"""Longest wait that a receiver can ask for."""

_HEADERS: Final = {"user-agent": "cityward", "accept": "application/json", "accept-encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and the beginning of a body; ``whole`` says whether that is all of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


class Client:
    """Asks one configured address. Redirects and proxies of the environment are not followed.

    The name is resolved here and its address connected to, so that a name cannot point elsewhere between
    the check and the call (Source: OWASP, Server-Side Request Forgery Prevention).

    Raises
    ------
    SettingsError
        The address of the table is missing or may not be used.
    """

    def __init__(self, way: Way) -> None:
        self._way = way
        self._base = _checked(way)

    @cached_property
    def _http(self) -> httpx.Client:
        # Made when it is needed: reading the certificates of all authorities costs more than a look into the outbox.
        seconds = self._way.timeout_seconds
        timeout = httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        return httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False, headers=_HEADERS)

    def request(
        self,
        method: str,
        below: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask the configured address, or a path below it.

        Raises
        ------
        NotDelivered
            The address does not answer in time, or may not be used.
        """
        host = self._base.hostname or ""
        path = self._base.path.rstrip("/") + below if below else self._base.path or "/"
        url = httpx.URL(
            scheme=self._base.scheme,
            host=self._address(host),
            port=self._base.port,
            path=path,
            query=str(httpx.QueryParams(query)).encode() if query else self._base.query.encode() or None,
        )
        port = f":{self._base.port}" if self._base.port else ""
        sent = {**(headers or {}), "host": f"[{host}]{port}" if ":" in host else f"{host}{port}"}
        request = self._http.build_request(
            method, url, headers=sent, content=content, extensions={"sni_hostname": host}
        )
        until = monotonic() + WHOLE_SECONDS_FACTOR * self._way.timeout_seconds
        try:
            answer = self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise NotDelivered(_told(error, self._way)) from None
        try:
            body, whole = _read(answer, until)
        finally:
            answer.close()
        return Answer(answer.status_code, answer.headers, body, whole)

    def _address(self, host: str) -> str:
        """An address of the host that may be connected to."""
        try:
            return address_of(host, self._base.port or 443, private=self._way.allow_private)
        except NotAllowed as error:
            hint = "" if self._way.allow_private else " Machines of your own network need allow_private in city.toml."
            raise NotDelivered(f"{error}{hint}") from None

    def close(self) -> None:
        """Close connections."""
        if "_http" in self.__dict__:
            self._http.close()


def accepted(answer: Answer) -> Answer:
    """Return an answer that says yes (2xx); raises `NotDelivered` in words for every other."""
    if 200 <= answer.status < 300:
        return answer
    if 300 <= answer.status < 400:
        raise NotDelivered(
            f"It answered {answer.status}: moved. Redirects are not followed; write the new address in city.toml."
        )
    if answer.status == 410:
        raise NotDelivered("It answered 410: it does not take messages any more.", again=False)
    raise NotDelivered(f"It answered {answer.status}.", after_seconds=_retry_after(answer.headers.get("retry-after")))


def _retry_after(value: str | None) -> float | None:
    return min(float(value), WAIT_SECONDS_MAX) if value and value.isascii() and value.isdigit() else None


def _read(answer: httpx.Response, until: float) -> tuple[bytes, bool]:
    """The body as far as it came, at most `ANSWER_BYTES` and no longer than the time allows."""
    body = bytearray()
    try:
        for part in answer.iter_raw():
            body += part
            if len(body) > ANSWER_BYTES or monotonic() > until:
                return bytes(body[:ANSWER_BYTES]), False
    except httpx.HTTPError:
        return bytes(body[:ANSWER_BYTES]), False
    return bytes(body), True


def _checked(way: Way) -> SplitResult:
    try:
        parts = urlsplit(way.url or "")
        fine = bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, fine = urlsplit(""), False
    schemes = ("https", "http") if way.allow_private else ("https",)
    if not fine or parts.scheme not in schemes or parts.username or parts.fragment:
        raise SettingsError(
            f"city.toml: the way '{way.name}' has no address that can be used.",
            'Write url = "https://…"; plain http, and machines of your own network, need allow_private = true.',
        )
    return parts


def _told(error: httpx.HTTPError, way: Way) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return (
                f"Its certificate was not accepted, or it does not speak TLS ({cause.reason or type(cause).__name__})."
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return f"It did not answer within {way.timeout_seconds:g} seconds."
    if isinstance(error, httpx.ConnectError):
        return "Nobody answers at its address."
    return f"The connection broke off ({type(error).__name__})."

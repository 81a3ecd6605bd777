"""What the shield turns away before anything is parsed, against a real server and over raw sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from cityward.api.pace import RATES, Pace, Rate, client_of, kind_of
from cityward.api.patience import PatientProtocol
from cityward.api.problems import problem
from cityward.api.shield import BodyTooLarge, BodyTooSlow, Shield
from cityward.core.limits import BODY_BYTES, FORM_BYTES, HEADERS, URL_BYTES


async def _echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def _told(_: Request, error: Exception):
    return problem(error.status_code, error.detail, headers=error.headers)  # type: ignore[attr-defined]


def _app(**shield: object) -> Starlette:
    app = Starlette(
        routes=[Route("/{rest:path}", _echo, methods=["GET", "POST"])],
        exception_handlers={BodyTooLarge: _told, BodyTooSlow: _told},
    )
    app.add_middleware(Shield, hosts=("127.0.0.1",), **shield)
    return app


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    with TestClient(_app(), base_url="http://127.0.0.1") as client:
        yield client


class _Hurried(PatientProtocol):
    head_seconds = 0.5


@contextmanager
def _served(**shield: object) -> Iterator[int]:
    """A real server; gives its port."""
    config = uvicorn.Config(
        _app(**shield), port=0, log_level="critical", http=_Hurried, ws="none", lifespan="off", proxy_headers=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(20)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with _served(body_seconds=0.5) as port:
        yield port


def _said(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """What the server answers to bytes as they are, until it closes the connection."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), 20) as wire:
        try:
            for part in parts:
                wire.sendall(part)
                time.sleep(pause)
            wire.shutdown(socket.SHUT_WR)
            while got := wire.recv(65536):
                answer += got
        except (ConnectionError, OSError):
            pass
    return answer


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


# -- form of a request ---------------------------------------------------------------------------------


HOST = b"host: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"transfer-encoding: identity, chunked\r\ntransfer-encoding: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + HOST + b"content-length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"x : y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + HOST + b"x: a\0b\r\n\r\n", 400),
        (b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /%0d%0aset-cookie:x HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: [::1\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\n\r\n", 421),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ],
)
def test_a_request_that_two_readers_could_read_differently_is_turned_away(port: int, request_: bytes, status: int):
    assert _status(_said(port, request_)) == status


def test_requests_in_a_row_are_answered_in_their_order_each_by_itself(port: int):
    many = b"".join(
        b"POST / HTTP/1.1\r\n" + HOST + b"content-length: %d\r\n\r\n" % length + b"x" * length for length in range(50)
    )
    answer = _said(port, many, pause=1.0)
    assert [int(part.rsplit(b"\r\n\r\n", 1)[1]) for part in answer.split(b"HTTP/1.1 200 OK")[1:]] == list(range(50))


def test_heads_and_addresses_are_bounded(client: TestClient, port: int):
    assert client.get("/" + "a" * URL_BYTES).status_code == 414
    assert client.get("/?" + "a" * URL_BYTES).status_code == 414
    assert client.get("/", headers={f"x-{at}": "1" for at in range(HEADERS + 1)}).status_code == 431
    assert client.get("/", headers={"x": "a" * 40_000}).status_code == 431
    endless = (b"GET / HTTP/1.1\r\n" + HOST, *[b"x: " + b"a" * 8_000 + b"\r\n"] * 100)
    assert _status(_said(port, *endless, pause=0.01)) in (0, 431)


@pytest.mark.parametrize(
    ("path", "most"), [("/work/x", FORM_BYTES), ("/api/turns", FORM_BYTES), ("/api/sources/x/interactions", BODY_BYTES)]
)
def test_bodies_are_bounded_by_what_they_are_for(client: TestClient, path: str, most: int):
    for length in (str(most + 1), "9" * 5_000, "1e3", "-1"):
        assert client.post(path, content=b"x", headers={"content-length": length}).status_code == 413
    if most == FORM_BYTES:
        assert client.post(path, content=b"x" * most).text == str(most)
        parts = (b"x" * 2**18 for _ in range(most // 2**18 + 1))
        assert client.post(path, content=parts).status_code == 413


def test_what_nobody_here_reads_is_not_read(client: TestClient):
    parts = {"content-type": "Multipart/form-data; boundary=x"}
    assert client.post("/", content=b"--x", headers=parts).status_code == 415
    assert client.post("/", content=b"x", headers={"content-encoding": "gzip"}).status_code == 415


# -- time ----------------------------------------------------------------------------------------------


def test_a_client_that_sends_a_byte_a_while_is_dropped(port: int):
    began = time.monotonic()
    head = b"GET / HTTP/1.1\r\n" + HOST + b"x: " + b"a" * 40
    assert _said(port, *(bytes([one]) for one in head), pause=0.1) == b""
    body = (b"POST / HTTP/1.1\r\n" + HOST + b"content-length: 1000\r\n\r\n", *[b"a"] * 30)
    answer = _said(port, *body, pause=0.1)
    assert _status(answer) in (0, 408)
    assert time.monotonic() - began < 10


def test_a_connection_that_says_nothing_is_let_go(port: int):
    with socket.create_connection(("127.0.0.1", port), 10) as wire, suppress(ConnectionResetError):
        assert wire.recv(1) == b""


# -- pace ----------------------------------------------------------------------------------------------


def _paced(client_address: str, pace: Pace, **headers: str) -> Callable[[str], int]:
    client = TestClient(
        _app(pace=pace, proxies=("10.0.0.1",)), base_url="http://127.0.0.1", client=(client_address, 1), headers=headers
    )
    return lambda path: client.get(path).status_code


def test_a_client_that_asks_too_often_waits_and_others_do_not():
    pace = Pace({**RATES, "read": Rate(0.001, 5)})
    one, other = _paced("203.0.113.5", pace), _paced("203.0.113.6", pace)
    assert [one("/a") for _ in range(7)] == [200] * 5 + [429] * 2
    assert other("/a") == 200
    assert one("/static/x") == 200, "each kind of request has a bucket of its own"
    client = TestClient(_app(pace=pace), base_url="http://127.0.0.1", client=("203.0.113.5", 1))
    assert int(client.get("/a").headers["retry-after"]) > 100


def test_a_client_is_told_by_a_named_proxy_and_by_nobody_else():
    forwarded = {b"x-forwarded-for": b"198.51.100.1, 203.0.113.9, 10.0.0.1"}
    assert client_of("10.0.0.1", forwarded, {"10.0.0.1"}) == "203.0.113.9"
    assert client_of("203.0.113.5", forwarded, {"10.0.0.1"}) == "203.0.113.5"
    assert client_of("127.0.0.1", forwarded, set()) == "127.0.0.1", "a proxy that nobody named is one client"
    assert client_of("127.0.0.1", {}, set()) is None
    assert client_of("2001:db8::1", {}, ()) == client_of("2001:db8::2", {}, ()) == "2001:db8::/64"
    assert client_of("::ffff:203.0.113.5", {}, ()) == "203.0.113.5"
    assert client_of("10.0.0.1", {b"x-forwarded-for": b"<script>"}, {"10.0.0.1"}) == "unreadable"


def test_what_is_remembered_of_clients_is_bounded():
    pace = Pace(clients=100)
    for at in range(1_000):
        assert pace.wait_seconds(f"client-{at}", "read") == 0
    assert len(pace) == 100


def test_intake_with_a_token_is_not_held_up():
    assert kind_of("POST", "/api/sources/x/interactions", {b"authorization": b"Bearer x"}) == "bulk"
    pace = Pace()
    assert not any(pace.wait_seconds("203.0.113.5", "bulk") for _ in range(10_000))
    assert kind_of("POST", "/api/sources/x/interactions", {}) == "intake"
    assert kind_of("POST", "/api/turns", {}) == "work"


# -- origin --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://127.0.0.1"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"origin": "http://127.0.0.1.evil.example"}, 403),
        ({"origin": "http://evil.example@127.0.0.1"}, 403),
        ({"sec-fetch-site": "same-origin", "cookie": "session=x"}, 200),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "http://127.0.0.1"}, 403),
        ({"referer": "http://evil.example/form"}, 403),
        ({"referer": "http://127.0.0.1/form", "cookie": "session=x"}, 200),
        ({"cookie": "session=x"}, 403),
        ({"cookie": "theme=dark"}, 200),
        ({"cookie": "language=pt; theme=dark"}, 200),
        ({"cookie": "__Host-language=pt; __Host-theme=dark"}, 200),
        ({"cookie": "__Host-language=pt; other=1"}, 403),
        ({}, 200),
    ],
)
def test_what_a_page_of_another_site_sends_is_turned_away(client: TestClient, headers: dict[str, str], status: int):
    client.cookies.clear()
    assert client.post("/work/x", content=b"a=b", headers=headers).status_code == status
    assert client.get("/", headers={"host": "127.0.0.1", **headers}).status_code == 200


# -- headers on the way out ----------------------------------------------------------------------------


def test_every_answer_carries_the_headers_of_the_shield(client: TestClient):
    for answer in (client.get("/x"), client.get("/x", headers={"host": "evil.example"})):
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in answer.headers
    assert "cache-control" not in client.get("/static/x").headers
    over_tls = TestClient(_app(), base_url="https://127.0.0.1").get("/x")
    assert "max-age=31536000" in over_tls.headers["strict-transport-security"]


def test_a_websocket_is_turned_away():
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), TestClient(_app()).websocket_connect("/x"):
        pass

"""An outsider's day: what was tried against a running server, over raw sockets; each finding was mended."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from tests.adversary.guarded import Guarded, guarded

from cityward.api.patience import PatientProtocol
from cityward.console.sign_in_forms import onward

HOST = b"host: localhost\r\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("outsider")) as made:
        made.session("operator")
        yield made


@pytest.fixture(scope="module")
def port(world: Guarded) -> Iterator[int]:
    """The city behind its gate, on a real server."""
    from cityward.api.shield import Shield

    app = Shield(world.app, hosts=("localhost",))
    config = uvicorn.Config(app, port=0, log_level="critical", http=PatientProtocol, ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(20)


def _said(port: int, request: bytes, *, leave: bool = False) -> bytes:
    answer = b""
    with socket.create_connection(("127.0.0.1", port), 10) as wire:
        wire.sendall(request)
        if leave:
            return b""
        wire.settimeout(10)
        while got := wire.recv(65536):
            answer += got
    return answer


def _statuses(answer: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb"^HTTP/1\.1 (\d+)", answer, re.MULTILINE)]


def _get(target: bytes, more: bytes = b"", method: bytes = b"GET") -> bytes:
    head = method + b" " + target + b" HTTP/1.1\r\n" + HOST + b"connection: close\r\naccept: text/html\r\n"
    return head + more + b"\r\n"


# -- found and mended ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        "/\t/evil.example", "/\n/evil.example", "\t//evil.example", "/\r\n/evil.example", "/\x00/evil.example",
        "//evil.example", "/\\evil.example", "\\\\evil.example", "/\u2028/x", "https:evil.example",
        "javascript:alert(1)",
        "/" + "a" * 3_000, "//[", "///evil.example",
        "/\\\\evil.example", "/\\/evil.example",
    ],
)  # fmt: skip
def test_the_way_on_after_signing_in_is_of_this_site_as_a_browser_reads_it(asked: str) -> None:
    """The answer to a passkey goes to a script, which no server quotes: ``/<tab>/evil.example`` led elsewhere."""
    read = re.sub(r"[\t\r\n\0]", "", onward(asked)).replace("\\", "/")
    assert re.match(r"/(?!/)", read), "what begins with two slashes or more leads elsewhere"


def test_of_an_absolute_address_its_host_counts(port: int) -> None:
    """Whoever stands before us reads the host in the address; we read the header, and answered."""
    assert _statuses(_said(port, _get(b"http://localhost/api/health"))) == [200]
    assert _statuses(_said(port, _get(b"http://evil.example/api/health"))) == [421]
    assert _statuses(_said(port, _get(b"http://evil.example?/api/health"))) == [400]


def test_a_client_that_goes_away_is_no_defect(world: Guarded, port: int) -> None:
    """It was logged with a trace, so that outsiders could fill logs and raise an alert."""
    body = b"POST /report HTTP/1.1\r\n" + HOST + b"content-length: 5000\r\n\r\nhalf"
    for _ in range(3):
        _said(port, body, leave=True)
    time.sleep(0.5)
    kept = world.city.turned_away.since(world.city.clock.now().replace(hour=0))
    assert "unexpected error" not in {one.event for one in kept}


def test_a_page_in_plain_sends_nothing_to_a_site_on_tls(world: Guarded) -> None:
    client = world.client("operator", base_url="https://localhost")
    sent = {"headers": {"origin": "http://localhost", "sec-fetch-site": ""}, "data": {"act": "everywhere"}}
    assert client.post("/account", **sent).status_code == 403  # type: ignore[arg-type]


# -- tried, and held -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        b"x-http-method-override: DELETE", b"x-original-url: /ledger", b"x-rewrite-url: /ledger",
        b"x-forwarded-host: evil.example", b"x-forwarded-prefix: /evil", b"forwarded: host=evil.example",
        b"x-forwarded-proto: gopher", b"x-host: evil.example",
    ],
)  # fmt: skip
def test_no_header_names_another_host_method_or_address(port: int, head: bytes) -> None:
    answer = _said(port, _get(b"/sign-in?next=/needs/N-1", head + b"\r\n"))
    assert _statuses(answer) == [200]
    assert b"evil" not in answer
    assert b"cache-control: no-store" in answer.lower()


@pytest.mark.parametrize(
    "target",
    [
        b"/static/../city.toml", b"/static/..%2f..%2fcity.toml", b"/static//etc/passwd", b"/static/%252e%252e/x",
        b"/ledger/tile/..%2f..%2fkeys%2fledger.key", b"/ledger/tile/entries/%2e%2e/%2e%2e/city.toml",
    ],
)  # fmt: skip
def test_no_path_leads_out_of_a_folder(port: int, target: bytes) -> None:
    answer = _said(port, _get(target))
    assert _statuses(answer)[0] in (303, 400, 404)
    assert b"PRIVATE" not in answer
    assert b"[city]" not in answer


@pytest.mark.parametrize(
    ("request_", "statuses"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", [421]),
        (b"GET /\r\n\r\n", [421]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
        (b"GET / HTTP/1.9\r\n" + HOST + b"\r\n", [400]),
        (_get(b"evil.example:443", method=b"CONNECT"), [400]),
        (b"GET / HTTP/1.1\n" + HOST + b"\n", [400]),
        (b"POST /report HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", [400]),
        (b"POST /report HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", [400]),
        (b"POST /report HTTP/1.1\r\n" + HOST + b"transfer-encoding: xchunked\r\n\r\n", [400]),
        (b"POST /report HTTP/1.1\r\n" + HOST + b"transfer-encoding:\r\n chunked\r\n\r\n", [400]),
        (b"POST /report HTTP/1.1\r\n" + HOST + b"content-length: +5\r\n\r\nhello", [400]),
        (b"POST /report HTTP/1.1\r\n" + HOST + b"content-length: 5, 5\r\n\r\nhello", [400]),
    ],
)
def test_odd_forms_of_http_are_turned_away(port: int, request_: bytes, statuses: list[int]) -> None:
    assert _statuses(_said(port, request_)) == statuses


def test_ranges_do_not_grow_an_answer(port: int) -> None:
    whole = len(_said(port, _get(b"/static/console.css")))
    for told in (b"0-0,1-1,2-2", b",".join(b"%d-%d" % (at, at + 1) for at in range(0, 1_000, 2)), b"0-" + b"9" * 30):
        assert len(_said(port, _get(b"/static/console.css", b"range: bytes=" + told + b"\r\n"))) < 2 * whole + 4_000


@pytest.mark.parametrize(
    "origin", [b"http://evil.example", b"null", b"http://localhost:9", b"http://localhost.evil.example"]
)
def test_a_session_is_of_no_use_to_another_site(world: Guarded, port: int, origin: bytes) -> None:
    cookie = b"cookie: cityward=" + world.secrets["operator"].encode() + b"\r\norigin: " + origin + b"\r\n"
    sent = _get(b"/account", cookie + b"content-length: 14\r\n", method=b"POST") + b"act=everywhere"
    assert _statuses(_said(port, sent)) == [403]
    assert b"access-control-allow" not in _said(port, _get(b"/api/health", cookie)).lower()


def test_a_session_that_somebody_else_chose_is_not_taken_over(world: Guarded, port: int) -> None:
    chosen = b"cookie: cityward=" + b"A" * 43 + b"\r\norigin: http://localhost\r\n"
    sent = b"name=Ola+Nordmann&password=wrong+wrong+wrong"
    head = chosen + b"content-type: application/x-www-form-urlencoded\r\ncontent-length: %d\r\n" % len(sent)
    answer = _said(port, _get(b"/sign-in", head, method=b"POST") + sent)
    assert _statuses(answer) == [401]
    assert b"wrong wrong" not in answer
    assert world.city.access.sessions.find("A" * 43) is None

"""Which TLS the server speaks, over a real socket; and that nobody reaches a console in plain from elsewhere."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from tests.api.test_certificates import Pair, made
from tests.fuzz.small_city import small_city

from cityward.api.shield import Shield
from cityward.city import City, open_city
from cityward.cli.serving import _guarded, _names, _tls
from cityward.core.errors import UserError


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Pair]]:
    """A server with the settings of ``cityward serve --certificate --key``."""
    pair = made(tmp_path_factory.mktemp("tls"), "server")
    told = _tls(pair.certificate, pair.key, None)
    assert told is not None
    config = uvicorn.Config(Starlette(routes=[Route("/", _hello)]), port=0, log_level="critical", **told)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        pass
    yield server.servers[0].sockets[0].getsockname()[1], pair
    server.should_exit = True
    thread.join(20)


def _spoken(port: int, pair: Pair, version: ssl.TLSVersion, suites: str = "ALL:@SECLEVEL=0") -> tuple[str, str] | None:
    """Version and suite that are agreed on by a client that speaks one version; None without agreement."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(pair.certificate)
    context.set_ciphers(suites)
    context.minimum_version = context.maximum_version = version
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 10) as wire,
            context.wrap_socket(wire, server_hostname="127.0.0.1") as secure,
        ):
            return secure.version() or "", (secure.cipher() or ("",))[0]
    except (ssl.SSLError, ConnectionError):
        return None


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_older_than_tls_1_2_is_spoken(served: tuple[int, Pair]) -> None:
    port, pair = served
    assert _spoken(port, pair, ssl.TLSVersion.TLSv1) is None
    assert _spoken(port, pair, ssl.TLSVersion.TLSv1_1) is None
    told = _spoken(port, pair, ssl.TLSVersion.TLSv1_2)
    assert told is not None
    assert told[0] == "TLSv1.2"
    told = _spoken(port, pair, ssl.TLSVersion.TLSv1_3)
    assert told is not None
    assert told[0] == "TLSv1.3"


@pytest.mark.parametrize(
    ("suite", "spoken"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
        ("ECDHE-ECDSA-AES128-SHA256", False),
        ("ECDHE-ECDSA-AES256-SHA", False),
        ("AES128-GCM-SHA256", False),
        ("AES256-SHA", False),
        ("NULL-SHA256:@SECLEVEL=0", False),
    ],
)
def test_only_suites_with_forward_secrecy_and_authenticated_encryption_are_spoken(
    served: tuple[int, Pair], suite: str, spoken: bool
) -> None:
    told = _spoken(*served, ssl.TLSVersion.TLSv1_2, suite)
    assert (told is not None) == spoken
    assert not spoken or told == ("TLSv1.2", suite)


def test_plain_http_is_not_answered_where_tls_is_spoken(served: tuple[int, Pair]) -> None:
    with socket.create_connection(("127.0.0.1", served[0]), 10) as wire:
        wire.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        wire.settimeout(10)
        with suppress(ConnectionError):
            assert b"hello" not in wire.recv(4096)


# -- in plain --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = small_city(tmp_path_factory.mktemp("plain"))
    with open_city(home) as city, city.four_eyes.agreed():
        city.access.people.invite("Sam Weiss", ["security officer"], "machine")
    return home


@contextmanager
def _settings(home: Path, more: str) -> Iterator[City]:
    """The city with more in its settings, for a while."""
    before = (home / "city.toml").read_text("utf-8")
    (home / "city.toml").write_text(f"{before}\n{more}", encoding="utf-8")
    try:
        with open_city(home) as city:
            yield city
    finally:
        (home / "city.toml").write_text(before, encoding="utf-8")


@pytest.mark.parametrize(
    "access",
    [
        "",
        'origin = "https://city.example.org"',
        'proxies = ["10.0.0.1"]',
        'origin = "http://city.example.org"\nproxies = ["10.0.0.1"]',
    ],
)
def test_plain_http_on_another_address_is_refused_without_a_proxy(home: Path, access: str) -> None:
    with _settings(home, f"[access]\n{access}\n") as city, pytest.raises(UserError, match="in plain") as told:
        _guarded(city, False, encrypted=False)
    assert "proxies in [access]" in told.value.remedy


def test_plain_http_on_another_address_is_right_behind_a_proxy_and_tls_without_one(home: Path) -> None:
    with _settings(home, '[access]\norigin = "https://city.example.org"\nproxies = ["10.0.0.1"]\n') as city:
        assert _guarded(city, False, encrypted=False)
    with _settings(home, "") as city:
        assert _guarded(city, False, encrypted=True)


def test_behind_a_proxy_nobody_but_the_proxy_is_answered_in_plain() -> None:
    app = Starlette(routes=[Route("/", _hello)])
    app.add_middleware(Shield, hosts=None, proxies=["10.0.0.1"], only_proxies=True)
    for peer, status in (("10.0.0.1", 200), ("127.0.0.1", 200), ("::1", 200), ("10.0.0.2", 421), ("testclient", 421)):
        with TestClient(app, client=(peer, 1)) as client:
            assert client.get("/", headers={"x-forwarded-for": "10.0.0.1"}).status_code == status, peer


def test_a_city_with_an_origin_answers_to_its_own_names_alone(home: Path) -> None:
    def names(more: str, host: str) -> tuple[str, ...] | None:
        with _settings(home, more) as city:
            return _names(city, host)

    more = '\n[access]\norigin = "https://city.example.org"\n[orders]\npublic_url = "https://help.example.org/x"\n'
    assert names("", "10.0.0.5") is None
    assert set(names(more, "10.0.0.5") or ()) >= {"city.example.org", "help.example.org", "10.0.0.5", "localhost"}
    assert "city.example.org" not in (names(more, "127.0.0.1") or ())

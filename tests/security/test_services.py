"""Settings and addresses hold no secret; other machines are spoken to by TLS, at the address that was looked up."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.api.test_certificates import Pair, made

from cityward.city.settings import load_settings
from cityward.core.errors import SettingsError, SourceError, UserError
from cityward.secure.services import broker_at, check_database, is_here
from cityward.sense.sources import mqtt, nats

SECRET = "hunter2-correct-horse"  # noqa: S105
CITY = '[city]\nname = "C"\n[[territories]]\nlevel = "area"\nfile = "a.geojson"\n'
SEND = '[[send]]\nname = "hall"\nadapter = "webhook"\n'
SERVICE = '[access.services.hall]\nlabel = "Hall"\nclient = "c"\n'


@pytest.mark.parametrize(
    ("more", "where"),
    [
        (f'{SEND}secret = "{SECRET}"\n', "send[0].secret"),
        (f'{SEND}url = "https://me:{SECRET}@hall.example/x"\n', "send[0].url"),
        (f'{SEND}url = "https://hall.example/x?token={SECRET}"\n', "send[0].url"),
        (f'{SEND}[send.options]\nAuthorization = "Bearer {SECRET}"\n', "send[0].options.Authorization"),
        (f'{SEND}[send.options]\nheader = "Bearer {SECRET}"\n', "send[0].options.header"),
        (f'{SERVICE}issuer = "https://x.example"\nclient_secret = "{SECRET}"\n', "access.services.hall.client_secret"),
        (f'[backup]\nrepository = "s3://key:{SECRET}@bucket/x"\n', "backup.repository"),
        (f'[backup]\npassphrase = "{SECRET}"\n', "backup.passphrase"),
        (f'[store]\nregisters = "postgresql+psycopg://me:{SECRET}@127.0.0.1/x"\n', "store.registers"),
        (f'[store]\nregisters = "postgresql+psycopg://me@127.0.0.1/x?password={SECRET}"\n', "store.registers"),
        (f'[[respond]]\ntool = "mail"\napi_key = "{SECRET}"\n', "respond[0].api_key"),
        (f'[ledger]\norigin = """-----BEGIN PRIVATE KEY-----\n{SECRET}"""\n', "ledger.origin"),
    ],
)
def test_a_plain_secret_in_the_settings_is_refused_and_not_repeated(tmp_path: Path, more: str, where: str) -> None:
    (tmp_path / "city.toml").write_text(CITY + more, encoding="utf-8")
    with pytest.raises(SettingsError, match="holds a secret") as told:
        load_settings(tmp_path)
    assert where in str(told.value)
    assert SECRET not in f"{told.value.what} {told.value.remedy}"
    assert SECRET not in repr(told.value)


def test_where_a_secret_is_may_be_said(tmp_path: Path) -> None:
    more = (
        f'{SEND}url = "https://hall.example"\nsecret_file = "keys/hall.secret"\n[backup]\npassphrase_file = "keys/b"\n'
    )
    (tmp_path / "city.toml").write_text(CITY + more, encoding="utf-8")
    assert load_settings(tmp_path).send[0].secret_file == "keys/hall.secret"  # noqa: S105 - a path


def test_a_secret_that_stands_where_its_name_belongs_is_not_repeated(tmp_path: Path) -> None:
    from cityward.city.sending import _secret
    from cityward.city.settings import SendSection

    for named in ("secret_file", "secret_environment"):
        section = SendSection(name="hall", adapter="webhook", **{named: SECRET})
        with pytest.raises(SettingsError) as told:
            _secret(section, tmp_path)
        assert SECRET not in f"{told.value.what} {told.value.remedy}"


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("postgresql+psycopg://me:pw@127.0.0.1/x", "password"),
        ("postgresql+psycopg://me@127.0.0.1/x?password=pw", "password"),
        ("postgresql+psycopg://me@db.example/x", "certificate"),
        ("postgresql+psycopg://me@db.example/x?sslmode=require", "certificate"),
        ("postgresql+psycopg://me@/x?host=127.0.0.1&host=db.example", "certificate"),
        ("postgresql+psycopg://me@localhost/x?hostaddr=10.0.0.5", "certificate"),
        ("postgresql+psycopg://me@[::1/x", "no address"),
        ("postgresql+psycopg://me@db.example/x?sslmode=verify-full", ""),
        ("postgresql+psycopg://me@127.0.0.1/x", ""),
        ("postgresql+psycopg://me@/x?host=/var/run/postgresql", ""),
        ("postgresql+psycopg://me@[::1]:5432/x", ""),
    ],
)
def test_a_database_elsewhere_is_spoken_to_by_tls_and_without_a_password_in_its_address(url: str, wrong: str) -> None:
    told = check_database(url, plain=False)
    assert (wrong in told) if wrong else not told
    assert ("password" in check_database(url, plain=True)) == (wrong == "password")


@pytest.mark.parametrize("url", ["mqtt://b.example", "nats://10.0.0.1:4222", "b.example", "mqtt://127.0.0.1.b.example"])
def test_a_plain_broker_elsewhere_is_refused_unless_said_so(url: str) -> None:
    url = url if "//" in url else f"nats://{url}"
    with pytest.raises(UserError, match="would be plain"):
        broker_at(url, plain=False)
    assert broker_at(url, plain=True).hostname


@pytest.mark.parametrize("url", ["mqtts://me:pw@b.example", "tls://:pw@b.example", "mqtt://me:@localhost"])
@pytest.mark.parametrize("plain", [True, False])
def test_a_password_in_the_address_of_a_broker_is_refused(url: str, plain: bool) -> None:
    with pytest.raises(UserError, match="holds a password") as told:
        broker_at(url, plain=plain)
    assert "pw" not in f"{told.value.what}".split()
    assert "me:" not in told.value.what


@pytest.mark.parametrize("url", ["", "mqtt://", "mqtt://[::1", "mqtt://b:99999", "///", "\0"])
def test_what_is_no_address_is_told(url: str) -> None:
    with pytest.raises(UserError):
        broker_at(url, plain=True)


def test_this_machine_is_this_machine() -> None:
    assert all(map(is_here, ("127.0.0.1", "localhost", "::1", "[::1]", "127.9.9.9")))
    assert not any(map(is_here, ("10.0.0.1", "localhost.example", "", "0.0.0.0", "2130706433")))  # noqa: S104


# -- brokers that are not what they should be ------------------------------------------------------


@contextmanager
def _listening(say: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server of one's own on this machine; what it does with a connection is told."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def work() -> None:
            while True:
                try:
                    wire, _ = server.accept()
                except OSError:
                    return
                with wire:
                    wire.settimeout(5)
                    try:
                        say(wire)
                    except OSError:
                        continue

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _greeting(**more: Any) -> bytes:
    told = {"server_id": "x", "version": "2.10.0", "headers": True, "max_payload": 2**20, "auth_required": True, **more}
    return b"INFO " + json.dumps(told).encode() + b"\r\n"


def test_a_nats_server_that_strips_tls_is_never_told_the_password() -> None:
    heard = b""

    def say(wire: socket.socket) -> None:
        nonlocal heard
        wire.sendall(_greeting(tls_required=False))
        while got := wire.recv(4096):
            heard += got
            if b"PING" in got:
                wire.sendall(b"PONG\r\n")

    with _listening(say) as port, pytest.raises(SourceError, match="offers TLS"):
        nats.listen(f"tls://me@127.0.0.1:{port}", "t", "m", lambda _: None, threading.Event(), password=SECRET)  # type: ignore[arg-type,return-value]
    assert SECRET.encode() not in heard
    assert b"CONNECT" not in heard


def test_a_nats_server_leads_to_no_other_machine() -> None:
    asked: list[int] = []

    def inside(_: socket.socket) -> None:
        asked.append(1)

    with _listening(inside) as secret_port:

        def say(wire: socket.socket) -> None:
            wire.sendall(_greeting(auth_required=False, connect_urls=[f"127.0.0.1:{secret_port}"]))
            wire.recv(4096)
            wire.sendall(b"PONG\r\n")  # and then the connection ends: a client that follows goes elsewhere

        stop = threading.Event()
        with _listening(say) as port:

            def listen() -> None:
                with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it says, it ends
                    nats.listen(f"nats://127.0.0.1:{port}", "t", "m", lambda _: None, stop)  # type: ignore[arg-type,return-value]

            thread = threading.Thread(target=listen)
            thread.start()
            thread.join(6)
            stop.set()
    assert not asked


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A certificate for 127.0.0.1 that this process trusts."""
    pair = made(tmp_path, "broker")
    monkeypatch.setenv("SSL_CERT_FILE", str(pair.certificate))
    return pair


def _mqtt_over_tls(pair: Pair, heard: list[bytes]) -> Callable[[socket.socket], None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)

    def say(wire: socket.socket) -> None:
        with context.wrap_socket(wire, server_side=True) as secure:
            heard.append(secure.recv(4096))
            secure.sendall(b"\x20\x02\x00\x05")  # not authorised

    return say


def test_an_mqtt_broker_is_known_by_its_name_and_spoken_to_at_one_address(
    tls: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is looked up once; the certificate is that of the name, not of whatever address it leads to."""
    heard: list[bytes] = []
    with _listening(_mqtt_over_tls(tls, heard)) as port:
        told = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        real, looked = socket.getaddrinfo, []

        def lookup(host: Any, *rest: Any, **named: Any) -> Any:
            if host == "broker.example":
                looked.append(host)
                return told
            return real(host, *rest, **named)

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        for host, let_in in (("broker.example", False), ("127.0.0.1", True)):
            with pytest.raises(SourceError) as error:
                mqtt.listen(
                    f"mqtts://me@{host}:{port}",
                    "t",
                    "m",
                    lambda _: None,
                    threading.Event(),
                    password=SECRET,  # type: ignore[arg-type,return-value]
                )
            assert ("does not let us in" in error.value.what) == let_in, error.value
    assert looked == ["broker.example"]
    assert len(heard) == 1
    assert SECRET.encode() in heard[0]

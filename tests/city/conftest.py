"""A small city that sends, a real HTTP receiver that can misbehave, and jobs to give out."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.approved import give as given
from tests.approved import inspection

from cityward.city import City, init, open_city
from cityward.core.clock import Clock

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
NOON = datetime(2014, 7, 1, 12, tzinfo=UTC)


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def clock(self) -> Clock:
        return Clock(lambda: self.now)

    def later(self, **passed: float) -> None:
        self.now += timedelta(**passed)


@dataclass
class Receiver:
    """What a receiver got, and how it behaves: each kind of misbehaviour is a name."""

    url: str = ""
    behave: str = "well"
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    requests: dict[str, dict[str, str]] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)

    def keys(self) -> list[str]:
        return [headers.get("webhook-id", "") for _, headers, _ in self.posts]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one small method a misbehaviour
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.posts.append((self.path, headers, body))
            getattr(self, f"be_{receiver.behave.replace('-', '_')}", self.be_well)(body)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/elsewhere":
                receiver.elsewhere.append(self.path)
            if receiver.behave == "garbage":
                return self.say(200, b"\x00\xff not json")
            if parts.path.startswith("/tokens/"):
                token = parts.path.rsplit("/", 1)[1].removesuffix(".json")
                return self.say(200, json.dumps([{"token": token, "service_request_id": f"R-{token}"}]).encode())
            if parts.path.startswith("/requests/"):
                name = parts.path.rsplit("/", 1)[1].removesuffix(".json")
                return self.say(200, json.dumps([receiver.requests.get(name, {})]).encode())
            return self.say(200, json.dumps(list(receiver.requests.values())).encode())

        def say(self, status: int, body: bytes = b"", **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def be_well(self, body: bytes) -> None:
            if self.path != "/requests.json":
                return self.say(200, b"{}")
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            name = f"311-{len(receiver.requests) + 1}"
            receiver.requests[name] = {**form, "service_request_id": name, "status": "open"}
            return self.say(201, json.dumps([{"service_request_id": name}]).encode())

        def be_token(self, _: bytes) -> None:
            self.say(200, json.dumps([{"token": "t1"}]).encode())

        def be_500(self, _: bytes) -> None:
            self.say(500, b"oops")

        def be_429(self, _: bytes) -> None:
            self.say(429, b"", retry_after="900")

        def be_gone(self, _: bytes) -> None:
            self.say(410)

        def be_redirect(self, _: bytes) -> None:
            self.say(302, b"", location=f"{receiver.url}/elsewhere")

        def be_garbage(self, _: bytes) -> None:
            self.say(200, b"\x00\xff not json")

        def be_refuses(self, _: bytes) -> None:
            self.say(400, json.dumps([{"code": "400", "description": "service_code was not provided"}]).encode())

        def be_large(self, _: bytes) -> None:
            self.send_response(200)
            self.send_header("content-length", str(10 * 2**20))
            self.end_headers()
            try:
                for _part in range(160):
                    self.wfile.write(b"x" * 65536)
            except OSError:
                self.close_connection = True

        def be_breaks_off(self, body: bytes) -> None:
            if self.path == "/requests.json":  # the order was taken, the answer is lost
                form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                receiver.requests["311-1"] = {**form, "service_request_id": "311-1", "status": "open"}
            self.send_response(200)
            self.send_header("content-length", "1000")
            self.end_headers()
            self.wfile.write(b'[{"service')
            self.close_connection = True

        def be_closes(self, _: bytes) -> None:
            self.close_connection = True
            self.connection.close()

        def be_hangs(self, _: bytes) -> None:
            time.sleep(1.0)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler


class Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    server = Quiet(("127.0.0.1", 0), _handler(found))
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="session")
def plain_city(tmp_path_factory: pytest.TempPathFactory, chicago: Path) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "city"
    return init(folder, name="Chicago", territories=chicago / "community_areas.geojson", time_zone="America/Chicago")


@pytest.fixture
def sending(plain_city: Path, tmp_path: Path, watch: Watch) -> Iterator[Callable[..., City]]:
    """Open a copy of the small city with what is added to its ``city.toml``."""
    import shutil

    opened: list[City] = []

    def make(toml: str = "") -> City:
        folder = tmp_path / "city"
        if not folder.exists():
            shutil.copytree(plain_city, folder)
            (folder / "keys" / "webhook.secret").write_text(SECRET, encoding="utf-8")
        base = (plain_city / "city.toml").read_text(encoding="utf-8")
        (folder / "city.toml").write_text(base + toml, encoding="utf-8")
        opened.append(open_city(folder, watch.clock()))
        return opened[-1]

    yield make
    for city in opened:
        city.close()


def webhook(url: str, *, more: str = "", timeout: float = 0.4) -> str:
    return (
        f'\n[[send]]\nname = "crews"\nadapter = "webhook"\nurl = "{url}"\nsecret_file = "keys/webhook.secret"\n'
        f"allow_private = true\ntimeout_seconds = {timeout}\n{more}"
    )


@pytest.fixture
def webhook_toml(receiver: Receiver) -> str:
    return webhook(f"{receiver.url}/orders")


@pytest.fixture
def issue() -> Callable[..., str]:
    """Give out one job in a city; returns the order's identifier."""

    def give(
        city: City, number: int = 1, service: str = "Garbage in alley", crew: str | None = None, decision: int = 1
    ) -> str:
        return given(city, [inspection(number, service)], crew, salt=str(decision))[0].id

    return give


@pytest.fixture
def make_webhook() -> Callable[..., str]:
    return webhook

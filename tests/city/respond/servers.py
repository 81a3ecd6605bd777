"""Real servers for tests, of signed messages and of SSH, each as bad as servers can be; and playbooks for them."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import paramiko
from tests.secure.respond.books import FIREWALL, action, document, named, post

from cityward.city import City
from cityward.secure.respond.records import Run

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8G"  # noqa: S105 (of a test)
A, B, U = named("action", "a"), named("action", "b"), named("action", "u")
Make = Callable[..., City]


class Answers(ThreadingHTTPServer):
    """Answers as it is told to, and remembers what came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mode = "yes"
        self.came: list[tuple[str, dict[str, str], bytes]] = []
        self.free = threading.Event()

    def handle_error(self, *_: object) -> None:
        pass

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Answers

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.came.append((self.path, {name.lower(): text for name, text in self.headers.items()}, body))
        mode = "yes" if self.path == "/unblock" else self.server.mode
        if mode == "never":
            self.server.free.wait(5)
        elif mode == "500":
            self.send_error(500)
        elif mode == "moved":
            self.send_response(302)
            self.send_header("location", "http://169.254.169.254/latest/meta-data")
            self.end_headers()
        elif mode == "huge":
            self.send_response(200)
            self.end_headers()
            for _ in range(64):
                self.wfile.write(b"x" * 2**16)
        elif mode == "drip":
            while not self.server.free.wait(0.05):
                self.wfile.write(b"H")
        else:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"ticket": "T-1", "n": "12", "wrong": [1]}).encode())

    def log_message(self, *_: object) -> None:
        pass


class Shell(paramiko.ServerInterface):
    """A real server of SSH that knows one key, and runs nothing: it remembers what it was asked to run."""

    def __init__(self, host: SshServer) -> None:
        self._host = host

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        good = username == "respond" and key == self._host.allowed
        return paramiko.AUTH_SUCCESSFUL if good else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        self._host.ran.append(command.decode())
        threading.Thread(target=self._host.answer, args=(channel,), daemon=True).start()
        return True


class SshServer:
    """Listens on this machine; ``mode`` says how badly it answers."""

    def __init__(self, allowed: paramiko.PKey) -> None:
        self.allowed, self.mode = allowed, "yes"
        self.ran: list[str] = []
        self.key = paramiko.ECDSAKey.generate()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.free = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            if self.mode == "mute":
                continue  # the connection stands, and nothing is ever said
            transport = paramiko.Transport(line)
            transport.add_server_key(self.key)
            try:
                transport.start_server(server=Shell(self))
            except (paramiko.SSHException, EOFError):
                transport.close()

    def answer(self, channel: paramiko.Channel) -> None:
        self.free.wait(0.05)  # after it was said that the command is taken
        if self.mode == "hangs":
            self.free.wait(5)
        elif self.mode == "drops":
            channel.get_transport().close()
        else:
            channel.sendall(b"42\n" if self.mode != "floods" else b"x" * 2**18)
            channel.send_exit_status(3 if self.mode == "fails" else 0)
            channel.close()

    def close(self) -> None:
        self.free.set()
        self._socket.close()


def hook(url: str, more: str = "", paths: str = '["/block", "/unblock"]') -> str:
    return (
        f'[[target]]\nid = "{FIREWALL}"\nname = "Firewall"\nby = "webhook"\nurl = "{url}"\npaths = {paths}\n'
        f'secret_file = "keys/hook.secret"\nallow_private = true\ntimeout_seconds = 0.3\n{more}'
    )


def blocks(content: object = None, *, retries: int = 0, **more: Any) -> dict[str, Any]:
    """Blocks something, and knows how to undo it; then a person says whether all is well."""
    return document(
        A,
        [
            action("a", post("/block", content), to=FIREWALL, then=B, marks={"undo": U, "retries": retries}),
            action("b"),
            action("u", post("/unblock"), to=FIREWALL),
        ],
        **more,
    )


def begin(city: City, **given: str) -> Run:
    return city.responses.begin("test", "file-server", "Ana Gomez", given)

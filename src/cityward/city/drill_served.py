"""A sandbox that works as the city does: served by a process of its own, with canaries and a backup of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

import httpx

import cityward
from cityward.city.settings import Settings, load_settings
from cityward.core.clock import Clock, monotonic, pause
from cityward.core.errors import CitywardError, Defect
from cityward.secure.drill.canary import MAPPING, READER, SERVICE, SOURCE

START_SECONDS: Final = 300.0
_ASK_SECONDS: Final = 0.1
_GRANT: Final = f"""\
reader = "{READER}"
purpose = "audit"
because = "A drill counts its own canaries in the copy that it may damage; they are about nobody."
granted_by = "the drill, in its sandbox alone"
lawful_basis = "6(1)(e)"
law = "none is needed: no row is about a person"
fields = ["source", "id"]
services = ["{SERVICE}"]
territories = ["*"]
time = "day"
row_ids = "kept"
valid_until = {{until}}
retention_days = 0
replaces = ""
"""


def outfit(root: Path, clock: Clock, repository: Path) -> None:
    """Give a sandbox canaries, the grant to count them and a backup of its own; see that it reaches nothing else.

    Raises
    ------
    Defect
        Its settings still name a way out.
    """
    (root / "sources").mkdir(exist_ok=True)
    (root / "sources" / f"{SOURCE}.toml").write_text(MAPPING, "utf-8")
    (root / "grants").mkdir(exist_ok=True)
    until = clock.now().date() + timedelta(days=2)
    (root / "grants" / f"{READER}.toml").write_text(_GRANT.format(until=until), "utf-8")
    settings = load_settings(root)
    if settings.send or settings.store.registers != "sqlite":
        raise Defect("The settings of a sandbox name something outside it.")
    sections = {
        "access": "open_on_loopback = true",
        "watch": "files = false",
        "backup": f'repository = "{repository}"\ncontinuous = true',
    }
    named = (root / "city.toml").read_text("utf-8")
    more = [f"\n[{name}]\n{line}\n" for name, line in sections.items() if name in Settings.__struct_fields__]
    (root / "city.toml").write_text(named + "".join(more), "utf-8")
    load_settings(root)


@dataclass(slots=True)
class Served:
    """A served folder: its address, and the process."""

    url: str
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> bytes | None:
        """The body of a page of the API; None when it does not answer 200."""
        try:
            answer = httpx.get(f"{self.url}{path}", timeout=10.0, trust_env=False)
        except httpx.HTTPError:
            return None
        return answer.content if answer.status_code == httpx.codes.OK else None

    def until_it_answers(self) -> None:
        """Wait until the API answers; raises `CitywardError` when it ends instead, or takes too long."""
        began = monotonic()
        while self.get("/api/health") is None:
            if self.process.poll() is not None or monotonic() - began > START_SECONDS:
                raise CitywardError("The copy of the city that the drill works on did not begin to answer.")
            pause(_ASK_SECONDS)

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def served(root: Path) -> Iterator[Served]:
    """Serve a folder on a free port of the loopback address until this is left; it is ended without a word then."""
    port = _free_port()
    command = "from cityward.cli import main; main()"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CITYWARD_")},
        "PYTHONPATH": str(Path(cityward.__file__).parents[1]),
    }
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-c", command, "serve", "--port", str(port), "--city", str(root)],
        env=environment,
        cwd=root.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    held = Served(f"http://127.0.0.1:{port}", process)
    try:
        yield held
    finally:
        held.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def needs_digest(held: Served) -> str | None:
    """Digest of the list of needs that a city answers with."""
    body = held.get("/api/needs?limit=200")
    return None if body is None else sha256(body).hexdigest()

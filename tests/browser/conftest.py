"""A demonstration city that has lived for more than one turn, its server, and a page that notes every trouble."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from cityward.city import open_city
from cityward.city.turn import Turn
from cityward.core.records import Batch, from_json, to_json

ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu-compositing",
]
HOSTILE = "<img src=x onerror=alert(1)>"


@dataclass(frozen=True, slots=True)
class Lived:
    """Address of a console and the turn that it shows."""

    url: str
    turn: Turn


def _older(turn: Turn) -> Turn:
    """The turn with a past: a need that grew, one that rests, a batch, a place of which nothing can be told."""
    first, *others = turn.needs
    now = first.moments[-1]
    before = msgspec.structs.replace(now, day=now.day - timedelta(days=7), observed=now.observed - 9, areas=now.areas)
    grown = msgspec.structs.replace(first, state="growing", moments=(before, now))
    last = others[-1].moments[-1]
    past = msgspec.structs.replace(last, day=last.day - timedelta(days=5))
    rest = msgspec.structs.replace(others[-1], id="N-0123456789", state="fading", moments=(past,))
    at = datetime(2014, 6, 30, 9, tzinfo=UTC)
    batch = Batch(
        kind="campaign", source="sanitation", channel=None, service=HOSTILE,
        first=at, last=at + timedelta(hours=3), rows=1234, places=5, why="1234 reports within 3 hours say the same.",
    )  # fmt: skip
    unknown = {"expected": None, "ratio": None, "ratio_low": None, "ratio_high": None, "verdict": "cannot tell"}
    heard = (msgspec.structs.replace(turn.heard[0], **unknown), *turn.heard[1:])
    return msgspec.structs.replace(turn, needs=(grown, *others), resting=(rest,), batches=(batch,), heard=heard)


def _rewrite(folder: Path) -> Turn:
    with open_city(folder) as city:
        turn = city.turn()
        assert turn
        lived = _older(turn)
        city.registers.put_findings([*lived.needs, *lived.resting], lived.silences, [])
    path = next(folder.rglob(f"{turn.id}/turn.json"))
    path.write_bytes(to_json(lived))
    return from_json(path.read_bytes(), Turn)


@contextmanager
def _served(city: Path) -> Iterator[str]:
    """Serve a city; one whose settings say nothing of access is open on this machine."""
    settings = city / "city.toml"
    if "[access]" not in settings.read_text(encoding="utf-8"):
        with settings.open("a", encoding="utf-8") as toml:
            toml.write("\n[access]\nopen_on_loopback = true\n")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [sys.executable, "-c", "from cityward.cli import main; main()"]
    server = subprocess.Popen([*program, "serve", "--port", str(port), "--city", str(city)], stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"{address}/api/health")
            break
        except OSError:
            time.sleep(0.1)
    yield address
    server.terminate()
    server.wait(100)


@pytest.fixture(scope="session")
def served() -> Callable[[Path], AbstractContextManager[str]]:
    """Serve a city from a process of its own for as long as a test needs it; gives its address."""
    return _served


@pytest.fixture(scope="session")
def lived(
    demo_folder: Path, served: Callable[[Path], AbstractContextManager[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lived]:
    """A server of the demonstration with a past."""
    city = shutil.copytree(demo_folder, tmp_path_factory.mktemp("lived") / "city")
    turn = _rewrite(city)
    with served(city) as url:
        yield Lived(url, turn)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium, with maps drawn in software."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


def _trouble(said: ConsoleMessage) -> bool:
    """The browser notes each 404 and 422 that a test asks for; those are none."""
    return said.type == "error" and "responded with a status of 4" not in said.text


@pytest.fixture
def opened(browser: Browser, lived: Lived) -> Iterator[Callable[..., Page]]:
    """Open a page with the options of a browser context; none of them may meet an error or ask another host."""
    troubles: list[str] = []
    contexts = []

    def note(text: str) -> None:
        troubles.append(text)

    def open_page(**options: object) -> Page:
        context = browser.new_context(**{"base_url": lived.url, "viewport": {"width": 1280, "height": 860}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: note(said.text) if _trouble(said) else None)
        page.on("pageerror", lambda error: note(str(error)))
        page.on("dialog", lambda dialog: (note(dialog.message), dialog.dismiss()))
        page.on("request", lambda r: None if r.url.startswith((lived.url, "data:", "blob:")) else note(r.url))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert troubles == []

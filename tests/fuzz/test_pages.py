"""Every page and form, asked with what fits nothing: an answer for a person, and never a defect."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from starlette.testclient import TestClient
from tests.fuzz.small_city import small_city

from cityward.api import create_app
from cityward.api.gate import leaves
from cityward.city import City, open_city
from cityward.console import mount_console

VALUES = (
    "", "x", "N-0123456789", "D-0123456789", "L-0123456789", "-1", "9" * 400, "1e999", "nan", "\x00", "\ud800",
    "\u202e",
    "../../city.toml", "<script>alert(1)</script>", "{{7*7}}", "%00", "' or 1=1 --", "a" * 5_000, "0001-01-01", "[]",
    "approved", "http://evil.example", "\n\r\t", "٣", "é" * 300, "null", "true", "=1+1", "0x10", "1,5", "52.5,13.4",
)  # fmt: skip
NAMES = (
    "act", "token", "name", "password", "code", "next", "outcome", "by", "because", "option", "floor", "id", "job",
    "crew",
    "domain", "since", "about", "before", "lang", "service", "area", "words", "point", "what", "choice", "a", "b",
    "state",
    "theme", "number", "secret", "answer", "level", "session", "way", "text", "tests", "rows", "stream", "group",
    "message",
)  # fmt: skip
SECONDS_TURN = ("/api/turns", "/api/watch")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home = small_city(tmp_path_factory.mktemp("pages"))
    (home / "rounds").mkdir(exist_ok=True)
    from tests.fuzz.entrances import ROUND

    (home / "rounds" / "spring.toml").write_bytes(
        ROUND.replace(b"VOTE", b"ranked").replace(b"2026-02-01", b"2199-02-01")
    )
    with open_city(home) as made:
        yield made


def _value(chance: random.Random) -> str:
    return chance.choice(VALUES)


def _fields(chance: random.Random) -> str:
    pairs = [(chance.choice(NAMES), _value(chance)) for _ in range(chance.randint(0, 8))]
    return urlencode(pairs, errors="replace") + chance.choice(("", "&&==", "&a=%ff%fe", "&%zz"))


def asked(app: Any, chance: random.Random, client: TestClient) -> Iterator[tuple[str, str, int]]:
    """Ask every route once: method, address and status."""
    for route in leaves(app.router.routes):
        for method in sorted(getattr(route, "methods", None) or ()):
            path = getattr(route, "path", "")
            if path in SECONDS_TURN or method == "HEAD":
                continue  # the fuzzer of the API asks those
            named = re.sub(r"\{name\}", lambda _: chance.choice(("spring", "x")), path)
            address = re.sub(
                r"\{[a-z_:]+\}", lambda _: quote(_value(chance), safe="", errors="replace")[:900] or "x", named
            )
            query = chance.choice(("", "?" + _fields(chance)))
            body = _fields(chance).encode() if method != "GET" else b""
            kinds = ("application/x-www-form-urlencoded", "application/json", "", "text/plain; charset=utf-7")
            headers = {"origin": "http://localhost", "content-type": chance.choice(kinds), "accept": "text/html"}
            answer = client.request(method, address + query, content=body, headers=headers)
            yield method, path, answer.status_code


def test_no_page_meets_a_defect_whatever_it_is_asked(city: City) -> None:
    app = create_app(city)
    mount_console(app, city)
    chance = random.Random("cityward pages")
    seen: set[str] = set()
    with TestClient(app, base_url="http://localhost", follow_redirects=False, raise_server_exceptions=False) as client:
        for _ in range(4):
            for method, path, status in asked(app, chance, client):
                seen.add(f"{method} {path}")
                assert status < 500, (method, path, status)
    assert seen >= {"POST /report", "POST /vote/{name}", "GET /divide", "POST /follow", "POST /case", "POST /plan"}
    assert len(seen) > 110
    assert Path(city.path / "city.toml").exists()

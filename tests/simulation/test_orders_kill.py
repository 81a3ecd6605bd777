"""kill -9 at any moment of giving out and sending: no order is lost, and none is sent after its receipt."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sql

from cityward.city import init, open_city

CHILD = Path(__file__).with_name("orders_child.py")
SCHEMA = "cityward_test_orders_kill"
MOMENTS = {"sqlite": (3, 9, 14, 18, 21, 24, 28), "postgresql": (11, 19, 26)}
"""Steps (before and after each fsync, commit and request) at which a life ends; what it leaves, the next one finds."""


class Counting(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        self.posts: list[tuple[str, bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *_: object) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    server: Counting

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.posts.append((self.headers["webhook-id"], body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Counting]:
    server = Counting()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def registers(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield "sqlite"
        return
    url = request.getfixturevalue("postgresql_url")
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sql.text(f"drop schema if exists {SCHEMA} cascade"))
        connection.execute(sql.text(f"create schema {SCHEMA}"))
    yield f"{url}?options=-csearch_path%3D{SCHEMA}"
    with engine.begin() as connection:
        connection.execute(sql.text(f"drop schema {SCHEMA} cascade"))


@pytest.fixture
def folder(tmp_path: Path, chicago: Path, receiver: Counting, registers: str) -> Path:
    folder = init(tmp_path / "city", name="C", territories=chicago / "community_areas.geojson")
    (folder / "keys" / "secret").write_text("whsec_" + "A" * 32, encoding="utf-8")
    toml = (folder / "city.toml").read_text(encoding="utf-8") + (
        f'\n[store]\nregisters = "{registers}"\n\n[[send]]\nname = "crews"\nadapter = "webhook"\n'
        f'url = "http://127.0.0.1:{receiver.server_port}/"\nsecret_file = "keys/secret"\nallow_private = true\n'
    )
    (folder / "city.toml").write_text(toml, encoding="utf-8")
    return folder


def live(folder: Path, number: int, moment: int) -> int:
    """One life of the program, in the hour ``number``, that ends at ``moment``; returns what ended it."""
    command = [sys.executable, str(CHILD), str(folder), str(number), str(moment)]
    return subprocess.run(command, timeout=120, check=False).returncode


def delivered(folder: Path) -> set[str]:
    with open_city(folder) as city:
        return {message.key for message in city.orders.outbox.messages(states=["delivered"])}


def test_death_at_many_moments(folder: Path, receiver: Counting, registers: str) -> None:
    ends, settled = [], dict[str, int]()
    moments = MOMENTS["sqlite" if registers == "sqlite" else "postgresql"]
    for moment in moments:
        ends.append(live(folder, moment, moment))
        counts = Counter(key for key, _ in receiver.posts)
        settled |= {key: counts[key] for key in delivered(folder) - settled.keys()}
    killed = ends.count(-9)
    assert killed >= 0.5 * len(ends), "the moments of death are not met"
    assert live(folder, max(moments) + 10, 0) == 0
    counts, bodies = Counter(key for key, _ in receiver.posts), dict[str, set[bytes]]()
    for key, body in receiver.posts:
        bodies.setdefault(key, set()).add(body)
    with open_city(folder) as city:
        orders = city.orders.list()
        assert len(orders) >= 0.5 * len(ends)
        assert {order.state for order in orders} == {"sent"}
        assert counts.keys() == {
            f"{order.id}.1.dispatch.crews" for order in orders
        }  # nothing is lost, nothing invented
        assert all(event.receipt is not None for order in orders for event in order.events)
        assert city.verify().ok
    assert all(len(found) == 1 for found in bodies.values())  # by its key a receiver knows the same message again
    assert {key: counts[key] for key in settled} == settled  # nothing is sent after its delivery was written down
    assert sum(counts.values()) - len(counts) <= killed

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

CHILD = "tests.simulation.orders_child"
ROOT = Path(__file__).parents[2]
SCHEMA = "cityward_test_orders_kill"
MOMENTS = {
    ("fsync", 3): "in the ledger, before anything is kept",
    ("commit", 4): "receipt kept, order not",
    ("commit", 5): "just before the order is kept",
    ("commit", 6): "the order is kept",
    ("commit", 11): "just before a message is claimed",
    ("commit", 12): "claimed, not sent",
    ("send", 2): "sent, and nothing written down",
    ("commit", 15): "delivery in the ledger, not in the order",
    ("commit", 16): "the order is sent",
}
"""When a life ends: at the n-th step before or after an fsync, a commit or a request. The next life finds what it left.

Commits are counted in pairs (before, after): tables, receipt, order, the note of the consult, its receipt, the claim,
and after the request the receipt and the step. What is written into the ledger differs with its size, so of that only
the first steps are counted.
"""
ON_A_SERVER = (("commit", 5), ("send", 2), ("commit", 16))
"""Those of them that are tried on a database server, too."""


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


def live(folder: Path, number: int, what: str, moment: int) -> int:
    """One life of the program, in the hour ``number``, that ends at a moment (0: never); returns what ended it."""
    command = [sys.executable, "-m", CHILD, str(folder), str(number), what, str(moment)]
    return subprocess.run(command, timeout=120, check=False, cwd=ROOT).returncode


def delivered(folder: Path) -> set[str]:
    with open_city(folder) as city:
        return {message.key for message in city.orders.outbox.messages(states=["delivered"])}


def test_death_at_many_moments(folder: Path, receiver: Counting, registers: str) -> None:
    ends, settled = [], dict[str, int]()
    moments = tuple(MOMENTS) if registers == "sqlite" else ON_A_SERVER
    for hour, (what, moment) in enumerate(moments, start=1):
        ends.append(live(folder, hour, what, moment))
        counts = Counter(key for key, _ in receiver.posts)
        settled |= {key: counts[key] for key in delivered(folder) - settled.keys()}
    killed = ends.count(-9)
    assert killed == len(ends), "the moments of death are not met"
    assert live(folder, len(moments) + 10, "fsync", 0) == 0
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

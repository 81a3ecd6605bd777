"""Statuses of receivers over HTTP: signed ones are taken once, everything else is turned away; and secret links."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.approved import give as give_out

from cityward.act.send.signing import REPLAY_SECONDS, sign
from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.console import mount_console
from cityward.core.clock import Clock
from cityward.core.work import Job

KEY = bytes(range(32))
NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def city(tmp_path: Path, chicago: Path) -> Iterator[City]:
    folder = init(tmp_path / "city", name="C", territories=chicago / "community_areas.geojson")
    (folder / "keys" / "secret").write_text("whsec_" + base64.b64encode(KEY).decode(), encoding="utf-8")
    with (folder / "city.toml").open("a", encoding="utf-8") as toml:
        toml.write(
            '\n[[send]]\nname = "w"\nadapter = "webhook"\nurl = "https://x.invalid/"\nsecret_file = "keys/secret"\n'
        )
    with open_city(folder, Clock.fixed(NOW)) as city:
        yield city


@pytest.fixture
def client(city: City) -> Iterator[TestClient]:
    app = create_app(city, hosts=("127.0.0.1",))
    mount_console(app, city)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def name(city: City) -> str:
    """An order that was tried to be sent."""
    job = Job(
        id="J-0000000001", about="N-0000000001", service="<b>Garbage</b>", title="Empty the carts", territory="64",
        lon=-87.77, lat=41.78, minutes=20, skill="s", waiting_since=NOW.date(),
    )  # fmt: skip
    (order,) = give_out(city, [job])
    city.orders.dispatch()
    return order.id


def post(client: TestClient, name: str, body: Any, *, key: bytes = KEY, at: datetime = NOW, identifier: str = "m1"):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"/api/orders/{name}/status", content=content, headers=sign(key, identifier, at, content))


def test_a_signed_status_is_taken_once(client: TestClient, name: str):
    body = {"order": name, "state": "done", "by": "Crew 4", "unknown": 1}
    assert post(client, name, body).json()["changed"]
    assert not post(client, name, body).json()["changed"]
    assert not post(client, name, body, identifier="m2").json()["changed"]
    assert client.get(f"/api/orders/{name}").json()["state"] == "done"
    assert [one["id"] for one in client.get("/api/orders?state=done").json()] == [name]


@pytest.mark.parametrize("shift", [-REPLAY_SECONDS - 1, REPLAY_SECONDS + 1])
def test_a_replay_is_turned_away(client: TestClient, name: str, shift: int):
    at = datetime.fromtimestamp(NOW.timestamp() + shift, UTC)
    answer = post(client, name, {"order": name, "state": "done"}, at=at)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert client.get(f"/api/orders/{name}").json()["state"] == "planned"


def test_a_forgery_is_turned_away_before_it_learns_anything(client: TestClient, name: str):
    for target in (name, "W-0000000000", "nonsense"):
        answer = post(client, target, {"order": target, "state": "done"}, key=bytes(32))
        assert answer.status_code == 401
    assert client.post(f"/api/orders/{name}/status", content=b"{}").status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"order": "W-0000000000", "state": "done"}, 422),
        ({"order": "SAME", "state": "confirmed"}, 422),
        ({"order": "SAME", "state": "x" * 10_000}, 422),
        ({"order": "SAME"}, 422),
        ({"order": "SAME", "state": "done", "at": "yesterday"}, 422),
        ({"order": "SAME", "state": "done", "round": -1}, 422),
        (b"\xff\xfe", 422),
        (b"[" * 50_000, 422),
        (b" " * 100_000, 413),
    ],
)
def test_statuses_that_cannot_be_used(client: TestClient, name: str, body: Any, status: int):
    if isinstance(body, dict) and body.get("order") == "SAME":
        body = {**body, "order": name}
    assert post(client, name, body).status_code == status
    assert client.get(f"/api/orders/{name}").json()["state"] == "planned"


def test_an_order_that_is_not_there(client: TestClient, name: str):
    assert post(client, "W-0000000000", {"order": "W-0000000000", "state": "done"}).status_code == 404
    assert client.get("/api/orders/W-0000000000").status_code == 404
    assert client.get("/api/orders?state=lost").status_code == 422


def test_a_secret_link_shows_little_and_takes_answers(client: TestClient, city: City, name: str):
    link = city.orders.ask(name)
    post(client, name, {"order": name, "state": "done", "by": "Crew 4 Mr Smith"})
    page = client.get(link)
    assert page.headers["cache-control"] == "no-store"
    assert "Crew 4" not in page.text
    assert "<b>" not in page.text
    assert client.post(link, content="fixed=perhaps").status_code == 422
    assert (
        client.post(link, content=b"\xff=&fixed=no&words=" + b"x" * 100_000, follow_redirects=False).status_code == 303
    )
    assert city.orders.get(name).state == "reopened"
    forged = client.post(link, content="fixed=yes", headers={"origin": "http://evil.example"})
    assert forged.status_code == 403
    assert client.get("/r/%00").status_code == 400
    for guess in ("x", "a" * 32, "a" * 5_000):
        assert client.get(f"/r/{guess}").status_code == 404
        assert client.post(f"/r/{guess}", content="fixed=yes").status_code == 404


def test_guessing_is_slowed_down(client: TestClient):
    answers = [client.get(f"/r/{number:032}").status_code for number in range(80)]
    assert answers[0] == 404
    assert answers[-1] == 429

"""The API over the real application and a real city."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import City
from cityward.core.limits import BODY_BYTES

NDJSON = {"content-type": "application/x-ndjson"}
URL = "/api/sources/sanitation/interactions"


@pytest.fixture
def client(demo_copy: City) -> Iterator[TestClient]:
    with TestClient(create_app(demo_copy, hosts=("127.0.0.1",)), base_url="http://127.0.0.1") as client:
        yield client


def row(**changes) -> str:
    base = {
        "service_request_number": "new-1",
        "creation_date": "2014-06-30",
        "status": "Open",
        "nature": "Garbage in alley",
        "longitude": -87.65,
        "latitude": 41.85,
    }
    return json.dumps({**base, **changes}) + "\n"


def is_problem(answer, status: int) -> dict:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    return problem


def test_rows_are_counted_and_the_same_again_adds_nothing(client: TestClient):
    body = row() + row(service_request_number="new-2", creation_date="2014-02-31") + "{half"
    first = client.post(URL, content=body, headers=NDJSON).json()
    assert (first["received"], first["added"], first["quarantined"]) == (3, 1, 2)
    again = client.post(URL, content=row(), headers=NDJSON).json()
    assert (again["received"], again["added"], again["repeated"]) == (1, 0, 1)
    total = client.get("/api/intake").json()["conservation"]
    assert total["received"] == total["admitted"] + total["quarantined"] + total["refused"]


def test_gzip_is_expanded_and_a_bomb_is_not(client: TestClient):
    coded = {**NDJSON, "content-encoding": "gzip"}
    assert client.post(URL, content=gzip.compress(row().encode()), headers=coded).json()["added"] == 1
    bomb = gzip.compress(b" " * (BODY_BYTES + 10))
    assert "expands to more" in is_problem(client.post(URL, content=bomb, headers=coded), 422)["detail"]
    is_problem(client.post(URL, content=b"not gzip", headers=coded), 422)


def test_every_mistake_is_a_problem_document(client: TestClient):
    is_problem(client.post("/api/sources/nobody/interactions", content=row(), headers=NDJSON), 404)
    is_problem(client.post(URL, content=row(), headers={"content-type": "text/html"}), 415)
    is_problem(client.post(URL, content=b"x", headers={**NDJSON, "content-length": str(BODY_BYTES + 1)}), 413)
    is_problem(client.get("/api/needs/N-0000000000"), 404)
    is_problem(client.get("/api/explain/nonsense"), 404)
    is_problem(client.get("/api/needs?limit=100000"), 422)
    is_problem(client.get("/api/nowhere"), 404)
    is_problem(client.delete("/api/needs"), 405)
    is_problem(client.post("/api/proposals/P-0000000000/decision", content=b"{"), 422)


def test_a_body_without_a_length_is_bounded_too(client: TestClient):
    parts = (b" " * 2**20 for _ in range(BODY_BYTES // 2**20 + 2))
    is_problem(client.post(URL, content=parts, headers=NDJSON), 413)


def test_other_hosts_and_other_sites_are_turned_away(client: TestClient):
    assert client.get("/api/health", headers={"host": "evil.example"}).status_code == 421
    forged = {**NDJSON, "origin": "http://evil.example"}
    assert client.post(URL, content=row(), headers=forged).status_code == 403
    assert "unsafe" not in client.get("/api/health").headers["content-security-policy"]


def test_decisions_need_a_person_and_happen_once(client: TestClient):
    proposal = client.get("/api/proposals?state=waiting").json()[0]
    url = f"/api/proposals/{proposal['id']}/decision"
    decision = {"outcome": "approved", "by": "Ana Gómez", "because": "A crew is free on Tuesday"}
    assert "no person" in is_problem(client.post(url, json={**decision, "by": "boss"}), 409)["detail"]
    done = client.post(url, json=decision)
    assert done.status_code == 201
    assert "already" in is_problem(client.post(url, json=decision), 422)["detail"]
    told = client.get(f"/api/explain/{done.json()['id']}").json()
    assert "Ana Gómez" in told["sentence"]
    assert client.get("/api/verify").json()["ok"]


@pytest.mark.parametrize(
    "path",
    ["health", "territories", "silences", "decisions", "quarantine", "refusals", "ledger/entries", "ledger/checkpoint"],
)
def test_reading(client: TestClient, path: str):
    assert client.get(f"/api/{path}").status_code == 200


def test_many_senders_at_once_each_get_their_own_count(client: TestClient, demo_copy: City):
    from concurrent.futures import ThreadPoolExecutor

    bodies = [row(service_request_number=f"many-{at}").encode() * 2 for at in range(40)]
    with ThreadPoolExecutor(16) as senders:
        intakes = list(senders.map(lambda body: demo_copy.take("sanitation", body), bodies))
    assert [(intake.received, intake.added, intake.repeated) for intake in intakes] == [(2, 1, 1)] * 40

"""The pages of playbooks: read dry, begun by form, answered for by form, stopped."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.secure.respond.books import action, document, named, variable, written

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.console import mount_console

A, B = named("action", "a"), named("action", "b")
BY = {"by": "Ana Gomez"}


@pytest.fixture
def city(tmp_path: Path, chicago: Path) -> Iterator[City]:
    folder = init(tmp_path / "city", name="Chicago", territories=chicago / "community_areas.geojson")
    with (folder / "city.toml").open("a") as toml:
        toml.write("\n[access]\nopen_on_loopback = true\n")
    (folder / "playbooks").mkdir()
    steps = [action("a", then=B, marks={"approval": "one"}), action("b", out_args=["__sure__"])]
    mine = document(A, steps, name="mine", variables={"__sure__": variable("bool", "true")})
    (folder / "playbooks" / "mine.json").write_bytes(written(mine))
    (folder / "playbooks" / "broken.json").write_text('{"a": "<script>"')
    with open_city(folder) as found:
        yield found
        found.responses.wait()
    shutil.rmtree(folder)


@pytest.fixture
def client(city: City) -> Iterator[TestClient]:
    app = create_app(city)
    mount_console(app, city)
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 5), follow_redirects=False) as found:
        found.headers["origin"] = "http://127.0.0.1"
        yield found


def test_the_list_says_what_runs_and_which_playbook_answers(client: TestClient) -> None:
    page = client.get("/respond").text
    assert "No playbook runs" in page
    assert 'href="/respond/ransomware"' in page
    assert "broken cannot be used" in page
    assert "<script>" not in page
    only = client.get("/respond?technique=t1486").text
    assert 'href="/respond/ransomware"' in only
    assert 'href="/respond/insider"' not in only
    assert "None answers that" in client.get("/respond?technique=T0000").text
    assert "<b>" not in client.get("/respond?technique=<b>").text


def test_looking_at_a_playbook_keeps_nothing(city: City, client: TestClient) -> None:
    for key in city.responses.held().books:
        page = client.get(f"/respond/{key}")
        assert page.status_code == 200
        assert "Begin it for real" in page.text
    assert list(city.responses.all()) == []
    assert client.get("/respond/no-such").status_code == 404
    assert client.get("/respond/PR-0000000000").status_code == 404
    assert client.get("/respond/broken").status_code == 422


def test_a_run_by_forms(city: City, client: TestClient) -> None:
    wrong = client.post("/respond/mine", data={**BY, "about": "two words"})
    assert wrong.status_code == 422
    assert "no identifier" in wrong.text
    assert 'value="Ana Gomez"' in wrong.text
    begun = client.post("/respond/mine", data={**BY, "about": "mail-server"})
    assert begun.status_code == 303
    where = begun.headers["location"]
    city.responses.wait()
    page = client.get(where).text
    assert "one step waits for a person" in page
    digest = re.findall(r'name="digest" value="([0-9a-f]{64})"', page)[0]
    stale = client.post(where, data={**BY, "do": "approve", "step": "1", "digest": "0" * 64})
    assert stale.status_code == 422
    assert "not what you were shown" in stale.text
    assert client.post(where, data={**BY, "do": "approve", "step": "1", "digest": digest}).status_code == 303
    city.responses.wait()
    short = client.post(where, data={**BY, "do": "done", "step": "1", "evidence": "no"})
    assert short.status_code == 422
    done = {**BY, "do": "done", "evidence": "It was looked at at noon"}
    assert client.post(where, data={**done, "step": "1"}).status_code == 303
    city.responses.wait()
    assert '<option value="true" selected>true</option>' in client.get(where).text
    assert client.post(where, data={**done, "step": "2", "set___sure__": "false"}).status_code == 303
    city.responses.wait()
    page = client.get(where).text
    assert "done to its end" in page
    assert "sure = false" in page
    assert "Stop and undo" not in page


def test_a_run_is_stopped_by_form(city: City, client: TestClient) -> None:
    where = client.post("/respond/mine", data={**BY, "about": "mail-server"}).headers["location"]
    city.responses.wait()
    assert client.post(where, data={**BY, "do": "stop", "because": "no"}).status_code == 422
    assert client.post(where, data={**BY, "do": "dance"}).status_code == 422
    assert client.post(where, data={**BY, "do": "resume"}).status_code == 303
    city.responses.wait()
    assert client.post(where, data={**BY, "do": "stop", "because": "It was a false alarm"}).status_code == 303
    assert "stopped" in client.get(where).text
    assert client.post(where, content=b"\xff" * 100_000).status_code == 422

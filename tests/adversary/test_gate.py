"""Attacks on the door before every route."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.adversary.guarded import NAMES, Guarded, guarded

from cityward.api import create_app
from cityward.api.gate import Gate, door_of, leaves
from cityward.console import mount_console
from cityward.core.errors import Refused
from cityward.secure.policy import Around, Resource
from cityward.secure.policy.four_eyes import SecondNeeded
from cityward.secure.policy.policies import ROLES, best_facts, standing_for

GUARDED_PATHS = ["/", "/needs/N-1", "/ledger", "/privacy", "/requests", "/export/needs.csv", "/decisions/D-1"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("gate")) as made:
        yield made


def _routes(world: Guarded) -> list[tuple[str, str]]:
    """Every method and path of every route of the app."""
    found = []
    for route in leaves(world.app.router.routes):
        methods = getattr(route, "methods", None) or {"GET"}
        found += [tuple(door_of(route, method).split(" ", 1)) for method in methods]
    return sorted(set(found))  # type: ignore[arg-type]


def _passes(world: Guarded, role: Any, method: str, path: str) -> bool:
    """Whether the door lets somebody of a role through to a route; the route itself is not taken."""
    address = path.replace("{source}", "s") + ("/console.css" if path == "/static" else "")
    address = re.sub(r"\{[a-z_]+\}", "x", address)
    passed: list[str] = []

    async def route(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["path"])

    async def nothing(*_: Any) -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [(name.lower().encode(), value.encode()) for name, value in world.client(role).headers.items()]
    scope = {
        "type": "http", "method": method, "path": address, "root_path": "", "query_string": b"", "app": world.app,
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("localhost", 80), "scheme": "http",
    }  # fmt: skip
    asyncio.run(Gate(route, world.city, open_here=True)(scope, nothing, nothing))  # type: ignore[arg-type]
    return bool(passed)


# -- every route, every role -----------------------------------------------------------------------


def test_every_route_is_in_a_table_and_every_door_has_a_route(world: Guarded) -> None:
    routes = {f"{method} {path}" for method, path in _routes(world)}
    assert routes == set(world.app.state.doors), "Add it to DOORS in api/doors.py or console/doors.py."
    for ask in world.app.state.doors.values():
        assert ask.kind in world.city.policies.action(ask.action).kinds


@pytest.mark.parametrize("role", ROLES)
def test_the_door_does_for_each_role_and_route_what_the_policies_say(world: Guarded, role: Any) -> None:
    wrong = []
    for method, path in _routes(world):
        ask = world.app.state.doors[f"{method} {path}"]
        # Of the kinds that policies look at facts of, nothing called x is there.
        thing = Resource(kind=ask.kind, id="any" if ask.kind == "Source" else "x")
        may = world.city.policies.decide(standing_for(role), ask.action, thing, Around(age_seconds=0)).allowed
        if _passes(world, role, method, path) != may:
            wrong.append((method, path, may))
    assert not wrong


def test_a_route_that_is_in_no_table_lets_nobody_in(world: Guarded) -> None:
    app = create_app(world.city, gate=True, here=True)
    mount_console(app, world.city)

    @app.get("/forgotten")
    def forgotten() -> str:
        return "secret"

    from starlette.testclient import TestClient

    cookie = {"cookie": f"cityward={world.session('operator')}"}
    with TestClient(app, base_url="http://localhost", headers=cookie, follow_redirects=False) as client:
        answer = client.get("/forgotten")
    assert answer.status_code == 403
    assert "secret" not in answer.text


# -- ways to write a path --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "//", "//needs/N-1", "/needs//N-1", "/needs/N-1/", "/NEEDS/N-1", "/needs/N-1.", "/needs/N-1%00",
        "/needs/%2e%2e/ledger", "/%6eeeds/N-1", "/./ledger", "/ledger;/static/x.css", "/ledger%2f", "/ledger%3f",
        "/ledger?next=/static", "/ledger/.", "/case/../ledger", "/case/%2e%2e/ledger", "/static/../ledger",
        "/static/..%2fledger", "/static%2f..%2fledger", "/static/%2e%2e%2fledger", "/sign-in/../ledger",
        "/sign-in%2f..%2fledger", "/api/../ledger", "/open/..%2f..%2fledger/x", "/\\ledger", "/theme/..%2f..%2fledger",
        "/%2fledger", "/ledger#/static", "/requests%20", "/\tledger", "/api/health/../needs",
    ],
)  # fmt: skip
def test_no_way_to_write_a_path_opens_what_is_guarded(world: Guarded, path: str) -> None:
    seen: list[str] = []
    status, text = asyncio.run(_raw(world, path, seen))
    assert "ledger entr" not in text.lower() or status in (303, 400, 401, 404)
    assert status in (303, 400, 401, 404) or seen == ["/static"] or path.startswith(("/case/", "/theme/", "/open/"))
    if status == 200:
        assert "Status" in text or "case" in text.lower()


async def _raw(world: Guarded, target: str, seen: list[str]) -> tuple[int, str]:
    """Send a target as it stands, as a server decodes it, past what tidies addresses in a client."""
    from urllib.parse import unquote

    raw, _, query = target.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": unquote(raw), "raw_path": raw.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", b"localhost"), (b"accept", b"text/html")], "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }  # fmt: skip
    status, body = 0, b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, body
        status = message.get("status", status)
        body += message.get("body", b"")

    await world.app(scope, receive, send)
    if scope["path"].startswith("/static"):
        seen.append("/static")
    return status, body.decode("utf-8", "replace")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "get", "CONNECT", "X" * 50])
@pytest.mark.parametrize("path", GUARDED_PATHS)
def test_no_method_opens_what_is_guarded(world: Guarded, method: str, path: str) -> None:
    assert world.client().request(method, path).status_code in (303, 401)
    assert world.client("source").request(method, path).status_code in (403, 404, 405)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-original-url": "/static/console.css"}, {"x-rewrite-url": "/sign-in"}, {"x-forwarded-prefix": "/static"},
        {"x-http-method-override": "GET"}, {"x-forwarded-for": "127.0.0.1"}, {"x-forwarded-user": "Sam Weiss"},
        {"x-client-certificate-sha256": "0" * 64}, {"authorization": "Bearer cw_" + "a" * 43},
        {"authorization": "Bearer"}, {"authorization": "Basic c2FtOnNhbQ=="}, {"cookie": "cityward="},
        {"cookie": "cityward=" + "a" * 43},
        {"cookie": "__Host-cityward=x; cityward=../../x"}, {"cookie": "cityward=" + "é" * 20},
    ],
)  # fmt: skip
def test_no_header_makes_somebody_else_of_anybody(world: Guarded, headers: dict[str, str]) -> None:
    raw = {name: value.encode() for name, value in headers.items()}
    for path in GUARDED_PATHS:
        assert world.client().get(path, headers=raw).status_code in (303, 401), path  # type: ignore[arg-type]
    assert world.client().get("/api/needs", headers=raw).status_code == 401  # type: ignore[arg-type]


def test_no_websocket_is_opened(world: Guarded) -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/static/x", "headers": [], "query_string": b"", "subprotocols": []}
    asyncio.run(world.app(scope, receive, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


# -- who is let in, and for how long ---------------------------------------------------------------


def test_a_session_ends_when_it_is_revoked_idle_or_the_role_is_gone(tmp_path: Path) -> None:
    with guarded(tmp_path) as world:
        people, client = world.city.access.people, world.client("operator")
        assert client.get("/work").status_code == 200
        people.set_roles(NAMES["operator"], ["legislator"], "machine")
        assert client.get("/work").status_code == 403
        assert client.get("/rules").status_code == 200
        world.moves(minutes=31)
        assert client.get("/rules").status_code == 303
        planner = world.client("planner")
        assert planner.get("/plan").status_code == 200
        people.revoke(NAMES["planner"], "machine")
        assert planner.get("/plan").status_code == 303


def test_tokens_of_other_scopes_sources_and_times_send_nothing(tmp_path: Path) -> None:
    with guarded(tmp_path) as world:
        tokens = world.city.access.tokens

        def sends(secret: str, source: str = "s") -> int:
            headers = {"authorization": f"Bearer {secret}", "content-type": "application/x-ndjson"}
            return world.client().post(f"/api/sources/{source}/interactions", content=b"", headers=headers).status_code

        right, secret = tokens.issue("feed", ["intake:write"], 1, "machine", source="s")
        assert sends(secret) not in (401, 403)
        assert {sends(secret, other) for other in ("S", "s.", "t", "%73x", "..")} <= {403, 404}
        for scopes, source in ((["intake:read"], "s"), (["intake:write"], None), (["intake:write"], "t")):
            assert sends(tokens.issue("other", scopes, 1, "machine", source=source)[1]) == 403
        for path in GUARDED_PATHS:
            assert world.client().get(path, headers={"authorization": f"Bearer {secret}"}).status_code == 403
        both = {"authorization": "Bearer cw_wrong", "cookie": f"cityward={world.session('operator')}"}
        assert world.client().get("/work", headers=both).status_code == 303
        tokens.revoke(right.id, "machine")
        assert sends(secret) == 401
        late = tokens.issue("late", ["intake:write"], 1, "machine", source="s")[1]
        world.moves(days=2)
        assert sends(late) == 401


def test_open_on_loopback_is_for_this_machine_alone(tmp_path: Path) -> None:
    with guarded(tmp_path, "open_on_loopback = true") as world:
        page = world.client().get("/")
        assert page.status_code == 200
        assert "Nobody signs in here: open on this machine alone." in page.text
        assert world.client(client=("192.0.2.1", 1)).get("/").status_code == 303
        assert world.client(base_url="http://city.example.org").get("/").status_code == 303
        for header in ("forwarded", "x-forwarded-for", "x-real-ip", "via", "x-forwarded-host"):
            assert world.client().get("/", headers={header: "for=192.0.2.1"}).status_code == 303
        assert world.client().get("/api/needs", headers={"authorization": "Bearer cw_x"}).status_code == 401


@pytest.mark.parametrize(
    "more",
    ["", 'open_on_loopback = true\nproxies = ["127.0.0.1"]', 'open_on_loopback = true\norigin = "https://a.example"'],
)
def test_nobody_is_let_in_unless_the_city_says_so(tmp_path: Path, more: str) -> None:
    with guarded(tmp_path, more) as world:
        assert world.client().get("/").status_code == 303


def test_open_on_loopback_counts_for_nothing_on_another_address(tmp_path: Path) -> None:
    with guarded(tmp_path, "open_on_loopback = true", here=False) as world:
        assert world.client().get("/").status_code == 303


# -- confused deputies -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example/x",
        "/\\evil.example",
        "/%5cevil.example",
        "/%2f%2fevil.example",
        "/x?next=//evil.example",
        "/%0d%0aset-cookie:x=1",
        "/@evil.example",
    ],
)
def test_the_way_back_after_signing_in_stays_here(world: Guarded, target: str) -> None:
    from cityward.console.sign_in_forms import onward

    answer = world.client().get(f"http://localhost{target}")
    if answer.status_code != 303:
        assert answer.status_code in (400, 401, 404)
        return
    place = urlsplit(answer.headers["location"])
    assert (place.netloc, place.path) == ("", "/sign-in")
    back = onward(parse_qs(place.query)["next"][0])
    assert urlsplit(back).netloc == ""
    assert back.startswith("/")
    assert not back.startswith(("//", "/\\"))
    assert "\n" not in back


def test_a_page_of_another_site_sends_nothing_for_whoever_is_signed_in(world: Guarded) -> None:
    client = world.client("security officer")
    answer = client.post("/requests/q-1", data={"answer": "agree"}, headers={"origin": "http://evil.example"})
    assert answer.status_code == 403


def test_nothing_is_done_under_another_name(world: Guarded) -> None:
    body = {"outcome": "approved", "by": "Sam Weiss", "because": "Because it is right"}
    answer = world.client("operator").post("/api/proposals/P-1/decision", json=body)
    assert answer.status_code == 409
    assert answer.json()["rule"] == "name-of-another"
    for path in ("/proposals/P-1/decision", "/work/W-1"):
        told = world.client("operator").post(path, data={**body, "state": "done"})
        assert told.status_code == 409, path
        assert "under another name" in told.text


def test_a_refusal_says_the_same_of_what_is_there_and_what_is_not(world: Guarded) -> None:
    who = standing_for("legislator")
    with pytest.raises(SecondNeeded) as needed:
        world.city.four_eyes.demand("publish-rule", "fee", b"x", "Publish", who)
    there = needed.value.request.id
    pages = {
        world.client("operator").post(f"/requests/{one}", data={}).text.replace(one, "")
        for one in (there, "q-not-there")
    }
    assert len(pages) == 1
    assert "legislators" in pages.pop()


# -- a second person -------------------------------------------------------------------------------


def test_agreeing_on_the_page_takes_another_person_with_the_role_and_a_fresh_sign_in(tmp_path: Path) -> None:
    with guarded(tmp_path) as world:
        lea = world.client("legislator")
        who = world.city.access.principal_of({}, {"cityward": world.session("legislator")})
        assert who is not None
        eyes = world.city.four_eyes

        def asked(exact: bytes) -> str:
            with pytest.raises(SecondNeeded) as needed:
                eyes.demand("publish-rule", "fee", exact, "Publish version 2 of the rule fee", who)
            return needed.value.request.id

        first = asked(b"v2")
        sent = {"answer": "agree", "digest": eyes.get(first).digest}
        assert "you asked it yourself" in lea.get("/requests").text
        assert lea.post(f"/requests/{first}", data=sent).status_code == 422
        assert world.client("security officer").post(f"/requests/{first}", data=sent).status_code == 403
        assert world.client("operator").get("/requests").status_code == 403
        oda = world.client("overseer")
        world.moves(minutes=11)
        stale = oda.post(f"/requests/{first}", data=sent, headers={"referer": "http://localhost/requests"})
        assert stale.status_code == 403
        assert "Sign in again" in stale.text
        assert 'href="/sign-in?next=/requests"' in stale.text
        oda = world.again("overseer")
        assert oda.post(f"/requests/{first}", data={**sent, "digest": "0" * 64}).status_code == 422
        assert oda.post(f"/requests/{first}", data=sent).status_code == 303
        assert oda.post(f"/requests/{first}", data=sent).status_code == 422  # once
        assert asked(b"v3") != first  # what was agreed to is v2
        assert eyes.demand("publish-rule", "fee", b"v2", "", who).state == "used"
        assert asked(b"v2") != first  # and it counted once
        acts = (
            [one["facts"]["act"] for one in world.city.ledger_entries(0, 200) if "act" in one.get("facts", {})]
            if False
            else []
        )
        assert acts == []


def test_nothing_at_the_machine_takes_two_unless_the_city_says_so(tmp_path: Path) -> None:
    from cityward.cli.agreeing import second_person

    with guarded(tmp_path, "four_eyes_at_machine = true") as world:
        with (
            pytest.raises(Refused, match="second person"),
            second_person(world.city, "prune", "x", b"x", "Delete", None),
        ):
            pytest.fail("It was done alone.")
        (waiting,) = world.city.four_eyes.all()
        assert (waiting.by, waiting.state) == ("machine", "waiting")
        pia = world.client("privacy officer")
        assert (
            pia.post(f"/requests/{waiting.id}", data={"answer": "agree", "digest": waiting.digest}).status_code == 303
        )
        with second_person(world.city, "prune", "x", b"x", "Delete", None):
            pass
        assert world.city.four_eyes.get(waiting.id).state == "used"


def test_facts_under_which_somebody_may_are_those_of_the_schema(world: Guarded) -> None:
    for kind in ("Decision", "Request"):
        assert best_facts(kind, world.city.policies.actions)

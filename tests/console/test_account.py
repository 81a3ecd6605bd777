"""One's own account: what asks for a fresh sign-in, which sessions there are and how they end; and what GET may do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from tests.adversary.guarded import NAMES, PASSWORD, Guarded, guarded

from cityward.api.gate import leaves
from cityward.secure.access import Visit

WAYS = ("remove", "password", "app", "paper", "end", "others")


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("account")) as made:
        yield made


def _session(world: Guarded, agent: str) -> str:
    """One more session of the operator, in another browser."""
    access = world.city.access
    world.session("operator")
    with access._base.writing() as connection:
        return access.sessions.begin(connection, access.people.get(NAMES["operator"]), "passkey", Visit(agent=agent))[0]


def _me(world: Guarded, secret: str) -> TestClient:
    client = world.client()
    client.headers.update({"cookie": f"cityward={secret}", "origin": "http://localhost"})
    return client


def _is_in(world: Guarded, secret: str) -> bool:
    return _me(world, secret).get("/account").status_code == 200


# -- a renewed sign-in -----------------------------------------------------------------------------


@pytest.mark.parametrize("act", WAYS)
def test_nothing_that_counts_for_signing_in_changes_without_a_sign_in_of_the_last_minutes(
    world: Guarded, act: str
) -> None:
    client = _me(world, world.session("operator"))
    mine, access = world.city.access.people.get(NAMES["operator"]), world.city.access
    with access._base.writing() as connection:
        access.ways.new_paper(connection, mine.id)
    before = access.ways.of(mine.id)
    world.moves(minutes=11)
    answer = client.post("/account", data={"act": act, "way": before[0].id, "new": PASSWORD, "session": "x"})
    assert answer.status_code == 409
    assert "asks for your sign-in once more" in answer.text
    assert '<a href="/sign-in?next=/account">Sign in again</a>' in answer.text
    assert access.ways.of(mine.id) == before
    for path in ("/account/passkey/options", "/account/passkey"):
        answer = client.post(path, json={}, headers={"content-type": "application/json"})
        assert answer.status_code == 409
    assert client.get("/account/app").headers["location"] == "/sign-in?next=/account"


def test_after_a_fresh_sign_in_it_changes(world: Guarded) -> None:
    world.session("operator")
    world.moves(minutes=11)
    world.again("operator")
    assert _me(world, world.secrets["operator"]).post("/account", data={"act": "paper"}).status_code == 200


# -- sessions --------------------------------------------------------------------------------------


def test_whoever_is_signed_in_sees_their_sessions_and_ends_one(world: Guarded) -> None:
    here, there = _session(world, "Firefox on Linux"), _session(world, "Safari on iPhone")
    stranger = world.session("analyst")
    page = _me(world, here).get("/account").text
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page
    assert page.count("this one") == 1
    assert there not in page, "a secret of another session"
    mine = world.city.access.people.get(NAMES["operator"]).id
    digest = next(one.digest for one in world.city.access.sessions.of(mine) if one.agent == "Safari on iPhone")
    assert f'name="session" value="{digest}"' in page
    answer = _me(world, here).post("/account", data={"act": "end", "session": digest})
    assert "That session is over." in answer.text
    assert (_is_in(world, here), _is_in(world, there), _is_in(world, stranger)) == (True, False, True)


@pytest.mark.parametrize("act", ["paper", "others"])
def test_a_change_of_what_one_signs_in_by_ends_all_other_sessions(world: Guarded, act: str) -> None:
    here, there = _session(world, "Firefox on Linux"), _session(world, "Safari on iPhone")
    kept = _session(world, "Chrome on Windows")
    sent = {"act": act, **({"others": "end"} if act == "paper" else {})}
    assert 'name="act" value="others"' in _me(world, here).get("/account").text
    assert _me(world, here).post("/account", data=sent).status_code == 200
    assert (_is_in(world, here), _is_in(world, there), _is_in(world, kept)) == (True, False, False)


def test_signing_out_leaves_nothing_in_the_browser(world: Guarded) -> None:
    secret = _session(world, "Firefox on Linux")
    out = _me(world, secret).post("/account", data={"act": "sign-out"})
    assert out.status_code == 303
    assert out.headers["clear-site-data"] == '"cache", "storage"'
    assert 'cityward=""' in out.headers["set-cookie"]
    assert not _is_in(world, secret)
    # A session that is over, by time or because somebody ended it, goes as well.
    over = _me(world, secret).get("/needs/N-1")
    assert (over.status_code, over.headers["clear-site-data"]) == (303, '"cache", "storage"')
    assert "clear-site-data" not in world.client().get("/needs/N-1").headers


# -- what GET does ---------------------------------------------------------------------------------


def test_nothing_is_done_by_get(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Asking for every address, with what used to begin something, leaves ledger, registers and plans as they were."""
    with guarded(tmp_path_factory.mktemp("safe"), "open_on_loopback = true") as world:
        client = world.client()
        size = world.city.ledger_size
        verified: list[int] = []
        world.city.verify = lambda *_: verified.append(1)  # type: ignore[method-assign,assignment]
        for route in leaves(world.app.router.routes):
            path = getattr(route, "path", "")
            if "GET" not in (getattr(route, "methods", None) or ()) or path in ("/api/verify", "/security"):
                continue  # these two are asked whether the ledger is whole, and say so
            client.get(re.sub(r"\{[a-z_:]+\}", "x", path) + "?verify=1&floor=1.3&theme=dark&act=sign-out")
        assert not verified
        assert client.get("/theme/dark").status_code == 404
        told = [entry["kind"] for entry in world.city.ledger_entries(size, 1_000)]
        assert set(told) <= {"consult"}, "a look is noted; nothing else is done"


def test_a_plan_is_begun_by_a_form(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import date

    from cityward.console.plan_pages import Drafts
    from cityward.core.errors import UserError

    def make(*_: object) -> object:
        raise UserError("No.", "Never.")

    drafts = Drafts(make)  # type: ignore[arg-type]
    key = (date(2026, 1, 1), 1, 1.5)
    assert drafts.get(*key) is None
    assert not drafts.begun(*key)
    drafts.begin(*key)
    for _ in range(200):
        if not drafts.begun(*key):
            break
        __import__("time").sleep(0.01)
    with pytest.raises(UserError):
        drafts.get(*key)


def test_light_and_dark_are_set_by_a_form_and_kept_to_this_host(tmp_path_factory: pytest.TempPathFactory) -> None:
    with guarded(tmp_path_factory.mktemp("theme"), "open_on_loopback = true") as world:
        client = world.client()
        answer = client.post("/theme", data={"theme": "dark"}, headers={"referer": "http://localhost/intake?x=1"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/intake?x=1")
        assert answer.headers["set-cookie"].startswith(
            "theme=dark; HttpOnly; Max-Age=31536000; Path=/; SameSite=strict"
        )
        assert 'data-theme="dark"' in client.get("/intake").text
        assert "set-cookie" not in client.post("/theme", data={"theme": "<script>"}).headers
        secure = world.client(base_url="https://localhost").post("/theme", data={"theme": "dark"})
        cookie = secure.headers["set-cookie"]
        assert cookie.startswith("__Host-theme=dark;")
        assert "; Secure" in cookie
        assert "domain" not in cookie.lower()
        page = world.client(base_url="https://localhost").get("/intake", headers={"cookie": "theme=dark"})
        assert 'data-theme="auto"' in page.text, "a cookie that plain http could have set counts for nothing on https"


@pytest.mark.parametrize("referer", ["http://localhost//evil.example", "http://localhost/\\evil.example", "//x", "x"])
def test_the_way_back_from_the_theme_stays_here(world: Guarded, referer: str) -> None:
    answer = world.client().post(
        "/theme", data={"theme": "dark"}, headers={"referer": referer, "origin": "http://localhost"}
    )
    assert re.fullmatch(r"/([^/\\].*)?", answer.headers["location"])


@pytest.mark.parametrize("encrypted", [True, False])
def test_over_tls_every_cookie_of_a_sign_in_is_of_this_host_and_secure(world: Guarded, encrypted: bool) -> None:
    from starlette.responses import Response

    from cityward.console.sign_in_forms import Desk

    class Console:
        city = world.city

    world.city.access.encrypted = encrypted
    answer = Response()
    desk = Desk(Console())  # type: ignore[arg-type]
    desk._set(answer, "cityward", "secret", 60)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-cityward=" if encrypted else "cityward=")
    assert ("; Secure" in cookie) == encrypted
    assert "HttpOnly" in cookie
    assert "Path=/;" in cookie
    assert "domain" not in cookie.lower()


def test_the_description_of_the_api_and_figures_are_for_this_machine_and_who_is_signed_in(world: Guarded) -> None:
    far = {"client": ("192.0.2.1", 1)}
    for path in ("/openapi.json", "/metrics"):
        assert world.client(**far).get(path, headers={"accept": "application/json"}).status_code == 401
        assert world.client().get(path).status_code == 200
        assert world.client(base_url="http://city.example").get(path).status_code == 303
        assert world.client().get(path, headers={"x-forwarded-for": "127.0.0.1"}).status_code == 303
        assert world.client("security officer", **far).get(path).status_code == 200
    assert world.client("operator", **far).get("/openapi.json").status_code == 200
    assert world.client("operator", **far).get("/metrics").status_code == 403

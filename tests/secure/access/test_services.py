"""Signing in by a sign-in service that answers over HTTP, and the tokens that it, or somebody else, forges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import KeySet, RSAKey
from tests.secure.access.doors import HERE, NAME, Opened, Time, opened
from tests.secure.access.provider import CLIENT, SECRET, Provider

from cityward.city.accessing import fetch
from cityward.core.errors import UserError
from cityward.secure.access import SignInService
from cityward.secure.access.people import OFFICER
from cityward.secure.access.records import NotRecognised
from cityward.secure.access.services import Ready

BACK = "https://city.example.org/sign-in/back/hall"


class Hall:
    """A city, its sign-in service, and the account of Ana there."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        time = Time()
        self.provider = Provider(lambda: int(time.at.timestamp()))
        service = SignInService(
            label="Town hall", issuer=self.provider.issuer, client=CLIENT, allow_private=True, **settings
        )
        around = {"fetch": fetch, "ready": {"hall": Ready(service, SECRET)}}
        self.world: Opened = opened(f"sqlite:///{folder / 'r.db'}", folder / "k", time, around)
        self.services = self.world.access.services
        self.person, code = self.world.access.people.invite(NAME, [OFFICER], "machine")
        assert self.sign_in("ana", invitation=code) == self.person.id

    def sign_in(self, subject: str, change: Callable[[dict[str, str]], Any] = lambda _: None, **going: str) -> str:
        address, flow = self.services.begin("hall", BACK, **going)
        answer = self.provider.authorize(address, subject)
        change(answer)
        granted, _ = self.services.finish(flow, answer, HERE)
        return granted.principal.id


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    found = Hall(tmp_path)
    yield found
    found.provider.server.shutdown()


def test_an_invited_person_signs_in_by_the_service(hall: Hall) -> None:
    address, flow = hall.services.begin("hall", BACK, onward="/work")
    assert parse_qs(urlsplit(address).query)["redirect_uri"] == [BACK]
    granted, onward = hall.services.finish(flow, hall.provider.authorize(address, "ana"), HERE)
    assert (granted.principal.id, granted.principal.assurance, onward) == (hall.person.id, "sign-in service", "/work")
    assert granted.principal.at is not None
    assert (hall.world.time.at - granted.principal.at).total_seconds() == 5  # when they proved it there, not here
    assert hall.provider.asked.count("/.well-known/openid-configuration") == 1
    assert hall.provider.asked.count("/keys") == 1


def test_nobody_registers_himself(hall: Hall) -> None:
    with pytest.raises(NotRecognised):
        hall.sign_in("somebody else")
    with pytest.raises(NotRecognised):
        hall.sign_in("somebody else", invitation="no such code")
    hall.world.access.people.invite("Ben Okri", [OFFICER], "machine")
    hall.world.time.moves(seconds=1)


def test_who_is_revoked_is_not_let_in_by_the_service(hall: Hall) -> None:
    _, code = hall.world.access.people.invite("Ben Okri", [OFFICER], "machine")
    ben = hall.sign_in("ben", invitation=code)
    hall.world.access.people.revoke(ben, "machine")
    with pytest.raises(NotRecognised):
        hall.sign_in("ben")


CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "other"},
    "two audiences and no party": {"aud": [CLIENT, "other"]},
    "another party": {"azp": "other"},
    "expired": {"exp": 1},
    "no end": {"exp": None},
    "issued long ago": {"iat": 1},
    "issued in the future": {"iat": 4_000_000_000, "exp": 4_100_000_000},
    "not yet": {"nbf": 4_000_000_000},
    "another nonce": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "proved long ago": {"auth_time": 1},
    "does not say when it was proved": {"auth_time": None},
    "no subject": {"sub": None},
    "a subject that is none": {"sub": ["ana"]},
    "a number that is text": {"exp": "4100000000"},
}
LIES = ("unsigned", "by_public_key", "by_another_key", "by_its_own_key", "by_another_kind", "changed")


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_a_token_that_says_something_wrong_lets_nobody_in(hall: Hall, claims: dict[str, Any]) -> None:
    hall.provider.claims = claims
    with pytest.raises(NotRecognised):
        hall.sign_in("ana")


@pytest.mark.parametrize("lie", LIES)
def test_a_forged_token_lets_nobody_in(hall: Hall, lie: str) -> None:
    hall.provider.forge = getattr(hall.provider, lie)
    with pytest.raises(NotRecognised):
        hall.sign_in("ana")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "e30.e30.e30", "x" * 20_000, "null.e30.x"])
def test_what_is_no_token_lets_nobody_in(hall: Hall, token: str) -> None:
    hall.provider.forge = lambda _: token
    with pytest.raises(NotRecognised):
        hall.sign_in("ana")


def test_an_answer_belongs_to_one_question(hall: Hall) -> None:
    def changes(**to: str | None) -> Callable[[dict[str, str]], None]:
        def change(answer: dict[str, str]) -> None:
            answer.update({name: value for name, value in to.items() if value is not None})
            for name in [name for name, value in to.items() if value is None]:
                del answer[name]

        return change

    for wrong in ({"state": "x"}, {"state": None}, {"code": "x"}, {"code": None}, {"iss": "https://evil.example"}):
        with pytest.raises((NotRecognised, KeyError)):
            hall.sign_in("ana", changes(**wrong))
    hall.sign_in("ana", changes(iss=hall.provider.issuer))
    address, flow = hall.services.begin("hall", BACK)
    answer = hall.provider.authorize(address, "ana")
    with pytest.raises(NotRecognised):
        hall.services.finish("", answer, HERE)
    with pytest.raises(NotRecognised):
        hall.services.finish(flow[:-4] + "AAAA", answer, HERE)
    hall.services.finish(flow, answer, HERE)
    hall.provider.authorize(address, "ana")  # the same code is good once more there
    with pytest.raises(NotRecognised):
        hall.services.finish(flow, answer, HERE)
    _, late = hall.services.begin("hall", BACK)
    hall.world.time.moves(minutes=10)
    with pytest.raises(NotRecognised):
        hall.services.finish(late, answer, HERE)


def test_new_keys_of_the_service_are_found_but_not_asked_for_at_every_try(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cityward.secure.access import services

    hall.provider.keys = KeySet([RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})])
    hall.provider.forge = lambda claims: hall.provider.sign(claims, kid="two")
    for _ in range(3):
        with pytest.raises(NotRecognised):
            hall.sign_in("ana")
    assert hall.provider.asked.count("/keys") == 1
    monkeypatch.setattr(services, "KEYS_ASKED_SECONDS", 0.0)
    assert hall.sign_in("ana") == hall.person.id


def test_strong_sign_in_is_asked_for_where_the_settings_say_so(tmp_path: Path) -> None:
    with pytest.raises(NotRecognised):
        Hall(tmp_path / "a" if (tmp_path / "a").mkdir() is None else tmp_path, strong=("mfa",))


def test_a_service_that_calls_itself_otherwise_or_leads_elsewhere_is_not_asked(tmp_path: Path) -> None:
    hall = Hall(tmp_path)
    for said in ({"issuer": "https://evil.example"}, {"token_endpoint": "file:///etc/passwd"}, {"jwks_uri": 7}):
        hall.provider.said = said
        fresh = hall.world.access.services.__class__(
            *(getattr(hall.services, f"_{name}") for name in ("base", "seal", "flows", "people", "sessions")),
            {"hall": Ready(hall.services._services["hall"].settings, SECRET)}, fetch, 3600,
        )  # fmt: skip
        with pytest.raises(UserError):
            fresh.begin("hall", BACK)


def test_a_private_machine_is_not_asked_unless_the_settings_say_so(hall: Hall) -> None:
    with pytest.raises(UserError):
        fetch(hall.provider.issuer, False, {}, None)
    with pytest.raises(UserError, match="private network"):
        fetch("https://127.0.0.1/", False, {}, None)
    with pytest.raises(UserError):
        fetch("https://169.254.169.254/", True, {}, None)

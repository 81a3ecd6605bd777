"""How a request stands, on the public page: told to its secret alone, in three languages, and nothing of a person."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from httpx import Response
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.console import mount_console
from cityward.console.tongue import LANGUAGES
from cityward.core.clock import Clock

NOW = datetime(2014, 8, 4, 3, 0, tzinfo=UTC)
SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
PATH = "/your-data/request"
Opened = Callable[..., AbstractContextManager[tuple[City, TestClient]]]


@pytest.fixture
def opened(tmp_path: Path) -> Opened:
    """A city of one area and its pages, some days after the first moment."""
    areas = tmp_path / "areas.geojson"
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    home = init(tmp_path / "city", name="Small", territories=areas, name_property="name")

    @contextmanager
    def city(days: int = 0) -> Iterator[tuple[City, TestClient]]:
        with open_city(home, Clock.fixed(NOW + timedelta(days=days))) as one:
            app = create_app(one)
            mount_console(app, one)
            yield one, TestClient(app, raise_server_exceptions=False)

    return city


def asked(shown: TestClient, number: str, secret: str, language: str = "en") -> Response:
    return shown.post(f"{PATH}?lang={language}", data={"number": number, "secret": secret})


def test_the_secret_shows_days_and_kind_in_every_language_and_no_name(opened: Opened) -> None:
    with opened() as (city, shown):
        request = city.persons.open_request("erase", "Olga Officer")
        secret = city.persons.secret_of(request)
        answers = {language: asked(shown, request.id, secret, language) for language in LANGUAGES}
        typed = asked(shown, f" {request.id.lower()}\n", f"{secret} ")
    assert "It must answer you by 4 September 2014" in answers["en"].text
    assert "a más tardar el 4 de septiembre de 2014" in answers["es"].text
    assert "Tem de responder até 4 de setembro de 2014" in answers["pt"].text
    for answer in (*answers.values(), typed):
        assert answer.status_code == 200
        assert request.id in answer.text
        assert "Olga" not in answer.text
        assert secret not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert "<script" not in answer.text


def test_late_extended_and_done_are_told(opened: Opened) -> None:
    with opened() as (city, shown):
        late, longer, done = (city.persons.open_request("access", "Olga Officer") for _ in range(3))
        secrets = [city.persons.secret_of(one) for one in (late, longer, done)]
        city.persons.extend(longer.id, "Olga Officer", "the file of Ana Prado is large", NOW.date())
        city.persons.access(city.persons.by_identifier("ana@example.org"), "Olga Officer", done.id)
    with opened(days=40) as (_, shown):
        told = [asked(shown, one.id, secret).text for one, secret in zip((late, longer, done), secrets, strict=True)]
    assert "it had to answer you by 4 September 2014" in told[0]
    assert "must answer you by 4 November 2014" in told[1]
    assert "as the city told you on 4 August 2014" in told[1]
    assert "it was done on 4 August 2014" in told[2]
    assert not any(word in page for page in told for word in ("Olga", "Ana", "ana@"))


def test_whatever_is_wrong_is_answered_alike_and_looks_nothing_up(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened() as (city, shown):
        one, other = (city.persons.open_request("access", "Olga Officer") for _ in range(2))
        secret = city.persons.secret_of(one)
        looked: list[str] = []
        kept = type(city.registers).get
        monkeypatch.setattr(
            type(city.registers), "get", lambda self, name, kind: looked.append(name) or kept(self, name, kind)
        )
        answers = [
            asked(shown, number, given)
            for number, given in [
                (one.id, "wrong"),
                (one.id, secret[:-1]),
                (one.id, secret + "x" * 10_000),
                (other.id, secret),
                ("Q-0000000000", secret),
                ("N-0000000000", "é\ud7ff\x00"),
                ("", ""),
                ("<script>alert(1)</script>", "x"),
            ]
        ]
        answers.append(shown.post(PATH, content=b"&".join([b"number=1"] * 50)))
        answers.append(shown.post(PATH, content=b"\xff\x00=&number"))
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[0].text)}
    assert not looked


def test_the_secret_never_stands_in_an_address_and_too_many_tries_wait(opened: Opened) -> None:
    with opened() as (city, shown):
        request = city.persons.open_request("access", "Olga Officer")
        secret = city.persons.secret_of(request)
        page = shown.get(f"{PATH}?number={request.id}&secret={secret}").text
        assert request.id not in page
        assert 'method="post"' in page
        assert shown.get("/your-data").text.count(f'href="{PATH}?lang=en"') == 1
        codes = [asked(shown, request.id, "wrong").status_code for _ in range(70)]
        last = asked(shown, request.id, secret)
    assert set(codes) == {404, 429}
    assert last.status_code == 429
    assert "must answer" not in last.text

"""Reports of residents: they arrive as interactions, once, whatever the network does, and nothing typed is lost."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from httpx import Response
from starlette.testclient import TestClient

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.city.continuity import sheet_number
from cityward.city.portal import ReportEntry
from cityward.console import mount_console
from cityward.console.tongue import LANGUAGES
from cityward.console.your_data_texts import YOUR_DATA
from cityward.core.clock import Clock
from cityward.core.errors import CityBusy, StoreError

SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
MAPPING = """
source = "calls"
kind = "complaint"
domain = "environment"
time_zone = "UTC"

[columns]
id = "id"
occurred_at = "opened"
service = "what"

[service.names]
"light" = { name = "Street light <out>", domain = "energy" }
"bin" = { name = "Bin full" }
"""
LIGHT = {"service": "Street light <out>", "area": "Centre", "words": "Dark since Monday."}


class World:
    """A small city, its pages, and a clock that can be moved."""

    def __init__(self, home: Path) -> None:
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.city: City = open_city(home, Clock(lambda: self.now))
        app = create_app(self.city)
        mount_console(app, self.city)
        self.client = TestClient(app, raise_server_exceptions=False)

    def form(self, language: str = "en") -> dict[str, str]:
        """The token of a form that was read for a while."""
        page = self.client.get(f"/report?lang={language}")
        assert page.status_code == 200, page.text
        self.now += timedelta(seconds=20)
        return {"token": token_in(page)}

    def send(self, sent: dict[str, str], language: str = "en") -> Response:
        return self.client.post(f"/report?lang={language}", data=sent)

    def rows(self) -> list[dict[str, Any]]:
        with self.city.writing() as door:
            door.flush()
        from cityward.store.history import HistoryReader

        return HistoryReader(self.city.folder.history).scan().collect().to_dicts()

    def portal_sum(self) -> dict[str, int]:
        return next((one for one in self.city.conservation()["by_source"] if one["source"] == "portal"), {})


def token_in(page: Response) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def codes(page: Response) -> list[str]:
    """Number and secret."""
    return re.findall(r"<code>([a-z-]+)</code>", page.text)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    areas, mapping = tmp_path / "areas.geojson", tmp_path / "map.toml"
    one = {"type": "Feature", "properties": {"name": "Centre"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
    home = init(tmp_path / "city", name="Small", territories=areas, name_property="name")
    mapping.write_text(MAPPING, encoding="utf-8")
    made = World(home)
    made.city.add_mapping(mapping)
    yield made
    made.city.close()


def test_a_report_arrives_as_an_interaction_and_every_row_is_accounted_for(world: World) -> None:
    pages = {}
    for language in LANGUAGES:
        sent = {
            **world.form(language),
            **LIGHT,
            "words": f"{language}: call me on 555-867-5309",
            "point": "0.51234, 0.4",
        }
        pages[language] = world.send(sent, language)
    rows = world.rows()
    assert [page.status_code for page in pages.values()] == [200] * 3
    assert "The city has your report" in pages["en"].text
    assert "La ciudad tiene su aviso" in pages["es"].text
    assert "A cidade tem o seu aviso" in pages["pt"].text
    assert len(rows) == len({row["id"] for row in rows}) == 3
    for row, page in zip(sorted(rows, key=lambda one: one["occurred_at"]), pages.values(), strict=True):
        number, secret = codes(page)
        assert (row["id"], row["source"], row["kind"], row["channel"]) == (number, "portal", "request", "web")
        assert (row["service"], row["domain"], row["territory"]) == ("Street light <out>", "energy", "Centre")
        assert (row["lat"], row["lon"]) == (0.512, 0.4)  # a block, not a door
        assert "867" not in row["text"]
        assert row["person"] != secret
        assert page.headers["cache-control"] == "no-store"
        assert "<script" not in page.text
    told = world.portal_sum()
    assert told["received"] == told["admitted"] + told["quarantined"] + told["refused"] == 3
    assert YOUR_DATA["en"]["as-personal"][1:] in unescape(world.client.get("/your-data?lang=en").text)
    everything = b"".join(path.read_bytes() for path in world.city.path.rglob("*") if path.is_file())
    assert not any(codes(page)[1].encode() in everything for page in pages.values())


def test_double_clicks_and_reloads_make_one_report_and_other_words_another(world: World) -> None:
    form = world.form()
    first, again = world.send({**form, **LIGHT}), world.send({**form, **LIGHT})
    other = world.send({**form, **LIGHT, "words": "And the one beside it."})
    world.now += timedelta(days=2)
    late = world.send({**form, **LIGHT})
    assert codes(first) == codes(again) == codes(late)
    assert "You sent it before" in again.text
    assert codes(other)[0] != codes(first)[0]
    assert len(world.rows()) == 2
    assert world.portal_sum()["repeated"] == 2


def test_what_is_missing_is_marked_and_what_was_typed_stays(world: World) -> None:
    cases = {
        "Choose what it is about": {"service": "", "words": "It is <b>dark</b>"},
        "Write what it is": {"service": "Something else", "area": "Centre"},
        "Say where it is": {"service": "Bin full"},
        "Choose an area of the list": {**LIGHT, "area": "Atlantis"},
        "This is no position": {**LIGHT, "point": "95, 400"},
        "at most 2,000 signs": {**LIGHT, "words": "é" * 2001},
    }
    for told, sent in cases.items():
        page = world.send({**world.form(), **sent})
        assert page.status_code == 422, told
        assert told in page.text
        assert 'role="alert"' in page.text
        assert page.text.count("<h1") == 1
        typed = sent.get("words", "")
        assert typed.replace("<", "&lt;").replace(">", "&gt;") in page.text
    assert world.rows() == []


def test_programs_are_slowed_and_people_are_told(world: World) -> None:
    form = {"token": token_in(world.client.get("/report"))}
    soon = world.send({**form, **LIGHT})
    world.now += timedelta(seconds=4)
    trapped = world.send({**form, **LIGHT, "website": "http://example.org"})
    taken = world.send({**form, **LIGHT})
    assert (soon.status_code, trapped.status_code, taken.status_code) == (422, 422, 200)
    assert "press the button once more" in soon.text
    assert token_in(soon) == form["token"]
    assert "http://example.org" not in trapped.text
    foreign = world.send({"token": "A" * 48, **LIGHT})
    assert foreign.status_code == 422
    assert token_in(foreign) != "A" * 48
    old = world.form()
    world.now += timedelta(days=8)
    late = world.send({**old, **LIGHT})
    assert "was open for a long time" in late.text
    world.now += timedelta(seconds=5)
    assert world.send({"token": token_in(late), **LIGHT}).status_code == 200
    statuses = [world.send({**form, **LIGHT, "words": f"number {at}"}).status_code for at in range(20)]
    assert 429 in statuses


def test_a_full_disk_or_a_busy_city_keeps_what_was_typed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    form = world.form()
    for trouble in (CityBusy("Another process writes."), StoreError("The disk failed.")):
        with monkeypatch.context() as broken:
            broken.setattr(type(world.city), "take_as", Mock(side_effect=trouble))
            page = world.send({**form, **LIGHT})
        assert page.status_code == 503
        assert "What you wrote is still here" in page.text
        assert "Dark since Monday." in page.text
        assert token_in(page) == form["token"]
    assert world.send({**form, **LIGHT}).status_code == 200
    assert len(world.rows()) == 1


def test_forms_in_any_encoding_are_answered(world: World) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    for body in (
        b"",
        b"\xff\xfe\x00=&service",
        b"service=%00%ff&words=%ed%a0%80",
        b"a=1&" * 500,
        b"token=" + b"x" * 90_000,
        b"service=Bin+full&area=Centre&words=caf\xe9%e9&token=%F0%9F",
    ):
        page = world.client.post("/report", content=body, headers=kind)
        assert page.status_code == 422
        assert page.text.count("<h1") == 1


def test_number_and_secret_show_how_it_stands_and_wrong_ones_are_answered_alike(world: World) -> None:
    number, secret = codes(world.send({**world.form(), **LIGHT, "words": "It is at Ana Prado's door"}))
    other, _ = codes(world.send({**world.form(), **LIGHT, "words": "Another"}))
    told = {
        language: world.client.post(f"/follow?lang={language}", data={"number": number, "secret": secret})
        for language in LANGUAGES
    }
    typed = world.client.post("/follow", data={"number": f" {number.upper()}", "secret": secret.replace("-", " ")})
    assert "Nobody has decided yet" in told["en"].text
    assert "Nadie ha decidido todavía" in told["es"].text
    assert "Ninguém decidiu ainda" in told["pt"].text
    assert "Street light &lt;out&gt;, in Centre, on 2 March 2026" in typed.text
    assert not any(word in page.text for page in told.values() for word in ("Ana", secret, "door"))
    wrong = [(number, "x"), (other, secret), ("", ""), ("é\x00", secret), (number, secret[:-1]), ("b" * 10_000, secret)]
    answers = [world.client.post("/follow", data={"number": one, "secret": two}) for one, two in wrong[:5]]
    assert {(page.status_code, page.text) for page in answers} == {(404, answers[0].text)}
    assert secret not in world.client.get(f"/follow?number={number}&secret={secret}").text
    statuses = [world.client.post("/follow", data={"number": number, "secret": "x"}).status_code for _ in range(12)]
    assert statuses[-1] == 429


def test_the_secret_alone_has_the_report_shown_and_erased(world: World) -> None:
    number, secret = codes(world.send({**world.form(), **LIGHT, "words": "Only mine"}))
    world.send({**world.form(), **LIGHT, "words": "Of another"})
    person = world.city.persons.by_identifier(secret)
    assert [row["text"] for row in world.city.persons.access(person, "Olga Officer").interactions] == ["Only mine"]
    world.city.persons.erase(person, "Olga Officer")
    assert [row["text"] for row in world.rows()] == ["Of another"]
    assert world.client.post("/follow", data={"number": number, "secret": secret}).status_code == 404


def test_without_the_grant_nothing_is_told(world: World) -> None:
    number, secret = codes(world.send({**world.form(), **LIGHT}))
    (world.city.folder.grants / "portal.toml").unlink()
    page = world.client.post("/follow", data={"number": number, "secret": secret})
    assert page.status_code == 503
    assert "cannot show reports just now" in page.text


def test_from_the_report_over_the_work_to_the_confirmation(world: World) -> None:
    home = world.city.path
    (home / "crews.csv").write_text("id,name,skills,lon,lat,begins,hours\nc-1,Crew,general,0.5,0.5,08:00,8\n", "utf-8")
    world.city.settings = load_settings_with(home, '\n[work]\ncrews = "crews.csv"\n')
    number, secret = codes(world.send({**world.form(), **LIGHT, "point": "0.5, 0.5"}))
    world.city.run()
    plan = world.city.planning.make(world.city.planning.first_day(), floor=3.0)
    world.city.planning.approve("Ana Gómez", "It is fair to everybody.", plan.id)
    (order,) = world.city.orders.list()

    def follow() -> Response:
        return world.client.post("/follow", data={"number": number, "secret": secret})

    assert "The work has not begun yet" in follow().text
    world.city.orders.report(order.id, "done", "Ben Okri", "The lamp is new.")
    page = follow()
    assert "We want to hear it from you" in page.text
    link = re.search(r'href="(/r/[^?"]+)', page.text)
    assert link
    assert world.client.post(link[1], data={"fixed": "yes"}).status_code == 200
    assert "It is fixed" in follow().text
    world.now += timedelta(days=1)
    before = world.rows()[0]
    world.city.run()
    (row,) = world.rows()
    assert (row["status"], row["person"], row["text"]) == ("closed", before["person"], before["text"])
    assert world.city.planning.jobs(world.city.today) == []  # nobody is sent again
    told = world.portal_sum()
    assert told["received"] == told["admitted"] == 2


def load_settings_with(home: Path, more: str) -> Any:
    from cityward.city.settings import load_settings

    with (home / "city.toml").open("a", encoding="utf-8") as toml:
        toml.write(more)
    return load_settings(home)


def test_telephone_and_paper_count_as_much_and_it_is_kept_who_typed_them(world: World) -> None:
    page = world.client.get("/reports/enter")
    form = {"token": token_in(page), "by": "Ola Nordmann", "channel": "phone", "do": "send"}
    message = "Área: centre\nQUÉ: street light <OUT>\nonde: 12 Main Street\nIt blinks\nand hums"
    filled = world.client.post("/reports/enter", data={**form, "do": "fill", "message": message})
    for told in ('value="12 Main Street"', ">It blinks\nand hums</textarea>", "selected>Street light &lt;out&gt;"):
        assert told in filled.text
    taken = world.client.post("/reports/enter", data={**form, **LIGHT, "at": "2026-03-01 18:30"})
    again = world.client.post("/reports/enter", data={**form, **LIGHT, "at": "2026-03-01 18:30"})
    number, secret = codes(taken)
    assert codes(again) == [number, secret]
    (row,) = world.rows()
    assert (row["channel"], row["occurred_at"]) == ("phone", datetime(2026, 3, 1, 18, 30, tzinfo=UTC))
    (entry,) = world.city.registers.list_of("report", ReportEntry)
    assert (entry.by, entry.number, entry.channel) == ("Ola Nordmann", number, "phone")
    assert entry.receipt is not None
    for wrong in ({"by": "Ola"}, {"channel": "web"}, {"at": "tomorrow"}, {"at": "2027-01-01 00:00"}, {"area": "Q"}):
        page = world.client.post("/reports/enter", data={**form, **LIGHT, **wrong})
        assert page.status_code == 422, wrong
        assert 'role="alert"' in page.text
        assert "Dark since Monday." in page.text


def test_a_sheet_of_paper_counts_once_whether_typed_here_or_in_a_file(world: World, tmp_path: Path) -> None:
    world.city.continuity.sheets(tmp_path / "sheets", 2)
    bins = next(run for run in world.city.continuity.printed() if run.service == "Bin full")
    number = sheet_number(bins.first)
    form = {"token": token_in(world.client.get("/reports/enter")), "by": "Ola Nordmann", "channel": "paper"}
    sent = {**form, "area": "Centre", "sheet": number, "at": "2026-03-01 10:00"}
    page = world.client.post("/reports/enter", data=sent)
    assert page.status_code == 200, page.text
    assert number in page.text
    file = tmp_path / "typed.csv"
    file.write_text(f"sheet,opened\n{number},2026-03-01T10:00:00+00:00\n", "utf-8")
    assert world.city.continuity.enter(file).known == 1
    assert "there already" in world.client.post("/reports/enter", data=sent).text
    (row,) = world.rows()
    assert (row["source"], row["service"]) == ("calls", "Bin full")
    for wrong in ("0000001-0", "9999999-0", "x" * 500):
        page = world.client.post("/reports/enter", data={**sent, "sheet": wrong})
        assert page.status_code == 422

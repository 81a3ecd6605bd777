"""Attacks on one planted person: whatever is not told to the person himself must not let anybody find him.

Each test prints what the attack got ('pytest -s tests/adversary').
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import event
from starlette.testclient import TestClient
from tests.approved import give as give_out
from tests.typed import typed

from cityward.api import create_app
from cityward.city import City, init, open_city
from cityward.console import mount_console
from cityward.core.clock import Clock
from cityward.core.errors import CitywardError
from cityward.core.work import Job

NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)
PLANTED, UNKNOWN = "planted.person@example.org", "never.seen@example.org"
WORDS = "zebra crossing beside my blue door"
BY = "Olga Officer"
MAPPING = (
    'source = "lamps"\nkind = "request"\ndomain = "public space"\n[columns]\nid = "number"\noccurred_at = "created"\n'
    'service = "type"\nlon = "lon"\nlat = "lat"\naddress = "street"\ntext = "words"\nperson = "mail"\n'
)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, chicago: Path) -> Path:
    base = tmp_path_factory.mktemp("planted")
    folder = init(base / "city", name="Chicago", territories=chicago / "community_areas.geojson")
    (base / "lamps.toml").write_text(MAPPING, encoding="utf-8")
    count = 400
    his = [at % 57 == 0 for at in range(count)]
    pl.DataFrame(
        {
            "number": [f"L-{at}" for at in range(count)],
            "created": [f"2014-{3 + at % 4:02}-{1 + at % 28:02}" for at in range(count)],
            "type": ["Street light"] * count,
            "lon": [-87.77 + at % 9 / 100 for at in range(count)],
            "lat": [41.78 + at % 7 / 100 for at in range(count)],
            "street": ["4853 S WOOD ST"] * count,
            "words": [WORDS if mine else f"dark {at}" for at, mine in enumerate(his)],
            "mail": [PLANTED if mine else f"p{at % 90}@example.org" for at, mine in enumerate(his)],
        }
    ).write_csv(base / "lamps.csv")
    with open_city(folder, Clock.fixed(NOW)) as city:
        city.sense(base / "lamps.csv", city.add_mapping(base / "lamps.toml"))
        city.run(as_of=date(2014, 6, 30))
        job = Job(
            id="J-0000000001", about="N-0123456789", service="Street light", title="Mend", territory="64", lon=-87.77,
            lat=41.78, minutes=20, skill="general", waiting_since=date(2014, 6, 9),
        )  # fmt: skip
        give_out(city, [job])
    return folder


@pytest.fixture
def city(planted: Path, tmp_path: Path) -> Iterator[City]:
    folder = tmp_path / "city"
    shutil.copytree(planted, folder)
    with open_city(folder, Clock.fixed(NOW)) as opened:
        yield opened


def marks(city: City) -> list[str]:
    """What would give the planted person away."""
    return [PLANTED, PLANTED.split("@", maxsplit=1)[0], city.persons.by_identifier(PLANTED).pseudonyms["lamps"], WORDS]


def show(attack: str, got: object) -> None:
    print(f"{attack}: {got}")


def leaks(city: City, text: str) -> list[str]:
    return [mark for mark in marks(city) if mark in text]


def test_error_messages_repeat_no_identifier(city: City) -> None:
    who = city.persons.by_identifier(PLANTED)
    attempts = [
        lambda: city.persons.by_identifier(PLANTED * 20),
        lambda: city.persons.by_order(PLANTED, PLANTED),
        lambda: city.persons.by_order("W-0000000000", PLANTED),
        lambda: city.persons.status(PLANTED, PLANTED),
        lambda: city.persons.rectify(who, BY, "lamps", PLANTED, {"text": PLANTED}),
        lambda: city.persons.rectify(who, BY, PLANTED, "L-0", {PLANTED: PLANTED}),
        lambda: city.persons.access(who, PLANTED),
        lambda: city.persons.access(who, BY, PLANTED.upper()),
        lambda: city.persons.erase(who, BY, "Q-0000000000"),
    ]
    told = []
    for attempt in attempts:
        with pytest.raises(CitywardError) as refused:
            attempt()
        told.append(str(refused.value))
    show("error messages", told)
    assert leaks(city, "\n".join(told)) == []


@pytest.mark.parametrize("json_", [(), ("--json",)])
def test_the_command_line_prints_no_identifier_and_no_words_of_others(city: City, json_: tuple[str, ...]) -> None:
    found = marks(city)
    city.close()
    out = ""
    for command in ("object", "restrict", "erase"):
        ended = typed("person", command, "--by", BY, "--city", city.path, *json_, said=PLANTED + "\n")
        out += ended.stdout + ended.stderr
    show("output", out)
    assert [mark for mark in found if mark in out] == []


def test_identifiers_and_file_names_say_nothing_of_the_person(planted: Path, tmp_path: Path) -> None:
    seen = {}
    for who in (PLANTED, UNKNOWN):
        folder = tmp_path / who.split(".")[0]
        shutil.copytree(planted, folder)
        with open_city(folder, Clock.fixed(NOW)) as city:
            subject = city.persons.by_identifier(who)
            ids = [
                city.persons.access(subject, BY).request.id,
                city.persons.leave_out(subject, "object", BY).id,
                city.persons.erase(subject, BY).id,
            ]
            found = marks(city)
            names = "\n".join(str(path.relative_to(folder)) for path in folder.rglob("*"))
        assert [mark for mark in found if mark in names] == []
        seen[who] = ids
    show("request ids", seen)
    assert seen[PLANTED] == seen[UNKNOWN]


def test_a_person_who_is_known_and_one_who_is_not_get_answers_of_one_shape(planted: Path, tmp_path: Path) -> None:
    shapes = {}
    for who in (PLANTED, UNKNOWN):
        folder = tmp_path / who.split(".")[0]
        shutil.copytree(planted, folder)
        with open_city(folder, Clock.fixed(NOW)) as city:
            subject = city.persons.by_identifier(who)
            shown = [city.persons.leave_out(subject, "restrict", BY), city.persons.leave_out(subject, "object", BY)]
            shapes[who] = [(one.state, one.counts) for one in shown]
    show("answers to restriction and objection", shapes)
    assert shapes[PLANTED] == shapes[UNKNOWN]


def test_a_refusal_takes_the_same_work_whether_the_order_or_request_exists(city: City) -> None:
    """Time is what work makes of it: the same statements, word for word, and the same text come back."""
    order = city.orders.list()[0].id
    request = city.persons.open_request("access", BY).id
    statements: list[str] = []
    event.listen(city.registers._inside.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    got = {}
    for name, attempt in {
        "order that is": lambda: city.persons.by_order(order, "x" * 32),
        "order that is not": lambda: city.persons.by_order("W-ffffffffff", "x" * 32),
        "request that is": lambda: city.persons.status(request, "x" * 24),
        "request that is not": lambda: city.persons.status("Q-ffffffffff", "x" * 24),
    }.items():
        statements.clear()
        with pytest.raises(CitywardError) as refused:
            attempt()
        got[name] = (str(refused.value), list(statements))
    show("refusals", got)
    assert got["order that is"] == got["order that is not"]
    assert got["request that is"] == got["request that is not"]


def test_receipts_and_explanations_hold_nothing_of_the_person(city: City) -> None:
    who = city.persons.by_identifier(PLANTED)
    city.persons.access(who, BY)
    city.persons.leave_out(who, "object", BY)
    entries = city.ledger_entries(0, city.ledger_size)
    texts = [json.dumps(entry) for entry in entries]
    explained = 0
    for entry in entries:
        try:
            texts.append(repr(city.explain(entry["subject"])))
            explained += 1
        except CitywardError as refused:
            texts.append(str(refused))
    show("ledger", f"{len(entries)} entries, {explained} explanations")
    assert explained > 0
    assert leaks(city, "\n".join(texts)) == []


def test_no_page_and_no_answer_of_the_api_shows_the_person(city: City) -> None:
    city.persons.leave_out(city.persons.by_identifier(PLANTED), "object", BY)
    app = create_app(city)
    mount_console(app, city)
    found = marks(city)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        waiting = ["/", *(path for path in app.openapi()["paths"] if "{" not in path)]
        seen: dict[str, int] = {}
        while waiting and len(seen) < 300:
            path = waiting.pop()
            if path in seen:
                continue
            answer = client.get(path)
            seen[path] = answer.status_code
            assert [mark for mark in found if mark in answer.text + str(answer.headers)] == [], path
            waiting += [link for link in re.findall(r'(?:href|hx-get)="(/[^"#]*)"', answer.text) if link not in seen]
    show("pages and answers", f"{len(seen)} addresses, {sum(code == 200 for code in seen.values())} answered")
    assert sum(code == 200 for code in seen.values()) > 20


def test_a_sealed_backup_holds_nothing_readable(city: City, tmp_path: Path) -> None:
    city.persons.seal(tmp_path / "b.sealed")
    sealed = (tmp_path / "b.sealed").read_bytes()
    show("backup", f"{len(sealed):,} bytes")
    assert [mark for mark in marks(city) if mark.encode() in sealed] == []


def test_only_key_files_and_history_link_an_identifier_to_rows(city: City) -> None:
    """The identifier itself is nowhere, keys aside: only who has it already, and the city's key, finds the rows."""
    found = [
        str(path.relative_to(city.path))
        for path in city.path.rglob("*")
        if path.is_file() and PLANTED.encode() in path.read_bytes()
    ]
    show("files with the identifier", found)
    assert found == []


def test_words_in_the_order_of_a_list_do_not_tell_who_asked(city: City) -> None:
    for who in (PLANTED, UNKNOWN):
        city.persons.leave_out(city.persons.by_identifier(who), "object", BY)
    listed = pl.read_parquet(city.folder.history / "restrictions.parquet")
    show("restrictions", listed.height)
    assert listed["person"].is_sorted()  # by pseudonym, which is as good as chance; not by time

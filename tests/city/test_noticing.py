"""Notices of the outcome of an appeal: who is to be told, in which words, and that it was sent."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient
from tests.city.deciding import CLERK, small_city

from cityward.api import create_app
from cityward.city import City, open_city
from cityward.cli.main import group
from cityward.console import mount_console
from cityward.core.errors import UnknownId, UserError

OTHER, WHY = "Ben Okri", "An expert of trees looked at it."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder, found = small_city(tmp_path_factory.mktemp("noticed"))
    with open_city(folder) as city:
        for name, outcome in (("tree 1", "changed"), ("tree 2", "upheld"), ("tree 3", "")):
            appeal = city.appeals.contest(city.appeals.token_of(found[name]), "My neighbour saw the fungus.", ["ill"])
            city.appeals.assign(appeal.id, OTHER, CLERK)
            more = {"after": "allow", "wrong": ["ill"]} if outcome == "changed" else {}
            if outcome:
                city.appeals.decide(appeal.id, outcome, OTHER, WHY, **more)  # type: ignore[arg-type]
    return folder, found


@pytest.fixture
def city(made: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[City]:
    with open_city(shutil.copytree(made[0], tmp_path / "city")) as city:
        yield city


def test_a_change_is_told_to_the_person_and_to_those_who_answer_and_an_answer_to_the_person(city: City, made) -> None:
    told = {(one.appeal, one.to, one.name) for one in city.notices.listed(waiting=True)}
    changed, upheld = (city.appeals.against(made[1][name])[0].id for name in ("tree 1", "tree 2"))
    assert told == {
        (changed, "person", ""), (changed, "manufacturer", "Some Manufacturer"), (changed, "owner", "Some Owner"),
        (upheld, "person", ""),
    }  # fmt: skip


def test_the_words_are_in_the_language_of_the_person_and_tell_a_party_nothing_of_him(city: City, made) -> None:
    every, number = city.notices.listed(), made[1]["tree 1"]
    mine = next(one for one in every if one.to == "person" and one.appeal == city.appeals.against(number)[0].id)
    texts = [city.notices.text(mine.id, language) for language in ("en", "es", "pt")]
    assert all(city.appeals.link_of(number) in text and "allow" not in text for text in texts)
    assert texts[1].startswith("Su reclamo")
    assert texts[2].startswith("O seu recurso")
    with pytest.raises(UserError, match="Languages: en, es, pt"):
        city.notices.text(mine.id, "xx")
    party = city.notices.text(next(one.id for one in every if one.to == "owner"))
    assert "Wrong: ill. Decisions that rest on the same: 2." in party
    assert not any(secret in party for secret in (number, "neighbour", "tree 1", "/case/"))


def test_that_it_was_sent_is_noted_once_with_a_receipt_and_proved(city: City) -> None:
    one = city.notices.listed(waiting=True)[0]
    done = city.notices.sent(one.id, CLERK, "by letter")
    assert city.notices.sent(one.id, OTHER, "by e-mail") == done
    assert (done.by, done.way, city.ledger_entries_at([done.receipt])[done.receipt]["kind"]) == (
        CLERK, "by letter", "appeal-notice",
    )  # fmt: skip
    assert len(city.notices.listed(waiting=True)) == 3
    with pytest.raises(UnknownId):
        city.notices.sent("NT-0000000000", CLERK, "by letter")
    with pytest.raises(UserError):
        city.notices.sent(city.notices.listed()[0].id, CLERK, " ")
    with sqlite3.connect(city.path / "registers.db") as held:  # somebody writes another sender into the database
        held.execute("UPDATE records SET body = replace(body, 'by letter', 'by pigeon') WHERE id = ?", (one.id,))
    assert len(city.notices.listed(waiting=True)) == 4  # what is not proved was not sent


def test_command_and_page_list_them_and_take_that_they_were_sent(city: City, made) -> None:
    app = create_app(city)
    mount_console(app, city)
    browser, appeal = TestClient(app, raise_server_exceptions=False), city.appeals.against(made[1]["tree 1"])[0]
    page = browser.get(f"/appeals/{appeal.id}").text
    assert page.count("<strong>to be sent</strong>") == 3
    assert city.appeals.token_of(appeal.decision) not in page
    assert "4 notices are to be sent" in browser.get("/appeals").text
    one = city.notices.of(appeal)[0]
    wrong = browser.post(f"/appeals/{appeal.id}/notice", data={"notice": one.id, "way": "", "by": CLERK})
    assert (wrong.status_code, "How was it sent?" in wrong.text) == (422, True)
    done = browser.post(f"/appeals/{appeal.id}/notice", data={"notice": one.id, "way": "by letter", "by": CLERK})
    assert f"sent by {CLERK}, by letter" in done.text
    city.close()
    command = lambda *given: CliRunner().invoke(group, ["appeals", *given, "--city", str(city.path)])  # noqa: E731
    assert "the person: sent by Clara Roth" in command("notices").stdout
    assert command("notices", "--waiting").stdout.count("to be sent") == 3
    other = command("notices", "--waiting").stdout.split()[0]
    assert "Receipt: ledger entry" in command("notice-sent", other, "--by", CLERK, "--way", "by e-mail").stdout

"""Voting on the pages: what is typed stays, a second click counts once, and nothing leads from a page to a voter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from httpx import Response
from starlette.testclient import TestClient
from tests.city.test_rounds import BY, ROUND, World

from cityward.api import create_app
from cityward.console import mount_console
from cityward.console.tongue import LANGUAGES
from cityward.core.errors import StoreError

HOSTILE = "<img src=x onerror=alert(1)>"


class Pages(World):
    """The same city with its pages."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file.write_text(ROUND.replace("A pond", HOSTILE), "utf-8")
        self.rounds.open("parks", BY)
        self.rounds.codes("parks", 30, BY, self.handed.extend)
        app = create_app(self.city)
        mount_console(app, self.city)
        self.client = TestClient(app, raise_server_exceptions=False)

    def send(self, code: str, *chosen: str, token: str = "", language: str = "en", **more: str) -> Response:
        sent = {"token": token or self.token(), "code": code, "choice": list(chosen), **more}
        return self.client.post(f"/vote/parks?lang={language}", data=sent)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    made = Pages(tmp_path)
    yield made
    made.city.close()


def test_a_ballot_in_three_languages_and_the_same_form_twice(pages: Pages) -> None:
    for at, language in enumerate(LANGUAGES):
        page = pages.client.get(f"/vote/parks?lang={language}")
        assert page.status_code == 200
        assert "<img" not in page.text
        assert "<script" not in page.text
        assert "&lt;img" in page.text
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        assert token
        pages.now += timedelta(seconds=5)
        done = pages.send(pages.handed[at], "p3", "p1", token=token[1], language=language)
        again = pages.send(pages.handed[at], "p3", "p1", token=token[1], language=language)
        assert (done.status_code, again.status_code) == (200, 200)
        assert re.findall(r"<code>(.*?)</code>", done.text) == re.findall(r"<code>(.*?)</code>", again.text)
        assert pages.handed[at] not in done.text
        assert done.headers["cache-control"] == "no-store"
    assert pages.rounds.counts("parks")["ballots"] == 3
    assert "2026" in pages.client.get("/vote").text


def test_what_keeps_a_ballot_out_is_said_and_the_choice_stays(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    code = pages.handed[0]
    for told, page in {
        "at least one project": pages.send(code),
        "more than 2": pages.send(code, "p1", "p2", "p3"),
        "no such code": pages.send("bbbbb-bbbbb-bbbbb", "p1"),
        "Choose an area of the list": pages.send(code, "p1", area="Atlantis"),
        "look over your choice": pages.send(code, "p1", token=pages.city.portal.new_token()),
        "was open for a long time": pages.send(code, "p1", token="A" * 48),
    }.items():
        assert page.status_code == 422, told
        assert told in page.text
        assert "your code is not used up" in page.text
        assert ("checked" in page.text) == ("at least" not in told)
    with monkeypatch.context() as broken:

        def fails(*_: object) -> None:
            raise StoreError("The disk is full.")

        broken.setattr(type(pages.city), "enter", fails)
        page = pages.send(code, "p1")
    assert page.status_code == 503
    assert "Your choice is still here" in page.text
    assert pages.rounds.counts("parks") == {"codes": 30, "spent": 0, "ballots": 0, "wrong": 1}
    guesses = [pages.send("bbbbb-bbbbb-bbbbb", "p1").status_code for _ in range(14)]
    assert guesses[-1] == 429  # and what came through is counted
    assert 1 < pages.rounds.counts("parks")["wrong"] < 15


def test_after_the_last_day_votes_are_refused_and_the_list_is_published(pages: Pages) -> None:
    pages.send(pages.handed[0], "p1")
    assert pages.client.get("/vote/parks/ballots.pb").status_code == 404
    pages.now = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)
    late = pages.send(pages.handed[1], "p1")
    assert late.status_code == 422
    assert "No votes are taken today" in late.text
    ended = pages.rounds.close("parks", BY)
    page = pages.client.get("/vote/parks")
    assert "1 ballots were cast with 30 codes" in page.text
    assert ended.file_sha256 in page.text
    assert pages.client.get("/vote/parks/ballots.pb").text == pages.rounds.text("parks")


def test_proposals_are_interactions_and_a_draft_shows_no_vote(pages: Pages) -> None:
    text = ROUND.replace("opens = 2026-03-02", "opens = 2026-03-03\nproposals_until = 2026-03-02").split("[[")[0]
    pages.file.with_name("ideas.toml").write_text(text.replace("Parks; 2026", "Ideas"), "utf-8")
    assert "Propose a project" in pages.client.get("/vote/ideas").text
    sent = {"token": pages.token(), "what": "A <b>swing</b>", "words": "For my child, 555-867-5309", "area": "Centre"}
    taken = pages.client.post("/vote/ideas/proposal", data=sent)
    again = pages.client.post("/vote/ideas/proposal", data=sent)
    assert "The city has your report" in taken.text
    number, secret = re.findall(r"<code>([a-z-]+)</code>", taken.text)
    assert number in again.text
    told = pages.client.post("/follow", data={"number": number, "secret": secret}).text
    assert "Proposal: Ideas, in Centre" in told
    assert pages.client.post("/vote/ideas/proposal", data={**sent, "what": ""}).status_code == 422
    assert pages.client.post("/vote/ideas", data=sent).status_code == 422
    pages.now += timedelta(days=1)
    assert pages.client.post("/vote/ideas/proposal", data=sent).status_code == 422
    assert "Voting begins on 3 March 2026" in pages.client.get("/vote/ideas").text
    pages.file.with_name("ideas.toml").write_text(text.replace("proposals_until = 2026-03-02", ""), "utf-8")
    assert pages.client.get("/vote/ideas").status_code == 404
    pages.file.with_name("broken.toml").write_text("title = 3", "utf-8")
    assert pages.client.get("/vote").status_code == 200
    assert pages.client.get("/report").status_code == 200


def test_ballots_in_any_encoding_are_answered(pages: Pages) -> None:
    for body in (b"", b"\xff=%ff&code=\xed\xa0\x80", b"choice=p1&" * 900, b"code=%00%F0%9F&choice=p1"):
        for path in ("/vote/parks", "/vote/parks/proposal"):
            assert pages.client.post(path, content=body).status_code == 422

"""A discussion without threads: statements without names, answers without voters, groups that hold, stuffing seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.city.test_rounds import BY, ROUND, World

from cityward.api import create_app
from cityward.city.discussing import Made, Said
from cityward.city.rounds import CodeRefused, NotOpen
from cityward.console import mount_console
from cityward.console.tongue import LANGUAGES
from cityward.core.errors import UnknownId, UserError
from cityward.participate.rounds.discussion import NoStatement, read_statement

WORDS = ("More trees before more benches", "Benches for old people", "A pond costs too much", "Build where few live",
         "Shade at every bus stop", "Less concrete, more grass", "Ask the children first")  # fmt: skip
HOSTILE = "<img src=x onerror=alert(1)> is what we need"


class Talk(World):
    """A city whose round takes proposals still."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        text = ROUND.replace("opens = 2026-03-02", "proposals_until = 2026-03-10\nopens = 2026-03-12")
        self.file.write_text(text.replace("closes = 2026-03-04", "closes = 2026-03-20"), "utf-8")
        self.talk = self.rounds.discussion

    def say(self, text: str, about: str = "") -> Made:
        return self.talk.say("parks", about, text, self.token())

    def answer(self, votes: dict[str, str], code: str = "", token: str = "") -> int:
        return self.talk.answer("parks", {f"s-{one}": vote for one, vote in votes.items()}, code, token or self.token())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Talk]:
    made = Talk(tmp_path)
    yield made
    made.city.close()


def test_a_statement_says_nothing_of_a_person_and_its_author_takes_it_back(world: Talk) -> None:
    made = world.say("Mr. John Smith of 12 Main Street (555-867-5309) wants a pond", "p3")
    for word in ("Smith", "867", "12 Main"):
        assert word not in made.said.text
    assert made.said.about == "p3"
    with pytest.raises(UserError, match="not right"):
        world.talk.take_back(made.said.id, "bbbbb-bbbbb-bbbbb-bbbbb")
    gone = world.talk.take_back(made.said.id, made.secret.upper())
    assert (gone.text, gone.hidden) == ("", "author")
    assert world.talk.statements("parks") == []
    held = world.city.registers.get(made.said.id, Said)
    assert held
    assert not held.text
    kinds = [one["kind"] for one in world.city.ledger_entries(0, 50)]
    assert kinds.count("statement") == kinds.count("statement-hidden") == 1
    assert "pond" not in str(world.city.ledger_entries(0, 50))


def test_the_same_form_again_is_the_same_statement_and_the_same_words_are_said_once(world: Talk) -> None:
    token = world.token()
    first = world.talk.say("parks", "", WORDS[0], token)
    again = world.talk.say("parks", "", WORDS[0], token)
    assert (again.said.id, again.secret, again.repeated) == (first.said.id, first.secret, True)
    for text, why in (
        (WORDS[0].upper() + "!", "again"),
        ("too short", "short"),
        ("x" * 141, "long"),
        ("555-867-5309 555-867-5308", "short"),
        ("\u202e\u200b \n\t", "short"),
    ):
        with pytest.raises(NoStatement, match=why):
            world.say(text)
    with pytest.raises(NoStatement, match="about"):
        world.say("A statement of nothing", "p9")
    with pytest.raises(NoStatement, match="full"):
        read_statement("The last one of them", "", [], [f"statement {at}" for at in range(150)])


def test_a_person_of_the_city_hides_one_with_a_reason_and_a_receipt(world: Talk) -> None:
    made = world.say(WORDS[0])
    with pytest.raises(UserError, match="first and last name"):
        world.talk.hide("parks", made.said.id, "Olga", "It insults a neighbour.")
    with pytest.raises(UserError, match="why it is hidden"):
        world.talk.hide("parks", made.said.id, BY, "")
    with pytest.raises(UnknownId):
        world.talk.hide("parks", "ST-0000000000", BY, "It insults a neighbour.")
    gone = world.talk.hide("parks", made.said.id, BY, "It insults a neighbour.")
    assert gone.receipt is not None
    assert gone.hidden == "It insults a neighbour."
    assert world.talk.statements("parks") == []
    with pytest.raises(UserError, match="already"):
        world.talk.hide("parks", made.said.id, BY, "It insults a neighbour.")


def test_answers_count_once_for_a_voter_and_lead_to_nobody(world: Talk) -> None:
    one = world.say(WORDS[0]).said.id
    world.rounds.open("parks", BY)
    world.rounds.codes("parks", 3, BY, world.handed.extend)
    token = world.token()
    for vote in ("agree", "disagree"):
        assert world.answer({one: vote}, token=token) == 1
        assert world.answer({one: vote}, world.handed[0]) == 1
    assert world.answer({one: "nonsense", "ST-unknown": "agree"}) == 0
    with pytest.raises(CodeRefused):
        world.answer({one: "agree"}, "bbbbb-bbbbb-bbbbb")
    table = world.city.keeper.discussion.table("parks")
    assert table.height == 2
    assert table["vote"].to_list() == [-1, -1]
    assert sorted(table["coded"].to_list()) == [False, True]
    # A code that answered still votes.
    assert world.rounds.counts("parks")["spent"] == 0
    everything = (world.city.path / "registers.db").read_bytes()
    assert world.handed[0].encode() not in everything
    assert token.encode() not in everything
    world.now = datetime(2026, 3, 11, 9, 0, tzinfo=UTC)
    for late in (lambda: world.answer({one: "agree"}), lambda: world.say(WORDS[1])):
        with pytest.raises(NotOpen):
            late()


def test_groups_bridges_and_stuffing_are_told_of_enough_voters_alone(world: Talk) -> None:
    ids = [world.say(words).said.id for words in WORDS]
    world.rounds.open("parks", BY)
    world.rounds.codes("parks", 80, BY, world.handed.extend)
    assert world.talk.told("parks").opinions is None
    chance = np.random.default_rng(3)
    for at in range(70):
        green = at % 2
        votes = {one: ("agree" if (place % 2 == green) != (chance.random() < 0.05) else "disagree")
                 for place, one in enumerate(ids[:-1])}  # fmt: skip
        votes[ids[-1]] = "agree" if chance.random() < 0.95 else "disagree"
        world.answer(votes, world.handed[at])
    for _ in range(40):  # a program without a code, against what all agree on
        world.answer({ids[-1]: "disagree"})
    world.now += timedelta(seconds=61)
    told = world.talk.told("parks")
    assert (told.whose, told.coded, told.uncoded) == ("coded", 490, 40)
    assert told.opinions
    assert told.opinions.known, told.opinions.finding
    assert sorted(told.opinions.groups) == [35, 35]
    assert told.opinions.statements[0].statement == ids[-1]  # the bridge, whatever the program sends
    assert told.differs == (ids[-1],)


def test_the_page_in_three_languages_without_a_script(world: Talk) -> None:
    app = create_app(world.city)
    mount_console(app, world.city)
    client = TestClient(app, raise_server_exceptions=False)
    world.say(HOSTILE, "p1")
    for language in LANGUAGES:
        page = client.get(f"/vote/parks/discussion?lang={language}")
        assert page.status_code == 200, page.text
        assert "<img" not in page.text
        assert "<script" not in page.text
        assert "{" not in page.text.split("<main")[1].split("</main")[0]
        assert len(page.content) < 50_000
        assert "<img" not in client.get(f"/vote/parks?lang={language}").text
    fresh = re.findall(r'name="token" value="([^"]+)"', page.text)
    world.now += timedelta(seconds=5)
    sent = {"token": fresh[1], "about": "p2", "words": "Benches with a back, please"}
    done = client.post("/vote/parks/statement?lang=en", data=sent)
    assert done.status_code == 200, done.text
    number, secret = re.findall(r"<code>([\w-]+)</code>", done.text)
    short = client.post("/vote/parks/statement?lang=en", data={**sent, "token": world.token(), "words": "No"})
    assert short.status_code == 422
    assert "at least 10 signs" in short.text
    answered = client.post("/vote/parks/discussion?lang=en", data={"token": fresh[0], f"s-{number}": "agree"})
    assert "1 answers are kept" in answered.text
    assert f'value="{fresh[0]}"' in answered.text  # the same voter answers the others
    wrong = client.post("/vote/parks/discussion?lang=en", data={"token": fresh[0], f"s-{number}": "agree", "code": "x"})
    assert "no such code" in wrong.text
    assert "checked" in wrong.text
    back = client.post("/vote/parks/take-back?lang=en", data={"number": number, "secret": secret})
    assert "taken back" in back.text
    assert "Benches with a back" not in client.get("/vote/parks/discussion?lang=en").text
    assert client.post("/vote/parks/take-back?lang=en", data={"number": number, "secret": "x"}).status_code == 422
    assert client.get("/vote/atlantis/discussion").status_code == 404

"""Rounds: one code, one ballot; nobody sees how anybody voted; the list at the end is the one that was cast."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from cityward.city import City, init, open_city
from cityward.city.rounds import CODE_LETTERS, CodeRefused, NotOpen
from cityward.console.vote_pages import SENT_A_MINUTE
from cityward.core.clock import Clock
from cityward.core.errors import Refused, SettingsError, UnknownId, UserError
from cityward.participate.portal.numbers import LETTERS
from cityward.participate.rounds.ballot import NoBallot, content_of, proves, read_ballot
from cityward.participate.rounds.pabulib import told_areas
from cityward.participate.rounds.shape import parse_round

BY = "Olga Officer"
SQUARE = [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]
ROUND = """
title = "Parks; 2026"
budget = 100000
currency = "EUR"
country = "Utopia"
vote = "approval"
most = 2
opens = 2026-03-02
closes = 2026-03-04
ask_area = true

[[projects]]
id = "p1"
title = "A 'tree' in \\"Main\\" street; and one more"
cost = 20000

[[projects]]
id = "p2"
title = "A bench"
cost = 5000
area = "Centre"

[[projects]]
id = "p3"
title = "A pond"
cost = 90000
"""


class World:
    """A city with one round, a clock that can be moved, and 20 codes."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        areas = folder / "areas.geojson"
        one = {"type": "Feature", "properties": {"name": "Centre"},
               "geometry": {"type": "Polygon", "coordinates": SQUARE}}  # fmt: skip
        areas.write_text(json.dumps({"type": "FeatureCollection", "features": [one]}), encoding="utf-8")
        home = init(folder / "city", name="Small", territories=areas, name_property="name")
        (home / "rounds").mkdir()
        self.file = home / "rounds" / "parks.toml"
        self.file.write_text(ROUND, "utf-8")
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.city: City = open_city(home, clock or Clock(lambda: self.now))
        self.rounds = self.city.rounds
        self.handed: list[str] = []

    def token(self) -> str:
        token = self.city.portal.new_token()
        self.now += timedelta(seconds=5)
        return token


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.rounds.open("parks", BY)
    made.rounds.codes("parks", 20, BY, made.handed.extend)
    yield made
    made.city.close()


def test_one_code_one_ballot_and_the_voter_can_prove_it(world: World) -> None:
    token = world.token()
    cast = world.rounds.vote("parks", {"choice": ["p3", "p1"]}, f" {world.handed[0].upper()} ", token)
    again = world.rounds.vote("parks", {"choice": ["p1", "p3"]}, world.handed[0], token)
    assert (again.number, again.nonce, again.repeated, cast.repeated) == (cast.number, cast.nonce, True, False)
    for fields, sent in (({"choice": ["p2"]}, token), ({"choice": ["p1", "p3"]}, world.token())):
        with pytest.raises(CodeRefused, match="spent"):
            world.rounds.vote("parks", fields, world.handed[0], sent)
    with pytest.raises(CodeRefused, match="unknown"):
        world.rounds.vote("parks", {"choice": ["p1"]}, "bbbbb-bbbbb-bbbbb", world.token())
    assert world.rounds.counts("parks") == {"codes": 20, "spent": 1, "ballots": 1, "wrong": 1}
    (entry,) = [one for one in world.city.ledger_entries(0, 50) if one["kind"] == "ballot"]
    assert entry["sha256"] == cast.digest
    assert entry["at"].startswith("2026-03-02T00:00:00")
    assert proves(cast.nonce, cast.number, content_of(cast.ballot), entry["sha256"])
    assert not proves(cast.nonce, cast.number, content_of(cast.ballot).replace(b"p1", b"p2"), entry["sha256"])


def test_nobody_sees_ballots_before_the_close_and_none_comes_after(world: World) -> None:
    late = world.token()
    casts = [world.rounds.vote("parks", {"choice": [f"p{1 + at % 3}"]}, world.handed[at], world.token())
             for at in range(9)]  # fmt: skip
    with pytest.raises(Refused, match="nobody sees ballots"):
        world.rounds.text("parks")
    world.now = datetime(2026, 3, 4, 23, 59, 59, tzinfo=UTC)
    world.rounds.vote("parks", {"choice": ["p2"]}, world.handed[9], late)
    world.now += timedelta(seconds=1)
    with pytest.raises(NotOpen):
        world.rounds.vote("parks", {"choice": ["p2"]}, world.handed[10], late)
    ended = world.rounds.close("parks", BY)
    text = world.rounds.text("parks")
    assert sha256(text.encode()).hexdigest() == ended.file_sha256
    votes = text.split("VOTES\n")[1].splitlines()[1:]
    assert votes == sorted(votes)
    assert len(votes) == ended.ballots == 10
    assert all(f"{cast.number};{cast.ballot.chosen[0]};" in text for cast in casts)
    assert "p1;20000;A 'tree' in 'Main' street, and one more;" in text
    for meta in ("vote_type;approval", "num_votes;10", "max_length;2", "description;Parks, 2026", "budget;100000"):
        assert meta in text
    with pytest.raises(UserError, match="closed already"):
        world.rounds.close("parks", BY)


def test_no_table_links_a_ballot_to_a_code_a_name_or_an_order(world: World) -> None:
    casts = [world.rounds.vote("parks", {"choice": ["p1"]}, code, world.token()) for code in world.handed]
    with sqlite3.connect(world.city.path / "registers.db") as base:
        columns = {table: [row[1] for row in base.execute(f"pragma table_info({table})")]
                   for table in ("ballots", "voting_codes")}  # fmt: skip
        numbers = [row[0] for row in base.execute("select number from ballots")]
        for table in columns:
            with pytest.raises(sqlite3.OperationalError, match="rowid"):
                base.execute(f"select rowid from {table}")
    assert columns == {"ballots": ["round", "number", "body"], "voting_codes": ["round", "digest", "spent"]}
    assert numbers == sorted(numbers)
    assert numbers != [cast.number for cast in casts]
    files = [path.read_bytes() for path in world.city.path.rglob("*") if path.is_file()]
    for secret in [*world.handed, *(cast.nonce for cast in casts)]:
        assert not any(secret.encode() in content for content in files)


def test_a_code_that_is_tried_many_times_at_once_counts_once(world: World) -> None:
    tokens = [world.token() for _ in range(8)]

    def vote(token: str) -> bool:
        try:
            world.rounds.vote("parks", {"choice": ["p1"]}, world.handed[0], token)
        except CodeRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(vote, tokens)) == 1
    assert world.rounds.counts("parks")["ballots"] == 1


def test_no_neighbour_of_a_code_votes_and_guessing_gets_nowhere(world: World) -> None:
    code, token = world.handed[0], world.token()
    near = {
        code[:at] + other + code[at + 1 :]
        for at, letter in enumerate(code)
        if letter in LETTERS
        for other in LETTERS
        if other != letter
    }
    assert len(near) == CODE_LETTERS * (len(LETTERS) - 1)
    for wrong in sorted(near):
        with pytest.raises(CodeRefused) as refused:
            world.rounds.vote("parks", {"choice": ["p1"]}, wrong, token)
        assert refused.value.why == "unknown"
    assert world.rounds.counts("parks")["ballots"] == 0
    assert world.rounds.counts("parks")["wrong"] == len(near)
    # docs/portal.md: ten thousand addresses that each try as often as is heard, for three weeks, against 5,000 codes.
    tries = 10_000 * SENT_A_MINUTE * 60 * 24 * 21
    assert 5_000 * tries / len(LETTERS) ** CODE_LETTERS < 1e-6


def test_a_round_is_not_changed_under_its_voters(world: World) -> None:
    world.file.write_text(ROUND.replace("cost = 90000", "cost = 1"), "utf-8")
    with pytest.raises(NotOpen):
        world.rounds.vote("parks", {"choice": ["p1"]}, world.handed[0], world.token())
    world.rounds.open("parks", BY)  # nobody voted yet: it is told in the ledger
    world.rounds.vote("parks", {"choice": ["p1"]}, world.handed[0], world.token())
    world.file.write_text(ROUND, "utf-8")
    with pytest.raises(UserError, match="under its voters"):
        world.rounds.open("parks", BY)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("closes = 2026-03-01", "line 9: the round closes before it opens"),
        ("proposals_until = 2026-03-02", "proposals would still come"),
        ('vote = "loudest"', "line 6"),
        ("budget = -1", "line 3"),
        ('title = "a\\u0000b"', "line 2"),
        ("colour = 1", "colour"),
    ],
)
def test_mistakes_of_a_file_are_named_with_their_line(line: str, told: str) -> None:
    key = line.split(" =", maxsplit=1)[0]
    lines = [line if one.startswith(f"{key} =") else one for one in ROUND.split("[[", 1)[0].splitlines()]
    with pytest.raises(SettingsError, match=r"parks\.toml") as error:
        parse_round("\n".join(lines if line in lines else [*lines, line]), "parks.toml")
    assert told in str(error.value)


def test_the_round_of_the_page_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "portal.md").read_text("utf-8")
    found = parse_round(page.split("```toml\n")[1].split("```")[0], "parks.toml")
    assert [one.id for one in found.projects] == ["p1", "p2"]


def test_a_name_leads_nowhere_else(world: World) -> None:
    for name in ("../city", "", "x" * 50, "no", "parks\0"):
        with pytest.raises(UnknownId):
            world.rounds.get(name)


@pytest.mark.parametrize(
    ("vote", "fields", "expected"),
    [
        ("approval", {"choice": ["p3", "p1", "p1"]}, (("p1", "p3"), ())),
        ("approval", {"choice": ["p1", "p2", "p3"]}, "too_many"),
        ("approval", {"choice": ["p9"]}, "no_number"),
        ("approval", {}, "empty"),
        ("approval", {"choice": ["p1"], "area": ["Atlantis"]}, "area"),
        ("cumulative", {"p-p1": ["1"], "p-p2": ["01"], "p-p3": ["0"]}, (("p1", "p2"), (1, 1))),
        ("cumulative", {"p-p1": ["3"]}, "too_many"),
        ("cumulative", {"p-p1": ["-1"]}, "no_number"),
        ("cumulative", {"p-p1": ["²"]}, "no_number"),
        ("cumulative", {"p-p1": ["1" * 9]}, "no_number"),
        ("ranked", {"p-p1": ["2"], "p-p3": ["1"]}, (("p3", "p1"), ())),
        ("ranked", {"p-p1": ["1"], "p-p3": ["1"]}, "twice"),
        ("ranked", {"p-p1": ["2"]}, "gap"),
    ],
)
def test_a_ballot_is_checked_against_the_round(vote: str, fields: dict[str, list[str]], expected: object) -> None:
    found = parse_round(ROUND.replace('"approval"', f'"{vote}"'), "x.toml")
    if isinstance(expected, str):
        with pytest.raises(NoBallot) as error:
            read_ballot(fields, found, {"Centre"})
        assert error.value.why == expected
    else:
        ballot = read_ballot(fields, found, {"Centre"})
        assert (ballot.chosen, ballot.points) == expected


def test_small_areas_are_left_out_and_never_alone() -> None:
    assert told_areas({"a": 30, "b": 12, "c": 4, "": 0}, 10) == {"a"}  # c alone would be seen by taking away
    assert told_areas({"a": 30, "b": 12, "c": 4, "": 20}, 10) == {"a", "b"}
    assert told_areas({"a": 30, "": 3}, 10) == frozenset()
    assert told_areas({"a": 10, "b": 10}, 10) == {"a", "b"}
    assert told_areas({}, 10) == frozenset()

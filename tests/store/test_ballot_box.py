"""The ballot box on both engines: one code, one ballot, and no trace of which came with which."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sql

from cityward.store.ballot_box import BallotBox
from cityward.store.engine import compact, open_engine

DIGESTS = [letter * 64 for letter in "fab"]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sql.Engine]:
    if request.param == "sqlite":
        yield open_engine(f"sqlite:///{tmp_path / 'registers.db'}")
        return
    url = request.getfixturevalue("postgresql_url")
    outside = sql.create_engine(url)
    with outside.begin() as connection:
        connection.execute(sql.text("drop schema if exists cityward_test_box cascade"))
        connection.execute(sql.text("create schema cityward_test_box"))
    yield open_engine(f"{url}?options=-csearch_path%3Dcityward_test_box")
    with outside.begin() as connection:
        connection.execute(sql.text("drop schema cityward_test_box cascade"))


def test_a_code_is_spent_with_its_ballot_and_rewriting_parts_them(engine: sql.Engine) -> None:
    box = BallotBox(engine)
    box.add_codes("r", DIGESTS)
    box.add_codes("other", DIGESTS[:1])
    assert [box.vote("r", DIGESTS[at], f"n{2 - at}", f"body {at}") for at in (0, 1)] == [True, True]
    assert not box.vote("r", DIGESTS[0], "n9", "again")
    assert not box.vote("r", "c" * 64, "n9", "unknown")
    assert [box.is_spent("r", one) for one in (*DIGESTS, "c" * 64)] == [True, True, False, None]
    assert box.is_spent("other", DIGESTS[0]) is False
    with pytest.raises(sql.exc.IntegrityError):
        box.vote("r", DIGESTS[2], "n1", "a number that there is")
    assert box.is_spent("r", DIGESTS[2]) is False  # both or neither
    for _ in range(3):
        box.note_wrong("r", date(2026, 3, 2))
    box.rewrite("r")
    compact(engine)
    assert box.counts("r") == {"codes": 3, "spent": 2, "ballots": 2, "wrong": 3}
    assert box.ballots("r") == {"n1": "body 1", "n2": "body 0"}
    if engine.dialect.name == "postgresql":
        linked = "select count(*) from ballots b join voting_codes c on b.xmin::text = c.xmin::text"
        with engine.connect() as connection:
            assert connection.execute(sql.text(linked)).scalar_one() == 0

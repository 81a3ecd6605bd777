"""What one person may not do alone, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sql
from tests.secure.access.doors import Time

from cityward.core.clock import Clock
from cityward.core.errors import Refused, UnknownId, UserError
from cityward.core.principal import Principal
from cityward.secure.policy.four_eyes import WAITING_MAX, FourEyes, SecondNeeded

SCHEMA = "cityward_test_four_eyes"
ANA = Principal(id="p-a", name="Ana Gómez", kind="person", roles=("legislator",), assurance="passkey")
BEN = Principal(id="p-b", name="Ben Okri", kind="person", roles=("overseer",), assurance="passkey")


class World:
    def __init__(self, url: str) -> None:
        self.time, self.gone = Time(), set[str]()
        self.url = url
        self.eyes = self.again()

    def again(self) -> FourEyes:
        return FourEyes(self.url, Clock(lambda: self.time.at), lambda person: person not in self.gone)

    def asks(self, exact: bytes = b"v2", who: Principal = ANA) -> str:
        with pytest.raises(SecondNeeded) as needed:
            self.eyes.demand("publish-rule", "fee", exact, "Publish the rule fee", who)
        return needed.value.request.id

    def answers(self, identifier: str, who: Principal = BEN, *, agree: bool = True) -> None:
        self.eyes.answer(identifier, who, self.eyes.get(identifier).digest, agree=agree)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    if request.param == "sqlite":
        yield World(f"sqlite:///{tmp_path / 'registers.db'}")
        return
    url = request.getfixturevalue("postgresql_url")
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sql.text(f"drop schema if exists {SCHEMA} cascade"))
        connection.execute(sql.text(f"create schema {SCHEMA}"))
    yield World(f"{url}?options=-csearch_path%3D{SCHEMA}")
    with engine.begin() as connection:
        connection.execute(sql.text(f"drop schema {SCHEMA} cascade"))


def test_another_person_agrees_once_to_exactly_this(world: World) -> None:
    asked = world.asks()
    assert world.asks() == asked  # asking again is the same request
    world.answers(asked)
    assert world.eyes.demand("publish-rule", "fee", b"v2", "", ANA).id == asked
    assert world.eyes.get(asked).state == "used"
    again = world.asks()  # an agreement counts once
    assert again != asked


def test_nothing_can_be_changed_after_somebody_agreed(world: World) -> None:
    world.answers(world.asks(b"v2"))
    for change in (
        (b"v3", "publish-rule", "fee", ANA),
        (b"v2", "publish-rule", "fines", ANA),
        (b"v2", "restore", "fee", ANA),
        (b"v2", "publish-rule", "fee", BEN),
    ):
        exact, action, about, who = change
        with pytest.raises(SecondNeeded):
            world.eyes.demand(action, about, exact, "", who)
    assert world.eyes.demand("publish-rule", "fee", b"v2", "", ANA).state == "used"


def test_parts_cannot_be_moved_between_what_is_asked(world: World) -> None:
    digests = set()
    for about, exact in ((("a", b"bc")), (("ab", b"c")), (("a\0b", b"c")), (("a", b"b\0c"))):
        with pytest.raises(SecondNeeded) as needed:
            world.eyes.demand("restore", about, exact, "", ANA)
        digests.add(needed.value.request.digest)
    assert len(digests) == 4


@pytest.mark.parametrize(
    "same",
    [
        ANA,
        Principal(id="p-z", name="GÓMEZ Ana", kind="person"),
        Principal(id="p-y", name="Ana Gomez (deputy)", kind="person"),
    ],
)
def test_nobody_agrees_with_themselves_under_any_account(world: World, same: Principal) -> None:
    asked = world.asks()
    with pytest.raises(Refused, match="yourself"):
        world.answers(asked, same)
    assert world.eyes.get(asked).state == "waiting"


def test_what_was_shown_is_what_is_agreed_to(world: World) -> None:
    asked = world.asks()
    with pytest.raises(Refused, match="not what you were shown"):
        world.eyes.answer(asked, BEN, "é" * 64, agree=True)


def test_it_ends_after_a_day_waiting_or_agreed(world: World) -> None:
    asked, other = world.asks(), world.asks(b"v3")
    world.answers(other)
    world.time.moves(hours=24)
    assert {world.eyes.get(one).state for one in (asked, other)} == {"over"}
    with pytest.raises(UserError, match="over"):
        world.answers(asked)
    assert world.asks(b"v3") != other


def test_what_was_refused_is_not_done_and_whoever_left_agreed_to_nothing(world: World) -> None:
    asked = world.asks()
    world.answers(asked, agree=False)
    with pytest.raises(UserError, match="denied"):
        world.answers(asked)
    second = world.asks()
    world.answers(second)
    world.gone.add(BEN.id)
    assert world.asks() not in (asked, second)
    with pytest.raises(UnknownId):
        world.eyes.get("q-none")


def test_an_agreement_is_used_by_one_of_many_who_try_at_once(world: World) -> None:
    world.answers(world.asks())
    others = [world.again() for _ in range(6)]

    def tries(eyes: FourEyes) -> bool:
        try:
            eyes.demand("publish-rule", "fee", b"v2", "", ANA)
        except (Refused, UserError):
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(tries, others)) == 1


def test_requests_cannot_be_heaped(world: World) -> None:
    for at in range(WAITING_MAX):
        world.asks(str(at).encode())
    with pytest.raises(UserError, match="wait already"):
        world.eyes.demand("restore", "b", b"x", "", ANA)

"""Where a city has two security officers, restores, pruning, keys and lifting an isolation take both of them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.city import City, init, open_city
from cityward.city.isolating import LIFT_ACTION
from cityward.cli.main import group
from cityward.core.errors import Refused
from cityward.core.principal import Principal
from cityward.secure.access import Visit, passwords
from cityward.secure.access.codes import code_at, step_of
from cityward.secure.access.people import OFFICER
from cityward.secure.policy.four_eyes import SecondNeeded
from cityward.secure.watch.files import Alarm

ANA, BEA, OPE = "Ana Gómez", "Bea Ortiz", "Ope Abiola"
WHY = "A clerk opened a decoy by mistake; the files are whole"


def let_in(city: City, name: str, role: str) -> Principal:
    access = city.access
    with city.four_eyes.agreed():
        person, code = access.people.invite(name, (role,), "machine")
    new = access.signing.new_app(person)
    app_code = code_at(base64.b32decode(new.text.replace(" ", "")), step_of(city.clock.now()))
    here = Visit(address="127.0.0.1", agent="test")
    return access.signing.accept_password(code, "lantern hollow brisk umber", new.sealed, app_code, here)[0].principal


@pytest.fixture
def city(tmp_path: Path, chicago: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    monkeypatch.setattr(passwords, "MEMORY_KIB", 1024)
    monkeypatch.setattr(passwords, "TIME_COST", 1)
    init(tmp_path / "city", name="Somewhere", territories=chicago / "community_areas.geojson")
    with open_city(tmp_path / "city") as opened:
        with opened.writing():
            pass
        let_in(opened, ANA, OFFICER)
        let_in(opened, OPE, "operator")
        opened.close()
        yield opened


def run(*arguments: object) -> BaseException | None:
    done = CliRunner().invoke(group, [str(one) for one in arguments])
    assert done.exception is None or isinstance(done.exception, Refused), done.output
    return done.exception


def takes_two(city: City, other: Principal, action: str, *arguments: object) -> None:
    """The command waits for a second officer, is done once she agreed, and waits again the next time."""
    assert isinstance(run(*arguments), SecondNeeded)
    (waiting,) = [one for one in city.four_eyes.all() if one.state == "waiting"]
    assert waiting.action == action
    city.four_eyes.answer(waiting.id, other, waiting.digest, agree=True)
    assert run(*arguments) is None
    assert city.four_eyes.get(waiting.id).state == "used"


def test_one_officer_alone_is_enough(city: City, tmp_path: Path) -> None:
    assert run("keys", "rotate", "--city", city.path, "--by", ANA) is None
    assert run("backup", "make", "--to", tmp_path / "repo", "--city", city.path) is None
    assert run("restore", tmp_path / "back", "--from", tmp_path / "repo", "--keys", city.path / "keys") is None


def test_two_officers_agree(city: City, tmp_path: Path) -> None:
    bea = let_in(city, BEA, OFFICER)
    city.close()
    repo, where = tmp_path / "repo", ("--city", city.path, "--by", ANA)
    takes_two(city, bea, "rotate-key", "keys", "rotate", *where)
    takes_two(city, bea, "rotate-key", "keys", "retire", *where)
    assert run("backup", "make", "--to", repo, "--city", city.path) is None
    takes_two(city, bea, "prune", "backup", "prune", repo, "--delete", *where)
    restore = ("restore", tmp_path / "back", "--from", repo, "--keys", city.path / "keys", "--by", ANA)
    takes_two(city, bea, "restore", *restore)
    assert (tmp_path / "back" / "city.toml").exists()
    city.isolation.begin(Alarm(at=0.0, first="decoy", signs={"decoy": 1}, because="a decoy was touched"), print)
    wrong = run("alerts", "lift", "--because", WHY, "--city", city.path, "--by", OPE)
    assert "Only a security officer" in str(wrong)
    takes_two(city, bea, LIFT_ACTION, "alerts", "lift", "--because", WHY, *where)
    assert city.isolation.ended()


def test_a_city_may_say_otherwise(city: City) -> None:
    let_in(city, BEA, OFFICER)
    city.close()
    toml = city.path / "city.toml"
    toml.write_text(toml.read_text() + "\n[access]\nfour_eyes_at_machine = false\n")
    assert run("keys", "rotate", "--city", city.path) is None

"""What a person said in an appeal, and was asked of his case, is found, told and erased with all else of him."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from tests.city.deciding import CASES, decided, small_city

from cityward.answerable.reasons import ENGLISH
from cityward.city import City, open_city
from cityward.cli.main import group
from cityward.core.errors import Refused, UserError
from cityward.guard import holds
from cityward.secure.keys import load_public_key
from cityward.secure.proofs import check_proof

OFFICER, ANA = "Olga Officer", "client-104422"
WORDS = "The oak behind the yellow house has a fungus."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder, found = small_city(tmp_path_factory.mktemp("erased"))
    with open_city(folder) as city:
        mine = CASES.head(2).with_columns(case=pl.Series([ANA, "client-999999"]), height=pl.Series([17.625, 12.0]))
        found |= decided(city, mine)
        city.appeals.contest(city.appeals.token_of(found[ANA]), WORDS, ["ill"])
        city.appeals.contest(city.appeals.token_of(found["tree 1"]), f"The same as for {ANA}, says the forester.")
        city.appeals.contest(city.appeals.token_of(found["tree 2"]), "The elm is ill.")
    return folder, found


@pytest.fixture
def city(made: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[City]:
    with open_city(shutil.copytree(made[0], tmp_path / "city")) as city:
        yield city


def said(city: City, decision: str) -> list[str]:
    return [one.words for appeal in city.appeals.against(decision) for one in appeal.said]


def everything(folder: Path) -> bytes:
    """Every byte of the city, with columns of tables unpacked."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    tables = [pl.read_parquet(one, hive_partitioning=False).write_ndjson() for one in files if one.suffix == ".parquet"]
    return b"\n".join([*(one.read_bytes() for one in files), *(one.encode() for one in tables)])


@pytest.mark.parametrize("way", ["identifier", "case"])
def test_a_person_is_told_of_his_decisions_with_their_facts_and_what_he_said(city: City, made, way: str) -> None:
    number = made[1][ANA]
    persons = city.persons
    who = persons.by_identifier(ANA) if way == "identifier" else persons.by_case(number, city.appeals.link_of(number))
    (one,) = persons.access(who, OFFICER).decisions
    assert (one["decision"], one["outcome"]) == (number, "refuse")
    assert one["facts"] == {"height": 17.625, "kind": "oak", "ill": False}
    assert [spoken["words"] for spoken in one["appeals"][0]["said"]] == [WORDS]


def test_an_erasure_takes_words_and_facts_and_the_rest_stays_proved(city: City, made) -> None:
    number = made[1][ANA]
    done = city.persons.erase(city.persons.by_identifier(ANA), OFFICER)
    assert (done.state, done.counts["decisions"], done.counts["appeals"]) == ("done", 1, 2)
    assert done.counts["decisions_named"] == 1  # the case has the name of the person, and stays so
    assert said(city, number) == [""]
    assert said(city, made[1]["tree 1"]) == [""]  # another's appeal that named the person
    assert said(city, made[1]["tree 2"]) == ["The elm is ill."]
    assert city.deciding.get(number).inputs == {}
    assert city.deciding.get(made[1]["client-999999"]).inputs["height"] == 12.0
    assert (city.appeals.unproved(), city.deciding.unproved()) == ([], {})
    assert city.deciding.told(number).factors == (ENGLISH["erased"],)
    proof = city.deciding.prove(number)
    assert (proof.proved, proof.erased) == (True, ("inputs",))
    assert city.deciding.prove(made[1]["tree 1"]).erased == ()
    assert check_proof(proof, load_public_key(city.folder.public_key)) == ""
    again = city.persons.erase(city.persons.by_identifier(ANA), OFFICER)
    assert (again.state, again.counts["decisions"], again.counts["appeals"]) == ("done", 0, 0)
    city.close()
    kept = everything(city.path)
    assert b"yellow house" not in kept
    assert b"17.625" not in kept


def test_by_his_case_a_person_erases_that_case_alone(city: City, made) -> None:
    number = made[1]["tree 2"]
    done = city.persons.erase(city.persons.by_case(number.lower(), city.appeals.link_of(number)), OFFICER)
    assert (done.counts["decisions"], done.counts["appeals"], done.counts["interactions"]) == (1, 1, 0)
    assert (said(city, number), said(city, made[1][ANA])) == ([""], [WORDS])
    assert city.deciding.get(made[1]["tree 1"]).inputs


def test_a_hold_keeps_words_and_facts_and_says_so_until_it_is_released(city: City, made) -> None:
    number, none = made[1]["tree 2"], pl.Series(dtype=pl.UInt64)
    holds.hold(city.folder.history, "Z-0000000001", [], [number], none)
    subject = city.persons.by_case(number, city.appeals.link_of(number))
    with pytest.raises(Refused, match="in 1 decisions of cases: they are evidence"):
        city.persons.erase(subject, OFFICER)
    assert said(city, number) == ["The elm is ill."]
    assert city.deciding.get(number).inputs
    assert [one.state for one in city.persons.requests()] == ["open"]
    holds.let_go(city.folder.history, "Z-0000000001")
    assert city.persons.erase(subject, OFFICER).state == "done"
    assert said(city, number) == [""]


def test_a_wrong_secret_proves_nothing(city: City, made) -> None:
    told = set()
    for number, secret in (
        (made[1][ANA], "x" * 32), ("D-00000000000000ff", "x" * 32), ("", ""),
        (made[1][ANA], city.appeals.link_of(made[1]["tree 1"])),
    ):  # fmt: skip
        with pytest.raises(UserError) as error:
            city.persons.by_case(number, secret)
        told.add(str(error.value))
    assert len(told) == 1


def test_an_erased_case_can_still_be_contested_decided_and_read(city: City, made) -> None:
    number, other = made[1][ANA], "Ben Okri"
    city.persons.erase(city.persons.by_identifier(ANA), OFFICER)
    (appeal,) = city.appeals.against(number)
    city.appeals.assign(appeal.id, other, "Clara Roth")
    done = city.appeals.decide(appeal.id, "changed", other, "An expert looked at it.", after="allow")
    assert (done.state, city.deciding.get(number).outcome) == ("changed", "allow")
    assert city.deciding.unproved() == {}
    assert city.appeals.case(city.appeals.token_of(number)).told.would_change == ()


def test_the_command_tells_and_erases_by_case(city: City, made) -> None:
    number = made[1][ANA]
    secret = city.appeals.token_of(number)
    city.close()
    tail = ["--case", number, "--by", OFFICER, "--city", str(city.path)]
    told = CliRunner().invoke(group, ["person", "access", *tail], input=secret)
    assert (told.exit_code, WORDS in told.stdout, "height: 17.625" in told.stdout) == (0, True, True)
    done = CliRunner().invoke(group, ["person", "erase", *tail], input=secret)
    assert (done.exit_code, "1 appeals" in done.stdout, "what was asked of it is gone" in done.stdout) == (
        0,
        True,
        True,
    )
    shown = CliRunner().invoke(group, ["decisions", "prove", number, "--city", str(city.path)])
    assert "Erased since, and proved by its digest alone: inputs." in shown.stdout

"""Sealed backups: they restore; an erased person is in none of them; a changed one is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cityward.city import City, init, open_city
from cityward.core.clock import Clock
from cityward.core.errors import UserError
from cityward.guard.backup import open_sealed
from cityward.store.history import HistoryReader

NOW = datetime(2014, 7, 1, 12, tzinfo=UTC)
ANA = "ana.planted@example.org"
MAPPING = (
    'source = "lamps"\nkind = "request"\ndomain = "public space"\n[columns]\nid = "number"\n'
    'occurred_at = "created"\nservice = "type"\ntext = "words"\nperson = "mail"\n'
)


@pytest.fixture
def watch() -> list[datetime]:
    return [NOW]


@pytest.fixture
def city(tmp_path: Path, chicago: Path, watch: list[datetime]) -> Iterator[City]:
    folder = init(tmp_path / "city", name="Chicago", territories=chicago / "community_areas.geojson")
    (tmp_path / "lamps.toml").write_text(MAPPING, encoding="utf-8")
    pl.DataFrame(
        {
            "number": [f"L-{at}" for at in range(20)],
            "created": [f"2014-0{5 + at // 10}-{1 + at % 10:02}" for at in range(20)],
            "type": ["Street light"] * 20,
            "words": [f"it is dark {at}" for at in range(20)],
            "mail": [None if at == 1 else ANA if at % 4 == 0 else f"p{at}@example.org" for at in range(20)],
        }
    ).write_csv(tmp_path / "lamps.csv")
    with open_city(folder, Clock(lambda: watch[0])) as opened:
        opened.sense(tmp_path / "lamps.csv", opened.add_mapping(tmp_path / "lamps.toml"))
        yield opened


def rows(folder: Path) -> pl.DataFrame:
    return HistoryReader(folder / "history").scan().collect().sort("id")


def test_a_backup_restores_the_city_and_it_goes_on(city: City, tmp_path: Path) -> None:
    assert city.persons.seal(tmp_path / "b.sealed") == 20
    sealed = (tmp_path / "b.sealed").read_bytes()
    assert b"it is dark" not in sealed
    assert all(path.read_bytes() not in sealed for path in (city.path / "keys").rglob("*.key"))
    told = open_sealed(tmp_path / "b.sealed", city.path / "keys", tmp_path / "again")
    assert (told.rows, told.people_gone) == (20, 0)
    assert rows(tmp_path / "again").equals(rows(city.path))
    with open_city(tmp_path / "again") as again:
        assert again.verify().ok
        assert again.conservation() == city.conservation()
        (intake,) = again.sense(tmp_path / "lamps.csv", again.mappings()["lamps"])
        assert intake.repeated == 20


def test_an_erased_person_is_in_no_backup_any_more(city: City, tmp_path: Path) -> None:
    city.persons.seal(tmp_path / "before.sealed")
    city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")
    told = open_sealed(tmp_path / "before.sealed", city.path / "keys", tmp_path / "again")
    assert (told.rows, told.people_gone) == (15, 1)
    assert rows(tmp_path / "again").equals(rows(city.path))
    with open_city(tmp_path / "again") as again:
        assert again.persons.access(again.persons.by_identifier(ANA), "Olga Officer").interactions == ()


def test_a_person_who_comes_back_after_an_erasure_is_sealed_too(city: City, tmp_path: Path) -> None:
    city.persons.seal(tmp_path / "before.sealed")
    city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")
    pl.DataFrame(
        {"number": ["L-99"], "created": ["2014-06-30"], "type": ["Street light"], "words": ["new"], "mail": [ANA]}
    ).write_csv(tmp_path / "new.csv")
    city.sense(tmp_path / "new.csv", city.mappings()["lamps"])
    city.persons.seal(tmp_path / "after.sealed")
    assert open_sealed(tmp_path / "after.sealed", city.path / "keys", tmp_path / "again").rows == 16


def test_a_backup_cannot_be_opened_once_the_key_of_its_day_is_gone(
    city: City, tmp_path: Path, watch: list[datetime]
) -> None:
    city.persons.seal(tmp_path / "b.sealed")
    watch[0] = NOW + timedelta(days=30)
    city.persons.retain()
    assert list((city.path / "keys" / "backups").glob("*.key"))
    watch[0] = NOW + timedelta(days=31)
    done = city.persons.retain()
    assert done
    assert done.deleted["backup_keys"] == 1
    with pytest.raises(UserError, match="was destroyed"):
        open_sealed(tmp_path / "b.sealed", city.path / "keys", tmp_path / "again")


@pytest.mark.parametrize("damage", ["cut", "changed", "other"])
def test_a_changed_backup_is_refused(city: City, tmp_path: Path, damage: str) -> None:
    city.persons.seal(tmp_path / "b.sealed")
    data = bytearray((tmp_path / "b.sealed").read_bytes())
    if damage == "changed":
        data[len(data) // 2] ^= 1
    cut = {"cut": data[:-100], "changed": data, "other": b"PK" + data}[damage]
    (tmp_path / "b.sealed").write_bytes(cut)
    with pytest.raises(UserError, match=r"cut short|not a sealed backup"):
        open_sealed(tmp_path / "b.sealed", city.path / "keys", tmp_path / "again")
    assert not (tmp_path / "again").exists()

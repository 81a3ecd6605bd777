"""Erasure and retention with registers on PostgreSQL: nothing of the person is left in any file of its tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sql
from tests.city.test_persons import ANA, MAPPING, NOW, TEXT_OF_ANA, rows_of_both

from cityward.city import City, init, open_city
from cityward.core.clock import Clock
from cityward.core.errors import StoreError
from cityward.store import engine as store_engine

pytestmark = pytest.mark.postgresql
DATABASE = "cityward_test_erasure"


@pytest.fixture
def database(postgresql_url: str) -> Iterator[str]:
    """A database of its own: what others read in one holds up what can be deleted there."""
    server = sql.create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sql.text(f"drop database if exists {DATABASE} with (force)"))
        connection.execute(sql.text(f"create database {DATABASE}"))
    yield str(sql.make_url(postgresql_url).set(database=DATABASE).render_as_string(hide_password=False))
    with server.connect() as connection:
        connection.execute(sql.text(f"drop database {DATABASE} with (force)"))
    server.dispose()


@pytest.fixture
def city(tmp_path: Path, database: str, chicago: Path) -> Iterator[City]:
    """Rows of two people of which some wait in quarantine, with what each wrote."""
    folder = init(tmp_path / "city", name="C", territories=chicago / "community_areas.geojson")
    with (folder / "city.toml").open("a", encoding="utf-8") as toml:
        toml.write(f'\n[store]\nregisters = "{database}"\n\n[retention]\nquarantine = 1\n')
    (tmp_path / "lamps.toml").write_text(MAPPING, encoding="utf-8")
    rows = rows_of_both()
    rows.write_csv(tmp_path / "lamps.csv")
    broken = rows.head(8).with_columns(created=pl.lit("no day"))
    broken.write_csv(tmp_path / "broken.csv")
    with open_city(folder, Clock.fixed(NOW)) as opened:
        mapping = opened.add_mapping(tmp_path / "lamps.toml")
        for file in ("lamps.csv", "broken.csv"):
            opened.sense(tmp_path / file, mapping)
        yield opened


def files(database: str) -> bytes:
    """Every byte of every table, index and overflow of the database, as it lies on the server's disk."""
    server = sql.create_engine(database, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sql.text("checkpoint"))  # what is in memory only would not be seen
        found = connection.execute(
            sql.text(
                "select pg_read_binary_file(pg_relation_filepath(oid), 0, 33554432, true) from pg_class "
                "where pg_relation_filepath(oid) is not null"
            )
        )
        parts = [bytes(part) for (part,) in found if part is not None]
    server.dispose()
    return b"\n".join(parts)


def test_erasure_leaves_nothing_in_the_files_of_the_database(city: City, database: str) -> None:
    before = files(database)
    assert b"L-00004" in before
    done = city.persons.erase(city.persons.by_identifier(ANA), "Olga Officer")
    assert done.counts["quarantined"] == 2
    after = files(database)
    assert [word for word in (ANA, TEXT_OF_ANA, "L-00004") if word.encode() in after] == []
    assert b"L-00005" in after  # of the others all is there


def test_retention_leaves_nothing_in_the_files_of_the_database(city: City, database: str) -> None:
    assert b"L-00005" in files(database)
    city.persons.retain()
    folder = city.path
    city.close()
    with open_city(folder, Clock.fixed(NOW.replace(month=8))) as later:
        done = later.persons.retain()
    assert done is not None
    assert done.deleted["quarantine"] == 8
    assert [word for word in (TEXT_OF_ANA, "L-00004", "L-00005") if word.encode() in files(database)] == []


def test_who_still_reads_holds_up_an_erasure_that_is_then_not_called_done(
    city: City, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL keeps what was deleted for as long as somebody who began before may look at it."""
    monkeypatch.setattr(store_engine, "READERS_WAITED_SECONDS", 0.3)
    other = sql.create_engine(database, isolation_level="REPEATABLE READ")
    subject = city.persons.by_identifier(ANA)
    with other.connect() as reading:
        reading.execute(sql.text("select 1 from pg_class limit 1")).all()
        with pytest.raises(StoreError, match="Another program reads the registers"):
            city.persons.erase(subject, "Olga Officer")
        assert [one.state for one in city.persons.requests()] == ["open"]
    other.dispose()
    assert city.persons.erase(subject, "Olga Officer").state == "done"
    assert b"L-00004" not in files(database)

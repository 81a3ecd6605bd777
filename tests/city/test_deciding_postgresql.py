"""Decisions of cases with registers on PostgreSQL: made, settled, contested and proved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sql
from tests.city.deciding import CLERK, TREES, decided, settle, trees

from cityward.city import City, init, open_city
from cityward.secure.keys import load_public_key
from cityward.secure.proofs import check_proof

pytestmark = pytest.mark.postgresql
DATABASE = "cityward_test_deciding"


@pytest.fixture
def city(tmp_path: Path, postgresql_url: str, chicago: Path) -> Iterator[City]:
    server = sql.create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sql.text(f"drop database if exists {DATABASE} with (force)"))
        connection.execute(sql.text(f"create database {DATABASE}"))
    database = sql.make_url(postgresql_url).set(database=DATABASE).render_as_string(hide_password=False)
    folder = init(tmp_path / "city", name="C", territories=chicago / "community_areas.geojson")
    with (folder / "city.toml").open("a", encoding="utf-8") as toml:
        toml.write(f'\n[store]\nregisters = "{database}"\n')
    with open_city(folder) as opened:
        yield opened
    with server.connect() as connection:
        connection.execute(sql.text(f"drop database {DATABASE} with (force)"))
    server.dispose()


def test_a_case_is_decided_settled_contested_and_proved(city: City) -> None:
    trees(city)
    by_case = decided(city, wait=("tree 4",))
    settle(city, by_case["tree 4"], "refuse")
    assert city.deciding.counts() == {"waiting": 0, "decided": 4, "reversed": 0}
    appeal = city.appeals.contest(city.appeals.token_of(by_case["tree 4"]), "It is ill.", ["ill"])
    city.appeals.assign(appeal.id, "Judith Weiss", CLERK)
    why = "The photographs of May show that it is ill."
    city.appeals.decide(appeal.id, "changed", "Judith Weiss", why, after="allow", wrong=["ill"])
    assert city.deciding.get(by_case["tree 4"]).outcome == "allow"
    key = load_public_key(city.folder.public_key)
    for name in by_case.values():
        assert check_proof(city.deciding.prove(name), key) == ""
    city.close()
    with open_city(city.path) as again:
        assert again.deciding.unproved() == {}
        assert again.deciding.batches()[0].system == TREES
        assert again.deciding.told(by_case["tree 4"]).factors
        assert again.verify().ok

"""Access on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql
from tests.secure.access.doors import Opened, opened

from cityward.secure.access import passwords

SCHEMA = "cityward_test_access"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of a mebibyte: what a hash costs is looked at where it matters."""
    monkeypatch.setattr(passwords, "MEMORY_KIB", 1024)
    monkeypatch.setattr(passwords, "TIME_COST", 1)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Access with registers of either kind."""
    if request.param == "sqlite":
        yield opened(f"sqlite:///{tmp_path / 'registers.db'}", tmp_path / "access.key")
        return
    url = request.getfixturevalue("postgresql_url")
    engine: Any = sql.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sql.text(f"drop schema if exists {SCHEMA} cascade"))
        connection.execute(sql.text(f"create schema {SCHEMA}"))
    world = opened(f"{url}?options=-csearch_path%3D{SCHEMA}", tmp_path / "access.key")
    yield world
    world.access._base._engine.dispose()
    with engine.begin() as connection:
        connection.execute(sql.text(f"drop schema {SCHEMA} cascade"))


@pytest.fixture
def world(tmp_path: Path) -> Opened:
    """Access with registers in a file."""
    return opened(f"sqlite:///{tmp_path / 'registers.db'}", tmp_path / "access.key")

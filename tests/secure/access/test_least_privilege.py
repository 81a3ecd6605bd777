"""The role of PostgreSQL that docs/operations.md writes is enough for the registers, and for nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sql

from cityward.store.registers import open_registers

PAGE = Path(__file__).resolve().parents[3] / "docs" / "operations.md"
NAME = "cityward_test_least"


@pytest.mark.postgresql
def test_the_role_that_is_documented_suffices_and_reads_nothing_else(postgresql_url: str) -> None:
    statements = re.search(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert statements
    engine = sql.create_engine(postgresql_url)
    gone = (
        f"drop schema if exists {NAME} cascade",
        "drop schema if exists secret_test cascade",
        f"drop role if exists {NAME}",
    )
    with engine.begin() as connection:
        for one in (*gone, "create schema secret_test", "create table secret_test.t (x int)"):
            connection.execute(sql.text(one))
        for one in statements[1].split(";"):
            if one.strip():
                connection.execute(sql.text(re.sub(r"\bcityward\b", NAME, one)))
    url = sql.make_url(postgresql_url).set(username=NAME).render_as_string(hide_password=False)
    mine = sql.create_engine(url)
    try:
        registers = open_registers(url)
        assert registers.get_receipt("x") is None
        for forbidden in (
            "select * from secret_test.t",
            "create schema x_test",
            "create role x_test",
            "create database x_test",
        ):
            with pytest.raises(sql.exc.ProgrammingError, match="permission denied"), mine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").execute(sql.text(forbidden))
    finally:
        mine.dispose()
        registers._engine.dispose()
        with engine.begin() as connection:
            for one in gone:
                connection.execute(sql.text(one))
        engine.dispose()

"""The registers answer equally on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest
import sqlalchemy as sql

from cityward.core.errors import SettingsError, StoreError
from cityward.core.frames import QUARANTINE
from cityward.core.records import Decision, Intake, Proposal
from cityward.store.registers import Registers, open_registers

NOW = datetime(2014, 7, 1, 12, 30, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def registers(request, tmp_path) -> Iterator[Registers]:
    if request.param == "sqlite":
        yield open_registers(f"sqlite:///{tmp_path / 'registers.db'}")
        return
    url = request.getfixturevalue("postgresql_url")
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sql.text("drop schema if exists cityward_test_registers cascade"))
        connection.execute(sql.text("create schema cityward_test_registers"))
    yield open_registers(f"{url}?options=-csearch_path%3Dcityward_test_registers")
    with engine.begin() as connection:
        connection.execute(sql.text("drop schema cityward_test_registers cascade"))


def intake(batch: str, **sums: int) -> Intake:
    zero = dict.fromkeys(("received", "added", "revised", "repeated", "quarantined", "refused"), 0)
    return Intake(batch=batch, source="s", received_at=NOW, **{**zero, **sums})


def proposal(identifier: str) -> Proposal:
    texts = dict.fromkeys(("about", "service", "title", "because", "action", "effect", "system"), "x")
    return Proposal(id=identifier, territories=("1",), **texts)


def test_conservation_counts_a_batch_once(registers: Registers):
    for _ in range(2):
        registers.put_intake(intake("B-1", received=10, added=6, repeated=1, quarantined=2, refused=1))
    registers.put_intake(intake("B-2", received=5, added=4, revised=1))
    total = registers.conservation()
    assert total["received"] == 15 == total["admitted"] + total["quarantined"] + total["refused"]
    assert [found.batch for found in registers.list_intakes()] == ["B-2", "B-1"]


def test_quarantine_is_idempotent_and_resolved_by_replay(registers: Registers):
    rows = pl.DataFrame(
        {"row": [3, 9], "reason": ["no date", "no id"], "column": ["d", None], "raw": ["{}", "{}"]}, schema=QUARANTINE
    )
    for _ in range(2):
        registers.put_quarantine("s", "file.csv", rows)
    assert len(registers.list_quarantine()) == 2
    assert registers.resolve_quarantine("s", "file.csv") == 2
    registers.put_quarantine("s", "file.csv", rows.head(1))  # fails again
    assert [row["state"] for row in registers.list_quarantine()] == ["open", "resolved"]


def test_a_decided_proposal_stays_decided_when_it_is_found_again(registers: Registers):
    registers.put_findings([], [], [proposal("P-1"), proposal("P-2")])
    texts = dict.fromkeys(("by", "because", "rule", "system", "explanation", "appeal"), "x")
    decision = Decision(id="D-1", proposal="P-1", outcome="approved", parties=(), at=NOW, receipt=3, **texts)
    registers.put_decision(decision)
    registers.put_findings([], [], [proposal("P-1"), proposal("P-2")])
    assert {found.id: found.state for found in registers.list_proposals()} == {"P-1": "approved", "P-2": "waiting"}
    assert registers.get_decision("D-1") == decision
    assert registers.get_proposal("P-9") is None


def test_receipts_keep_the_newest(registers: Registers):
    registers.put_receipts({"N-1": 4})
    registers.put_receipts({"N-1": 9, "N-2": 5})
    assert (registers.get_receipt("N-1"), registers.get_receipt("N-2"), registers.get_receipt("N-3")) == (9, 5, None)


def test_a_wrong_url_and_a_dead_server_say_what_to_do():
    with pytest.raises(SettingsError, match="registers"):
        open_registers("nonsense")
    with pytest.raises(StoreError, match="running"):
        open_registers("postgresql+psycopg://nobody@127.0.0.1:1/none")

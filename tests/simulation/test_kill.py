"""kill -9 at any point: no acknowledged row is lost and none is doubled."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from cityward.core.clock import Clock
from cityward.store.history import HistoryReader
from cityward.store.history_table import INTERACTIONS, OBSERVATIONS, HistoryTable
from cityward.store.history_writer import HistoryWriter

CHILD = Path(__file__).with_name("kill_child.py")
ROWS = 50


NAMES = {INTERACTIONS.name: "id", OBSERVATIONS.name: "sensor"}
both_tables = pytest.mark.parametrize("table", [INTERACTIONS, OBSERVATIONS], ids=lambda table: table.name)


def run_child(
    folder: Path, table: HistoryTable, first: int, *, die_at_fsync: int = 0, kill_after_lines: int | None = None
) -> list[int]:
    """Return the numbers of the batches that the child acknowledged before it ended."""
    command = [sys.executable, str(CHILD), str(folder), table.name, str(first), str(die_at_fsync)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    acknowledged = []
    for line in child.stdout:
        acknowledged.append(int(line))
        if len(acknowledged) == kill_after_lines:
            child.kill()
    child.wait()
    return acknowledged


def check(folder: Path, table: HistoryTable, acknowledged: list[int]) -> None:
    """Everything acknowledged is there whole, and nothing is there twice, before and after reopening."""
    for _ in range(2):
        rows = HistoryReader(folder, table).scan().collect()
        found = rows[NAMES[table.name]].to_list()
        assert len(found) == len(set(found))
        assert {f"{number}-{at}" for number in acknowledged for at in range(ROWS)} <= set(found)
        assert rows.height % ROWS == 0  # a batch is there whole or not at all
        HistoryWriter(folder, Clock(), table).close()


@both_tables
def test_death_at_every_fsync(tmp_path: Path, table: HistoryTable):
    """One folder goes through a death at each successive fsync of a child's life, and is used again."""
    acknowledged: list[int] = []
    for turn, fsync in enumerate(range(1, 34, 4)):
        acknowledged += run_child(tmp_path, table, turn * 100, die_at_fsync=fsync)
        check(tmp_path, table, acknowledged)
    assert len(acknowledged) > 10


@both_tables
def test_death_at_random_moments(tmp_path: Path, table: HistoryTable):
    chance, acknowledged = random.Random(5), []
    for turn in range(4):
        acknowledged += run_child(tmp_path, table, turn * 100, kill_after_lines=chance.randint(1, 11))
        check(tmp_path, table, acknowledged)
    assert len(acknowledged) >= 8

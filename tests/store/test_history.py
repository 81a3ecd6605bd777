"""History: idempotent, revised, seen as of a day, by one writer."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cityward.core.clock import Clock
from cityward.core.errors import CityBusy
from cityward.core.frames import PLACED, conform
from cityward.store.history import HistoryReader
from cityward.store.history_writer import ADDED, REPEATED, REVISED, HistoryWriter

NOW = Clock.fixed(datetime(2014, 7, 1, tzinfo=UTC))


def rows(**columns) -> pl.DataFrame:
    base = {"source": "s", "kind": "request", "domain": "environment", "service": "x", "status": "open"}
    size = len(columns["id"])
    frame = pl.DataFrame({**{name: [value] * size for name, value in base.items()}, **columns})
    if "occurred_at" not in columns:
        frame = frame.with_columns(occurred_at=pl.lit(datetime(2014, 6, 1, tzinfo=UTC)))
    return conform(frame.with_columns(marked_duplicate=pl.lit(value=False)), PLACED)


def write(writer: HistoryWriter, frame: pl.DataFrame) -> list[int]:
    plan = writer.plan(frame)
    writer.commit(plan)
    return plan.outcome.tolist()


def test_the_same_rows_twice_add_nothing_also_after_reopening(tmp_path: Path):
    writer = HistoryWriter(tmp_path, NOW)
    assert write(writer, rows(id=["1", "2", "1"])) == [ADDED, ADDED, REPEATED]
    assert write(writer, rows(id=["1", "2"])) == [REPEATED, REPEATED]
    writer.close()
    writer = HistoryWriter(tmp_path, NOW)
    assert write(writer, rows(id=["2", "3"])) == [REPEATED, ADDED]
    writer.close()
    assert HistoryReader(tmp_path).scan().collect().height == 3


def test_another_content_is_a_revision_and_the_newest_counts(tmp_path: Path):
    writer = HistoryWriter(tmp_path, NOW)
    assert write(writer, rows(id=["1", "1"], status=["open", "closed"])) == [ADDED, REVISED]
    assert write(writer, rows(id=["1", "1"], status=["open", "closed"])) == [REPEATED, REPEATED]
    reader = HistoryReader(tmp_path)
    assert reader.scan().collect()["status"].to_list() == ["closed"]
    writer.close()
    assert reader.scan().collect()["status"].to_list() == ["closed"]


def test_as_of_hides_what_came_later(tmp_path: Path):
    writer = HistoryWriter(tmp_path, NOW)
    days = [datetime(2014, 6, day, tzinfo=UTC) for day in (1, 2, 20)]
    closed = [datetime(2014, 6, 5, tzinfo=UTC), datetime(2014, 6, 25, tzinfo=UTC), None]
    write(writer, rows(id=["a", "b", "c"], occurred_at=days, closed_at=closed, status=["closed", "closed", "open"]))
    writer.close()
    seen = HistoryReader(tmp_path).scan(datetime(2014, 6, 10, tzinfo=UTC)).collect().sort("id")
    assert seen["id"].to_list() == ["a", "b"]
    assert seen["status"].to_list() == ["closed", "open"]
    assert seen["closed_at"].to_list() == [closed[0], None]


def test_a_reader_sees_acknowledged_rows_before_they_reach_the_table(tmp_path: Path):
    writer = HistoryWriter(tmp_path, NOW)
    write(writer, rows(id=["1"]))
    assert HistoryReader(tmp_path).scan().collect().height == 1
    writer.flush()
    write(writer, rows(id=["2"]))
    assert HistoryReader(tmp_path).scan().collect().height == 2
    writer.close()


def test_a_second_writer_gets_a_clear_error(tmp_path: Path):
    writer = HistoryWriter(tmp_path, NOW)
    code = (
        "import sys; from pathlib import Path; from cityward.core.clock import Clock\n"
        "from cityward.core.errors import CityBusy; from cityward.store.history_writer import HistoryWriter\n"
        "try: HistoryWriter(Path(sys.argv[1]), Clock())\n"
        "except CityBusy as error: print(error)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    ).stdout
    assert "Another cityward process is writing" in told
    with pytest.raises(CityBusy):
        HistoryWriter(tmp_path, NOW)
    writer.close()
    HistoryWriter(tmp_path, NOW).close()

"""What fuzzing found, one test each: every one of these was a crash, a hang or a leak before it was mended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from tests.fuzz.harnesses import HARNESSES

from cityward.city import City
from cityward.city.settings import load_settings
from cityward.cli.workbook import read_workbook
from cityward.core.errors import SettingsError, UserError


@pytest.mark.parametrize("day", [date(9999, 12, 31), date(2300, 1, 1), date(1, 1, 1)])
def test_a_turn_of_an_unbelievable_day_is_a_mistake_of_the_asker(small: City, day: date) -> None:
    with pytest.raises(UserError, match="Years from 1900 to 2200"):
        small.run(as_of=day)


def test_a_watch_before_all_time_is_a_mistake_of_the_asker(small: City) -> None:
    for moment in (datetime(1, 1, 1, tzinfo=UTC), datetime.fromisoformat("0001-01-01T00:00:00+23:59")):
        with pytest.raises(UserError, match="Years from 1900 to 2200"):
            small.observing.watch(moment)


@pytest.mark.parametrize(
    "text",
    ["a = " + "[" * 5_000, "a = " + "{a=" * 5_000, f"a = {'9' * 5_000}", "a = 0001-01-01T00:00:00+99:99", "\0"],
    ids=["arrays", "tables", "number", "offset", "nul"],
)
def test_settings_that_break_the_reader_of_toml_are_told_in_words(tmp_path: Path, text: str) -> None:
    (tmp_path / "city.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings(tmp_path)


def _workbook(change: Callable[[bytearray], None]) -> bytes:
    data = bytearray(HARNESSES["workbook"].seeds()[1])
    change(data)
    return bytes(data)


def _method(data: bytearray) -> None:
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        place = data.find(mark) + at
        data[place : place + 2] = b"\x63\x00"


def _version(data: bytearray) -> None:
    data[data.find(b"PK\x01\x02") + 6] = 222


def _damaged(data: bytearray) -> None:
    at = data.find(b"xl/workbook.xml") + len("xl/workbook.xml")
    data[at : at + 8] = b"\xff" * 8


@pytest.mark.parametrize("change", [_method, _version, _damaged])
def test_a_damaged_workbook_is_told_in_words(tmp_path: Path, change: Callable[[bytearray], None]) -> None:
    book = tmp_path / "book.xlsx"
    book.write_bytes(_workbook(change))
    with pytest.raises(UserError, match="not a whole workbook"):
        read_workbook(book)


def test_a_band_that_is_no_text_is_told_in_words() -> None:
    from cityward.answerable.audit.gate import read_band

    for data in (b"\xff\xfe{", b'{"system":"\xd0', b"[" * 100_000):
        with pytest.raises(UserError, match="no band of an approval"):
            read_band(data)


def test_a_timetable_of_odd_tables_is_told_in_words() -> None:
    import polars as pl
    from tests.fuzz.entrances import STOPS

    from cityward.equitable.reach.timetable import read_timetable

    def tables(**changed: bytes) -> dict[str, pl.DataFrame]:
        read = {name[:-4]: body for name, body in STOPS.items()} | changed
        return {name: pl.read_csv(body, infer_schema=False) for name, body in read.items()}

    with pytest.raises(UserError, match=r"frequencies\.txt has no column 'end_time'"):
        read_timetable(tables(frequencies=b"trip_id,start_time,headway_secs\nt,08:00:00,600\n"), None, 0, 90_000)
    long_ago = STOPS["calendar.txt"].replace(b"20260101", b"00010101").replace(b"20261231", b"00010102")
    with pytest.raises(UserError):
        read_timetable(tables(calendar=long_ago, calendar_dates=b"service_id,date,exception_type\n"), None, 0, 90_000)


def test_columns_that_differ_by_blanks_alone_are_told_in_words(tmp_path: Path) -> None:
    from cityward.cli.site_tables import read_places

    (tmp_path / "places.csv").write_bytes(b"id,id ,lon,lat\n1,2,3,4\n")
    with pytest.raises(UserError, match="two columns of one name"):
        read_places(tmp_path / "places.csv")


def test_a_parquet_file_that_makes_its_reader_panic_is_told_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import polars as pl

    from cityward.cli.tables import read_any

    def panics(*_: object, **__: object) -> pl.DataFrame:
        raise pl.exceptions.PanicException

    monkeypatch.setattr(pl, "read_parquet", panics)
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        read_any(tmp_path / "t.parquet")


def test_a_receipt_with_a_checkpoint_of_too_few_lines_proves_nothing() -> None:
    from cityward.secure.standalone_verifier import Note, NotProved, read_checkpoint

    for text in ("", "x\n", "x\n1\n", "x\n1\nAAAA"):
        with pytest.raises(NotProved):
            read_checkpoint(Note(text, []))


def test_states_of_orders_in_columns_of_one_name_are_told_in_words(tmp_path: Path) -> None:
    from cityward.act.send.csv import _rows

    path = tmp_path / "states.csv"
    path.write_bytes(b"order,Order ,state\nW-1,W-2,done\n")
    rows, told = _rows(path)
    assert not rows
    assert "cannot be read as CSV" in told

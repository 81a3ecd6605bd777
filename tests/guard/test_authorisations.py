"""No payload comes past the door: not without an authorisation, and not with one."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cityward.core.batch import Batch
from cityward.core.clock import Clock
from cityward.core.frames import PLACED, QUARANTINE, conform
from cityward.guard.admit import Door, open_door
from cityward.guard.authorisations import standing_for, standings
from cityward.private.pseudonym import Pseudonyms
from cityward.store.history import HistoryReader
from cityward.store.registers import open_registers

NOW = datetime(2014, 7, 1, tzinfo=UTC)
GOOD = """
source = "camera-7"
law = "Example Police Act, section 12(3)"
authority = "District court of Example, order 12/2014"
area = ["32"]
begins = 2014-06-30T00:00:00Z
ends = 2014-07-05T00:00:00Z
target = "missing person, case 2014-118"
verifiers = ["first officer", "second officer"]
"""
VECTOR = np.random.default_rng(1).normal(0, 0.09, 128).round(6).tolist()
JPEG = base64.b64encode(
    b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" + np.random.default_rng(2).bytes(300)
).decode()
TEMPLATE = base64.b64encode(np.rint(np.array(VECTOR) * 400).clip(-127, 127).astype(np.int8).tobytes()).decode()


@pytest.fixture
def door(tmp_path: Path):
    entries: list[bytes] = []
    (tmp_path / "authorisations").mkdir()
    door = open_door(
        tmp_path / "history",
        registers=open_registers(f"sqlite:///{tmp_path / 'r.db'}"),
        pseudonyms=Pseudonyms(b"k" * 32),
        append_receipt=lambda entry: entries.append(entry) or len(entries) - 1,
        clock=Clock.fixed(NOW),
        authorisations=tmp_path / "authorisations",
    )
    door.entries = entries
    yield door
    door.close()


def batch(
    extra: dict | None = None, territory: str = "32", quarantine: pl.DataFrame | None = None, classes=None, **columns
) -> Batch:
    size = 2
    frame = pl.DataFrame({"id": ["r0", "r1"], **columns}).with_columns(
        source=pl.lit("camera-7"),
        service=pl.lit("count"),
        status=pl.lit("open"),
        occurred_at=pl.lit(NOW),
        territory=pl.lit(territory),
    )
    beside = pl.DataFrame(extra) if extra else pl.DataFrame()
    known = {"text": "free-text", **dict.fromkeys(extra or {}, "public"), **(classes or {})}
    held = pl.DataFrame(schema=QUARANTINE) if quarantine is None else quarantine
    return Batch(
        "camera-7", "f.ndjson", size + held.height, conform(frame, PLACED), quarantine=held, classes=known, extra=beside
    )


def everything(folder: Path, door: Door) -> bytes:
    door.flush()
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file()) + b"".join(door.entries)


@pytest.mark.parametrize("value", [JPEG, TEMPLATE, json.dumps({"a": VECTOR}), f"data:image/jpeg;base64,{JPEG}"])
@pytest.mark.parametrize("where", ["extra", "text", "channel"])
def test_a_payload_is_refused_and_written_nowhere(door: Door, tmp_path: Path, value: str, where: str):
    told = batch(extra={"beside": [value, None]}) if where == "extra" else batch(**{where: [value, None]})
    intake = door.admit(door.treat(told))
    assert (intake.added, intake.refused) == (1, 1)
    disk = everything(tmp_path, door)
    for part in (JPEG[40:120], TEMPLATE[20:60], str(VECTOR[3]), str(VECTOR[90])):
        assert part.encode() not in disk
    refusal = door._registers.list_refusals()[0]
    assert refusal.rule.startswith("content-")
    assert refusal.field_class in ("biometric", "image")


def test_what_waits_in_quarantine_holds_no_payload_and_no_person(door: Door, tmp_path: Path):
    raw = [json.dumps({"note": TEMPLATE}), json.dumps({"note": "ana@example.org"}), json.dumps({"note": "no date"})]
    bad = pl.DataFrame(
        {
            "row": [3, 4, 5],
            "reason": ["No date.", f"status says a word ({TEMPLATE[:60]})", "No date."],
            "column": ["d"] * 3,
            "raw": raw,
        },
        schema=QUARANTINE,
    )
    door.admit(door.treat(batch(quarantine=bad)))
    disk = everything(tmp_path, door)
    assert TEMPLATE[:40].encode() not in disk
    assert b"ana@example" not in disk
    assert b"no date" in disk


def test_identifiers_in_public_columns_are_treated(door: Door, tmp_path: Path):
    door.admit(door.treat(batch(channel=["ana@example.org", "phone"], address=["at 00:1A:2B:3C:4D:5E gate", None])))
    rows = HistoryReader(tmp_path / "history").scan().collect().sort("id")
    assert len(rows["channel"][0]) == 32
    assert rows["channel"][1] == "phone"
    assert rows["address"][0] == "at [device] gate"


def test_an_authorised_row_comes_in_without_its_payload(door: Door, tmp_path: Path):
    (tmp_path / "authorisations" / "a.toml").write_text(GOOD)
    told = batch(
        extra={"face": [VECTOR, VECTOR]}, classes={"face": "biometric", "channel": "biometric"}, channel=[JPEG, None]
    )
    intake = door.admit(door.treat(told))
    assert (intake.added, intake.refused) == (2, 0)
    assert HistoryReader(tmp_path / "history").scan().collect()["channel"].null_count() == 2
    disk = everything(tmp_path, door)
    assert str(VECTOR[3]).encode() not in disk
    assert JPEG[40:120].encode() not in disk
    assert b'"authorised"' in b"".join(door.entries)
    assert b"a.toml" in b"".join(door.entries)


def test_an_authorised_payload_in_a_public_column_is_emptied(door: Door, tmp_path: Path):
    (tmp_path / "authorisations" / "a.toml").write_text(GOOD)
    intake = door.admit(door.treat(batch(channel=[JPEG, "web"])))
    assert intake.added == 2
    assert HistoryReader(tmp_path / "history").scan().collect().sort("id")["channel"].to_list() == [None, "web"]


@pytest.mark.parametrize(
    ("old", "new", "because"),
    [
        ('["first officer", "second officer"]', '["first officer"]', "two different verifiers"),
        ('["first officer", "second officer"]', '["First  Officer", "first officer"]', "two different verifiers"),
        ("2014-07-05T00", "2014-06-30T12", "it ended on 2014-06-30"),
        ("2014-06-30T00", "2014-07-02T00", "it begins on 2014-07-02"),
        ("2014-07-05", "2018-07-05", "longer than 366 days"),
        ('law = "Example Police Act, section 12(3)"\n', "", "incomplete"),
        ('target = "missing person, case 2014-118"', 'target = "   "', "must all be given"),
        ('["32"]', '["*"]', "everywhere is no area"),
        ('["32"]', '["33"]', "outside its area"),
        ('area = ["32"]', "area = []", "incomplete"),
        ("2014-06-30T00:00:00Z", "2014-06-30T00:00:00", "incomplete"),
    ],
)
def test_an_authorisation_that_does_not_stand_lets_nothing_in(
    door: Door, tmp_path: Path, old: str, new: str, because: str
):
    assert old in GOOD
    (tmp_path / "authorisations" / "a.toml").write_text(GOOD.replace(old, new))
    intake = door.admit(door.treat(batch(extra={"face": [VECTOR, None]}, classes={"face": "biometric"})))
    assert (intake.added, intake.refused) == (1, 1)
    assert because in door._registers.list_refusals()[0].because


def test_one_of_another_source_does_not_help(door: Door, tmp_path: Path):
    (tmp_path / "authorisations" / "a.toml").write_text(GOOD.replace("camera-7", "camera-8"))
    assert door.admit(door.treat(batch(extra={"face": [VECTOR, None]}))).refused == 1
    assert standing_for("camera-7", tmp_path / "authorisations", NOW) is None


def test_an_unknown_source_is_told(tmp_path: Path):
    (tmp_path / "a.toml").write_text(GOOD)
    assert standings(tmp_path, NOW, frozenset({"camera-9"}))[0].because == "this city has no source 'camera-7'."
    assert standings(tmp_path, NOW, frozenset({"camera-7"}))[0].because == ""


def test_a_bomb_is_refused_even_with_an_authorisation(door: Door, tmp_path: Path):
    (tmp_path / "authorisations" / "a.toml").write_text(GOOD)
    intake = door.admit(door.treat(batch(extra={"note": ["[" * 1_000 + "]" * 1_000, None]})))
    assert intake.refused == 1
    assert "within bounds" in door._registers.list_refusals()[0].because

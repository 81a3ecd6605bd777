"""The door: what each field class becomes, and that nothing else gets in."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cityward
from cityward.core.batch import Batch
from cityward.core.clock import Clock
from cityward.core.frames import PLACED, QUARANTINE, conform
from cityward.guard.admit import Door, open_door
from cityward.guard.content.columns import look_at
from cityward.private.pseudonym import Pseudonyms
from cityward.store.history import HistoryReader
from cityward.store.registers import open_registers

NOW = datetime(2014, 7, 1, tzinfo=UTC)
CLASSES = {"person": "personal", "text": "free-text", "address": "location-of-person", "channel": "sensitive"}


@pytest.fixture
def door(tmp_path: Path):
    entries: list[bytes] = []
    door = open_door(
        tmp_path / "history",
        registers=open_registers(f"sqlite:///{tmp_path / 'r.db'}"),
        pseudonyms=Pseudonyms(b"k" * 32),
        append_receipt=lambda entry: entries.append(entry) or len(entries) - 1,
        clock=Clock.fixed(NOW),
    )
    door.entries = entries
    yield door
    door.close()


def batch(size: int = 2, extra: dict | None = None, classes: dict | None = None, **columns) -> Batch:
    frame = pl.DataFrame({"id": [f"r{at}" for at in range(size)], **columns}).with_columns(
        source=pl.lit("s"), service=pl.lit("x"), status=pl.lit("open"), occurred_at=pl.lit(NOW)
    )
    beside = pl.DataFrame(extra) if extra else pl.DataFrame()
    return Batch("s", "f.csv", size, conform(frame, PLACED), classes=CLASSES | (classes or {}), extra=beside)


def kept(tmp_path: Path) -> pl.DataFrame:
    return HistoryReader(tmp_path / "history").scan().collect()


def everything_on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_each_class_has_its_treatment(door: Door, tmp_path: Path):
    told = batch(
        person=["Ana Gómez", "Ana Gómez"],
        text=["write to ana@example.org", "the lamp is out"],
        address=["4853 S WOOD", "12 ELM ST"],
        channel=["illness", None],
    )
    door.admit(door.treat(told))
    rows = kept(tmp_path).sort("id")
    assert rows["person"].n_unique() == 1
    assert len(rows["person"][0]) == 32
    assert rows["text"].to_list() == ["write to [e-mail]", "the lamp is out"]
    assert rows["address"].to_list() == ["4800 block S WOOD", "0 block ELM ST"]
    assert rows["channel"].null_count() == 2
    door.flush()
    assert "Gómez".encode() not in everything_on_disk(tmp_path)


@pytest.mark.parametrize("declared", [True, False])
def test_biometric_rows_are_refused_and_nothing_of_them_is_kept(door: Door, tmp_path: Path, declared: bool):
    vector = [0.125 + at / 1000 for at in range(64)]
    classes = {"face": "biometric" if declared else "public"}
    intake = door.admit(door.treat(batch(3, extra={"face": [vector, None, vector]}, classes=classes)))
    assert (intake.received, intake.added, intake.refused) == (3, 1, 2)
    assert kept(tmp_path)["id"].to_list() == ["r1"]
    refusal = door._registers.list_refusals()[0]
    assert (refusal.rows, refusal.columns, refusal.field_class) == (2, ("face",), "biometric")
    assert b"0.125" not in everything_on_disk(tmp_path) + b"".join(door.entries)


def test_a_template_hidden_in_text_is_refused(door: Door):
    random = np.random.default_rng(5)
    vector = ", ".join(f"{number:.6f}" for number in random.normal(0, 0.09, 128))
    intake = door.admit(door.treat(batch(text=[f'{{"note": [{vector}]}}', "the lamp is out"])))
    assert (intake.added, intake.refused) == (1, 1)


def test_short_vectors_and_long_texts_are_not_templates():
    innocent = pl.Series([[0.1, 0.2, 0.3] * 5, None])
    assert not look_at(innocent.to_frame("v"), skip=())
    texts = pl.Series(["lamp " * 200, "1, 2, 3, 4 " * 60, "41.88, -87.62 " * 10, None])
    assert not look_at(texts.to_frame("v"), skip=())


def test_quarantined_rows_are_counted_and_kept_apart(door: Door):
    good = batch(1)
    bad = pl.DataFrame({"row": [2], "reason": ["no date"], "column": ["d"], "raw": ["{}"]}, schema=QUARANTINE)
    intake = door.admit(door.treat(Batch("s", "f.csv", 2, good.frame, quarantine=bad, classes=CLASSES)))
    assert (intake.received, intake.admitted, intake.quarantined) == (2, 1, 1)


@settings(deadline=None)  # the first example compiles patterns and opens tables
@given(heights=st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_shares_of_joined_messages_add_up(tmp_path_factory, heights):
    folder = tmp_path_factory.mktemp("door")
    door = open_door(
        folder,
        registers=open_registers(f"sqlite:///{folder / 'r.db'}"),
        pseudonyms=Pseudonyms(b"k" * 32),
        append_receipt=lambda _: 0,
        clock=Clock.fixed(NOW),
    )
    shares = door.admit_parts(door.treat(batch(sum(heights))), heights)
    door.close()
    assert [share.added for share in shares] == heights
    assert [share.received for share in shares] == heights


def test_only_the_doors_import_the_writer():
    """Nothing outside the store itself, the door in and that of decisions can even name what appends to history."""
    root = Path(cityward.__file__).parent
    importers = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.startswith("cityward.store.history_writer") for name in names):
                importers.add(path.relative_to(root).as_posix())
    assert {name for name in importers if not name.startswith("store/")} == {"guard/admit.py", "guard/decided.py"}

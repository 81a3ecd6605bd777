"""A full disk during ``sense``: a clear error, nothing acknowledged is lost, and the same command mends it."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cityward.city import City, init, open_city
from cityward.core.errors import StoreError
from cityward.store import history_writer
from cityward.store.history import HistoryReader

HEADER = (
    "service_request_number,creation_date,completion_date,status,nature,longitude,latitude,"
    "community_area,street_address,face_embedding"
)

CHILD = """
import importlib, resource, sys
from cityward.cli import main

def full():
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), resource.RLIM_INFINITY))

size, module, name = sys.argv[1:4]
if name:
    *owner, last = name.split(".")
    holder = importlib.import_module(module)
    for part in owner:
        holder = getattr(holder, part)
    real = getattr(holder, last)
    setattr(holder, last, lambda *given, **named: (full(), real(*given, **named))[1])
else:
    full()
sys.argv = ["cityward", *sys.argv[4:]]
main()
"""
"""Runs the command line with a limit on the size of every file, from the start or from the first call of
a function. The kernel then refuses to write, to Python, SQLite, Polars and Delta alike; the interpreter
ignores the signal that comes with it."""

STEPS = {
    "mapping": ("cityward.city.city", "City.add_mapping"),
    "registers": ("cityward.guard.keeper", "open_registers"),
    "lock": ("cityward.guard.keeper", "open_door"),
    "ledger": ("cityward.secure.ledger", "Ledger.append"),
    "refusal": ("cityward.store.registers", "Registers.put_refusal"),
    "quarantine": ("cityward.store.registers", "Registers.put_quarantine"),
    "log": ("cityward.store.segment_log", "SegmentLog.append"),
    "intake": ("cityward.store.registers", "Registers.put_intake"),
    "table": ("cityward.store.history_writer", "new_table"),
    "table file": ("cityward.store.history_writer", "write_month"),
    "table commit": ("deltalake", "DeltaTable.create_write_transaction"),
}
"""Where the disk fills up: each is the first step that still finds room no more."""


def write_rows(path: Path, first: int, count: int) -> Path:
    """Requests of two years; some dated wrongly (quarantine), some with a face template (refusal)."""
    lines = [HEADER]
    for at in range(first, first + count):
        year = 1999 if at % 7 == 0 else 2013 + at % 2
        face = '"[0.1, 0.2, 0.3, 0.4]"' if at % 11 == 0 else ""
        day = f"{year}-{1 + at % 12:02d}-{1 + at % 28:02d}"
        lines.append(f"r-{at},{day},,Open,Other,{-87.6 - at % 90 / 1000},{41.7 + at % 70 / 500},,{at} W Main St,{face}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, chicago: Path) -> Path:
    """``city`` with a first file acknowledged, ``whole`` with both, the files themselves and a mapping."""
    folder = tmp_path_factory.mktemp("full")
    mapping = folder / "map.toml"
    mapping.write_text((chicago / "sanitation.toml").read_text() + '\nface_embedding = "biometric"\n')
    init(folder / "city", name="Chicago", territories=chicago / "community_areas.geojson", time_zone="America/Chicago")
    with open_city(folder / "city") as city:
        city.sense(write_rows(folder / "first.csv", 0, 60), city.add_mapping(mapping))
    shutil.copytree(folder / "city", folder / "whole")
    with open_city(folder / "whole") as city:
        city.sense(write_rows(folder / "second.csv", 60, 400), city.mappings()["sanitation"])
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    return shutil.copytree(prepared / "city", tmp_path / "city")


def rows_of(folder: Path) -> pl.DataFrame:
    """Everything in history but when it came and in which order."""
    return HistoryReader(folder / "history").scan().drop("received_at", "sequence").collect().sort("source", "id")


def state(city: City) -> dict[str, Any]:
    """What a city that never saw a full disk has too; it need not have received the same rows as often."""
    total = city.conservation()
    assert total["received"] == total["admitted"] + total["quarantined"] + total["refused"]
    assert city.verify().ok, city.verify().message
    rows = rows_of(city.path)
    assert total["added"] + total["revised"] == rows.height
    return {
        "rows": rows.to_dicts(),
        "quarantine": sorted((row["origin"], row["row"], row["reason"], row["state"]) for row in city.quarantine(200)),
        "refused": {(refusal.source, refusal.columns, refusal.rows) for refusal in city.refusals()},
        "added": total["added"],
        "mappings": sorted(city.mappings()),
    }


def sense_when_full(prepared: Path, folder: Path, size: int, module: str, name: str) -> str:
    """Run ``cityward sense`` on a disk that is full and return what it told."""
    given = ["sense", str(prepared / "second.csv"), "--map", str(prepared / "map.toml"), "--city", str(folder)]
    command = [sys.executable, "-c", CHILD, str(size), module, name, *given]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def check_mended(prepared: Path, folder: Path) -> None:
    """After the failure the first file is whole; after the same command again, all is as it should be."""
    with open_city(folder) as city:
        held = set(rows_of(folder)["id"])
        assert set(rows_of(prepared / "city")["id"]) <= held
        assert city.verify().ok
        city.sense(prepared / "second.csv", city.add_mapping(prepared / "map.toml"))
    with open_city(folder) as city, open_city(prepared / "whole") as whole:
        assert state(city) == state(whole)


@pytest.mark.parametrize("step", STEPS)
def test_the_disk_is_full_from_a_step_on(prepared: Path, folder: Path, step: str) -> None:
    told = sense_when_full(prepared, folder, 0, *STEPS[step])
    assert "File too large" in told or "disk" in told
    check_mended(prepared, folder)


@pytest.mark.parametrize("size", [100, 4_096, 20_000, 60_000])
def test_no_file_may_grow_beyond_a_size(prepared: Path, folder: Path, size: int) -> None:
    assert "File too large" in (told := sense_when_full(prepared, folder, size, "", "")) or "disk" in told
    check_mended(prepared, folder)


def test_a_new_city_on_a_full_disk(prepared: Path, tmp_path: Path, chicago: Path) -> None:
    """Nothing is there yet: no registers, no log, no table, no ledger."""
    folder = init(tmp_path / "new", name="New", territories=chicago / "community_areas.geojson")
    sense_when_full(prepared, folder, 0, "cityward.guard.keeper", "open_registers")
    with open_city(folder) as city:
        assert city.conservation()["received"] == 0
        intake = city.sense(prepared / "second.csv", city.mappings()["sanitation"])[0]
        assert (intake.received, city.conservation()["received"]) == (400, 400)


class FullFromCall:
    """Stands for ``os.write`` and ``os.fsync``: the call of that number and all after it find no room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, call: int) -> None:
        self.left = call
        self._patch = monkeypatch
        for name in ("write", "fsync"):
            monkeypatch.setattr(os, name, self._counting(getattr(os, name)))

    def _counting(self, real: Any) -> Any:
        def call(*given: Any) -> Any:
            self.left -= 1
            if self.left < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*given)

        return call


def test_no_space_at_each_write_and_a_city_that_goes_on(prepared: Path, tmp_path: Path) -> None:
    """The process lives on, as a server does: it is told, room is made, and the same city takes the file."""
    with open_city(prepared / "whole") as whole:
        expected = state(whole)
    failed = 0
    for call in range(0, 1_000, 3):
        folder = shutil.copytree(prepared / "city", tmp_path / str(call))
        with open_city(folder) as city:
            mapping = city.mappings()["sanitation"]
            with pytest.MonkeyPatch.context() as patch:
                disk = FullFromCall(patch, call)
                with contextlib.suppress(StoreError):
                    city.sense(prepared / "second.csv", mapping)
            if disk.left >= 0:
                break
            failed += 1
            city.sense(prepared / "second.csv", mapping)
            assert state(city) == expected
        with open_city(folder) as city:
            assert state(city) == expected
        shutil.rmtree(folder)
    assert failed > 10


def test_messages_acknowledged_before_a_table_fails_are_there_after_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table library has errors of its own; whichever it is, the rows stay in the log and are moved later."""

    def message(at: int) -> bytes:
        row = {"service_request_number": f"m-{at}", "creation_date": "2014-06-30", "status": "Open", "nature": "Other"}
        return (json.dumps({**row, "longitude": -87.65, "latitude": 41.85}) + "\n").encode()

    errors = [
        OSError("Generic LocalFileSystem error: No space left on device (os error 28)"),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    ]
    with open_city(folder) as city:
        for at, error in enumerate(errors):
            city.take("sanitation", message(at))

            def refuse(*_: object, because: Exception = error, **__: object) -> None:
                raise because

            with monkeypatch.context() as patch:
                patch.setattr(history_writer, "write_file", refuse)
                with pytest.raises(StoreError, match="No space left"):
                    city.run()
            city.take("sanitation", message(at + 10))
            city.run()
        assert state(city)["added"] == rows_of(folder).height
    assert {f"m-{at}" for at in (0, 1, 10, 11)} <= set(rows_of(folder)["id"])

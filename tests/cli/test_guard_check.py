"""``cityward guard check`` says what the door would do, and never shows a value."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from cityward.cli.main import group

ADDRESS = "ana.gomez@example.org"
ROWS = [{"note": f"write to {ADDRESS}", "n": 4}, {"note": "the lamp is out", "n": 5, "nested": {"a": [ADDRESS]}}]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["guard", *arguments], standalone_mode=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS) + "[" * 1_000 + "\n", encoding="utf-8")
    return path


def test_one_line_for_each_row_and_field(file: Path):
    done = run("check", str(file), "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["row"], line["field"], line["verdict"]) for line in lines] == [
        (1, "note", "redact"),
        (1, "n", "pass"),
        (2, "note", "pass"),
        (2, "n", "pass"),
        (2, "nested", "pseudonymise"),
        (3, "(line)", "refuse"),
    ]
    assert all(set(line) == {"row", "field", "class", "verdict", "rule"} for line in lines)
    assert ADDRESS not in done.output


def test_a_table_for_people_counts(file: Path):
    done = run("check", str(file))
    assert "3 rows of rows.ndjson" in done.output
    assert "content-e-mail 1" in done.output
    assert ADDRESS not in done.output


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_are_read_too(tmp_path: Path, ending: str):
    path = tmp_path / f"rows.{ending}"
    frame = pl.DataFrame({"note": [f"write to {ADDRESS}", "the lamp is out"]})
    frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
    lines = [json.loads(line) for line in run("check", str(path), "--json").stdout.splitlines()]
    assert [line["verdict"] for line in lines] == ["redact", "pass"]


def test_a_mapping_declares_classes():
    chicago = Path(str(files("cityward.city.demo"))) / "chicago"
    done = run("check", str(chicago / "camera.ndjson"), "--map", str(chicago / "camera.toml"), "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["verdict"] for line in lines if line["field"] == "face_embedding"} == {"refuse"}
    assert {line["verdict"] for line in lines if line["field"] != "face_embedding"} == {"pass"}


def test_no_file_is_told(tmp_path: Path):
    assert "is not there" in str(run("check", str(tmp_path / "none.ndjson")).exception)

"""The generated references say what the code says."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cityward.cli.main import _COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs" / "write_references.py"
FOLDER = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def writing() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_references", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def written(writing: ModuleType) -> dict[str, str]:
    references: dict[str, str] = writing.references()
    return references


@pytest.mark.parametrize("name", ["cli.md", "openapi.json"])
def test_a_reference_is_current(written: dict[str, str], name: str) -> None:
    told = (FOLDER / name).read_text(encoding="utf-8")
    assert told == written[name], f"docs/reference/{name} is out of date. Run 'make references'."


def test_there_is_nothing_else_beside_them(written: dict[str, str]) -> None:
    assert {path.name for path in FOLDER.iterdir()} == {name for name in written if "/" not in name}


def test_every_command_has_its_section(written: dict[str, str]) -> None:
    page = written["cli.md"]
    assert [name for name in _COMMANDS if f"\n## cityward {name}" not in page] == []


def test_what_is_written_depends_on_nothing_around_it(written: dict[str, str]) -> None:
    """A narrow terminal, another language, another hash seed and a set variable change no byte."""
    around = {"COLUMNS": "23", "LC_ALL": "C", "PYTHONHASHSEED": "7", "CITYWARD_CITY": "elsewhere", "TERM": "dumb"}
    code = f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); import write_references as w; "
    code += "sys.stdout.buffer.write(''.join(w.references().values()).encode())"
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **around}, capture_output=True, check=True)
    assert done.stdout.decode() == "".join(written.values())

"""The README is true: its finding is what the demonstration finds, and its examples run."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cityward.city import City, open_city

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"


def blocks(language: str) -> list[str]:
    """Fenced blocks of the README in ``language``."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    """Lines of the README's shell blocks."""
    return [line for block in blocks("sh") for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def quoting() -> ModuleType:
    spec = importlib.util.spec_from_file_location("quote_finding", ROOT / "docs" / "quote_finding.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def beside_demo(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``demo-city`` in it, as 'make demo' leaves the project's; examples change it in order."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copytree(demo_folder, folder / "demo-city")
    return folder


def test_the_finding_is_what_the_demonstration_finds(quoting: ModuleType, demo_copy: City) -> None:
    told = README.read_text(encoding="utf-8")
    assert quoting.quoted(told, demo_copy) == told, "Run 'python docs/quote_finding.py'."


def test_there_are_examples_of_every_command_of_the_loop() -> None:
    told = {shlex.split(line)[1] for line in commands()}
    assert {"needs", "explain", "proposals", "decide", "verify", "run"} <= told


def test_every_command_of_the_readme_runs(beside_demo: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for line in commands():
        done = subprocess.run(
            shlex.split(line, comments=True),
            cwd=beside_demo,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        assert done.stdout.strip(), line


def test_every_python_example_of_the_readme_runs(beside_demo: Path) -> None:
    assert blocks("python")
    for block in blocks("python"):
        done = subprocess.run(
            [sys.executable, "-c", block], cwd=beside_demo, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"
        assert "shape: (" in done.stdout


def test_the_examples_did_what_they_say(beside_demo: Path) -> None:
    with open_city(beside_demo / "demo-city") as city:
        assert [decision.by for decision in city.decisions()] == ["Ana Ruiz"]
        turn = city.turn()
        assert turn
        assert str(turn.as_of) == "2014-03-31"
        assert city.verify().ok

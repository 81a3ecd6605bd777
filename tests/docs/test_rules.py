"""The page of rules is true: its rule is sound, its commands and its Python run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.typed import typed

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rules")
    (path / "lift-repair.toml").write_text(blocks("toml")[0])
    (path / "lifts.csv").write_text("floors,only_way\n2,no\n6,no\n3,yes\n")
    return path


def test_every_command_runs(folder: Path) -> None:
    printed = []
    for line in blocks("sh")[0].splitlines():
        words = shlex.split(line)
        assert words[0] == "cityward"
        printed.append(typed(*words[1:], cwd=folder).stdout)
    assert printed[0] == "lift-repair 1: nothing was found.\n"
    assert "With there is no other way without stairs yes the answer would have been: within 1 day." in printed[3]
    assert "case 2: within 5 (row 3)" in printed[4]


def test_the_python_runs(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", blocks("python")[0]], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "lift-repair 1, row 3: within 5 day because the other way is long (article 7(3))." in done.stdout

"""The page of the ledger is true: its commands run in their order, and its settings are read."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.city.settings import load_settings
from cityward.cli.main import group

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "ledger.md").read_text(encoding="utf-8")


def test_every_command_runs_in_its_order(demo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(demo_folder, tmp_path / "demo-city")
    monkeypatch.chdir(tmp_path)
    key, told = "", {}
    for block in re.findall(r"^```sh(?: verify)?\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            command, _, target = line.replace("KEY", key).partition(" > ")
            program, *words = shlex.split(command)
            if program == "python":
                done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
                told[line] = done.stdout
                continue
            done = CliRunner().invoke(group, words)
            assert done.exit_code == 0, f"{line}\n{done.output}{done.exception}"
            told[line] = done.stdout
            if target:
                Path(target).write_text(done.stdout, encoding="utf-8")
            key = done.stdout.strip() if words[:2] == ["keys", "show"] else key
    assert told["python verify.py first.tlog-proof --key KEY"].startswith("Proved: entry 0 of ")
    assert "entries are whole" in told["cityward verify --city demo-city"]


def test_the_settings_are_read(demo_folder: Path, tmp_path: Path) -> None:
    tables = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    text = (demo_folder / "city.toml").read_text(encoding="utf-8")
    (tmp_path / "city.toml").write_text(f"{text}\n" + "\n".join(tables), encoding="utf-8")
    settings = load_settings(tmp_path).ledger
    assert settings.origin == "ledger.springfield.example/city"
    assert settings.witnesses is not None
    assert settings.witnesses.ask[0].url == "https://witness.othertown.example"

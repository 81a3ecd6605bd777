"""The commands of the page about backups run, in their order, on the demonstration city."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from cityward.city.backup_settings import BackupSection
from cityward.cli.main import group

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "backup.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_every_command_of_the_page_runs(demo_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(demo_folder, tmp_path / "demo-city")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for line in "".join(blocks("sh")).splitlines():
        done = CliRunner().invoke(group, shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}{done.exception}"
        assert done.output.strip(), line
    assert (tmp_path / "restored-city" / "city.toml").exists()


def test_settings_and_policy_of_the_page_are_read() -> None:
    (settings,) = blocks("toml")
    assert msgspec.convert(tomllib.loads(settings)["backup"], BackupSection).continuous
    (policy,) = blocks("json")
    assert len(msgspec.json.decode(policy)["Statement"]) == 2

"""The page on playbooks is true: its commands run, and its example is what ``respond.toml`` takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.typed import ended

from cityward.city import init
from cityward.secure.respond.acts import ACTS
from cityward.secure.respond.limits import APPROVAL_HOURS, LOOPS, RETRIES
from cityward.secure.respond.records import EXTENSION, Marks
from cityward.secure.respond.schema import schemas
from cityward.secure.respond.targets import read_targets

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")


def test_its_commands_run(tmp_path: Path, chicago: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    city = init(tmp_path / "city", name="Chicago", territories=chicago / "community_areas.geojson")
    monkeypatch.setenv("CITYWARD_CITY", str(city))
    told = {}
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            ran = ended(*shlex.split(line)[1:], cwd=ROOT)
            assert ran.code == 0, f"{line}\n{ran.stdout}{ran.stderr}"
            told[line] = ran.stdout
    assert "ransomware" in told["cityward respond list --technique T1486"]
    assert any("waits for" in text for line, text in told.items() if "--for-real" in line)
    assert any("sudo /usr/local/sbin/block-address 203.0.113.9" in text for text in told.values())


def test_its_figures_and_names_are_those_of_the_program() -> None:
    for act in ACTS:
        assert f"`{act}`" in PAGE
    for mark in Marks.__struct_fields__:
        assert f"`{mark}`" in PAGE
    assert EXTENSION in PAGE
    assert f"the {len(schemas())} published schemas" in PAGE
    assert f"at most {RETRIES} |" in PAGE
    assert f"at most {LOOPS} |" in PAGE
    assert f"lasts {APPROVAL_HOURS} hours" in PAGE
    assert read_targets(ROOT / "docs" / "examples" / "respond").target

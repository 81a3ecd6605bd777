"""Every command of the page of worked examples runs in its order, and prints what the page says."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from cityward.cli.main import group
from cityward.core.errors import Refused

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "worked-examples.md").read_text(encoding="utf-8")
ID = re.compile(r"\b[A-Z]{1,2}-[0-9a-f]{10,16}\b")
OWN = [(ID, "ID"), (re.compile(r"\d{4}-\d\d-\d\d"), "DAY"), (re.compile(r"entry \d+"), "ENTRY")]
"""What is another in each city: names of records, days, places in the ledger."""


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command of the page with the lines that the page says it prints."""
    for kind, block in re.findall(r"^```(sh|console)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        if kind == "sh":
            yield from ((line, []) for line in block.splitlines())
            continue
        for part in block.removeprefix("$ ").split("\n$ "):
            line, *printed = part.rstrip("\n").splitlines()
            yield line, printed


def bare(line: str) -> str:
    for pattern, name in OWN:
        line = pattern.sub(name, line)
    return line.strip()


def _renamed(line: str, own: dict[str, str]) -> str:
    for example, name in own.items():
        line = line.replace(example, name)
    return line


def test_the_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("docs", "src"):
        (tmp_path / name).symlink_to(ROOT / name)
    own: dict[str, str] = {}
    for line, printed in commands():
        words = shlex.split(_renamed(line, own))
        if words[0] == "cp":
            shutil.copy(words[1], words[2])
            continue
        done = CliRunner().invoke(group, words[1:])
        refused, told = done.exception if isinstance(done.exception, Refused) else None, done.output
        if refused is not None:
            told = f"{refused.what} (rule {refused.rule}) {refused.remedy}"
        assert done.exit_code == 0 or refused is not None, (line, told, done.exception)
        assert (refused is not None) == any("(rule " in one for one in printed), (line, told)
        lines = {bare(one): one for one in told.splitlines()}
        for wanted in printed:
            assert bare(wanted) in lines, (line, wanted, told)
            own |= dict(zip(ID.findall(wanted), ID.findall(lines[bare(wanted)]), strict=True))


def test_no_card_points_to_figures_that_are_not_there() -> None:
    for card in (ROOT / "docs" / "examples").glob("*.toml"):
        assert f"(examples/{card.name})" in PAGE or f"docs/examples/{card.name}" in PAGE, card.name

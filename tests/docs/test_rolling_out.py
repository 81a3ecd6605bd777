"""Every command of the page about roll-outs runs, and prints what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.typed import typed

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "rolling-out.md").read_text(encoding="utf-8")


def test_the_page_is_true() -> None:
    blocks = re.findall(r"^```console\n\$ cityward (.*?)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    for command, printed in blocks:
        told = typed(*shlex.split(command), cwd=ROOT).stdout.splitlines()
        assert [line for line in printed.splitlines() if line not in told] == []


def test_the_example_says_that_it_is_made_up() -> None:
    assert "are made up" in PAGE

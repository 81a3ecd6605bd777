"""The page of participation is true: its commands run, and print what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.typed import typed

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "participation.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def test_the_town_is_counted_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "town.pb").write_text(block("pb"), encoding="utf-8")
    printed = [typed(*shlex.split(line)[1:], cwd=tmp_path).stdout for line in block("sh").splitlines()]
    assert "funded 3 projects for 100,000 EUR of 100,000 EUR" in printed[0]
    assert block("text") in printed[1]
    assert "2 voters more who ask for it alone would have been enough" in printed[2]
    assert "South: 100.0 % of 8" in printed[3]
    again = typed("count", "result.pb", cwd=tmp_path).stdout
    assert "The file names the same winners." in again
